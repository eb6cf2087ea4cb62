/* What a run is: its identity for resuming, the seed of its random streams, its id and key. */
#include "crypto/sign.h"
#include "swarm/manager_parts.h"
#include "sys/entropy.h"

#define IDENTITY_BYTES_MAX (1 * GIB) /* a million files with long names */

static Err put_task(const ManagerRequest *r, const char *purpose, Buffer *b)
{
    TRY(buffer_put_bytes(b, view_text(purpose)));
    TRY(buffer_put_bytes(b, view_buffer(&r->task->source)));
    TRY(buffer_append(b, view_of(r->measurement, sizeof r->measurement)));
    return buffer_append(b, view_of(r->combine_measurement, sizeof r->combine_measurement));
}

Err manager_identify(Manager *m, Diag *diag)
{
    AUTO_BUFFER b = buffer_limited(IDENTITY_BYTES_MAX);
    Sha256 hash;
    TRY(put_task(&m->request, "covey-seed-v1", &b));
    sha256_of(view_buffer(&b), &hash);
    memcpy(m->ids.seed, hash.bytes, sizeof m->ids.seed);
    TRY_WHY(diag, random_bytes(m->ids.digest_key, sizeof m->ids.digest_key), "random numbers");
    TRY_WHY(diag, random_bytes(m->ids.id.bytes, sizeof m->ids.id.bytes), "random numbers");
    if (!m->request.journal_dir) return OK; /* nothing can be resumed */

    b.size = 0;
    TRY(put_task(&m->request, "covey-identity-v1", &b));
    TRY_WHY(diag, splitter_identity(m->splitter, &b), "identity of the input");
    sha256_of(view_buffer(&b), &hash);
    memcpy(m->ids.identity, hash.bytes, sizeof m->ids.identity);
    return OK;
}
