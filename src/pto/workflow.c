/* WfFormat: the steps of an executed workflow with their children; programs and their order from it. */
#include "pto/workflow.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/quoted.h"
#include "pto/packed.h"

/* Sets of steps are bit sets: word [step * words + other / 64]. */
typedef struct {
    const char *name;
    Diag *diag;
    json_t *steps;
    json_t *numbers;              /* id -> number of the step */
    size_t count, words;
    uint32_t *program;            /* of each step */
    uint64_t *children, *after;   /* after: everything that must come later, children included */
    uint8_t *visit;               /* 0 not yet, 1 below it is being looked at, 2 done */
    Workflow *w;
} Parsing;

static bool has(const uint64_t *set, size_t i) { return set[i / 64] >> (i % 64) & 1; }
static void put(uint64_t *set, size_t i) { set[i / 64] |= UINT64_C(1) << (i % 64); }

/* "mProject_ID0000001" is a step of the program mProject. */
static Err program_of(Parsing *p, const char *step, uint32_t *ret_program)
{
    char name[SERVICE_NAME_MAX + 1];
    const char *end = strstr(step, "_ID");
    size_t size = end ? (size_t)(end - step) : strlen(step);
    if (size > SERVICE_NAME_MAX) size = SERVICE_NAME_MAX;
    memcpy(name, step, size);
    name[size] = '\0';
    if (!service_name_legal(name)) return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: '%s' cannot be a task's name", p->name, quoted(view_text(step)).text);
    for (uint32_t i = 0; i < p->w->program_count; i++) {
        if (strcmp(p->w->programs[i].name, name) != 0) continue;
        *ret_program = i;
        return OK;
    }
    if (p->w->program_count == WORKFLOW_PROGRAMS_MAX)
        return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: more than %d programs", p->name, WORKFLOW_PROGRAMS_MAX);
    memcpy(p->w->programs[p->w->program_count].name, name, size + 1);
    *ret_program = p->w->program_count++;
    return OK;
}

static Err take_step(Parsing *p, size_t i)
{
    const json_t *step = json_array_get(p->steps, i);
    const char *id = json_string_value(json_object_get(step, "id")), *name = json_string_value(json_object_get(step, "name"));
    if (!id || !name) return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: task %zu has no id or no name", p->name, i);
    if (json_object_get(p->numbers, id)) return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: task '%s' is there twice", p->name, quoted(view_text(id)).text);
    if (json_object_set_new(p->numbers, id, json_integer((json_int_t)i)) < 0) return FAIL(ENOMEM);
    TRY(program_of(p, name, &p->program[i]));
    p->w->programs[p->program[i]].steps++;
    return OK;
}

static Err take_children(Parsing *p, size_t i)
{
    const json_t *list = json_object_get(json_array_get(p->steps, i), "children");
    size_t k;
    json_t *child;
    json_array_foreach (list, k, child) {
        const char *id = json_string_value(child);
        const json_t *number = id ? json_object_get(p->numbers, id) : NULL;
        if (!number) return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: task %zu has a child that is not there", p->name, i);
        put(p->children + i * p->words, (size_t)json_integer_value(number));
    }
    return OK;
}

/* Without recursion: a chain of thousands of steps must not use up the stack. */
static Err close_over(Parsing *p, size_t root)
{
    size_t *stack = calloc(p->count + 1, sizeof *stack), depth = 0;
    if (!stack) return FAIL(ENOMEM);
    Err e = OK;
    if (!p->visit[root]) stack[depth++] = root;
    while (depth && !e.code) {
        size_t i = stack[depth - 1], child = 0;
        const uint64_t *children = p->children + i * p->words;
        p->visit[i] = 1;
        while (child < p->count && !(has(children, child) && p->visit[child] != 2)) child++;
        if (child < p->count && p->visit[child] == 1) {
            e = FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: tasks follow each other in a circle", p->name);
        } else if (child < p->count) {
            stack[depth++] = child;
        } else {
            for (size_t c = 0; c < p->count; c++) {
                if (!has(children, c)) continue;
                put(p->after + i * p->words, c);
                for (size_t w = 0; w < p->words; w++) p->after[i * p->words + w] |= p->after[c * p->words + w];
            }
            p->visit[i] = 2;
            depth--;
        }
    }
    free(stack);
    return e;
}

/* Whether some step must run between the two: then they are never neighbours. */
static bool between(const Parsing *p, size_t i, size_t k)
{
    for (size_t c = 0; c < p->count; c++)
        if (has(p->children + i * p->words, c) && has(p->after + c * p->words, k)) return true;
    return false;
}

static Err find_neighbours(Parsing *p)
{
    Workflow *w = p->w;
    w->follows = calloc((size_t)w->program_count * w->program_count, 1);
    if (!w->follows) return FAIL(ENOMEM);
    for (size_t i = 0; i < p->count; i++)
        for (size_t k = 0; k < p->count; k++) {
            uint8_t *follows = &w->follows[p->program[i] * w->program_count + p->program[k]];
            if (*follows || i == k || has(p->after + k * p->words, i)) continue;
            *follows = !has(p->after + i * p->words, k) || !between(p, i, k);
        }
    return OK;
}

static Err parse(Parsing *p)
{
    size_t n = p->count;
    p->words = (n + 63) / 64;
    p->program = calloc(n, sizeof *p->program);
    p->children = calloc(n * p->words, sizeof *p->children);
    p->after = calloc(n * p->words, sizeof *p->after);
    p->visit = calloc(n, 1);
    p->w->programs = calloc(WORKFLOW_PROGRAMS_MAX, sizeof *p->w->programs);
    p->numbers = json_object();
    if (!p->program || !p->children || !p->after || !p->visit || !p->w->programs || !p->numbers) return FAIL(ENOMEM);
    p->w->step_count = (uint32_t)n;
    for (size_t i = 0; i < n; i++) TRY(take_step(p, i));
    for (size_t i = 0; i < n; i++) TRY(take_children(p, i));
    for (size_t i = 0; i < n; i++) TRY(close_over(p, i));
    return find_neighbours(p);
}

static Err find_steps(Parsing *p, json_t *root)
{
    json_t *workflow = json_object_get(root, "workflow"), *specification = json_object_get(workflow, "specification");
    p->steps = json_object_get(specification ? specification : workflow, "tasks");
    p->count = json_array_size(p->steps);
    if (!p->count) return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: no WfFormat workflow: there are no workflow.specification.tasks", p->name);
    if (p->count > WORKFLOW_STEPS_MAX)
        return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: %zu tasks; at most %d are read", p->name, p->count, WORKFLOW_STEPS_MAX);
    return OK;
}

Err workflow_parse(View json, const char *name, Workflow *ret_workflow, Diag *diag)
{
    json_error_t error;
    json_t *root = json_loadb((const char *)json.data, json.size, JSON_REJECT_DUPLICATES, &error);
    if (!root) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%d: not JSON: %s", name, error.line, quoted(view_text(error.text)).text);
    Workflow w = {0};
    Parsing p = {.name = name, .diag = diag, .w = &w};
    Err e = find_steps(&p, root);
    if (!e.code) e = parse(&p);
    free(p.program);
    free(p.children);
    free(p.after);
    free(p.visit);
    json_decref(p.numbers);
    json_decref(root);
    if (e.code) workflow_free(&w);
    else *ret_workflow = w;
    return e;
}

Err workflow_load(const char *path, Workflow *ret_workflow, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(WORKFLOW_BYTES_MAX);
    Err e = packed_file_read(path, &text);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    return workflow_parse(view_buffer(&text), path, ret_workflow, diag);
}

void workflow_free(Workflow *w)
{
    free(w->programs);
    free(w->follows);
    *w = (Workflow){0};
}

static uint32_t find_program(const Workflow *w, const char *name)
{
    for (uint32_t i = 0; i < w->program_count; i++)
        if (strcmp(w->programs[i].name, name) == 0) return i;
    return UINT32_MAX;
}

static Err take_order(Service *s, const Workflow *w, ServiceTask *t)
{
    uint32_t me = find_program(w, t->name);
    if (me == UINT32_MAX || t->next_count) return OK;
    t->next = calloc(s->task_count, sizeof *t->next);
    if (!t->next) return FAIL(ENOMEM);
    for (uint32_t i = 0; i < s->task_count; i++) {
        uint32_t other = find_program(w, s->tasks[i].name);
        if (other != UINT32_MAX && w->follows[me * w->program_count + other]) t->next[t->next_count++] = i;
    }
    return OK;
}

Err workflow_apply(Service *s, Diag *diag)
{
    Workflow w;
    TRY(workflow_load(s->workflow, &w, diag));
    bool any = false;
    Err e = OK;
    for (size_t i = 0; i < s->task_count && !e.code; i++) {
        any |= find_program(&w, s->tasks[i].name) != UINT32_MAX;
        e = take_order(s, &w, &s->tasks[i]);
    }
    if (!e.code && !any)
        e = FAIL_WHY(diag, ERR_BAD_INPUT, "%s: none of the service's tasks is a program of this workflow, such as '%s'", s->workflow, w.programs[0].name);
    workflow_free(&w);
    return e;
}
