/**
 * Keys as files of one user: signing (Ed25519) and sealing (X25519), passphrase optional (Argon2id, XChaCha20-Poly1305), rotation and revocation.
 * Public halves are one line of text: "covey-ed25519:..." and "covey-x25519:...". docs/formats/keys.md
 *
 *   directory/signing.key  directory/sealing.key   0600; made on first use; those that were replaced are kept as *.key.<time>
 *   directory/trusted      one public key a line: image signers, dataset owners, nodes
 *   directory/revoked      one public key a line, optional "since RFC 3339 time": honoured by every verifier (trusted_keys_load, revoked_has)
 *   directory/rotations    statements "old new signature-by-old": a trusted old key vouches for its successor, unless one of them is revoked
 *
 * Whoever calls in need of a secret gives a source of passphrases; NULL: a key with a passphrase is refused.
 */
#pragma once
#include "crypto/hpke.h"
#include "crypto/key_file.h"
#include "crypto/sign.h"

typedef Err (*PassphraseSource)(void *context, const char *key_name, char *ret_text, size_t room); /* the terminal or $COVEY_PASSPHRASE_FILE */
/** What programs use (context: the Diag, or NULL): the first line of the file that $COVEY_PASSPHRASE_FILE names, otherwise the terminal.
 *  errors: ERR_DENIED, ERR_INTERRUPTED */
MUST_USE Err passphrase_ask(void *context, const char *key_name, char *ret_text, size_t room);
/** For a new key: the same file, or the terminal twice. errors: and ERR_BAD_INPUT (empty; the two differ) */
MUST_USE Err passphrase_new(char ret_text[PASSPHRASE_MAX], Diag *diag);

void seal_public_print(const SealPublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX]);
MUST_USE Err seal_public_parse(const char *text, SealPublicKey *ret_key);

/** Makes the keys that are missing. Both are there: ERR_DENIED, unless told to replace them. passphrase NULL: none. */
MUST_USE Err keyring_new(const char *directory, bool replace, const char *passphrase, Diag *diag);
/** errors: ERR_DENIED (wrong passphrase; the key is revoked; others can read the file), ERR_CORRUPT */
MUST_USE Err keyring_signing(const char *directory, PassphraseSource ask, void *context, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag);
/** A revoked sealing key still opens what was sealed to it. */
MUST_USE Err keyring_sealing(const char *directory, PassphraseSource ask, void *context, SealSecretKey *ret_secret, SealPublicKey *ret_public,
                             Diag *diag);
/** The secret of this public key: the current one's or one that was kept. errors: ERR_NO_ENTRY and those above */
MUST_USE Err keyring_sealing_find(const char *directory, const SealPublicKey *wanted, PassphraseSource ask, void *context, SealSecretKey *ret_secret,
                                  Diag *diag);
/** The user's earlier signing keys that still count: kept, rotated and not revoked. Needs no passphrase. */
MUST_USE Err keyring_earlier(const char *directory, TrustedKeys *ret_keys, Diag *diag);
/** The public halves, of those that are not NULL; needs no passphrase. */
MUST_USE Err keyring_public(const char *directory, PublicKey *ret_signing, SealPublicKey *ret_sealing, Diag *diag);

/** New keys, under `passphrase` or (NULL) the old signing key's. The old ones are kept; the old signing key becomes a trusted one, so that what it
 *  signed stays good here; the statement for others is given and appended to directory/rotations. errors: ERR_DENIED (the old key is revoked) */
enum { ROTATION_TEXT_MAX = 256, ROTATIONS_MAX = 1024 };
MUST_USE Err keyring_rotate(const char *directory, const char *passphrase, PassphraseSource ask, void *context,
                            char ret_statement[ROTATION_TEXT_MAX], Diag *diag);

/** Appends to directory/trusted, with a comment (may be NULL; one line). Done when it is there already. errors: ERR_DENIED
 * (revoked), ERR_BAD_INPUT */
MUST_USE Err keyring_trust(const char *directory, const char *key_text, const char *comment, Diag *diag);
/** Takes somebody's statement. errors: ERR_BAD_INPUT, ERR_BAD_SIGNATURE, ERR_UNTRUSTED (the old key), ERR_DENIED (revoked) */
MUST_USE Err keyring_trust_rotation(const char *directory, const char *statement, Diag *diag);
/** Appends a key of either kind to directory/revoked. since 0: whatever it signed at any time. errors: ERR_BAD_INPUT */
MUST_USE Err keyring_revoke(const char *directory, const char *key_text, uint64_t since, const char *comment, Diag *diag);

enum { REVOKED_KEYS_MAX = 4096 };
/** Freed by revoked_free; since: unix seconds, 0 = from the beginning. */
typedef struct { uint8_t (*keys)[32]; uint64_t *since; size_t count; } RevokedKeys;
/** No file: none. errors: ERR_BAD_INPUT (with file:line), ERR_DENIED (others can write it), ERR_LIMIT */
MUST_USE Err revoked_load(const char *directory, RevokedKeys *ret_revoked, Diag *diag);
void revoked_free(RevokedKeys *r);
/** Reads the list for one question. `text`: the key, as a person knows it. errors: ERR_DENIED (revoked now), those of revoked_load */
MUST_USE Err revoked_refuse(const char *directory, const uint8_t key[32], const char *text, Diag *diag);

/** By which a process that runs for long sees that `trusted`, `revoked` or `rotations` are other files than before, or changed; taken before they
 *  are read. errors: those of the system */
enum { TRUST_FILES = 3 };
typedef struct { uint64_t inode, size, seconds, nanoseconds; } FileStamp; /* zeros: there is no such file */
typedef struct { FileStamp files[TRUST_FILES]; } TrustStamp;
MUST_USE Err trust_stamp(const char *directory, TrustStamp *ret_stamp);
static inline bool trust_is_the_same(const TrustStamp *a, const TrustStamp *b) { return memcmp(a, b, sizeof *a) == 0; }
/** Whether a signature by (or a sealing to) this key at that time counts for nothing. Unless the time is one that the key's holder cannot choose,
 *  give now. */
bool revoked_has(const RevokedKeys *r, const uint8_t key[32], uint64_t at_time);
