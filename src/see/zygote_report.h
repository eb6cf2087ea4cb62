/**
 * What a zygote tells the warden, in a memory file of ZYGOTE_REPORTS of these that the agent never holds: the key that evidence is to vouch for, and
 * what it was set up with. With sealed data the first one, before it says READY. A zygote that is warmed says in the first one, before WARMED, that
 * it has a key and no task (task_policy and task_id are zero), and in the second one, before READY and with the same key, what its task is, when
 * that has sealed data.
 */
#pragma once
#include <stdint.h>

enum { ZYGOTE_REPORTS = 2 };
typedef struct {
    uint8_t see_key[32];      /* X25519, made in the zygote; its secret half never leaves it */
    uint8_t task_policy[32];  /* SHA-256 of the SETUP packet, strings included */
    uint8_t task_id[16];
    uint32_t level, reserved;  /* level 0: this one was not written yet */
} ZygoteReport;

_Static_assert(sizeof(ZygoteReport) == 88, "the layout is a format");
