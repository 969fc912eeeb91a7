#!/bin/sh
# sh tests/run.sh             everything that the default compiler can tell: unit tests, every header alone, the
#                             layers, misuse that must not compile, consumer projects, and every example in a short form
# sh tests/run.sh clang       the same with clang++, without the examples that train
# sh tests/run.sh asan        unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
# sh tests/run.sh tsan        tests of concurrency under ThreadSanitizer
# sh tests/run.sh tidy        clang-tidy over every header (files as arguments: only these)
# sh tests/run.sh format      clang-format over every file, changing none
# sh tests/run.sh programs    compiles every benchmark, in haste, and runs none
# sh tests/run.sh bench       the benchmarks (arguments go to each of them)
# sh tests/run.sh -R sampler  other arguments go to ctest, also after the first three words
#
# Installs what is missing (Debian 12), builds in build/<word>, and can be run again quickly.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/.ci/build.sh"

word=tests
case ${1:-} in
'' | -*) ;;
clang | asan | tsan | tidy | format | programs | bench)
    word=$1
    shift
    ;;
-h | --help | *)
    sed -n '2,/^#$/s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
case ${1:-} in -h | --help)
    sed -n '2,/^#$/s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
esac

packages() { sh "$root/.ci/packages.sh" "$@" || exit 1; }
only_tests="-DDIFFUSION_BUILD_EXAMPLES=OFF -DDIFFUSION_BUILD_BENCHMARKS=OFF"

# test_in FOLDER CTEST_ARGS...
test_in() {
    folder=$1
    shift
    ctest --test-dir "$folder" -j "$jobs" --output-on-failure --no-tests=error "$@"
}

# shellcheck disable=SC2086
case $word in
tests)
    packages build eigen xtensor io tests
    configure "$root/build/tests" -DDIFFUSION_BUILD_BENCHMARKS=OFF -DDIFFUSION_OPTIMISATION=-O1 && build "$root/build/tests" && test_in "$root/build/tests" "$@"
    ;;
clang)
    CXX=clang++
    export CXX
    packages build clang eigen xtensor io tests
    configure "$root/build/clang" $only_tests -DDIFFUSION_OPTIMISATION=-O1 -DDIFFUSION_SKIP_TESTS="${DIFFUSION_SKIP_TESTS:-}" &&
        build "$root/build/clang" && test_in "$root/build/clang" "$@"
    ;;
asan) # with clang, whose sanitizers see more and compile in half the time; without three checks of addresses that are
      # wrong where AddressSanitizer sees them used, and that would make the kernels of nn/ take minutes to compile
    CXX=clang++
    export CXX
    packages build clang sanitizers eigen xtensor io tests
    UBSAN_OPTIONS=print_stacktrace=1
    export UBSAN_OPTIONS
    configure "$root/build/asan" $only_tests -DDIFFUSION_NATIVE=OFF -DDIFFUSION_SKIP_TESTS="${DIFFUSION_SKIP_TESTS:-}" \
        -DCMAKE_CXX_FLAGS="-g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=null,object-size,pointer-overflow -fno-sanitize-recover=all" &&
        build "$root/build/asan" unit_tests && test_in "$root/build/asan" -L unit "$@"
    ;;
tsan)
    packages build eigen xtensor io tests
    # Kernels that spread addresses widely leave ThreadSanitizer no room: switch that off for these processes.
    fixed=
    if command -v setarch > /dev/null && setarch -R true 2> /dev/null; then fixed="setarch -R"; fi
    configure "$root/build/tsan" $only_tests -DDIFFUSION_NATIVE=OFF -DCMAKE_CXX_FLAGS="-g1 -fsanitize=thread" &&
        build "$root/build/tsan" test_concurrency &&
        $fixed ctest --test-dir "$root/build/tsan" --output-on-failure --no-tests=error -R '^test_concurrency$' "$@"
    ;;
tidy)
    packages build tidy eigen xtensor io tests
    configure "$root/build/tests" -DDIFFUSION_BUILD_BENCHMARKS=OFF -DDIFFUSION_OPTIMISATION=-O1 || exit 1
    includes=$(cat "$root/build/tests/tests/package_includes.txt")
    [ $# -gt 0 ] || set -- $(find "$root/include" -name '*.hpp' | LC_ALL=C sort)
    failed=0
    for file in "$@"; do
        say "$file"
        clang-tidy --quiet "$file" -- -x c++ -std=c++20 -I"$root/include" $includes 2> /dev/null || failed=$((failed + 1))
    done
    say "$# files, $failed with findings"
    [ $failed = 0 ]
    ;;
format)
    packages format
    cd "$root" || exit 1
    find include tests examples benchmarks \( -name '*.hpp' -o -name '*.cpp' \) | LC_ALL=C sort |
        xargs clang-format-14 --dry-run -Werror
    ;;
programs)
    packages build eigen xtensor io bench
    configure "$root/build/programs" -DDIFFUSION_BUILD_TESTS=OFF -DDIFFUSION_BUILD_EXAMPLES=OFF -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG=-O0 &&
        build "$root/build/programs"
    ;;
bench)
    packages build eigen xtensor io bench
    configure "$root/build/bench" -DDIFFUSION_BUILD_TESTS=OFF -DDIFFUSION_BUILD_EXAMPLES=OFF &&
        build "$root/build/bench" benchmarks || exit 1
    for program in "$root"/build/bench/benchmarks/bench_*; do
        [ -x "$program" ] && [ -f "$program" ] || continue
        say
        say "$(basename "$program")"
        "$program" "$@" || exit 1
    done
    ;;
esac
