/* SPDX-License-Identifier: Apache-2.0 */
#include "profiler/demangle.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#ifdef BRISK_HAS_LIBIBERTY

/* Of libiberty's demangle.h, which defines things that other headers define as well. */
enum {
    DMGL_PARAMS = 1 << 0,
    DMGL_ANSI = 1 << 1,
    DMGL_AUTO = 1 << 8
};
extern char *cplus_demangle(const char *mangled, int options);

enum {
    MOST_BYTES = 1 << 14 /* names of templates can grow without limit */
};

char *bk_demangle(const char *name)
{
    bool is_mangled = strncmp(name, "_Z", 2) == 0 || strncmp(name, "_R", 2) == 0;
    if (!is_mangled || strlen(name) > MOST_BYTES)
        return NULL;
    char *demangled = cplus_demangle(name, DMGL_PARAMS | DMGL_ANSI | DMGL_AUTO);
    char *copy = demangled == NULL ? NULL : bk_strdup(demangled);
    free(demangled);
    return copy;
}

#else

char *bk_demangle(const char *name)
{
    (void)name;
    return NULL;
}

#endif
