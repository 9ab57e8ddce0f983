# SPDX-License-Identifier: Apache-2.0
# The header is the one place where the version stands; programs see it there.
set(version_header "${CMAKE_CURRENT_LIST_DIR}/../include/brisk/version.h")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${version_header}")

foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${version_header}" line REGEX "^#define BRISK_VERSION_${part} [0-9]+$")
    string(REGEX REPLACE "^.* " "" version_${part} "${line}")
endforeach()

set(BRISK_VERSION ${version_MAJOR}.${version_MINOR}.${version_PATCH})
