# SPDX-License-Identifier: Apache-2.0
# How every file of this project is compiled.
# Within another project only the libraries are built, unless it says otherwise.
option(BRISK_COMMAND "Build the command brisk" ${PROJECT_IS_TOP_LEVEL})
option(BRISK_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(BRISK_BENCH "Build the benchmarks" ${PROJECT_IS_TOP_LEVEL})
option(BRISK_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(BRISK_WERROR "Treat warnings as errors" OFF)
option(BRISK_COVERAGE "Count executed lines and branches for gcov" OFF)
option(BRISK_FUZZ "Build the fuzz targets with libFuzzer (clang) in place of their replay driver" OFF)
set(BRISK_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize takes them: address,undefined or thread")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

add_library(brisk_warnings INTERFACE)
target_compile_definitions(brisk_warnings INTERFACE _GNU_SOURCE)
target_compile_options(brisk_warnings INTERFACE
    -Wall -Wextra -Wshadow -Wconversion -pedantic
    -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wundef -Wvla
    -Wformat=2 -Wimplicit-fallthrough -fno-common
    $<$<BOOL:${BRISK_WERROR}>:-Werror>)

# For all but the examples, which must do with the public headers.
add_library(brisk_compiler INTERFACE)
target_include_directories(brisk_compiler INTERFACE
    "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}")
target_link_libraries(brisk_compiler INTERFACE brisk_warnings Threads::Threads)

if(BRISK_SANITIZE)
    add_compile_options(-fsanitize=${BRISK_SANITIZE} -fno-sanitize-recover=all
                        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${BRISK_SANITIZE})
endif()
if(BRISK_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(BRISK_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic)
    add_link_options(--coverage)
endif()
