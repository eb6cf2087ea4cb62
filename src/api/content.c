/* Looking for data by what they hold, in the folders that the user names. */
#include "api/content.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/data_at_hand.h"

enum { HASH_STEP_BYTES = 64 << 20 };

static Err look(covey_task *t, DataAtHand *hand, const ObjectId *id, Diag *diag)
{
    const char *path = data_at_hand_path(hand, id, 0);
    for (bool more = true; !path && more && !atomic_load(&t->interrupted);) {
        TRY_WHY(diag, data_at_hand_hash(hand, HASH_STEP_BYTES, &more), "no memory for the hashes of data");
        path = data_at_hand_path(hand, id, 0);
    }
    if (!path) return FAIL_WHY(diag, ERR_NO_ENTRY, "input: no file in the folders of data (--data) has this content");
    t->spec.input_path = strdup(path);
    return t->spec.input_path ? OK : FAIL(ENOMEM);
}

Err content_find(covey_task *t, Diag *diag)
{
    DataAtHand *hand;
    ObjectId id;
    char hashes[PATH_BYTES_MAX];
    if (!t->spec.by_content || t->spec.input_path) return OK;
    if (!t->data_count) return FAIL_WHY(diag, ERR_NO_ENTRY, "input: it is named by content; say with --data DIR in which folders to look for it");
    memcpy(id.bytes, t->spec.content, sizeof id.bytes);
    TRY_WHY(diag, path_format(hashes, "%s/data-hashes", t->owner->tasks_dir), "the state folder");
    TRY(data_at_hand_new((const char *const *)t->data, (uint32_t)t->data_count, hashes, &hand, diag));
    Err e = look(t, hand, &id, diag);
    data_at_hand_free(&hand);
    return e;
}
