/**
 * A small world for tests of the manager: a loop, a bus, fake nodes, an input file and a journal in a folder of their own.
 */
#pragma once
#include "swarm/fake_node.h"
#include "swarm/manager.h"
#include "sys/test.h"

enum { WORLD_NODES_MAX = 8, WORLD_FAILURES_MAX = 64, WORLD_JOBS_MAX = 1 << 20 };

typedef struct { uint64_t job; uint32_t stage, outcome, exit_code, attempts; char log[64]; } WorldFailure;

typedef struct {
    TestFolder folder;
    char journal[PATH_MAX];
    TaskSpec task;
    ManagerRequest request;  /* made by world_task; a test changes it before world_start */
    Loop *loop;
    Bus *bus;
    Manager *manager;
    FakeNode *nodes[WORLD_NODES_MAX];
    FakeNodeConfig configs[WORLD_NODES_MAX];
    uint32_t node_count;
    /* what happened */
    Buffer output;
    uint8_t *results;        /* how often a result of each micro-job was reported */
    uint64_t results_count;
    WorldFailure failures[WORLD_FAILURES_MAX];
    uint32_t failure_count;
    Err result;
    Diag diag;
    ManagerProgress progress;
    uint64_t stop_after;     /* results after which the manager is taken away as kill -9 would; 0: never */
} World;

void world_open(World *w);
void world_close(World *w);
/** Writes FOLDER/input. */
void world_input(World *w, const void *data, size_t size);
/** `lines` lines "0\n" "1\n" ... */
void world_input_lines(World *w, uint64_t lines);
/** The task from YAML whose paths are relative to the folder; "image: x.see" and "task: t" are put in front. */
void world_task(World *w, const char *yaml);
/** Answers with the segment. */
void world_echo(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer);
/** A node that echoes, with window 16 and batch 4 where the config says nothing. */
void world_node(World *w, FakeNodeConfig config);
/** A manager and its nodes, run to the end; result, diag, progress and output are what came of it. */
void world_run(World *w);
/** The parts of world_run, for tests that do something in between. */
void world_start(World *w);
void world_turn_until_done(World *w);
void world_stop(World *w);
/** Fails the test unless the output is exactly this. */
void world_expect_output(const World *w, View expected);
/** The file FOLDER/input is the expected output: everything was echoed, once, in order. */
void world_expect_echo(const World *w);
/** One number out of the journal's database. */
int64_t world_query(const World *w, const char *sql);
