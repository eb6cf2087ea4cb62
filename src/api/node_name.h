/** What a node is called on a bus when nobody names it: it follows from its key, so node and server agree without being told. */
#pragma once
#include "bus/nats.h"

typedef struct { char text[NATS_ID_MAX + 1]; } NodeName;

/** "node-" and the first 16 hex digits of the key. */
NodeName node_name_of(const PublicKey *key);
