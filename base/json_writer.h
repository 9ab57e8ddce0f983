/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BK_JSON_WRITER_H
#define BK_JSON_WRITER_H

#include <stdbool.h>

#include "base/text.h"

/*
 * JSON of one line (RFC 8259), appended to a text:
 *
 *     struct bk_json json = {.text = &text};
 *     bk_json_begin(&json, '{');
 *     bk_json_key(&json, "hits");
 *     bk_json_u64(&json, 42);
 *     bk_json_end(&json, '}');
 *
 * Puts commas and quotes. That keys and values alternate in objects and brackets
 * match is up to the caller.
 */
struct bk_json {
    struct bk_text *text;
    bool has_sibling; /* something stands before in the same object or array */
    bool has_key;
};

/* '{' or '['. */
void bk_json_begin(struct bk_json *json, char bracket);
/* '}' or ']'. */
void bk_json_end(struct bk_json *json, char bracket);
void bk_json_key(struct bk_json *json, const char *key);

/* Any bytes; what is no valid UTF-8 becomes U+FFFD, byte by byte. */
void bk_json_string(struct bk_json *json, const char *string);
/* Readers that keep numbers as doubles round above 2^53. */
void bk_json_u64(struct bk_json *json, uint64_t value);
/* `value` / 10^decimals; see bk_text_decimal. */
void bk_json_decimal(struct bk_json *json, uint64_t value, unsigned int decimals);
void bk_json_bool(struct bk_json *json, bool value);
void bk_json_null(struct bk_json *json);

#endif
