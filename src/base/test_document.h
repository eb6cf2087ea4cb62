/**
 * Examples of the format documents, for the tests that reproduce them: fenced blocks of docs/formats/PAGE. A block of kind `hex` is digits, and what
 * they mean after a #; others are text.
 */
#pragma once
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/test.h"

enum { TEST_DOCUMENT_BYTES_MAX = 1 << 20 };

/** The text between "```kind" and "```" of that kind's block `number`, from 1. The caller frees it; it ends with a NUL that does not count. */
static inline Buffer test_document_block(const char *page, const char *kind, int number)
{
    char path[4096], opening[32];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/formats/%s", source ? source : ".", page);
    snprintf(opening, sizeof opening, "\n```%s\n", kind);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s cannot be read", path);
    char *text = calloc(1, TEST_DOCUMENT_BYTES_MAX);
    ck_assert_uint_lt(fread(text, 1, TEST_DOCUMENT_BYTES_MAX - 1, file), TEST_DOCUMENT_BYTES_MAX - 1);
    fclose(file);

    const char *begin = text;
    for (int i = 0; i < number; i++) {
        begin = strstr(begin, opening);
        ck_assert_msg(begin != NULL, "%s has no block %d of kind %s", path, number, kind);
        begin += strlen(opening);
    }
    const char *end = strstr(begin, "```");
    ck_assert_ptr_nonnull(end);
    Buffer block = buffer_limited(TEST_DOCUMENT_BYTES_MAX);
    ck_assert_ok(buffer_append(&block, view_of(begin, (size_t)(end - begin))));
    ck_assert_ok(buffer_put_u8(&block, 0));
    block.size--;
    free(text);
    return block;
}

/** The bytes of a block of kind `hex`. */
static inline Buffer test_document_hex(const char *page, int number)
{
    Buffer text = test_document_block(page, "hex", number), bytes = buffer_limited(TEST_DOCUMENT_BYTES_MAX);
    int high = -1;
    for (const char *c = (const char *)text.data; *c; c++) {
        if (*c == '#') c += strcspn(c, "\n");
        int value = *c >= '0' && *c <= '9' ? *c - '0' : *c >= 'a' && *c <= 'f' ? *c - 'a' + 10 : -1;
        if (value < 0) continue;
        if (high < 0) high = value;
        else {
            ck_assert_ok(buffer_put_u8(&bytes, (uint8_t)(high << 4 | value)));
            high = -1;
        }
    }
    ck_assert_int_eq(high, -1);
    buffer_free(&text);
    return bytes;
}
