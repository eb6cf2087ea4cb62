/**
 * What a zygote with sealed data tells the warden before it says READY, over a pipe that the agent never holds: the key that evidence is to
 * vouch for, and what it was set up with. One write of this structure.
 */
#pragma once
#include <stdint.h>

typedef struct {
    uint8_t see_key[32];      /* X25519, made in the zygote; its secret half never leaves it */
    uint8_t task_policy[32];  /* SHA-256 of the SETUP packet, strings included */
    uint8_t task_id[16];
    uint32_t level, reserved;
} ZygoteReport;

_Static_assert(sizeof(ZygoteReport) == 88, "the layout is a format");
