/* Who may ask: the address listened at, the token, client certificates. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/http_parts.h"
#include "sys/entropy.h"
#include "sys/fd.h"

enum { PEM_BYTES_MAX = 1 << 20 };

/* ADDRESS:PORT or [ADDRESS]:PORT. Names are not looked up: what is listened at is what is written. */
static Err parse_address(const char *listen, HttpAddress *ret_address, bool *ret_loopback, Diag *diag)
{
    static const char REMEDY[] = "write ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080";
    const char *colon = strrchr(listen, ':');
    char host[64], *end = NULL;
    bool bracket = listen[0] == '[';
    size_t size = colon ? (size_t)(colon - listen) : 0;
    if (!colon || size >= sizeof host || size < 2 || (bracket && listen[size - 1] != ']'))
        return FAIL_WHY(diag, ERR_USAGE, "%s: no address to listen at; %s", listen, REMEDY);
    memcpy(host, listen + bracket, size - 2 * (size_t)bracket);
    host[size - 2 * (size_t)bracket] = '\0';
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (!colon[1] || *end || port > 65535) return FAIL_WHY(diag, ERR_USAGE, "%s: no port from 0 to 65535; %s", listen, REMEDY);
    HttpAddress a = {0};
    if (!bracket && inet_pton(AF_INET, host, &a.v4.sin_addr) == 1) {
        a.v4.sin_family = AF_INET;
        a.v4.sin_port = htons((uint16_t)port);
        *ret_loopback = ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    } else if (bracket && inet_pton(AF_INET6, host, &a.v6.sin6_addr) == 1) {
        a.v6.sin6_family = AF_INET6;
        a.v6.sin6_port = htons((uint16_t)port);
        *ret_loopback = IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr);
    } else {
        return FAIL_WHY(diag, ERR_USAGE, "%s: '%s' is no address; %s", listen, host, REMEDY);
    }
    *ret_address = a;
    return OK;
}

static Err check_private(const char *path, const char *secret, Diag *diag)
{
    AUTO_FD fd = -1;
    Err e = fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    return file_check_private(fd, path, secret, diag);
}

static Err read_token(Http *h, const char *path, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(HTTP_TOKEN_MAX + 2);
    TRY(check_private(path, "token", diag));
    Err e = file_read(AT_FDCWD, path, &text);
    size_t size = 0;
    while (!e.code && size < text.size && text.data[size] > 0x20 && text.data[size] < 0x7f) size++;
    if (e.code || size < HTTP_TOKEN_MIN || size > HTTP_TOKEN_MAX || size + 1 < text.size)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: a token is one line of %d to %d printable characters; make one: head -c 32 /dev/urandom | base64", path,
                        HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
    sha256_of(view_of(text.data, size), &h->token);
    sodium_memzero(text.data, text.size);
    h->has_token = true;
    return OK;
}

static Err read_pem(const char *path, char **ret_text, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(PEM_BYTES_MAX);
    Err e = file_read(AT_FDCWD, path, &text);
    if (!e.code) e = buffer_put_u8(&text, 0);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    if (!strstr((const char *)text.data, "-----BEGIN ")) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: no PEM file", path);
    *ret_text = (char *)text.data;
    text = buffer_limited(0);
    return OK;
}

static Err read_tls(Http *h, const HttpConfig *c, Diag *diag)
{
    if (!c->tls_cert != !c->tls_key) return FAIL_WHY(diag, ERR_USAGE, "TLS needs both a certificate and its key");
    if (c->tls_client_ca && !c->tls_cert) return FAIL_WHY(diag, ERR_USAGE, "client certificates need TLS: name a certificate and its key too");
    if (!c->tls_cert) return OK;
    if (MHD_is_feature_supported(MHD_FEATURE_SSL) != MHD_YES) return FAIL_WHY(diag, ERR_USAGE, "this machine's libmicrohttpd was built without TLS");
    TRY(read_pem(c->tls_cert, &h->cert_pem, diag));
    TRY(check_private(c->tls_key, "key", diag));
    TRY(read_pem(c->tls_key, &h->key_pem, diag));
    if (c->tls_client_ca) TRY(read_pem(c->tls_client_ca, &h->ca_pem, diag));
    h->is_tls = true;
    h->wants_certificate = c->tls_client_ca != NULL;
    return OK;
}

Err access_open(Http *h, const HttpConfig *config, HttpAddress *ret_address, Diag *diag)
{
    bool loopback = false;
    TRY(parse_address(config->listen, ret_address, &loopback, diag));
    TRY(random_bytes(h->hash_key, sizeof h->hash_key));
    if (config->token_file) TRY(read_token(h, config->token_file, diag));
    TRY(read_tls(h, config, diag));
    if (!loopback && !h->has_token && !h->wants_certificate)
        return FAIL_WHY(diag, ERR_DENIED, "%s: others can reach this address; name a token file, or the certificates that clients' are signed by, or listen at "
                        "127.0.0.1", config->listen);
    return OK;
}

void access_close(Http *h)
{
    if (h->key_pem) sodium_memzero(h->key_pem, strlen(h->key_pem));
    free(h->key_pem);
    free(h->cert_pem);
    free(h->ca_pem);
    sodium_memzero(&h->token, sizeof h->token);
}

static bool certificate_good(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = ~0u;
    if (!info || !info->tls_session) return false;
    if (gnutls_certificate_verify_peers2((gnutls_session_t)info->tls_session, &status) != GNUTLS_E_SUCCESS) return false;
    return status == 0;
}

bool access_allows(const Http *h, struct MHD_Connection *c, HttpProblem *ret_problem)
{
    static const char BEARER[] = "Bearer ";
    if (h->wants_certificate && !certificate_good(c)) {
        *ret_problem = (HttpProblem){403, "client certificate", "show a certificate that the service's operator signed", "no good client certificate"};
        return false;
    }
    if (!h->has_token) return true;
    const char *given = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    Sha256 hash;
    bool bearer = given && strncmp(given, BEARER, sizeof BEARER - 1) == 0;
    sha256_of(view_text(bearer ? given + sizeof BEARER - 1 : ""), &hash);
    if (sodium_memcmp(hash.bytes, h->token.bytes, sizeof hash.bytes) == 0) return true;
    *ret_problem = (HttpProblem){401, "Authorization", "send 'Authorization: Bearer TOKEN'", "the token is missing or wrong"};
    return false;
}

uint64_t access_hash(const Http *h, View text, uint64_t under)
{
    uint8_t bytes[8 + 128];
    uint64_t hash;
    size_t size = text.size < sizeof bytes - 8 ? text.size : sizeof bytes - 8;
    memcpy(bytes, &under, 8);
    if (size) memcpy(bytes + 8, text.data, size);
    _Static_assert(crypto_shorthash_BYTES == sizeof hash && crypto_shorthash_KEYBYTES == 16, "SipHash-2-4");
    crypto_shorthash((unsigned char *)&hash, bytes, size + 8, h->hash_key);
    return hash;
}

uint64_t access_client(const Http *h, struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return 0;
    const HttpAddress *a = (const HttpAddress *)(const void *)info->client_addr;
    bool here = a->any.sa_family == AF_INET ? ntohl(a->v4.sin_addr.s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
    if (here) return 0; /* this machine's processes, often one in front for many clients, are not told apart: sessions are */
    if (a->any.sa_family == AF_INET) return access_hash(h, view_of(&a->v4.sin_addr, sizeof a->v4.sin_addr), 4);
    return access_hash(h, view_of(&a->v6.sin6_addr, 8), 6); /* a network of 64 bits is one client */
}
