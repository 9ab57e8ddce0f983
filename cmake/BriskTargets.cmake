# SPDX-License-Identifier: Apache-2.0
# What is built: modules, libraries, tests, fuzz targets, benchmarks, examples.

# brisk_module(cache SOURCES get.c set.c OPTIONS -fno-strict-aliasing)
# A folder's sources, compiled once for the shared library, the static one and the tests.
# The folder's private headers are reached as "cache/x.h".
function(brisk_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;OPTIONS")
    add_library(brisk_${name}_objects OBJECT ${arg_SOURCES})
    target_link_libraries(brisk_${name}_objects PRIVATE brisk_compiler)
    target_compile_definitions(brisk_${name}_objects PRIVATE BRISK_BUILDING)
    # Thread-locals are read on hot paths and in signal handlers: no lazy allocation, no call.
    target_compile_options(brisk_${name}_objects PRIVATE -ftls-model=initial-exec ${arg_OPTIONS})
endfunction()

# brisk_library(brisk MODULES base cache)
# libbrisk.so and libbrisk.a, as targets brisk::brisk and brisk::brisk_static.
# brisk_library(brisk-harness COMPONENT harness MODULES harness LIBRARIES brisk)
# libbrisk-harness.so and .a, as brisk::harness and brisk::harness_static, which link brisk.
function(brisk_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "COMPONENT" "MODULES;LIBRARIES")
    if(NOT arg_COMPONENT)
        set(arg_COMPONENT ${name})
    endif()
    set(objects "")
    foreach(module IN LISTS arg_MODULES)
        if(TARGET brisk_${module}_objects)
            list(APPEND objects $<TARGET_OBJECTS:brisk_${module}_objects>)
        endif()
    endforeach()

    set(map "${CMAKE_CURRENT_BINARY_DIR}/${name}.map")
    configure_file("${PROJECT_SOURCE_DIR}/cmake/brisk.map" "${map}" @ONLY)

    add_library(${name} SHARED ${objects})
    set_target_properties(${name} PROPERTIES
        EXPORT_NAME ${arg_COMPONENT}
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        LINK_DEPENDS "${map}")
    set(no_undefined LINKER:--no-undefined)
    if(BRISK_SANITIZE) # clang leaves a sanitizer's run-time to the executable
        set(no_undefined "")
    endif()
    # nodelete: threads that outlive a dlclose still run the library's thread-exit handlers.
    target_link_options(${name} PRIVATE
        "LINKER:--version-script=${map}" LINKER:-z,nodelete LINKER:--as-needed ${no_undefined})

    add_library(${name}_static STATIC ${objects})
    set_target_properties(${name}_static PROPERTIES
        OUTPUT_NAME ${name} EXPORT_NAME ${arg_COMPONENT}_static)

    foreach(suffix "" _static)
        target_include_directories(${name}${suffix} PUBLIC
            "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>"
            "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
        target_link_libraries(${name}${suffix} PUBLIC Threads::Threads)
        foreach(library IN LISTS arg_LIBRARIES)
            target_link_libraries(${name}${suffix} PUBLIC ${library}${suffix})
        endforeach()
        add_library(brisk::${arg_COMPONENT}${suffix} ALIAS ${name}${suffix})
    endforeach()
endfunction()

# What ctest sets for every test, so that a sanitizer's report is complete and final.
set(BRISK_TEST_ENVIRONMENT
    "ASAN_OPTIONS=handle_segv=2:allow_user_segv_handler=0:allocator_may_return_null=1:detect_stack_use_after_return=1"
    "UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1"
    "TSAN_OPTIONS=handle_segv=2:allow_user_segv_handler=0:halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1")

# brisk_add_test(NAME cache.policy_test COMMAND ... TIMEOUT_S 60)
function(brisk_add_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TIMEOUT_S" "COMMAND;LABELS")
    if(NOT arg_TIMEOUT_S)
        set(arg_TIMEOUT_S 120)
    endif()
    add_test(NAME ${arg_NAME} COMMAND ${arg_COMMAND})
    set_tests_properties(${arg_NAME} PROPERTIES
        TIMEOUT ${arg_TIMEOUT_S} SKIP_RETURN_CODE 77
        ENVIRONMENT "${BRISK_TEST_ENVIRONMENT}" LABELS "${arg_LABELS}")
endfunction()

# brisk_test(cache policy_test [RELEASE_ONLY] [TIMEOUT_S 60])
# tests/cache/policy_test.c, with the hidden functions of the library in reach.
# RELEASE_ONLY: built everywhere, but run where neither sanitizers nor coverage distort it.
function(brisk_test module unit)
    cmake_parse_arguments(PARSE_ARGV 2 arg "RELEASE_ONLY" "TIMEOUT_S" "LIBRARIES")
    add_executable(${module}_${unit} "${PROJECT_SOURCE_DIR}/tests/${module}/${unit}.c")
    target_link_libraries(${module}_${unit} PRIVATE
        brisk_test_support brisk_static ${arg_LIBRARIES})
    if(arg_RELEASE_ONLY AND (BRISK_SANITIZE OR BRISK_COVERAGE OR BRISK_FUZZ))
        return()
    endif()
    brisk_add_test(NAME ${module}.${unit} COMMAND ${module}_${unit}
                   TIMEOUT_S ${arg_TIMEOUT_S} LABELS ${module})
endfunction()

# brisk_fuzz(view): tests/fuzz/view.c with LLVMFuzzerTestOneInput, and the inputs of
# tests/fuzz/corpus/view. With BRISK_FUZZ a libFuzzer program, else a replay of the inputs.
# Either way the inputs are a test.
function(brisk_fuzz name)
    set(sources "${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.c")
    if(NOT BRISK_FUZZ)
        list(APPEND sources "${PROJECT_SOURCE_DIR}/tests/fuzz/replay.c")
    endif()
    add_executable(fuzz_${name} ${sources})
    target_link_libraries(fuzz_${name} PRIVATE brisk_compiler brisk_static)
    target_link_options(fuzz_${name} PRIVATE $<$<BOOL:${BRISK_FUZZ}>:-fsanitize=fuzzer>)

    set(arguments "${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name}")
    if(BRISK_FUZZ)
        list(PREPEND arguments -runs=0)
    endif()
    brisk_add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${arguments} LABELS fuzz)
endfunction()

# brisk_bench(bench_cache SOURCES bench_cache.c ... LIBRARIES PkgConfig::GLIB)
# Private headers are in reach; the library is linked statically.
function(brisk_bench name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE brisk_compiler brisk_static ${arg_LIBRARIES})
endfunction()

# brisk_example(lru_cache [LIBRARIES m] [ARGUMENTS a b] [NO_TEST])
# examples/lru_cache.c against the shared library and the public headers. The test runs it;
# if there is a file lru_cache.out, its output must be exactly that.
function(brisk_example name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_TEST" "" "LIBRARIES;ARGUMENTS")
    add_executable(example_${name} "${name}.c")
    set_target_properties(example_${name} PROPERTIES OUTPUT_NAME ${name})
    target_link_libraries(example_${name} PRIVATE brisk_warnings brisk::brisk ${arg_LIBRARIES})
    if(arg_NO_TEST OR NOT BRISK_TESTS)
        return()
    endif()
    brisk_add_test(NAME example.${name} LABELS example
        COMMAND "${PROJECT_SOURCE_DIR}/tests/support/run_example"
                "${CMAKE_CURRENT_SOURCE_DIR}/${name}.out" $<TARGET_FILE:example_${name}>
                ${arg_ARGUMENTS})
endfunction()
