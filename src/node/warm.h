/**
 * Zygotes that the agent starts of staged images before any task asks: walled in by the warden, then told to set up their memory and lock
 * themselves down (WARM, see/channel.h), attested (the evidence says which key pair they made, and that they have no task), and left waiting.
 * They have nothing of a task: no id, no seed, no slot, no key. A task that claims the image takes them over, and tells them the rest.
 */
#pragma once
#include "node/stage_parts.h"
#include "node/zygote_link.h"

struct Node;
typedef struct Warm Warm;

/** The stage's images are this agent's from now on. */
MUST_USE Err warm_new(struct Node *node, Stage *stage, Warm **ret_warm);
/** Ends those that no task has. */
void warm_free(Warm **warm);
/** Starts what is missing, as long as tasks leave room for it. */
void warm_turn(Warm *w, uint64_t now_ns);
/** Ends the zygotes that do not get ready. */
void warm_watch(Warm *w, uint64_t now_ns);
/** A report of the warden about one of them; false: about none. */
bool warm_hear(Warm *w, const WardenReport *report);
/** The warden died, and every zygote with it. */
void warm_orphaned(Warm *w);
/** Tasks need its place: ends the zygotes of the image that is worth least; false: there are none. */
bool warm_give_way(Warm *w);

/** Moves one into *ret_link, in state WARMING or WARM; false: none is there for this claim. slot_bytes: what the task would ask the warden for. */
bool warm_take(Warm *w, const ImageClaim *claim, uint64_t slot_bytes, ZygoteLink *ret_link);
