# sh run.sh NAME SOURCE_DIR WORK_DIR: builds and runs one consumer in WORK_DIR/NAME with $CXX.
set -eu
name=$1 source=$2 work=$3
here=$source/tests/consumers
prefix=$work/prefix
export CMAKE_PREFIX_PATH="$prefix"
unset CMAKE_BUILD_TYPE CXXFLAGS LDFLAGS || true
rm -rf "${work:?}/$name"
mkdir -p "$work/$name"

# configure PROJECT ARGS...; build_and_run: the programs that tests/consumers/programs.cmake defines
configure() {
    project=$1
    shift
    cmake -S "$here/$project" -B "$work/$name/build" -DCMAKE_CXX_COMPILER="$CXX" "$@" > "$work/$name/log" 2>&1 || {
        cat "$work/$name/log"
        return 1
    }
    cat "$work/$name/log"
    if grep -q "CMake.*Warning" "$work/$name/log"; then
        echo "a consumer must configure without warnings"
        return 1
    fi
}
build_and_run() {
    cmake --build "$work/$name/build"
    for program in "$@"; do "$work/$name/build/$program"; done
}

# expect TEXT: the configure log says TEXT
expect() {
    grep -qF -- "$1" "$work/$name/log" || {
        echo "the configure log lacks: $1"
        return 1
    }
}

without_packages="-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DCMAKE_DISABLE_FIND_PACKAGE_xtensor=ON
    -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON -DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON"

case $name in
subfolder) # add_subdirectory, and nothing of ours is installed with the consumer
    configure subfolder -DDIFFUSION_SOURCE="$source"
    build_and_run core
    cmake --install "$work/$name/build" --prefix "$work/$name/prefix"
    if [ -e "$work/$name/prefix/include/diffusion" ]; then
        echo "the consumer's install brought diffusion along"
        exit 1
    fi
    ;;
fetch_content) # FetchContent, every part
    configure fetch_content -DFETCHCONTENT_SOURCE_DIR_DIFFUSION="$source" -DWANT_EVERYTHING=ON
    build_and_run core everything
    ;;
core_only) # no package at all: the core is there, and each missing part names its package
    # shellcheck disable=SC2086
    configure fetch_content -DFETCHCONTENT_SOURCE_DIR_DIFFUSION="$source" $without_packages
    for package in libeigen3-dev libxtensor-dev zlib1g-dev nlohmann-json3-dev; do expect $package; done
    build_and_run core
    ;;
fetched_dependencies) # DIFFUSION_FETCH_DEPENDENCIES, with copies of the headers standing for the downloads
    copies=$work/$name/copies
    mkdir -p "$copies/eigen" "$copies/xtl/include" "$copies/xtensor/include" "$copies/json/include" "$copies/stb"
    for header in /usr/include/eigen3/Eigen /usr/include/xtl /usr/include/xtensor /usr/include/nlohmann \
        /usr/include/stb/stb_image.h; do
        [ -e $header ] || {
            echo "skipped: there is no $header to copy"
            exit 77
        }
    done
    cp -r /usr/include/eigen3/Eigen /usr/include/eigen3/unsupported "$copies/eigen"
    cp -r /usr/include/xtl "$copies/xtl/include"
    cp -r /usr/include/xtensor "$copies/xtensor/include"
    cp -r /usr/include/nlohmann "$copies/json/include"
    cp /usr/include/stb/*.h "$copies/stb"
    configure fetch_content -DFETCHCONTENT_SOURCE_DIR_DIFFUSION="$source" -DWANT_EVERYTHING=ON \
        -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DDIFFUSION_FETCH_DEPENDENCIES=ON -DFETCHCONTENT_FULLY_DISCONNECTED=ON \
        -DFETCHCONTENT_SOURCE_DIR_EIGEN3="$copies/eigen" -DFETCHCONTENT_SOURCE_DIR_XTL="$copies/xtl" \
        -DFETCHCONTENT_SOURCE_DIR_XTENSOR="$copies/xtensor" \
        -DFETCHCONTENT_SOURCE_DIR_NLOHMANN_JSON="$copies/json" -DFETCHCONTENT_SOURCE_DIR_STB="$copies/stb"
    build_and_run core everything
    grep -qF "$copies/eigen" "$work/$name/build/compile_commands.json" || {
        echo "the copy of Eigen was not used"
        exit 1
    }
    ;;
install) # for the four below; moved afterwards, since an installed tree must not know where it was made
    cmake --install "$4" --prefix "$work/$name/prefix" > "$work/$name/log"
    rm -rf "$prefix"
    mv "$work/$name/prefix" "$prefix"
    if grep -rlF "$source" "$prefix"; then
        echo "these installed files name the source folder"
        exit 1
    fi
    ;;
find_package)
    configure find_package -DWANT_EVERYTHING=ON
    build_and_run core everything
    ;;
find_package_without_eigen) # core and nn are found all the same; asking for eigen fails and names the package
    configure find_package -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DWANT=nn
    build_and_run core
    if configure find_package -DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON -DCOMPONENTS=eigen; then
        echo "diffusion::eigen was found without Eigen"
        exit 1
    fi
    expect libeigen3-dev
    ;;
pkg_config)
    command -v pkg-config > /dev/null || {
        echo "skipped: there is no pkg-config"
        exit 77
    }
    PKG_CONFIG_PATH=$prefix/share/pkgconfig
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046
    "$CXX" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror "$here/core.cpp" \
        $(pkg-config --cflags --libs diffusion) -o "$work/$name/core"
    "$work/$name/core"
    ;;
readme)
    sh "$here/readme.sh" "$source" "$work/$name"
    ;;
*)
    echo "no consumer is called $name"
    exit 1
    ;;
esac
