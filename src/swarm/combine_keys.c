/*
 * sum-by-key: lines "key,number[,number...]" to one line for each key. A key is a CSV field: with quotes around it, it may hold commas,
 * newlines and doubled quotes. "a" and a are the same key; the output has quotes where they are needed.
 */
#include <errno.h>
#include <stdlib.h>

#include "swarm/combine_text.h"
#include "swarm/key_table.h"

#define KEYS_BYTES_MAX (4 * GIB)

typedef struct {
    KeyTable table;
    Sum *sums;              /* key by key, `columns` each */
    size_t columns;         /* 0 before the first line */
    size_t sum_room;
    Buffer key;             /* the one at hand, without its quotes */
} Keys;

static void end(void *state)
{
    Keys *k = state;
    key_table_free(&k->table);
    buffer_free(&k->key);
    free(k->sums);
    free(k);
}

static Err start(const CombineSpec *spec, void **ret_state)
{
    (void)spec;
    Keys *k = calloc(1, sizeof *k);
    if (!k) return FAIL(ENOMEM);
    k->key = buffer_limited(COMBINE_LINE_BYTES_MAX);
    Err e = key_table_new(COMBINE_KEYS_MAX, KEYS_BYTES_MAX, &k->table);
    if (e.code) {
        end(k);
        return e;
    }
    *ret_state = k;
    return OK;
}

/** Takes a quoted key from the front of the result into k->key; the result then begins behind the closing quote. */
static Err take_quoted(Keys *k, Lines *l)
{
    View rest = view_of(l->rest.data + 1, l->rest.size - 1);
    Lines at_start = *l; /* errors name the line in which the key begins */
    at_start.line++;
    k->key.size = 0;
    for (;;) {
        const uint8_t *quote = rest.size ? memchr(rest.data, '"', rest.size) : NULL;
        if (!quote) return LINES_FAIL(&at_start, ERR_BAD_INPUT, "the quote around the key is never closed");
        size_t size = (size_t)(quote - rest.data);
        bool doubled = size + 1 < rest.size && quote[1] == '"';
        Err e = buffer_append(&k->key, view_of(rest.data, size + doubled));
        if (e.code == ERR_LIMIT)
            return LINES_FAIL(&at_start, ERR_LIMIT, "the key is longer than %d bytes", COMBINE_LINE_BYTES_MAX);
        TRY(e);
        size_t used = size + 1 + doubled;
        rest = view_of(rest.data + used, rest.size - used);
        if (!doubled) break;
    }
    for (size_t i = 0; i < k->key.size; i++) l->line += k->key.data[i] == '\n';
    l->rest = rest;
    return OK;
}

/** One line: its key, and the numbers behind it. *ret_more false at the end. */
static Err next_entry(Keys *k, Lines *l, View *ret_key, View *ret_numbers, bool *ret_more)
{
    bool quoted_key = l->rest.size && l->rest.data[0] == '"';
    if (quoted_key) TRY(take_quoted(k, l));
    View line = {0};
    TRY(lines_next(l, &line, ret_more));
    if (quoted_key) {
        l->line += !*ret_more; /* the result ends with the quote */
        if (line.size == 0 || line.data[0] != ',')
            return LINES_FAIL(l, ERR_BAD_INPUT, "a comma and a number must follow the quoted key");
        *ret_more = true;
        *ret_key = view_buffer(&k->key);
        *ret_numbers = view_of(line.data + 1, line.size - 1);
        return OK;
    }
    if (!*ret_more) return OK;
    *ret_key = field_next(&line);
    if (!line.data) return LINES_FAIL(l, ERR_BAD_INPUT, "no number; a line is key,number");
    *ret_numbers = line;
    return OK;
}

/** The sums of a key; those of a new one begin at zero. */
static Err sums_of(Keys *k, uint32_t number, Sum **ret_sums)
{
    size_t need = k->table.key_count * k->columns;
    if (need > k->sum_room) {
        size_t room = k->sum_room * 2 > need ? k->sum_room * 2 : need + 64;
        Sum *sums = reallocarray(k->sums, room, sizeof *sums);
        if (!sums) return FAIL(ENOMEM);
        memset(sums + k->sum_room, 0, (room - k->sum_room) * sizeof *sums);
        k->sums = sums;
        k->sum_room = room;
    }
    *ret_sums = k->sums + number * k->columns;
    return OK;
}

static size_t count_fields(View numbers)
{
    size_t count = 1;
    for (size_t i = 0; i < numbers.size; i++) count += numbers.data[i] == ',';
    return count;
}

static Err add_entry(Keys *k, const Lines *l, View key, View numbers)
{
    size_t columns = count_fields(numbers);
    if (k->columns == 0) k->columns = columns;
    if (columns != k->columns) return LINES_FAIL(l, ERR_BAD_INPUT, "%zu numbers; earlier lines have %zu", columns, k->columns);

    uint32_t number;
    Err e = key_table_put(&k->table, key, &number);
    if (e.code == ERR_LIMIT) return LINES_FAIL(l, ERR_LIMIT, "more than %d keys, or more than 4GiB of them", COMBINE_KEYS_MAX);
    TRY(e);
    Sum *sums;
    TRY(sums_of(k, number, &sums));
    for (size_t i = 0; i < columns; i++) {
        Number n;
        TRY(lines_number(l, field_next(&numbers), &n));
        if (!sum_add(&sums[i], &n)) return LINES_FAIL(l, ERR_LIMIT, "the sum is beyond 128 bits or beyond a double");
    }
    return OK;
}

static Err add(void *state, Lines *l)
{
    Keys *k = state;
    for (;;) {
        View key = {0}, numbers = {0};
        bool more;
        TRY(next_entry(k, l, &key, &numbers, &more));
        if (!more) return OK;
        TRY(add_entry(k, l, key, numbers));
    }
}

static bool needs_quotes(View key)
{
    for (size_t i = 0; i < key.size; i++)
        if (key.data[i] == ',' || key.data[i] == '"' || key.data[i] == '\n' || key.data[i] == '\r') return true;
    return false;
}

static Err write_key(Output *out, View key)
{
    if (!needs_quotes(key)) return output_text(out, key);
    TRY(output_text(out, VIEW("\"")));
    while (key.size) {
        const uint8_t *quote = memchr(key.data, '"', key.size);
        size_t size = quote ? (size_t)(quote - key.data) + 1 : key.size;
        TRY(output_text(out, view_of(key.data, size)));
        if (quote) TRY(output_text(out, VIEW("\"")));
        key = view_of(key.data + size, key.size - size);
    }
    return output_text(out, VIEW("\""));
}

static Err write_entry(const Keys *k, uint32_t number, Output *out, Diag *diag)
{
    const TableKey *key = &k->table.keys[number];
    TRY(write_key(out, view_of(key->data, key->size)));
    for (size_t i = 0; i < k->columns; i++) {
        Number total;
        if (!sum_total(&k->sums[number * k->columns + i], &total))
            return FAIL_WHY(diag, ERR_LIMIT, "a sum of the output is beyond a double");
        TRY(output_text(out, VIEW(",")));
        TRY(output_number(out, &total));
    }
    return output_text(out, VIEW("\n"));
}

static Err finish(void *state, Output *out, Diag *diag)
{
    Keys *k = state;
    uint32_t *numbers;
    TRY(key_table_sorted(&k->table, &numbers));
    Err e = OK;
    for (size_t i = 0; i < k->table.key_count && !e.code; i++) e = write_entry(k, numbers[i], out, diag);
    free(numbers);
    return e;
}

const CombineKind COMBINE_KEYS = {start, add, finish, end};
