/* SPDX-License-Identifier: Apache-2.0 */
#include <cstdio>
#include <string>

#include <brisk/brisk.h>

int main()
{
    std::string text = "consumed";
    struct brisk_view view;
    if (brisk_view_copy(&view, brisk_bytes_of(text.data(), text.size())) != BRISK_OK)
        return 1;
    text.assign(reinterpret_cast<const char *>(view.data), view.length);
    std::printf("brisk %s %s\n", brisk_version(), text.c_str());
    brisk_view_release(&view);
    return 0;
}
