/* SPDX-License-Identifier: Apache-2.0 */
#include <cstdio>
#include <string>

#include <brisk/brisk.h>

static double area_of(double width, int height)
{
    return width * height;
}
BRISK_MEMOIZE_2(double, remembered_area, area_of, double, int, nullptr);

static std::size_t length_of(const char *text)
{
    return std::string(text).size();
}
BRISK_MEMOIZE_1(std::size_t, remembered_length, length_of, const char *, nullptr);

/* The overloads in place of _Generic. */
static bool builds_keys()
{
    struct brisk_key key;
    brisk_key_start(&key);
    brisk_key_add(&key, true);
    brisk_key_add(&key, 'c');
    brisk_key_add(&key, 1u);
    brisk_key_add(&key, -1L);
    brisk_key_add(&key, 1ULL);
    brisk_key_add(&key, 0.5f);
    brisk_key_add(&key, "text");
    bool is_built = brisk_key_bytes(&key).length == 7 * 8 + 4;
    brisk_key_release(&key);
    return is_built;
}

int main()
{
    if (!builds_keys() || remembered_area(0.5, 3) != 1.5 || remembered_area(0.5, 3) != 1.5 ||
        remembered_length("consumed") != 8)
        return 1;

    std::string text = "consumed";
    struct brisk_view view;
    if (brisk_view_copy(&view, brisk_bytes_of(text.data(), text.size())) != BRISK_OK)
        return 1;
    text.assign(reinterpret_cast<const char *>(view.data), view.length);
    std::printf("brisk %s %s\n", brisk_version(), text.c_str());
    brisk_view_release(&view);
    return 0;
}
