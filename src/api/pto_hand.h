/** What an orchestrator decides to have ready, handed to the node's stage, signed, before the service is told. docs/prefetch.md */
#pragma once
#include "audit/audit.h"
#include "pto/service.h"
#include "sys/loop.h"

typedef struct Handing Handing;

/** Everything is borrowed for its life. images: [task], path and measurement; an empty path: this task is not handed over. */
typedef struct { char *path; uint8_t measurement[32]; } HandingImage;
typedef struct {
    Loop *loop;
    const char *stage_path;
    const Service *service;
    const HandingImage *images;
    const SecretKey *secret;
    PublicKey public_key;
    Audit *audit;
    uint64_t patience_ms;         /* for the node's answer, before the connection is made anew; 0: 30 s */
    void *context;
    void (*handed)(void *context, uint32_t task); /* nothing of it is on its way any more: staged, or refused */
} HandingConfig;

MUST_USE Err handing_new(const HandingConfig *config, Handing **ret_handing);
void handing_free(Handing **handing);
/** false: nothing of it can be handed over now; true: `handed` is called later. value: what it is worth, for the stage's own evictions. */
bool handing_task(Handing *h, uint32_t task, uint64_t value);
/** What of it is staged and unclaimed is taken back. */
void handing_take_back(Handing *h, uint32_t task);
