/* A fixed table of sessions in locked memory. */
#include "keybroker/sessions.h"

#include <errno.h>
#include <sodium.h>

Err sessions_begin(Sessions *s, const SealSecretKey *sealing)
{
    if (sodium_init() < 0) return FAIL(EIO); /* sodium_malloc needs the page size */
    Secrets *secrets =
        sodium_malloc(sizeof *secrets); /* locked as far as RLIMIT_MEMLOCK allows, between guard pages, wiped when freed */
    if (!secrets) return FAIL(ENOMEM);
    sodium_memzero(secrets, sizeof *secrets);
    derive_root(sealing, &secrets->root);
    memset(s->ids, 0, sizeof s->ids);
    s->secrets = secrets;
    return OK;
}

void sessions_end(Sessions *s)
{
    sodium_free(s->secrets);
    s->secrets = NULL;
}

/* The place of a session, or SESSIONS_MAX. */
static size_t place_of(const Sessions *s, uint64_t id)
{
    size_t i = 0;
    while (i < SESSIONS_MAX && s->ids[i] != id) i++;
    return i;
}

static size_t place_for(const Sessions *s, uint64_t id, uint64_t now)
{
    size_t i = place_of(s, id);
    if (i == SESSIONS_MAX) i = place_of(s, 0);
    if (i < SESSIONS_MAX) return i;
    for (i = 0; i < SESSIONS_MAX && s->secrets->all[i].expires > now;) i++;
    return i;
}

bool sessions_have_room(const Sessions *s, uint64_t id, uint64_t now) { return place_for(s, id, now) < SESSIONS_MAX; }

Err sessions_put(Sessions *s, const Session *session, uint64_t now)
{
    size_t i = place_for(s, session->id, now);
    if (i == SESSIONS_MAX) return FAIL(ERR_BUSY);
    s->secrets->all[i] = *session;
    s->ids[i] = session->id;
    return OK;
}

const Session *sessions_find(const Sessions *s, uint64_t id, uint64_t now)
{
    if (id == 0) return NULL;
    size_t i = place_of(s, id);
    return i < SESSIONS_MAX && s->secrets->all[i].expires > now ? &s->secrets->all[i] : NULL;
}

void sessions_sweep(Sessions *s, uint64_t now)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        Session *session = &s->secrets->all[i];
        if (s->ids[i] == 0 || session->expires > now) continue;
        sodium_memzero(session, sizeof *session);
        s->ids[i] = 0;
    }
}
