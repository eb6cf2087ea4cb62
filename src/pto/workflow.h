/**
 * Workflow files (WfFormat JSON, wfcommons.org) as metadata of a service: programs are tasks, and a program may follow another when some
 * schedule of the workflow runs them one right after the other.
 */
#pragma once
#include "pto/service.h"

enum { WORKFLOW_STEPS_MAX = 4096, WORKFLOW_PROGRAMS_MAX = 256 };
#define WORKFLOW_BYTES_MAX (64 * MIB)

typedef struct { char name[SERVICE_NAME_MAX + 1]; uint32_t steps; } WorkflowProgram;
typedef struct {
    WorkflowProgram *programs;
    uint32_t program_count, step_count;
    uint8_t *follows;          /* program_count * program_count: [before * count + after] */
} Workflow;

/** JSON, hostile. errors: ERR_BAD_INPUT with what is wrong, ENOMEM */
MUST_USE Err workflow_parse(View json, const char *name, Workflow *ret_workflow, Diag *diag);
MUST_USE Err workflow_load(const char *path, Workflow *ret_workflow, Diag *diag);
void workflow_free(Workflow *w);
/** Tasks of the service that are programs of its workflow, and name no successors themselves, get theirs from it.
 *  errors: ERR_BAD_INPUT when no task is a program of it */
MUST_USE Err workflow_apply(Service *s, Diag *diag);
