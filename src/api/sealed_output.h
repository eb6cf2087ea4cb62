/**
 * Where the results of a task over a sealed dataset go: into a result file (dataset/sealed.h), one after another as they left their SEEs. The key
 * broker signs its footer, which names who may open it; without that signature there is no file.
 */
#pragma once
#include <stdatomic.h>

#include "bus/message.h"
#include "dataset/sealed.h"
#include "node/broker_link.h"

typedef struct {
    SealedWriter *writer;
    TaskId id;
    bool is_answer;          /* of a private task: the one result opens by itself; set after sealed_output_open */
    BrokerLink broker;
    BrokerAsk ask;
    Buffer footer;           /* once the broker has signed */
    BrokerMessageType answer;/* 0: none yet */
    int refused_code;
    char refused_text[BROKER_TEXT_MAX + 1];
} SealedOutput;

/** errors: those of result_writer_open */
MUST_USE Err sealed_output_open(SealedOutput *o, const char *path, const TaskId *id, Bus *broker_bus, Diag *diag);
/** One result. errors: ENOSPC and the like; ERR_PROTOCOL, ERR_FOREIGN (no sealed result of this task) */
MUST_USE Err sealed_output_add(SealedOutput *o, View result);
/** Asks the broker for the footer and completes the file under its name. Turns the loop meanwhile.
 *  errors: ERR_CLOSED (no answer), ERR_INTERRUPTED, what the broker says */
MUST_USE Err sealed_output_finish(SealedOutput *o, Loop *loop, const atomic_bool *interrupted, unsigned *ret_recipients, Diag *diag);
/** Leaves nothing of a file that was not finished. */
void sealed_output_close(SealedOutput *o);
