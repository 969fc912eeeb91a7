# sh .ci/packages.sh NEED...: makes sure that what is needed to build is there, on Debian 12 and its kin, by
# installing what is missing; apt is not touched when nothing is. Needs are named below.
set -u

compiler=${CXX:-g++}
has_command() { command -v "$1" > /dev/null 2>&1; }
has_header() { # whether a compiler finds it, so that a package installed by hand counts, too
    for header in "$@"; do
        [ ! -e "/usr/include/$header" ] || return 0
        for cxx in "$compiler" g++ clang++; do
            has_command "$cxx" || continue
            printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$header" |
                "$cxx" -E -x c++ - > /dev/null 2>&1 && return 0
            break
        done
    done
    return 1
}
links_asan() { has_command clang++ && echo 'int main() {}' | clang++ -fsanitize=address -x c++ - -o /dev/null 2> /dev/null; }
has_generator() { has_command ninja || has_command make; }
new_cmake() {
    has_command cmake &&
        cmake --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || (v[1] == 3 && v[2] >= 25)) }'
}

missing=
need() { # need PACKAGE TEST...
    package=$1
    shift
    "$@" || missing="$missing $package"
}

for what in "$@"; do
    case $what in
    build)
        [ "$compiler" != g++ ] || need g++ has_command g++
        need cmake new_cmake
        need ninja-build has_generator
        ;;
    eigen) need libeigen3-dev has_header eigen3/Eigen/Core Eigen/Core ;;
    xtensor) need libxtensor-dev has_header xtensor/xtensor.hpp xtensor/containers/xtensor.hpp ;;
    io)
        need nlohmann-json3-dev has_header nlohmann/json.hpp
        need libstb-dev has_header stb/stb_image_write.h
        need zlib1g-dev has_header zlib.h
        ;;
    tests)
        need doctest-dev has_header doctest/doctest.h
        need pkg-config has_command pkg-config
        ;;
    bench) need libbenchmark-dev has_header benchmark/benchmark.h ;;
    clang) need clang has_command clang++ ;;
    sanitizers) need libclang-rt-dev links_asan ;;
    tidy) need clang-tidy has_command clang-tidy ;;
    format) need clang-format-14 has_command clang-format-14 ;;
    ccache) need ccache has_command ccache ;;
    *)
        echo "$0: unknown need $what" >&2
        exit 2
        ;;
    esac
done
missing=${missing# }
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif has_command sudo && { [ -t 0 ] || sudo -n true 2> /dev/null; }; then
    as_root=sudo
else
    as_root=nobody
fi
if [ "$as_root" = nobody ] || ! has_command apt-get; then
    echo "These packages are missing, and cannot be installed from here (it takes apt-get, and root or sudo):" >&2
    echo "    $missing" >&2
    echo "Install them, on Debian or Ubuntu by" >&2
    echo "    apt-get install $missing" >&2
    exit 1
fi

echo "Installing $missing"
install() {
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing \
        < /dev/null > "$log" 2>&1
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install; then # the package lists may be missing or old
    $as_root apt-get update -q < /dev/null >> "$log" 2>&1
    install || {
        cat "$log" >&2
        echo "apt-get install $missing failed" >&2
        exit 1
    }
fi
