/* Is what we write the deterministic encoding of RFC 8949, and is everything else refused? */
#include <sodium.h>

#include "base/test.h"
#include "crypto/cbor.h"

typedef struct { uint8_t bytes[256]; size_t size; } Hex;

static Hex hex(const char *text)
{
    Hex h;
    ck_assert_int_eq(sodium_hex2bin(h.bytes, sizeof h.bytes, text, strlen(text), " ", &h.size, NULL), 0);
    return h;
}

static bool check_hex(const char *text)
{
    Hex h = hex(text);
    return cbor_check(view_of(h.bytes, h.size));
}

static void ck_written(const Buffer *b, const char *expected)
{
    char text[512];
    ck_assert_str_eq(sodium_bin2hex(text, sizeof text, b->data, b->size), expected);
}

/* RFC 8949, appendix A. */
START_TEST(numbers_are_written_as_in_appendix_a)
{
    static const struct { int64_t value; const char *hex; } INTS[] = {
        {0, "00"}, {1, "01"}, {10, "0a"}, {23, "17"}, {24, "1818"}, {25, "1819"}, {100, "1864"}, {1000, "1903e8"}, {1000000, "1a000f4240"},
        {1000000000000, "1b000000e8d4a51000"}, {-1, "20"}, {-10, "29"}, {-100, "3863"}, {-1000, "3903e7"},
        {255, "18ff"}, {256, "190100"}, {65535, "19ffff"}, {65536, "1a00010000"}, {4294967295, "1affffffff"}, {4294967296, "1b0000000100000000"},
        {INT64_MAX, "1b7fffffffffffffff"}, {INT64_MIN, "3b7fffffffffffffff"},
    };
    for (size_t i = 0; i < sizeof INTS / sizeof INTS[0]; i++) {
        AUTO_BUFFER b = buffer_limited(64);
        ck_assert_ok(cbor_put_int(&b, INTS[i].value));
        ck_written(&b, INTS[i].hex);
        CborReader r = cbor_reader(view_buffer(&b));
        ck_assert_int_eq(cbor_get_int(&r), INTS[i].value);
        ck_assert(cbor_done(&r) && cbor_check(view_buffer(&b)));
    }
    AUTO_BUFFER b = buffer_limited(64);
    ck_assert_ok(cbor_put_uint(&b, UINT64_MAX));
    ck_written(&b, "1bffffffffffffffff");
    CborReader r = cbor_reader(view_buffer(&b));
    ck_assert_uint_eq(cbor_get_uint(&r), UINT64_MAX);
    ck_assert(cbor_done(&r));
}
END_TEST

START_TEST(strings_and_containers_are_written_as_in_appendix_a)
{
    AUTO_BUFFER b = buffer_limited(256);
    ck_assert_ok(cbor_put_map(&b, 2)); /* {"a": 1, "b": [2, 3]} */
    ck_assert_ok(cbor_put_text(&b, VIEW("a")));
    ck_assert_ok(cbor_put_uint(&b, 1));
    ck_assert_ok(cbor_put_text(&b, VIEW("b")));
    ck_assert_ok(cbor_put_array(&b, 2));
    ck_assert_ok(cbor_put_uint(&b, 2));
    ck_assert_ok(cbor_put_uint(&b, 3));
    ck_written(&b, "a26161016162820203");
    ck_assert(cbor_check(view_buffer(&b)));

    AUTO_BUFFER c = buffer_limited(256);
    ck_assert_ok(cbor_put_tag(&c, 32)); /* 32("http://www.example.com"), then others one after another */
    ck_assert_ok(cbor_put_text(&c, VIEW("http://www.example.com")));
    ck_assert_ok(cbor_put_bytes(&c, VIEW("\1\2\3\4")));
    ck_assert_ok(cbor_put_bool(&c, false));
    ck_assert_ok(cbor_put_bool(&c, true));
    ck_assert_ok(cbor_put_null(&c));
    ck_written(&c, "d82076687474703a2f2f7777772e6578616d706c652e636f6d4401020304f4f5f6");
}
END_TEST

START_TEST(what_was_written_is_read_back)
{
    AUTO_BUFFER b = buffer_limited(256);
    ck_assert_ok(cbor_put_tag(&b, 18));
    ck_assert_ok(cbor_put_array(&b, 5));
    ck_assert_ok(cbor_put_bytes(&b, VIEW("bytes")));
    ck_assert_ok(cbor_put_text(&b, VIEW("text")));
    ck_assert_ok(cbor_put_bool(&b, true));
    ck_assert_ok(cbor_put_null(&b));
    ck_assert_ok(cbor_put_map(&b, 0));

    CborReader r = cbor_reader(view_buffer(&b));
    uint8_t fixed[5];
    ck_assert_uint_eq(cbor_peek(&r), CBOR_TAG);
    ck_assert_uint_eq(cbor_get_tag(&r), 18);
    ck_assert_uint_eq(cbor_peek(&r), CBOR_ARRAY);
    ck_assert_uint_eq(cbor_get_array(&r, 5), 5);
    cbor_get_fixed(&r, fixed, sizeof fixed);
    ck_assert_mem_eq(fixed, "bytes", 5);
    ck_assert(view_equal(cbor_get_text(&r, 4), VIEW("text")));
    ck_assert(cbor_get_bool(&r));
    cbor_get_null(&r);
    ck_assert(!cbor_done(&r));
    ck_assert(view_equal(cbor_get_item(&r), VIEW("\xa0")));
    ck_assert(cbor_done(&r));
    ck_assert_uint_eq(cbor_peek(&r), CBOR_END);
}
END_TEST

START_TEST(everything_that_is_not_deterministic_is_refused)
{
    static const struct { const char *why, *hex; } BAD[] = {
        {"nothing", ""}, {"two items", "0000"}, {"23 in two bytes", "1817"}, {"255 in three", "1900ff"}, {"65535 in five", "1a0000ffff"},
        {"2^32 - 1 in nine", "1b00000000ffffffff"}, {"-24 in two", "3817"}, {"a string's length in two bytes", "580141"}, {"an array's", "980101"},
        {"a map's", "b8010101"}, {"a tag's", "d81200"}, {"reserved 28", "1c"}, {"reserved 30", "1e"}, {"indefinite bytes", "5f4101ff"},
        {"indefinite text", "7f6161ff"}, {"indefinite array", "9f01ff"}, {"indefinite map", "bf0101ff"}, {"a break alone", "ff"}, {"undefined", "f7"},
        {"simple 16", "f0"}, {"simple 32", "f820"}, {"simple false in two bytes", "f814"}, {"half float", "f93c00"}, {"float", "fa47c35000"},
        {"double", "fb3ff199999999999a"}, {"cut number", "19ff"}, {"cut string", "4401"}, {"cut array", "8201"}, {"cut map", "a101"}, {"cut tag", "d2"},
        {"an array longer than the message", "9bffffffffffffffff"}, {"a string longer than the message", "5bffffffffffffffff"},
        {"keys not sorted", "a202000100"}, {"a key twice", "a201000100"}, {"a longer key before a shorter", "a2616100186400"},
        {"text key before number", "a26161000100"}, {"keys not sorted deep inside", "8181a202000100"}, {"too deep", "818181818181818100"},
        {"tags too deep", "c1c1c1c1c1c1c1c100"},
        {"not UTF-8", "61ff"}, {"cut UTF-8", "61c3"}, {"overlong slash", "62c0af"}, {"overlong in three", "63e08080"}, {"overlong in four", "64f0808080"},
        {"surrogate", "63eda080"}, {"beyond U+10FFFF", "64f4908080"}, {"continuation alone", "6180"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) ck_assert_msg(!check_hex(BAD[i].hex), "%s: %s was accepted", BAD[i].why, BAD[i].hex);
}
END_TEST

START_TEST(what_is_deterministic_is_accepted)
{
    static const char *const GOOD[] = {
        "00", "1bffffffffffffffff", "3bffffffffffffffff", "40", "60", "80", "a0", "f4", "f5", "f6", "d200", "8181818181818100", "c1c1c1c1c1c1c100",
        "a20100186400", "a418640020006161008000", "62c3bc", "63e6b0b4", "64f0908591", "64f48fbfbf", "63ed9fbf", "63ee8080",
        "a56161614161626142616361436164614461656145",
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) ck_assert_msg(check_hex(GOOD[i]), "%s was refused", GOOD[i]);
}
END_TEST

/* Reads an item of any kind with the pull reader and writes it again. */
static void copy_item(CborReader *r, Buffer *out)
{
    uint64_t count = 0;
    switch (cbor_peek(r)) {
    case CBOR_UINT: ck_assert_ok(cbor_put_uint(out, cbor_get_uint(r))); break;
    case CBOR_NINT: ck_assert_ok(cbor_put_int(out, cbor_get_int(r))); break;
    case CBOR_BYTES: ck_assert_ok(cbor_put_bytes(out, cbor_get_bytes(r, SIZE_MAX))); break;
    case CBOR_TEXT: ck_assert_ok(cbor_put_text(out, cbor_get_text(r, SIZE_MAX))); break;
    case CBOR_ARRAY: ck_assert_ok(cbor_put_array(out, count = cbor_get_array(r, UINT64_MAX))); break;
    case CBOR_MAP: ck_assert_ok(cbor_put_map(out, count = cbor_get_map(r, UINT64_MAX))); count *= 2; break;
    case CBOR_TAG: ck_assert_ok(cbor_put_tag(out, cbor_get_tag(r))); count = 1; break;
    case CBOR_SIMPLE:
        if (r->reader.rest.data[0] == 0xf6) {
            cbor_get_null(r);
            ck_assert_ok(cbor_put_null(out));
        } else ck_assert_ok(cbor_put_bool(out, cbor_get_bool(r)));
        break;
    default: ck_abort_msg("nothing left");
    }
    for (; count > 0; count--) copy_item(r, out);
}

/* All strings of up to three bytes: how many are items is counted by hand (see below), and each is what our writer makes of it. */
START_TEST(every_short_string_that_is_accepted_has_no_other_encoding)
{
    uint32_t accepted[4] = {0};
    Buffer out = buffer_limited(64);
    for (size_t size = 1; size <= 3; size++)
        for (uint32_t n = 0; n < 1u << (8 * size); n++) {
            const uint8_t bytes[3] = {(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16)};
            if (!cbor_check(view_of(bytes, size))) continue;
            CborReader r = cbor_reader(view_of(bytes, size));
            out.size = 0;
            copy_item(&r, &out);
            if (!cbor_done(&r) || !view_equal(view_buffer(&out), view_of(bytes, size))) ck_abort_msg("%zu bytes, %#x: not what is written", size, n);
            accepted[size]++;
        }
    buffer_free(&out);
    enum {
        ONE = 24 + 24 + 4 + 3,                      /* numbers, empty strings and containers, false true null */
        TWO = 2 * 232 + 256 + 128 + ONE + 24 * ONE, /* numbers, a byte, a character, an array of one, a tag below 24 */
        TEXT = 128 * 128 + 30 * 64,                 /* two characters, or one of two bytes */
        THREE = 2 * 65280 + 65536 + TEXT + TWO + 2 * ONE * ONE + 24 * TWO +
                232 * ONE, /* numbers, strings, arrays of one and two, a map of one, tags */
    };
    ck_assert_uint_eq(accepted[1], ONE);
    ck_assert_uint_eq(accepted[2], TWO);
    ck_assert_uint_eq(accepted[3], THREE);
}
END_TEST

START_TEST(the_first_fault_makes_everything_after_it_zero)
{
    CborReader r = cbor_reader(VIEW("\x01\x02\x43zzz\xf5"));
    uint8_t fixed[2] = {7, 7};
    ck_assert_uint_eq(cbor_get_uint(&r), 1);
    ck_assert_uint_eq(cbor_get_bytes(&r, 10).size, 0); /* a number stands there */
    ck_assert_uint_eq(cbor_get_uint(&r), 0);
    ck_assert_int_eq(cbor_get_int(&r), 0);
    ck_assert_uint_eq(cbor_get_text(&r, 10).size, 0);
    ck_assert_uint_eq(cbor_get_array(&r, 10), 0);
    ck_assert_uint_eq(cbor_get_map(&r, 10), 0);
    ck_assert_uint_eq(cbor_get_tag(&r), 0);
    ck_assert(!cbor_get_bool(&r));
    cbor_get_fixed(&r, fixed, sizeof fixed);
    ck_assert_mem_eq(fixed, "\0\0", 2);
    ck_assert_uint_eq(cbor_get_item(&r).size, 0);
    ck_assert_uint_eq(cbor_peek(&r), CBOR_END);
    ck_assert(!cbor_done(&r));
}
END_TEST

START_TEST(limits_of_the_caller_hold)
{
    const View message = VIEW("\x83\x43zzz\x63yyy\xa1\x01\x02");
    CborReader r = cbor_reader(message);
    ck_assert_uint_eq(cbor_get_array(&r, 2), 0);
    ck_assert(r.reader.bad);
    r = cbor_reader(message);
    ck_assert_uint_eq(cbor_get_array(&r, 3), 3);
    CborReader after = r;
    ck_assert_uint_eq(cbor_get_bytes(&after, 2).size, 0);
    ck_assert(after.reader.bad);
    ck_assert_uint_eq(cbor_get_bytes(&r, 3).size, 3);
    after = r;
    ck_assert_uint_eq(cbor_get_text(&after, 2).size, 0);
    ck_assert(after.reader.bad);
    ck_assert_uint_eq(cbor_get_text(&r, 3).size, 3);
    after = r;
    ck_assert_uint_eq(cbor_get_map(&after, 0), 0);
    ck_assert(after.reader.bad);
    ck_assert_uint_eq(cbor_get_map(&r, 1), 1);

    uint8_t four[4];
    r = cbor_reader(VIEW("\x43zzz"));
    cbor_get_fixed(&r, four, sizeof four);
    ck_assert(r.reader.bad);
    r = cbor_reader(VIEW("\x1b\x80\0\0\0\0\0\0\0")); /* beyond int64_t */
    ck_assert_int_eq(cbor_get_int(&r), 0);
    ck_assert(r.reader.bad);
}
END_TEST

START_TEST(a_write_beyond_the_limit_leaves_the_buffer_as_it_was)
{
    AUTO_BUFFER b = buffer_limited(4);
    ck_assert_ok(cbor_put_uint(&b, 1));
    ck_assert_err(cbor_put_text(&b, VIEW("four")), ERR_LIMIT);
    ck_assert_err(cbor_put_uint(&b, 1 << 20), ERR_LIMIT);
    ck_written(&b, "01");
    ck_assert_ok(cbor_put_text(&b, VIEW("to"))); /* just fits */
    ck_written(&b, "0162746f");
}
END_TEST

TEST_MAIN("crypto/cbor", numbers_are_written_as_in_appendix_a, strings_and_containers_are_written_as_in_appendix_a, what_was_written_is_read_back,
          everything_that_is_not_deterministic_is_refused, what_is_deterministic_is_accepted,
          every_short_string_that_is_accepted_has_no_other_encoding, the_first_fault_makes_everything_after_it_zero, limits_of_the_caller_hold,
          a_write_beyond_the_limit_leaves_the_buffer_as_it_was)
