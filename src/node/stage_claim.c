/* Claims: data from shelves, by micro-jobs; images, with their zygotes, by tasks. */
#include "node/stage_parts.h"

#include <stdio.h>

#include "sys/clock.h"

static void claimant_text(const char *task, const uint8_t *measurement, char *ret_text, size_t room)
{
    char hex[65];
    Sha256 m;
    memcpy(m.bytes, measurement, sizeof m.bytes);
    sha256_hex(&m, hex);
    snprintf(ret_text, room, "%s with image %s", task, hex);
}
enum { CLAIMANT_MAX = RESOURCE_TASK_MAX + 96 };

/* --- shelves --- */

static bool is_for(const Entry *e, const Shelf *shelf)
{
    return e->r.kind == RESOURCE_DATA && view_equal(resource_task_of(&e->r), view_text(shelf->task));
}

/* Of several shelves that it may lie on the first. A shelf whose places are all taken is tried again when one is free. */
void stage_shelve(Stage *s, Entry *e)
{
    stage_announce(s, e);
    for (uint32_t i = 0; i < s->shelf_count; i++) {
        Shelf *shelf = s->shelves[i];
        if (!is_for(e, shelf) || !resource_allows(&e->r, view_text(shelf->task), shelf->measurement)) continue;
        if (shelf_put(shelf, e->r.name, e->r.size, e->fd, &e->place).code) continue;
        e->shelf = shelf;
        e->state = ENTRY_READY;
        return;
    }
    for (uint32_t i = 0; i < s->shelf_count; i++) /* nobody here may have it: who asks hears so */
        if (is_for(e, s->shelves[i])) {
            uint32_t place;
            Err ignored = shelf_put(s->shelves[i], e->r.name, e->r.size, -1, &place);
            (void)ignored;
        }
}

static void fill_shelf(Stage *s, const Shelf *shelf)
{
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i]->state == ENTRY_WAITING && is_for(s->entries[i], shelf)) stage_shelve(s, s->entries[i]);
}

Err stage_shelf_open(Stage *s, View task, const uint8_t measurement[SHA256_BYTES], Shelf **ret_shelf)
{
    for (uint32_t i = 0; i < s->shelf_count; i++) {
        if (!shelf_is(s->shelves[i], task, measurement)) continue;
        s->shelves[i]->users++;
        *ret_shelf = s->shelves[i];
        return OK;
    }
    if (s->shelf_count == STAGE_RESOURCES_MAX) return FAIL(ERR_BUSY);
    Shelf *shelf;
    TRY(shelf_new(task, measurement, &shelf));
    shelf->users = 1;
    s->shelves[s->shelf_count++] = shelf;
    fill_shelf(s, shelf);
    *ret_shelf = shelf;
    return OK;
}

/* What still lies there waits for another shelf. */
static void clear_shelf(Stage *s, Shelf *shelf)
{
    for (uint32_t i = s->entry_count; i > 0; i--) {
        Entry *e = s->entries[i - 1];
        if (e->r.kind != RESOURCE_DATA || e->shelf != shelf) continue;
        bool lies = shelf_take_back(shelf, e->place, PLACE_EVICTED);
        e->shelf = NULL;
        e->state = ENTRY_WAITING;
        e->claimed = !lies;
        if (!lies) stage_remove(s, e, STAGE_CLAIMED);
    }
}

void stage_shelf_close(Stage *s, Shelf **shelf)
{
    Shelf *gone = *shelf;
    *shelf = NULL;
    if (!gone || --gone->users > 0) return;
    clear_shelf(s, gone);
    uint32_t i = 0;
    while (s->shelves[i] != gone) i++;
    s->shelves[i] = s->shelves[--s->shelf_count];
    shelf_free(&gone);
    for (i = 0; i < s->entry_count; i++)
        if (s->entries[i]->r.kind == RESOURCE_DATA && s->entries[i]->state == ENTRY_WAITING) stage_shelve(s, s->entries[i]);
}

/* --- what was claimed, and what was not --- */

static void note_claim(Stage *s, Entry *e)
{
    char claimant[CLAIMANT_MAX];
    claimant_text(e->shelf->task, e->shelf->measurement, claimant, sizeof claimant);
    e->claimed = true;
    stage_say(s, STAGE_CLAIMED, &e->r, 0, clock_monotonic_ns() - e->ready_ns, claimant);
    stage_remove(s, e, 0);
}

/* The SEE is hostile: its word decides what is written about it and nothing else. */
static void note_refusals(Stage *s, const Shelf *shelf, const SlotAnswer *a)
{
    char claimant[CLAIMANT_MAX];
    claimant_text(shelf->task, shelf->measurement, claimant, sizeof claimant);
    for (uint32_t i = 0; i < STAGING_PLACES; i++) {
        static const StageOutcomeCode CODES[] = {[-CLAIM_TWICE] = STAGE_CLAIM_TWICE, [-CLAIM_EVICTED] = STAGE_CLAIM_EVICTED,
                                                 [-CLAIM_EXPIRED] = STAGE_CLAIM_EXPIRED, [-CLAIM_DENIED] = STAGE_CLAIM_DENIED};
        uint8_t why = a->claim_refused[i];
        if (why >= sizeof CODES / sizeof CODES[0] || CODES[why] == 0) continue;
        Resource r = {.kind = RESOURCE_DATA, .size = shelf->board->places[i].size};
        memcpy(r.name, shelf->board->places[i].name, sizeof r.name);
        stage_say(s, CODES[why], &r, 0, 0, claimant);
    }
    if (a->claim_foreign == 1) stage_say(s, STAGE_CLAIM_FOREIGN, NULL, 0, 0, claimant);
}

void stage_shelf_look(Stage *s, Shelf *shelf, const SlotAnswer *answer)
{
    for (uint32_t i = s->entry_count; i > 0; i--) {
        Entry *e = s->entries[i - 1];
        if (e->r.kind != RESOURCE_DATA || e->shelf != shelf || e->state != ENTRY_READY) continue;
        if (!shelf_has(shelf, e->place)) note_claim(s, e);
        else if (answer) e->promised = false; /* a micro-job has ended: if it was the one, it did not take it */
    }
    if (answer) note_refusals(s, shelf, answer);
    fill_shelf(s, shelf); /* places may have become free */
}

Entry *stage_find_data(Stage *s, const Shelf *shelf, const uint8_t hash[SHA256_BYTES], uint64_t size)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        Entry *e = s->entries[i];
        bool here = e->r.kind == RESOURCE_DATA && e->state == ENTRY_READY && e->shelf == shelf && !e->promised;
        if (here && e->r.size == size && memcmp(e->r.hash.bytes, hash, SHA256_BYTES) == 0) return e;
    }
    return NULL;
}

/* --- images --- */

static StageOutcomeCode judge(const Entry *e, const ImageClaim *c)
{
    const ResourceShape *shape = &e->r.shape;
    if (!view_equal(resource_task_of(&e->r), c->task)) return STAGE_CLAIM_FOREIGN;
    if (!resource_allows(&e->r, c->task, c->measurement)) return STAGE_CLAIM_DENIED;
    bool fits = shape->level == (SecurityLevel)c->level && shape->memory_max == c->memory_max && shape->output_max >= c->output_max;
    return fits ? STAGE_CLAIMED : STAGE_CLAIM_SHAPE;
}

Entry *stage_image_claim(Stage *s, const ImageClaim *c)
{
    const Entry *refused = NULL;
    StageOutcomeCode why = STAGE_CLAIMED;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        Entry *e = s->entries[i];
        bool same = e->r.kind == RESOURCE_IMAGE && e->state != ENTRY_VERIFYING && memcmp(e->measurement, c->measurement, SHA256_BYTES) == 0;
        StageOutcomeCode code = same ? judge(e, c) : STAGE_NOT_HERE;
        if (code == STAGE_CLAIMED) return e;
        if (same) refused = e;
        if (same) why = code;
    }
    if (!refused) return NULL;
    char task[RESOURCE_TASK_MAX + 1], claimant[CLAIMANT_MAX];
    snprintf(task, sizeof task, "%.*s", (int)c->task.size, (const char *)c->task.data);
    claimant_text(task, c->measurement, claimant, sizeof claimant);
    stage_say(s, why, &refused->r, 0, 0, claimant);
    return NULL;
}

void stage_image_taken(Stage *s, Entry *image, const ImageClaim *c)
{
    char task[RESOURCE_TASK_MAX + 1], claimant[CLAIMANT_MAX];
    snprintf(task, sizeof task, "%.*s", (int)c->task.size, (const char *)c->task.data);
    claimant_text(task, c->measurement, claimant, sizeof claimant);
    stage_announce(s, image);
    image->claimed = true;
    image->zygotes_taken++;
    stage_say(s, STAGE_CLAIMED, &image->r, 0, clock_monotonic_ns() - image->ready_ns, claimant);
    if (image->zygotes_taken >= image->r.shape.zygotes) stage_remove(s, image, 0);
}

void stage_image_progress(Stage *s, Entry *image, StageOutcomeCode why)
{
    if (why) stage_evict_entry(s, image, why);
    else if (image->zygotes_ready + image->zygotes_taken >= image->r.shape.zygotes) stage_announce(s, image);
}
