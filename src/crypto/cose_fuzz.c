/* Any bytes as CBOR and as COSE_Sign1: what is accepted is exactly what our writers make, and nothing verifies that our key did not sign. */
#include <stdlib.h>

#include "crypto/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads an item with the pull reader and writes it again. */
static void copy_item(CborReader *r, Buffer *out)
{
    uint64_t count = 0;
    Err e = {0};
    switch (cbor_peek(r)) {
    case CBOR_UINT: e = cbor_put_uint(out, cbor_get_uint(r)); break;
    case CBOR_NINT: { /* below the range of int64_t there is no writer */
        CborReader before = *r;
        int64_t v = cbor_get_int(r);
        if (r->reader.bad) {
            *r = before;
            e = buffer_append(out, cbor_get_item(r));
        } else e = cbor_put_int(out, v);
        break;
    }
    case CBOR_BYTES: e = cbor_put_bytes(out, cbor_get_bytes(r, SIZE_MAX)); break;
    case CBOR_TEXT: e = cbor_put_text(out, cbor_get_text(r, SIZE_MAX)); break;
    case CBOR_ARRAY: e = cbor_put_array(out, count = cbor_get_array(r, UINT64_MAX)); break;
    case CBOR_MAP: e = cbor_put_map(out, count = cbor_get_map(r, UINT64_MAX)); count *= 2; break;
    case CBOR_TAG: e = cbor_put_tag(out, cbor_get_tag(r)); count = 1; break;
    case CBOR_SIMPLE:
        if (r->reader.rest.data[0] == 0xf6) {
            cbor_get_null(r);
            e = cbor_put_null(out);
        } else e = cbor_put_bool(out, cbor_get_bool(r));
        break;
    default: abort();
    }
    if (e.code) abort();
    for (; count > 0; count--) copy_item(r, out);
}

static void check_cbor(View message)
{
    CborReader r = cbor_reader(message);
    AUTO_BUFFER again = buffer_limited(message.size);
    copy_item(&r, &again);
    if (!cbor_done(&r) || !view_equal(view_buffer(&again), message)) abort();
}

/* The parts, put together again, are the message, or one that says the same in our form. */
static void check_parts(View message, const CoseSign1 *parts)
{
    static const PublicKey KEY = {{0xd7, 0x5a, 0x98}};
    View payload;
    PublicKey kid;
    Err e = cose_sign1_verify(&KEY, VIEW("fuzz"), message, &payload);
    if (e.code != ERR_BAD_INPUT && e.code != ERR_BAD_SIGNATURE) abort();
    e = cose_sign1_kid(message, &kid);
    if ((e.code == 0) != (parts->kid.size == sizeof kid.bytes)) abort();
    AUTO_BUFFER bytes = buffer_limited(message.size + 64);
    if (cose_sign1_to_be_signed(parts->protected_header, VIEW("fuzz"), parts->payload, &bytes).code || !cbor_check(view_buffer(&bytes))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    View message = view_of(data, size);
    CoseSign1 parts;
    bool good = cbor_check(message);
    if (good) check_cbor(message);
    Err e = cose_sign1_parse(message, &parts);
    if (e.code != 0 && e.code != ERR_BAD_INPUT) abort();
    if (e.code == 0 && !good) abort();
    if (e.code == 0) check_parts(message, &parts);
    return 0;
}
