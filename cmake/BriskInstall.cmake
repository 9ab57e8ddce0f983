# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. All paths are relative to the prefix, so DESTDIR and a
# moved prefix work.
include(CMakePackageConfigHelpers)

set(BRISK_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/brisk")
set(BRISK_PKGCONFIG_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# brisk_install_library(brisk "what it is" [REQUIRES other] [REQUIRES_PRIVATE package])
function(brisk_install_library name description)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "REQUIRES;REQUIRES_PRIVATE" "")
    install(TARGETS ${name} ${name}_static EXPORT ${name}-targets)
    install(EXPORT ${name}-targets NAMESPACE brisk:: DESTINATION "${BRISK_CMAKE_DIR}")

    file(RELATIVE_PATH up "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
    file(RELATIVE_PATH libdir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
    file(RELATIVE_PATH includedir "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
    set(BRISK_PC_PREFIX "\${pcfiledir}/${up}")
    set(BRISK_PC_NAME ${name})
    set(BRISK_PC_DESCRIPTION "${description}")
    set(BRISK_PC_REQUIRES "")
    if(arg_REQUIRES)
        set(BRISK_PC_REQUIRES "\nRequires: ${arg_REQUIRES}")
    endif()
    if(arg_REQUIRES_PRIVATE)
        string(APPEND BRISK_PC_REQUIRES "\nRequires.private: ${arg_REQUIRES_PRIVATE}")
    endif()
    configure_file("${PROJECT_SOURCE_DIR}/cmake/brisk.pc.in" ${name}.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc" DESTINATION "${BRISK_PKGCONFIG_DIR}")
endfunction()

brisk_install_library(brisk "${PROJECT_DESCRIPTION}")
brisk_install_library(brisk-harness "Real daemons for integration tests" REQUIRES brisk)
if(TARGET brisk-memcached)
    brisk_install_library(brisk-memcached "A memcached client that tells the truth"
                          REQUIRES brisk REQUIRES_PRIVATE libmemcached)
endif()
brisk_install_library(brisk-profiler "Stacks of running programs" REQUIRES brisk)

configure_package_config_file(cmake/brisk-config.cmake.in brisk-config.cmake
    INSTALL_DESTINATION "${BRISK_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(brisk-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
    "${CMAKE_CURRENT_BINARY_DIR}/brisk-config.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/brisk-config-version.cmake"
    DESTINATION "${BRISK_CMAKE_DIR}")

install(DIRECTORY include/brisk DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.h")
install(FILES README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md LICENSE DESTINATION "${CMAKE_INSTALL_DOCDIR}")
install(DIRECTORY docs DESTINATION "${CMAKE_INSTALL_DOCDIR}" FILES_MATCHING PATTERN "*.md")
