/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILER_DEMANGLE_H
#define PROFILER_DEMANGLE_H

/*
 * What a C++ or Rust function is called in its source, on the heap for bk_free. NULL: the
 * name is not mangled, brisk was built without libiberty, or there is no memory; then
 * the name itself is to be shown.
 */
char *bk_demangle(const char *name);

#endif
