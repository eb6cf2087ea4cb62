/* Parses CSV with quoted fields and adds up a decimal column by key: bytes, branches, small numbers. */
#include "kernel.h"

enum { ROWS = 60000, ROUNDS = 42, KEYS = 512 };

static char *text;
static int text_size;
static uint64_t totals[KEYS];

static void put(char c)
{
    text[text_size++] = c;
}

static void put_number(uint32_t n)
{
    char digits[10];
    int count = 0;
    do digits[count++] = (char)('0' + n % 10); while (n /= 10);
    while (count) put(digits[--count]);
}

static void write_rows(void)
{
    uint64_t seed = 5;
    for (int row = 0; row < ROWS; row++) {
        uint64_t r = kernel_random(&seed);
        put_number((uint32_t)row), put(',');
        put('"'), put('K'), put_number((uint32_t)(r % KEYS));
        if (r & 0x10000) put('"'), put('"'), put(',');
        put('"'), put(',');
        put_number((uint32_t)(r >> 40)), put('.'), put_number((uint32_t)(r >> 20 & 63)), put(',');
        for (int i = 0; i < (int)(r >> 60); i++) put((char)('a' + i));
        put('\n');
    }
}

/** Copies one field without its quotes; returns where the next begins. */
static const char *take_field(const char *at, char *field, int *ret_size)
{
    int size = 0;
    if (*at == '"') {
        at++;
        for (;;) {
            if (*at == '"' && at[1] == '"') at++;
            else if (*at == '"') break;
            field[size++] = *at++;
        }
        at++;
    } else {
        while (*at != ',' && *at != '\n') field[size++] = *at++;
    }
    *ret_size = size;
    return at;
}

static uint64_t parse_hundredths(const char *field, int size)
{
    uint64_t whole = 0, fraction = 0;
    int i = 0;
    for (; i < size && field[i] != '.'; i++) whole = whole * 10 + (uint64_t)(field[i] - '0');
    for (i++; i < size; i++) fraction = fraction * 10 + (uint64_t)(field[i] - '0');
    return whole * 100 + fraction;
}

static void parse(void)
{
    char field[64];
    const char *at = text, *end = text + text_size;
    while (at < end) {
        uint32_t key = 0;
        for (int column = 0;; column++) {
            int size;
            at = take_field(at, field, &size);
            if (column == 1)
                for (int i = 0; i < size; i++) key = (key ^ (uint8_t)field[i]) * 16777619u;
            if (column == 2) totals[key % KEYS] += parse_hundredths(field, size);
            if (*at++ == '\n') break;
        }
    }
}

int main(void)
{
    uint64_t sum = 0;
    text = kernel_memory((size_t)ROWS * 64);
    write_rows();
    for (int round = 0; round < ROUNDS; round++) parse();
    for (int i = 0; i < KEYS; i++) sum = kernel_fold(sum, totals[i]);
    return kernel_done(sum);
}
