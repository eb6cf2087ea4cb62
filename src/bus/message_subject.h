/** Subjects of the messages in bus/message.h: making them, and who speaks on one. */
#pragma once
#include "bus/bus.h"
#include "bus/message.h"

typedef struct { char text[BUS_SUBJECT_MAX]; } Subject;

#define SUBJECT_ALL_NODES "covey.nodes.*"

/** covey.nodes.<node id>, covey.node.<node id>, covey.chunk.<node id> */
Subject subject_nodes(const char *node_id);
Subject subject_node(const char *node_id);
Subject subject_chunk(const char *node_id);
/** covey.manager.<manager id>.<node id>, covey.object.<manager id>.<node id>; node_id "*": of all nodes, to subscribe. */
Subject subject_manager(const ManagerId *manager, const char *node_id);
Subject subject_object(const ManagerId *manager, const char *node_id);
/** The last token: with a bus that pins it, the node that spoke. */
const char *subject_speaker(const char *subject);
/** A fresh one. errors: errno of getrandom */
MUST_USE Err manager_id_new(ManagerId *ret_id);
