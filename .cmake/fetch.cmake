# With DIFFUSION_FETCH_DEPENDENCIES: provides the packages that are not found on this machine from their
# upstream addresses. FETCHCONTENT_SOURCE_DIR_<NAME> (EIGEN3, XTL, XTENSOR, NLOHMANN_JSON, STB, ZLIB, DOCTEST,
# BENCHMARK) takes a folder instead; FETCHCONTENT_TRY_FIND_PACKAGE_MODE=NEVER downloads in any case.
include(FetchContent)

# Header-only packages are only unpacked (SOURCE_SUBDIR names no folder of theirs): their own builds would bring
# options, tests and install rules that are none of our consumer's business.
set(only_unpack SOURCE_SUBDIR no-build-of-its-own SYSTEM)
set(if_not_found FIND_PACKAGE_ARGS QUIET GLOBAL)

FetchContent_Declare(
    Eigen3
    GIT_REPOSITORY https://gitlab.com/libeigen/eigen.git
    GIT_TAG 3.4.0
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    xtl
    GIT_REPOSITORY https://github.com/xtensor-stack/xtl.git
    GIT_TAG 0.7.7
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    xtensor
    GIT_REPOSITORY https://github.com/xtensor-stack/xtensor.git
    GIT_TAG 0.25.0
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    nlohmann_json
    GIT_REPOSITORY https://github.com/nlohmann/json.git
    GIT_TAG v3.11.3
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    ZLIB
    GIT_REPOSITORY https://github.com/madler/zlib.git
    GIT_TAG v1.3.1
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    stb  # publishes no releases
    URL https://github.com/nothings/stb/archive/8b5f1f37b5b75829fc72d38e7b5d4bcbf8a26d55.zip
    DOWNLOAD_EXTRACT_TIMESTAMP ON ${only_unpack})
FetchContent_Declare(
    doctest
    GIT_REPOSITORY https://github.com/doctest/doctest.git
    GIT_TAG v2.4.11
    GIT_SHALLOW ON ${only_unpack} ${if_not_found})
FetchContent_Declare(
    benchmark
    GIT_REPOSITORY https://github.com/google/benchmark.git
    GIT_TAG v1.8.3
    GIT_SHALLOW ON SYSTEM ${if_not_found})

# provide(TARGET NAME FOLDER...): unless TARGET exists or NAME is found, unpacks NAME and makes TARGET out of its
# include FOLDERs (relative to the package).
function(provide target name)
    if(TARGET ${target})
        return()
    endif()
    FetchContent_MakeAvailable(${name})
    string(TOLOWER ${name} lower)
    if(TARGET ${target} OR NOT ${lower}_SOURCE_DIR)
        return()
    endif()
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    foreach(folder IN LISTS ARGN)
        cmake_path(ABSOLUTE_PATH folder BASE_DIRECTORY "${${lower}_SOURCE_DIR}" NORMALIZE)
        target_include_directories(${target} INTERFACE "${folder}")
    endforeach()
endfunction()

provide(Eigen3::Eigen Eigen3 .)
if(NOT TARGET xtensor)
    provide(xtl xtl include)
    provide(xtensor xtensor include)
    get_target_property(linked xtensor INTERFACE_LINK_LIBRARIES)
    if(NOT linked)
        target_link_libraries(xtensor INTERFACE xtl)
    endif()
endif()
provide(nlohmann_json::nlohmann_json nlohmann_json include)

find_path(DIFFUSION_STB_INCLUDE_DIR stb/stb_image_write.h)
mark_as_advanced(DIFFUSION_STB_INCLUDE_DIR)
if(NOT TARGET diffusion::stb AND (FETCHCONTENT_SOURCE_DIR_STB OR NOT DIFFUSION_STB_INCLUDE_DIR))
    FetchContent_MakeAvailable(stb)
    # Debian has the headers in a folder stb/, upstream at the top: small headers lead from one to the other.
    foreach(header IN ITEMS stb_image.h stb_image_write.h)
        file(CONFIGURE OUTPUT stb/stb/${header} CONTENT "#include \"${stb_SOURCE_DIR}/${header}\"\n")
    endforeach()
    add_library(diffusion::stb INTERFACE IMPORTED GLOBAL)
    target_include_directories(diffusion::stb INTERFACE "${CMAKE_CURRENT_BINARY_DIR}/stb")
endif()

if(NOT TARGET ZLIB::ZLIB)
    FetchContent_MakeAvailable(ZLIB)
    if(NOT TARGET ZLIB::ZLIB)  # not found: a static library of its sources
        enable_language(C)
        file(GLOB sources "${zlib_SOURCE_DIR}/*.c")
        add_library(diffusion_zlib STATIC EXCLUDE_FROM_ALL ${sources})
        target_include_directories(diffusion_zlib SYSTEM INTERFACE "${zlib_SOURCE_DIR}")
        target_compile_definitions(diffusion_zlib PRIVATE Z_HAVE_UNISTD_H)
        set_target_properties(diffusion_zlib PROPERTIES POSITION_INDEPENDENT_CODE ON C_CLANG_TIDY "")
        add_library(ZLIB::ZLIB ALIAS diffusion_zlib)
    endif()
endif()

if(DIFFUSION_BUILD_TESTS)
    provide(doctest::doctest doctest .)
endif()
if(DIFFUSION_BUILD_BENCHMARKS AND NOT TARGET benchmark::benchmark)
    foreach(part IN ITEMS TESTING GTEST_TESTS INSTALL)
        set(BENCHMARK_ENABLE_${part} OFF)
    endforeach()
    set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)  # so that its option() leaves these three alone
    FetchContent_MakeAvailable(benchmark)
endif()
