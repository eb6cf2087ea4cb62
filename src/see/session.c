/* The zygote's session with the key broker: key pair, report, grant, and the keys of one micro-job at a time. */
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/level.h"
#include "crypto/derive.h"
#include "crypto/hpke.h"
#include "see/sealed.h"
#include "see/session_payload.h"
#include "see/zygote_report.h"

_Alignas(4096) SealedKeys keys; /* on as few pages as can be: zygote and SEE write to it for each micro-job */
PrivateSetup private_setup;

/* On a page of its own: locked, and not inherited by a fork at `process`. */
typedef struct {
    SealSecretKey own;
    AeadKey wrap_key, result_key, answer_key;
    uint64_t segments;
    uint32_t prefix_bytes;
} Session;
static Session *session;

enum { PAGE = 4096 };

static void take_page(void)
{
    session = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (session == MAP_FAILED || mlock(session, PAGE) < 0) see_exit(6);
    if (setup.head.level == LEVEL_PROCESS && madvise(session, PAGE, MADV_DONTFORK) < 0) see_exit(6);
}

/* SHA-256 of the SETUP packet as it came. */
static void hash_setup(uint8_t ret_hash[32])
{
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)&setup.head, sizeof setup.head);
    crypto_hash_sha256_update(&state, (const uint8_t *)setup.text, setup.head.text_size);
    crypto_hash_sha256_final(&state, ret_hash);
}

void session_start(void)
{
    uint8_t input[32];
    take_page();
    if (getrandom(input, sizeof input, 0) != (ssize_t)sizeof input) see_exit(6);
    hpke_derive_secret(view_of(input, sizeof input), &session->own);
    sodium_memzero(input, sizeof input);
}

void session_report(uint32_t which)
{
    ZygoteReport report = {.level = setup.head.level};
    SealPublicKey own;
    hpke_public_of(&session->own, &own);
    memcpy(report.see_key, own.bytes, sizeof report.see_key);
    if (setup.head.type == CHANNEL_SETUP) {
        memcpy(report.task_id, setup.head.task_id, sizeof report.task_id);
        hash_setup(report.task_policy);
    }
    if (pwrite(FD_REPORT, &report, sizeof report, (off_t)(which * sizeof report)) != (ssize_t)sizeof report) see_exit(6);
}

void session_forget(void) { sodium_memzero(session, sizeof *session); }

/* Each role belongs to one kind of stage, and none to a process that goes on after a micro-job: what one leaves the next could tell. */
static bool role_is_legal(void)
{
    const uint32_t role = private_setup.role;
    if (role == ROLE_PLAIN) return true;
    if (setup.head.staged) return false; /* what a module claims, others see */
    return role <= ROLE_COMBINE && setup.head.level == LEVEL_PROCESS && (role == ROLE_COMBINE) == (setup.head.sealed == SEALED_RESULTS);
}

static bool open_grant(const ChannelSession *packet)
{
    static const char LABEL[] = "covey session v1";
    uint8_t info[sizeof LABEL - 1 + 32];
    SessionPayload payload;
    memcpy(info, LABEL, sizeof LABEL - 1);
    memcpy(info + sizeof LABEL - 1, packet->evidence_hash, 32);
    Err e = hpke_open(&session->own, NULL, packet->encapsulated, view_of(info, sizeof info), view_of(setup.head.task_id, sizeof setup.head.task_id),
                      view_of(packet->sealed, sizeof packet->sealed), (uint8_t *)&payload);
    sodium_memzero(&session->own, sizeof session->own);
    if (e.code) return false;
    derive_wrap_key(payload.session_key, &session->wrap_key);
    memcpy(session->result_key.bytes, payload.result_key, sizeof payload.result_key);
    memcpy(session->answer_key.bytes, payload.answer_key, sizeof payload.answer_key);
    session->segments = payload.segments;
    session->prefix_bytes = payload.prefix_bytes;
    private_setup = (PrivateSetup){.role = payload.role, .segments = payload.segments, .request = payload.privacy};
    sodium_memzero(&payload, sizeof payload);
    return role_is_legal();
}

void session_receive(void)
{
    ChannelSession packet;
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t n = recvmsg(FD_SOCKET, &message, 0);
    if (n == 0) see_exit(0);
    if (n != (ssize_t)sizeof packet || packet.type != CHANNEL_SESSION || !open_grant(&packet)) see_exit(2);
}

static void put_u64(uint8_t *at, uint64_t v) { memcpy(at, &v, sizeof v); }

/* The broker wrapped this segment's key for this very task: nothing else opens. The next piece of the input is at `at`. */
static bool unwrap(uint64_t segment, uint64_t plain_size, const uint8_t *wrap, uint64_t at)
{
    uint8_t nonce[AEAD_NONCE_BYTES], aad[16 + 8], plain[WRAP_PLAIN_BYTES];
    if (segment >= session->segments || plain_size > UINT32_MAX) return false;
    const uint32_t nonce_size = (uint32_t)plain_size; /* another size is another nonce: an agent that asks for both learns nothing from the pair */
    put_u64(nonce, segment);
    memcpy(nonce + 8, &nonce_size, sizeof nonce_size);
    memcpy(aad, setup.head.task_id, 16);
    put_u64(aad + 16, segment);
    Err e = aead_open(&session->wrap_key, nonce, view_of(aad, sizeof aad), view_of(wrap, sizeof plain), wrap + sizeof plain, plain);
    if (e.code) return false;

    Piece *p = &keys.pieces[keys.piece_count];
    memcpy(p->key.bytes, plain, sizeof p->key.bytes);
    memcpy(&p->plain_size, plain + sizeof p->key.bytes, sizeof p->plain_size);
    sodium_memzero(plain, sizeof plain);
    p->slot_offset = at;
    p->plain_start = keys.plain_size;
    p->skip = keys.piece_count ? session->prefix_bytes : 0;
    if (p->plain_size != plain_size || p->plain_size < p->skip) return false;
    keys.plain_size += p->plain_size - p->skip;
    keys.piece_count++;
    return true;
}

/* Of a block: its segments' ciphertexts lie one behind another, and so do their keys. */
static bool unwrap_block(int slot_fd, const SlotAsk *ask, const SlotKey *first)
{
    uint64_t at = ask->input_offset, left = ask->input_size;
    for (uint64_t i = 0; i < keys.head.end - keys.head.first; i++) {
        SlotKey key = *first;
        if (i > 0 && pread(slot_fd, &key, sizeof key, (off_t)SLOT_KEY_OFFSET(i)) != (ssize_t)sizeof key) return false;
        const uint64_t size = key.plain_size <= UINT32_MAX ? stream_sealed_size(key.plain_size) : UINT64_MAX;
        if (size > left || !unwrap(keys.head.first + i, key.plain_size, key.wrap, at)) return false;
        at += size;
        left -= size;
    }
    return left == 0;
}

/* Which segments a micro-job of the first stage reads: its number says it, and nobody else; so a person's segment is in one block. */
static bool range_of(uint64_t number, uint64_t *ret_first, uint64_t *ret_end)
{
    const PrivacyRequest *r = &private_setup.request;
    if (number >= privacy_blocks(r, session->segments)) return false;
    *ret_first = privacy_block_first(r, session->segments, number);
    *ret_end = privacy_block_first(r, session->segments, number + 1);
    return *ret_end > *ret_first && *ret_end - *ret_first <= PRIVACY_BLOCK_SEGMENTS_MAX;
}

static bool find_segments(int slot_fd, const SlotAsk *ask, const SlotKey *key)
{
    uint64_t plain_size;
    if (!range_of(ask->stage_and_job, &keys.head.first, &keys.head.end)) return false;
    if (private_setup.request.blocks) return unwrap_block(slot_fd, ask, key);
    return stream_plain_size(ask->input_size, &plain_size) && unwrap(keys.head.first, plain_size, key->wrap, ask->input_offset);
}

static void key_of_result(const AeadKey *secret, const SealedResultHead *head, AeadKey *ret_key)
{
    uint8_t hash[32];
    crypto_hash_sha256(hash, (const uint8_t *)head, sizeof *head);
    derive_result_key(secret, hash, ret_key);
}

bool session_makes_answer(void)
{
    return private_setup.role == ROLE_COMBINE && keys.head.first == 0 && keys.head.end == private_setup.segments;
}

/* The digest behind a result is what copies were compared by: it must be this result's. */
static bool check_end(int slot_fd, uint64_t offset, const AeadKey *key)
{
    SealedResultEnd end;
    if (pread(slot_fd, &end, sizeof end, (off_t)offset) != (ssize_t)sizeof end || aead_begin(key, &keys.input).code) return false;
    Err e = stream_check_note(&keys.input, view_of(end.digest, sizeof end.digest), end.tag);
    aead_end(&keys.input);
    return e.code == 0;
}

/* Of a private task's first stage each result is one segment's, or one block's: what a module says of less, or of more, counts nowhere. */
static bool is_whole(const SealedResultHead *head)
{
    uint64_t first, end;
    if (private_setup.role != ROLE_COMBINE || head->stage_and_job >> STAGE_SHIFT) return true;
    return range_of(head->stage_and_job, &first, &end) && head->first == first && head->end == end;
}

/* One result of the stage before; it must follow the one before it without gap or overlap. */
static bool add_result(int slot_fd, uint64_t offset, uint32_t size, uint64_t stage)
{
    SealedResultHead head;
    Piece *p = &keys.pieces[keys.piece_count];
    if (size < SEALED_RESULT_AROUND_BYTES || pread(slot_fd, &head, sizeof head, (off_t)offset) != (ssize_t)sizeof head) return false;
    bool follows = keys.piece_count == 0 || head.first == keys.head.end;
    bool legal = head.magic == SEALED_RESULT_MAGIC && head.format == SEALED_RESULT_FORMAT && memcmp(head.task_id, setup.head.task_id, 16) == 0 &&
                 head.stage_and_job >> STAGE_SHIFT == stage - 1 && head.first < head.end && head.end <= session->segments && follows;
    if (!legal || !is_whole(&head) || !stream_plain_size(size - SEALED_RESULT_AROUND_BYTES, &p->plain_size)) return false;
    key_of_result(&session->result_key, &head, &p->key);
    if (!check_end(slot_fd, offset + size - sizeof(SealedResultEnd), &p->key)) return false;
    p->slot_offset = offset + sizeof head;
    p->plain_start = keys.plain_size;
    p->skip = 0;
    keys.plain_size += p->plain_size;
    if (keys.piece_count++ == 0) keys.head.first = head.first;
    keys.head.end = head.end;
    return true;
}

static bool find_results(int slot_fd, const SlotAsk *ask)
{
    uint64_t at = ask->input_offset, end = at + ask->input_size, stage = ask->stage_and_job >> STAGE_SHIFT;
    while (at < end) {
        SealedResultFrame size;
        if (stage == 0 || keys.piece_count == COMBINE_FANIN_MAX || end - at < sizeof size ||
            pread(slot_fd, &size, sizeof size, (off_t)at) != (ssize_t)sizeof size)
            return false;
        at += sizeof size;
        if (size > end - at || !add_result(slot_fd, at, size, stage)) return false;
        at += size;
    }
    return keys.piece_count > 0;
}

bool session_prepare(int slot_fd, const SlotJob *record)
{
    sodium_memzero(keys.pieces, keys.piece_count * sizeof keys.pieces[0]); /* of the micro-job before */
    aead_end(&keys.input);
    aead_end(&keys.output);
    sealed_digest_forget(&keys.digest);
    keys.piece_count = 0;
    keys.plain_size = 0;
    if (!record) return false;
    keys.head = (SealedResultHead){.magic = SEALED_RESULT_MAGIC, .format = SEALED_RESULT_FORMAT, .stage_and_job = record->ask.stage_and_job};
    memcpy(keys.head.task_id, setup.head.task_id, sizeof keys.head.task_id);
    if (getrandom(keys.head.salt, sizeof keys.head.salt, 0) != (ssize_t)sizeof keys.head.salt) return false;

    bool first_stage = setup.head.sealed == SEALED_SEGMENTS;
    if (!(first_stage ? find_segments(slot_fd, &record->ask, &record->key) : find_results(slot_fd, &record->ask))) return false;
    AeadKey result;
    const AeadKey *secret = session_makes_answer() ? &session->answer_key : &session->result_key;
    key_of_result(secret, &keys.head, &result);
    Err e = aead_begin(&result, &keys.output);
    sodium_memzero(&result, sizeof result);
    const SealedDigestPlace place = {keys.head.stage_and_job, keys.head.first, keys.head.end};
    return e.code == 0 && sealed_digest_begin(secret, &place, &keys.digest).code == 0;
}
