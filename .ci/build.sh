# Sourced by tests/run.sh and examples/run.sh, with $root set: how this project is configured and built.

say() { printf '%s\n' "$*"; }

# As many compilers at once as there are processors and 1.5 GB of free memory for each.
count_jobs() {
    processors=$(nproc 2> /dev/null || echo 1)
    free_mb=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo 2> /dev/null)
    limit=$(cat /sys/fs/cgroup/memory.max 2> /dev/null)
    case $limit in
    '' | max) ;;
    *)
        limit=$((limit / 1048576))
        [ "$limit" -ge "${free_mb:-$limit}" ] || free_mb=$limit
        ;;
    esac
    at_once=$((${free_mb:-1500} / 1500))
    [ $at_once -ge 1 ] || at_once=1
    [ $at_once -le "$processors" ] || at_once=$processors
    echo "${CMAKE_BUILD_PARALLEL_LEVEL:-$at_once}"
}
jobs=$(count_jobs)

# configure FOLDER ARGS...: quiet unless it fails, but for what the library itself has to say
configure() {
    folder=$1
    shift
    if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        rm -rf "$folder" # made elsewhere: the checkout was moved or copied
    fi
    mkdir -p "$folder"
    if [ ! -f "$folder/CMakeCache.txt" ]; then
        if command -v ninja > /dev/null; then set -- -G Ninja "$@"; fi
        if command -v ccache > /dev/null; then set -- -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@"; fi
    fi
    if cmake -S "$root" -B "$folder" "$@" > "$folder/configure.log" 2>&1; then
        sed -n 's/^-- diffusion: //p' "$folder/configure.log"
    else
        cat "$folder/configure.log"
        return 1
    fi
}

# build FOLDER TARGETS...
build() {
    folder=$1
    shift
    cmake --build "$folder" -j "$jobs" ${1:+--target} "$@"
}
