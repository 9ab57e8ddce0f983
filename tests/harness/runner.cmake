# SPDX-License-Identifier: Apache-2.0
# The programs that the tests of the runner run.
set(programs sick sick_unhooked many_failures no_answer needy)
foreach(program IN LISTS programs)
    set(source ${program}.c)
    if(program STREQUAL sick_unhooked)
        set(source sick.c)
    endif()
    add_executable(${program} ${source})
    target_link_libraries(${program} PRIVATE brisk_compiler PkgConfig::CMOCKA)
endforeach()
target_compile_definitions(sick_unhooked PRIVATE SICK_HAS_NO_HOOK)

add_executable(starter starter.c)
target_link_libraries(starter PRIVATE brisk_compiler PkgConfig::CMOCKA brisk-harness_static)

add_library(brisk_runner_support STATIC runner_support.c)
target_link_libraries(brisk_runner_support PUBLIC brisk_test_support brisk-harness_static)

foreach(unit capture cmocka_lines hooked leftover options output report unhooked)
    brisk_test(harness runner_${unit}_test LIBRARIES brisk_runner_support)
    add_dependencies(harness_runner_${unit}_test ${programs})
endforeach()

brisk_test(harness runner_fixtures_test LIBRARIES brisk_runner_support brisk_fixture_support)
add_dependencies(harness_runner_fixtures_test needy starter bad_daemon brisk-guard)

if(NOT TARGET brisk_command)
    return()
endif()
foreach(script runner_command runner_reports)
    brisk_add_test(NAME harness.${script} LABELS harness COMMAND
        "${CMAKE_CURRENT_SOURCE_DIR}/${script}" $<TARGET_FILE:brisk_command> "${CMAKE_CURRENT_BINARY_DIR}")
endforeach()
