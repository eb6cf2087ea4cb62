/* COSE_Sign1 with Ed25519: writing, taking apart, verifying. */
#include "crypto/cose.h"

#include <assert.h>
#include <sodium.h>

enum { LABEL_ALG = 1, LABEL_CRIT = 2, LABEL_KID = 4, OVERHEAD_MAX = 64 };

Err cose_sign1_to_be_signed(View protected_header, View external_aad, View payload, Buffer *ret_bytes)
{
    TRY(cbor_put_array(ret_bytes, 4));
    TRY(cbor_put_text(ret_bytes, VIEW("Signature1")));
    TRY(cbor_put_bytes(ret_bytes, protected_header));
    TRY(cbor_put_bytes(ret_bytes, external_aad));
    return cbor_put_bytes(ret_bytes, payload);
}

/* Sig_structure in a buffer of its own: Ed25519 reads what it signs twice, so it has to be in one piece. */
static Err signed_bytes(View protected_header, View external_aad, View payload, Buffer *ret_bytes)
{
    Buffer bytes = buffer_limited(protected_header.size + external_aad.size + payload.size + OVERHEAD_MAX);
    Err error = cose_sign1_to_be_signed(protected_header, external_aad, payload, &bytes);
    if (error.code) buffer_free(&bytes);
    else *ret_bytes = bytes;
    return error;
}

static Err put_protected(const PublicKey *key, Buffer *b)
{
    TRY(cbor_put_map(b, 2));
    TRY(cbor_put_int(b, LABEL_ALG));
    TRY(cbor_put_int(b, COSE_ALG_EDDSA));
    TRY(cbor_put_int(b, LABEL_KID));
    return cbor_put_bytes(b, view_of(key->bytes, sizeof key->bytes));
}

static Err put_message(View protected_header, View payload, View signature, Buffer *b)
{
    TRY(cbor_put_tag(b, COSE_TAG_SIGN1));
    TRY(cbor_put_array(b, 4));
    TRY(cbor_put_bytes(b, protected_header));
    TRY(cbor_put_map(b, 0));
    TRY(cbor_put_bytes(b, payload));
    return cbor_put_bytes(b, signature);
}

Err cose_sign1(const SecretKey *key, const PublicKey *public_key, View external_aad, View payload, Buffer *ret_message)
{
    assert(key && public_key && ret_message);

    uint8_t signature[SIGNATURE_BYTES];
    AUTO_BUFFER header = buffer_limited(COSE_HEADER_BYTES_MAX), bytes = {0};
    TRY(put_protected(public_key, &header));
    TRY(signed_bytes(view_buffer(&header), external_aad, payload, &bytes));
    crypto_sign_detached(signature, NULL, bytes.data, bytes.size, key->bytes);
    size_t before = ret_message->size;
    Err error = put_message(view_buffer(&header), payload, view_of(signature, sizeof signature), ret_message);
    if (error.code) ret_message->size = before; /* all or nothing */
    return error;
}

typedef struct { bool has_algorithm, has_kid; int64_t algorithm; View kid; } Headers;

/* One bucket of headers. Labels are numbers or text; those that we don't know say nothing to us, unless they are critical. */
static void parse_headers(CborReader *r, Headers *h)
{
    for (uint64_t left = cbor_get_map(r, COSE_HEADERS_MAX); left > 0 && !r->reader.bad; left--) {
        int64_t label = 0;
        if (cbor_peek(r) == CBOR_TEXT) cbor_get_text(r, COSE_HEADER_BYTES_MAX);
        else label = cbor_get_int(r);

        if (label == LABEL_CRIT) r->reader.bad = true;
        else if (label == LABEL_ALG) *h = (Headers){true, h->has_kid, cbor_get_int(r), h->kid};
        else if (label == LABEL_KID) *h = (Headers){h->has_algorithm, true, h->algorithm, cbor_get_bytes(r, COSE_HEADER_BYTES_MAX)};
        else cbor_get_item(r);
    }
}

/* A map of no headers may be written as an empty string; what is signed is the empty string for both (RFC 9052 section 4.4). */
static Err parse_protected(View content, Headers *ret_headers, View *ret_signed)
{
    *ret_headers = (Headers){0};
    *ret_signed = (View){0};
    if (content.size == 0) return OK;

    CborReader r = cbor_reader(content);
    if (!cbor_check(content)) return FAIL(ERR_BAD_INPUT);
    parse_headers(&r, ret_headers);
    if (!cbor_done(&r)) return FAIL(ERR_BAD_INPUT);
    if (content.size > 1) *ret_signed = content;
    return OK;
}

Err cose_sign1_parse(View message, CoseSign1 *ret_parts)
{
    assert(ret_parts);

    if (!cbor_check(message)) return FAIL(ERR_BAD_INPUT);
    CborReader r = cbor_reader(message);
    if (cbor_peek(&r) == CBOR_TAG && cbor_get_tag(&r) != COSE_TAG_SIGN1) return FAIL(ERR_BAD_INPUT);
    if (cbor_get_array(&r, 4) != 4) return FAIL(ERR_BAD_INPUT);

    CoseSign1 parts;
    Headers signed_headers, others = {0};
    View content = cbor_get_bytes(&r, COSE_HEADER_BYTES_MAX);
    parse_headers(&r, &others);
    parts.payload = cbor_get_bytes(&r, SIZE_MAX);
    parts.signature = cbor_get_bytes(&r, COSE_HEADER_BYTES_MAX);
    if (!cbor_done(&r)) return FAIL(ERR_BAD_INPUT);
    TRY(parse_protected(content, &signed_headers, &parts.protected_header));
    if ((signed_headers.has_algorithm && others.has_algorithm) || (signed_headers.has_kid && others.has_kid))
        return FAIL(ERR_BAD_INPUT); /* RFC 9052 section 3: a label is in one of the two */

    parts.algorithm = signed_headers.algorithm;
    parts.kid = signed_headers.has_kid ? signed_headers.kid : others.kid;
    *ret_parts = parts;
    return OK;
}

Err cose_sign1_verify(const PublicKey *key, View external_aad, View message, View *ret_payload)
{
    assert(key && ret_payload);

    CoseSign1 parts;
    TRY(cose_sign1_parse(message, &parts));
    if (parts.algorithm != COSE_ALG_EDDSA || parts.signature.size != SIGNATURE_BYTES) return FAIL(ERR_BAD_INPUT);

    AUTO_BUFFER bytes = {0};
    TRY(signed_bytes(parts.protected_header, external_aad, parts.payload, &bytes));
    if (crypto_sign_verify_detached(parts.signature.data, bytes.data, bytes.size, key->bytes) != 0) return FAIL(ERR_BAD_SIGNATURE);
    *ret_payload = parts.payload;
    return OK;
}

Err cose_sign1_kid(View message, PublicKey *ret_key)
{
    assert(ret_key);

    CoseSign1 parts;
    TRY(cose_sign1_parse(message, &parts));
    if (parts.kid.size != sizeof ret_key->bytes) return FAIL(ERR_BAD_INPUT);
    memcpy(ret_key->bytes, parts.kid.data, sizeof ret_key->bytes);
    return OK;
}
