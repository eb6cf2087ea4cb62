/**
 * The statement by which a predictive task orchestrator (PTO) vouches for a resource that a node is to keep ready: what it is, for which task,
 * who may claim it, until when. docs/formats/resource.md
 *
 * COSE_Sign1 (crypto/cose.h) by the PTO's own key over deterministic CBOR. The bytes themselves travel as a sealed memfd beside it
 * (bus/stage_wire.h). A statement says nothing about whether its key counts: that is the stage's business (node/stage.h).
 */
#pragma once
#include "base/level.h"
#include "base/limits.h"
#include "crypto/sign.h"

#define RESOURCE_CONTEXT "covey-resource-v1"
enum {
    RESOURCE_NAME_MAX = 95,       /* bytes of a name; */
    RESOURCE_TASK_MAX = 63,       /* of the part before its '/' */
    RESOURCE_ACCESS_MAX = 32,     /* tasks, and as many images */
    RESOURCE_ZYGOTES_MAX = 64,
    RESOURCE_BYTES_MAX = 8 << 10, /* of a statement as sent */
    STAGE_ID_BYTES = 16,
};
#define RESOURCE_SIZE_MAX (4 * GIB) /* of the resource itself; more cannot be mapped into a module's memory */

typedef enum { RESOURCE_DATA = 1, RESOURCE_IMAGE = 2 } ResourceKind;
/** Names this process of this node: a new one with every start, so that no statement counts twice, nor elsewhere. */
typedef struct { uint8_t bytes[STAGE_ID_BYTES]; } StageId;
typedef struct { char text[RESOURCE_TASK_MAX + 1]; } ResourceTask;

/** With what an image's zygotes are started ahead of time: they serve only tasks that ask for the same level and memory, and no larger results. */
typedef struct { SecurityLevel level; uint64_t memory_max, output_max; uint32_t zygotes; } ResourceShape;

typedef struct {
    ResourceKind kind;
    char name[RESOURCE_NAME_MAX + 1]; /* "TASK" or "TASK/WHAT": the task it is for, and what a module claims it by */
    Sha256 hash;                      /* of all its bytes; an image with its signature trailer */
    uint64_t size;
    /* Who may claim it: a task of one of these names, whose image has one of these measurements. No image: any image of those tasks. */
    ResourceTask tasks[RESOURCE_ACCESS_MAX]; uint32_t task_count; /* at least 1 */
    Sha256 images[RESOURCE_ACCESS_MAX]; uint32_t image_count;
    uint64_t expires_ms;              /* unix milliseconds: from then on it can be neither staged nor claimed */
    uint64_t sequence;                /* of this PTO key at this stage; each statement's is greater than the one before */
    StageId stage;
    uint64_t value;                   /* what is worth less is evicted first; the PTO's own measure (nanoseconds of waiting saved per MiB) */
    ResourceShape shape;              /* of an image; zeros for data */
    PublicKey pto;                    /* who signed */
} Resource;

/** Whether a name is legal: letters, digits, '-', '_', '.', at most one '/', neither part empty. */
bool resource_name_valid(View name);
/** The part of a resource's name before the '/': the task it is for. */
View resource_task_of(const Resource *r);
/** Whether a task of this name with this image is on the access list. */
bool resource_allows(const Resource *r, View task, const uint8_t measurement[SHA256_BYTES]);

/** The PTO's side; r->pto is the public half of `secret`. errors: ERR_BAD_INPUT (a field that no node accepts), ERR_LIMIT, ENOMEM */
MUST_USE Err resource_encode(const Resource *r, const SecretKey *secret, Buffer *ret_cose);
/** Structure, ranges, and the signature by the key that it names. errors: ERR_BAD_INPUT, ERR_BAD_SIGNATURE */
MUST_USE Err resource_decode(View cose, Resource *ret_resource, Diag *diag);
