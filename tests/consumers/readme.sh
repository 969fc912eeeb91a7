# sh readme.sh SOURCE_DIR WORK_DIR: compiles the code of README.md against the installed library.
#
#   ```cpp with an int main   is a program: it is compiled and run.
#   ```cpp without            is a fragment. The fragments of one section (between two headings) are compiled
#                             together, in order: includes first, then declarations.
#   ```cpp body               is a fragment of statements, which go into a function after the declarations.
#   <!-- cpp                  (or <!-- cpp body, up to a line -->) is a fragment that the reader does not see: what
#                             the ones around it take for granted.
#   ```cmake                  is a consumer's CMakeLists.txt, by FetchContent or find_package. What it leaves out
#                             (cmake_minimum_required, project, the executable it links) is put before it.
set -eu
source=$1 work=$2
here=$source/tests/consumers
[ -f "$source/README.md" ] || {
    echo "skipped: there is no README.md"
    exit 77
}
mkdir -p "$work/code"

awk -v out="$work/code/" '
function flush_section() {
    if (declarations != "" || body != "") {
        file = out "fragment_" sections ".cpp"
        printf "%s\n#include <diffusion/diffusion.hpp>\n%s\nvoid fragment();\nvoid fragment() {\n%s}\n",
            includes, declarations, body > file
        close(file)
    }
    includes = declarations = body = ""
    ++sections
}
function finish_block() {
    if (kind == "cmake") {
        file = out "consumer_" ++consumers ".cmake"
        printf "%s", text > file
        close(file)
    } else if (program) {
        file = out "program_" ++programs ".cpp"
        printf "%s", whole > file
        close(file)
    } else {
        includes = includes included
        if (kind == "body") body = body text
        else declarations = declarations text
    }
}
kind != "" && (/^```[ \t]*$/ || /^-->[ \t]*$/) {
    if (kind != "other") finish_block()
    kind = ""
    next
}
kind == "other" { next }
kind != "" {
    if (kind != "cmake" && $0 ~ /^#include/) included = included $0 "\n"
    else text = text $0 "\n"
    whole = whole $0 "\n"
    if ($0 ~ /^int main\(/) program = 1
    next
}
/^```|^<!-- cpp/ {
    text = included = whole = ""
    program = 0
    if ($0 ~ /^(```|<!-- )cpp[ \t]+body/) kind = "body"
    else if ($0 ~ /^(```|<!-- )cpp[ \t]*$/) kind = "declarations"
    else if ($0 ~ /^```cmake/) kind = "cmake"
    else kind = "other"
    next
}
/^#/ { flush_section() }
END { flush_section() }
' "$source/README.md"
ls "$work/code"

configure() { # configure PROJECT BUILD ARGS...
    project=$1 build=$2
    shift 2
    cmake -S "$project" -B "$build" -DCMAKE_CXX_COMPILER="$CXX" "$@" > "$build.log" 2>&1 || {
        cat "$build.log"
        return 1
    }
}

configure "$here/readme" "$work/build" -DCODE="$work/code"
cmake --build "$work/build"
for program in "$work"/build/program_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    echo "== $(basename "$program")"
    (cd "$work" && "$program" > "$program.out") || {
        cat "$program.out"
        exit 1
    }
    head -n 20 "$program.out"
done

for block in "$work"/code/consumer_*.cmake; do
    [ -f "$block" ] || continue
    project=${block%.cmake}
    mkdir -p "$project"
    linked=$(sed -n 's/^ *target_link_libraries(\([^ )]*\).*/\1/p' "$block" | head -n 1)
    {
        grep -q cmake_minimum_required "$block" || echo "cmake_minimum_required(VERSION 3.25)"
        grep -q '^ *project *(' "$block" || echo "project(readme LANGUAGES CXX)"
        if [ -n "$linked" ] && ! grep -q "add_executable *( *$linked" "$block"; then
            echo "add_executable($linked main.cpp)"
        fi
        cat "$block"
    } > "$project/CMakeLists.txt"
    for file in $(sed -n 's/^ *add_executable *([^ ]* \([^)]*\)).*/\1/p' "$project/CMakeLists.txt"); do
        cp "$here/core.cpp" "$project/$file"
    done
    echo "== $(basename "$project")"
    configure "$project" "$project/build" -DFETCHCONTENT_SOURCE_DIR_DIFFUSION="$source"
    cmake --build "$project/build"
done
