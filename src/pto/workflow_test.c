/* Does the order of programs follow from a workflow, and is what is no workflow refused? */
#include "base/test.h"
#include "base/test_data.h"
#include "pto/workflow.h"

static Workflow w;
static Diag diag;

static uint32_t program(const char *name)
{
    for (uint32_t i = 0; i < w.program_count; i++)
        if (strcmp(w.programs[i].name, name) == 0) return i;
    ck_abort_msg("there is no program %s", name);
}
static bool follows(const char *before, const char *after) { return w.follows[program(before) * w.program_count + program(after)]; }

#define STEPS(text) "{\"workflow\":{\"specification\":{\"tasks\":[" text "]}}}"

START_TEST(a_program_follows_another_when_a_schedule_runs_them_one_after_the_other)
{
    static const char TEXT[] = STEPS("{\"id\":\"a1\",\"name\":\"cut_ID1\",\"children\":[\"b1\"]}, {\"id\":\"a2\",\"name\":\"cut_ID2\",\"children\":[\"b1\"]},"
                                     "{\"id\":\"b1\",\"name\":\"mix_ID3\",\"children\":[\"c1\"]}, {\"id\":\"c1\",\"name\":\"show_ID4\",\"children\":[]}");
    ck_assert_ok(workflow_parse(view_text(TEXT), "w", &w, &diag));
    ck_assert_uint_eq(w.program_count, 3);
    ck_assert(follows("cut", "cut") && follows("cut", "mix") && follows("mix", "show"));
    ck_assert(!follows("cut", "show") && !follows("mix", "cut") && !follows("show", "mix") && !follows("mix", "mix"));
    workflow_free(&w);
}
END_TEST

START_TEST(what_is_no_workflow_is_refused)
{
    static const struct { const char *text, *error; } CASES[] = {
        {"", "w:1: not JSON"}, {"{}", "w: no WfFormat workflow"}, {STEPS(""), "w: no WfFormat workflow"}, {STEPS("1"), "w: task 0 has no id or no name"},
        {STEPS("{\"id\":\"a\",\"name\":\"x\"},{\"id\":\"a\",\"name\":\"x\"}"), "w: task 'a' is there twice"},
        {STEPS("{\"id\":\"a\",\"name\":\"x\",\"children\":[\"b\"]}"), "w: task 0 has a child that is not there"},
        {STEPS("{\"id\":\"a\",\"name\":\"x/y\"}"), "w: 'x/y' cannot be a task's name"},
        {STEPS("{\"id\":\"a\",\"name\":\"x\",\"children\":[\"b\"]},{\"id\":\"b\",\"name\":\"y\",\"children\":[\"a\"]}"), "w: tasks follow each other in a circle"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        diag = (Diag){0};
        ck_assert_err(workflow_parse(view_text(CASES[i].text), "w", &w, &diag), ERR_BAD_INPUT);
        ck_assert_msg(strncmp(diag.text, CASES[i].error, strlen(CASES[i].error)) == 0, "'%s', not '%s'", diag.text, CASES[i].error);
    }
}
END_TEST

START_TEST(executed_workflows_give_the_order_that_their_programs_have)
{
    const char *path = test_data("workflows/seismology-chameleon-100p-001.json.gz");
    if (!path) return;
    ck_assert_ok(workflow_load(path, &w, &diag));
    ck_assert_uint_eq(w.program_count, 2);
    ck_assert_uint_eq(w.step_count, 101);
    ck_assert(follows("sG1IterDecon", "sG1IterDecon") && follows("sG1IterDecon", "wrapper_siftSTFByMisfit"));
    ck_assert(!follows("wrapper_siftSTFByMisfit", "sG1IterDecon") && !follows("wrapper_siftSTFByMisfit", "wrapper_siftSTFByMisfit"));
    workflow_free(&w);
}
END_TEST

START_TEST(the_order_of_a_wide_workflow_is_that_of_an_independent_count)
{
    /* Counted with twenty lines of Python over the sets of descendants. Three mosaics that do not depend on each other: nothing is ruled out. */
    static const struct { const char *name; uint32_t programs, pairs; } FILES[] = {
        {"workflows/epigenomics-chameleon-hep-2seq-100k-001.json.gz", 119, 12696}, {"workflows/montage-chameleon-2mass-01d-001.json.gz", 8, 64}};
    for (size_t i = 0; i < 2; i++) {
        const char *path = test_data(FILES[i].name);
        if (!path) continue;
        uint32_t pairs = 0;
        ck_assert_ok(workflow_load(path, &w, &diag));
        ck_assert_uint_eq(w.program_count, FILES[i].programs);
        for (uint32_t k = 0; k < w.program_count * w.program_count; k++) pairs += w.follows[k];
        ck_assert_uint_eq(pairs, FILES[i].pairs);
        workflow_free(&w);
    }
}
END_TEST

TEST_MAIN("pto/workflow", a_program_follows_another_when_a_schedule_runs_them_one_after_the_other, what_is_no_workflow_is_refused,
          executed_workflows_give_the_order_that_their_programs_have, the_order_of_a_wide_workflow_is_that_of_an_independent_count)
