/* Does a task file mean what docs/task-file.md says, and is every mistake named with its line? */
#include "swarm/task.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "sys/fd.h"
#include "sys/test.h"

static TaskSpec parsed(const char *yaml)
{
    TaskSpec t;
    Diag diag = {{0}};
    Err e = task_parse(view_text(yaml), "t.yaml", "/data", &t, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return t;
}

START_TEST(every_key_arrives)
{
    TaskSpec t = parsed("task: busiest-airports\n"
                        "image: count-by-key.see\n"
                        "args: [--column, 007, yes, '', \"a b\"]\n"
                        "env: {LANG: C, EMPTY: ''}\n"
                        "input: {path: flights.csv, split: {by: csv, target: 64KiB, header: false}}\n"
                        "combine: sum-by-key\n"
                        "security: {level: shared, lifetime: 500ms, memory: 1MiB, output: 10kB, random: real}\n"
                        "redundancy: {copies: 1, agree: 1, speculate: true, adaptive: false}\n"
                        "placement: {locality: 1.0, availability: 2, cost: .5, spot: forbid, zones: [eu-1, eu-2], exclude: n7}\n"
                        "attempts: 5\n"
                        "output: /tmp/busiest.csv\n");
    ck_assert_str_eq(t.name, "busiest-airports");
    ck_assert_str_eq(t.image, "/data/count-by-key.see");
    ck_assert_ptr_null(t.module);
    ck_assert_uint_eq(t.arg_count, 5);
    ck_assert_str_eq(t.args[1], "007");
    ck_assert_str_eq(t.args[2], "yes");
    ck_assert_str_eq(t.args[3], "");
    ck_assert_str_eq(t.args[4], "a b");
    ck_assert_uint_eq(t.env_count, 2);
    ck_assert_str_eq(t.env[0], "LANG=C");
    ck_assert_str_eq(t.env[1], "EMPTY=");
    ck_assert_str_eq(t.input_path, "/data/flights.csv");
    ck_assert(t.split.by == SPLIT_CSV && t.split.target_bytes == 64 * KIB && !t.split.header && t.split.records == 0);
    ck_assert(t.combine.by == COMBINE_SUM_BY_KEY);
    ck_assert(t.level == LEVEL_SHARED && t.lifetime_ns == 500 * NS_PER_MS && t.memory_max == MIB && t.output_max == 10000 && t.real_random);
    ck_assert(t.redundancy.copies == 1 && t.redundancy.agree == 1 && t.redundancy.speculate && !t.redundancy.adaptive);
    ck_assert(t.placement.locality == 1 && t.placement.availability == 2 && t.placement.cost == 0.5 && !t.placement.spot);
    ck_assert(t.placement.zone_count == 2 && t.placement.exclude_count == 1);
    ck_assert_str_eq(t.placement.zones[1], "eu-2");
    ck_assert_str_eq(t.placement.exclude[0], "n7");
    ck_assert_uint_eq(t.attempts, 5);
    ck_assert_str_eq(t.output, "/tmp/busiest.csv");
    task_free(&t);
}
END_TEST

START_TEST(what_is_left_out_has_its_default)
{
    TaskSpec t = parsed("task: t\nmodule: m.wasm\ninput: in\n");
    ck_assert_str_eq(t.module, "/data/m.wasm");
    ck_assert(t.split.by == SPLIT_LINES && t.split.target_bytes == 256 * KIB && t.split.header);
    ck_assert(t.combine.by == COMBINE_CONCAT && t.level == LEVEL_PROCESS && !t.real_random);
    ck_assert(t.lifetime_ns == SEE_LIFETIME_DEFAULT_NS && t.memory_max == SEE_MEMORY_DEFAULT && t.output_max == SEE_OUTPUT_DEFAULT);
    ck_assert(t.attempts == 3 && t.arg_count == 0 && t.env_count == 0 && !t.by_content);
    ck_assert(t.redundancy.copies == 1 && t.redundancy.agree == 1 && !t.redundancy.speculate);
    ck_assert_ptr_null(t.output);
    ck_assert(view_equal(view_buffer(&t.source), VIEW("task: t\nmodule: m.wasm\ninput: in\n")));
    task_free(&t);
}
END_TEST

START_TEST(input_has_short_forms)
{
    static const struct { const char *input; SplitBy by; const char *path; uint64_t count; } CASES[] = {
        {"input: a.csv", SPLIT_CSV, "/data/a.csv", 0},
        {"input: a.CSV", SPLIT_CSV, "/data/a.CSV", 0},
        {"input: a.jsonl", SPLIT_JSONL, "/data/a.jsonl", 0},
        {"input: a.ndjson", SPLIT_JSONL, "/data/a.ndjson", 0},
        {"input: a.csv/log", SPLIT_LINES, "/data/a.csv/log", 0},
        {"input: '-'", SPLIT_LINES, "-", 0},
        {"input: {count: 12}", SPLIT_COUNT, NULL, 12},
        {"input: {split: {count: 12}}", SPLIT_COUNT, NULL, 12},
        {"input: {split: {by: count, count: 12}}", SPLIT_COUNT, NULL, 12},
        {"input: {split: count, count: 12}", SPLIT_COUNT, NULL, 12},
        {"input: {path: a.csv, split: lines}", SPLIT_LINES, "/data/a.csv", 0},
        {"input: {path: a.csv, split: {target: 1kB}}", SPLIT_CSV, "/data/a.csv", 0},
        {"input: {path: 'd/*.png', split: file}", SPLIT_FILE, "/data/d/*.png", 0},
        {"input: {path: a, split: {by: fixed, size: 8, records: 3}}", SPLIT_FIXED, "/data/a", 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml, "task: t\nimage: i\n%s\n", CASES[i].input);
        TaskSpec t = parsed(yaml);
        ck_assert_msg(t.split.by == CASES[i].by, "%s: by %s", CASES[i].input, split_name(t.split.by));
        ck_assert_uint_eq(t.split.count, CASES[i].count);
        if (CASES[i].path) ck_assert_str_eq(t.input_path, CASES[i].path);
        else ck_assert_ptr_null(t.input_path);
        task_free(&t);
    }
}
END_TEST

START_TEST(combine_has_several_shapes)
{
    static const struct { const char *combine; CombineBy by; uint64_t top; } CASES[] = {
        {"combine: concat", COMBINE_CONCAT, 0}, {"combine: sum", COMBINE_SUM, 0}, {"combine: sum-by-key", COMBINE_SUM_BY_KEY, 0},
        {"combine: min", COMBINE_MIN, 0}, {"combine: max", COMBINE_MAX, 0}, {"combine: mean", COMBINE_MEAN, 0},
        {"combine: {top: 5}", COMBINE_TOP, 5}, {"combine:\n  top: 5", COMBINE_TOP, 5}, {"combine: top:5", COMBINE_TOP, 5},
        {"combine: 'top: 5'", COMBINE_TOP, 5},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml, "task: t\nimage: i\ninput: a\n%s\n", CASES[i].combine);
        TaskSpec t = parsed(yaml);
        ck_assert_msg(t.combine.by == CASES[i].by && t.combine.top == CASES[i].top, "%s", CASES[i].combine);
        task_free(&t);
    }
    TaskSpec t = parsed("task: t\nimage: i\ninput: a\ncombine: {module: r.wasm}\n");
    ck_assert(t.combine.by == COMBINE_MODULE && !t.combine.image);
    ck_assert_str_eq(t.combine.module, "/data/r.wasm");
    task_free(&t);
    t = parsed("task: t\nimage: i\ninput: a\ncombine: {image: /r.see}\n");
    ck_assert(t.combine.by == COMBINE_MODULE && !t.combine.module);
    ck_assert_str_eq(t.combine.image, "/r.see");
    task_free(&t);
}
END_TEST

START_TEST(retries_are_attempts_less_one)
{
    TaskSpec t = parsed("task: t\nimage: i\ninput: a\nretries: 0\n");
    ck_assert_uint_eq(t.attempts, 1);
    task_free(&t);
}
END_TEST

START_TEST(env_may_be_a_list)
{
    TaskSpec t = parsed("task: t\nimage: i\ninput: a\nenv: [A=1, B_2=x=y]\n");
    ck_assert_uint_eq(t.env_count, 2);
    ck_assert_str_eq(t.env[1], "B_2=x=y");
    task_free(&t);
}
END_TEST

/** Line 1 names the task; BASE is what a case leaves out. */
#define CONTENT "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BASE "task: t\nimage: i\ninput: a\n"

static const struct { const char *yaml; int code; const char *text; } MISTAKES[] = {
    /* keys */
    {"task: t\nimage: i\n\n# note\nimput: a\n", ERR_BAD_INPUT, "t.yaml:5: unknown key 'imput'; did you mean 'input'?"},
    {BASE "security: {levle: process}\n", ERR_BAD_INPUT, "t.yaml:4: unknown key 'levle'; did you mean 'level'?"},
    {BASE "placement: {weight: 1}\n", ERR_BAD_INPUT,
        "t.yaml:4: unknown key 'weight'; known here: locality, availability, cost, spot, zones, exclude"},
    {BASE "\"a\\e[2J\": 1\n", ERR_BAD_INPUT,
        "t.yaml:4: unknown key 'a\\x1b[2J'; known here: task, image, module, args, env, input, combine, security, "
        "privacy, redundancy, placement, attempts, retries, output"},
    {BASE "image: j\n", ERR_BAD_INPUT, "t.yaml:4: key 'image' is already given in line 2; remove one"},
    {BASE "<<: {a: b}\n", ERR_BAD_INPUT,
        "t.yaml:4: unknown key '<<'; known here: task, image, module, args, env, input, combine, security, privacy, "
        "redundancy, placement, attempts, retries, output"},
    {BASE "[a]: b\n", ERR_BAD_INPUT, "t.yaml:4: a key must be a plain word"},
    {BASE "{a: b}: c\n", ERR_BAD_INPUT, "t.yaml:4: a key must be a plain word"},
    /* what is missing, what excludes each other */
    {"", ERR_BAD_INPUT, "t.yaml:1: the task file is empty"},
    {"# nothing\n", ERR_BAD_INPUT, "t.yaml:1: the task file is empty"},
    {"task\n", ERR_BAD_INPUT, "t.yaml:1: a task file is a mapping of keys to values, such as 'task: my-task'"},
    {"- task\n", ERR_BAD_INPUT, "t.yaml:1: a task file is a mapping of keys to values, such as 'task: my-task'"},
    {"image: i\ninput: a\n", ERR_BAD_INPUT,
        "t.yaml:1: 'task' is missing; give the task a name, such as 'task: busiest-airports'"},
    {"task: t\ninput: a\n", ERR_BAD_INPUT, "t.yaml:1: what shall run? give 'image: file.see' or 'module: file.wasm'"},
    {BASE "module: m\n", ERR_BAD_INPUT, "t.yaml:2: 'image' and 'module' exclude each other; keep one"},
    {"task: t\nimage: i\n", ERR_BAD_INPUT,
        "t.yaml:1: 'input' is missing; give 'input: file.csv', 'input: \"-\"' for standard input, or 'input: {count: 100}'"},
    {"task: ../x\nimage: i\ninput: a\n", ERR_BAD_INPUT,
        "t.yaml:1: the task's name may hold letters, digits, '.', '_' and '-', and begins with neither '.' nor '-'"},
    {BASE "attempts: 2\nretries: 2\n", ERR_BAD_INPUT,
        "t.yaml:5: 'retries' and 'attempts' exclude each other (attempts = retries + 1); keep one"},
    /* values */
    {"task: t\nimage: [i]\ninput: a\n", ERR_BAD_INPUT, "t.yaml:2: 'image' must be a single value, not a list"},
    {"task: t\nimage: {i: j}\ninput: a\n", ERR_BAD_INPUT, "t.yaml:2: 'image' must be a single value, not a mapping"},
    {"task: t\nimage:\ninput: a\n", ERR_BAD_INPUT, "t.yaml:2: 'image' is empty; give it a value or leave it out"},
    {BASE "output: ~\n", ERR_BAD_INPUT, "t.yaml:4: 'output' is empty; give it a value or leave it out"},
    {BASE "args: x\n", ERR_BAD_INPUT, "t.yaml:4: 'args' must be a list, such as [--column, origin]"},
    {BASE "args: {a: b}\n", ERR_BAD_INPUT, "t.yaml:4: 'args' must be a list, such as [--column, origin]"},
    {BASE "args:\n  - a\n  - [b]\n", ERR_BAD_INPUT,
        "t.yaml:6: must be a single word or number; quote it if it holds ': ' or ', '"},
    {BASE "args:\n  - a\n  -\n", ERR_BAD_INPUT, "t.yaml:6: is empty; write '' for an empty word"},
    {BASE "env: A=1\n", ERR_BAD_INPUT, "t.yaml:4: 'env' must be a mapping {NAME: value} or a list [NAME=value]"},
    {BASE "env: {1A: x}\n", ERR_BAD_INPUT,
        "t.yaml:4: environment entry 1 is not NAME=value (letters, digits, '_', not a digit first)"},
    {BASE "env: [A]\n", ERR_BAD_INPUT,
        "t.yaml:4: environment entry 1 is not NAME=value (letters, digits, '_', not a digit first)"},
    {BASE "env: [A=1, AB=2, A=2]\n", ERR_BAD_INPUT, "t.yaml:4: environment variable 'A' is given twice; remove one"},
    {BASE "security: process\n", ERR_BAD_INPUT, "t.yaml:4: 'security' must be a mapping of keys to values, such as {level: ...}"},
    {BASE "security: {level: proces}\n", ERR_BAD_INPUT, "t.yaml:4: 'level' can't be 'proces'; did you mean 'process'?"},
    {BASE "security: {level: 2}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'level' can't be '2'; known here: shared, process, microvm, confidential"},
    {BASE "security: {lifetime: 60}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'lifetime: 60' must be a duration such as 500ms, 60s or 2m, from 1ms to 3600s"},
    {BASE "security: {lifetime: 2h}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'lifetime: 2h' must be a duration such as 500ms, 60s or 2m, from 1ms to 3600s"},
    {BASE "security: {memory: -1}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'memory: -1' must be a size such as 4096, 256KiB or 64MiB, from 65536 to 4294901760 bytes"},
    {BASE "security: {memory: 1MB}\n", ERR_BAD_INPUT,
        "t.yaml:4: memory of 1000000 bytes: WebAssembly memory comes in pages of 64KiB; give a multiple, at most 4294901760 bytes"},
    {BASE "security: {output: 99999999999999999999999GiB}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'output: 99999999999999999999999GiB' must be a size such as 4096, 256KiB or 64MiB, from 1 to 1073741824 bytes"},
    {BASE "security: {random: no}\n", ERR_BAD_INPUT, "t.yaml:4: 'random' can't be 'no'; known here: derived, real"},
    {BASE "placement: {cost: nan}\n", ERR_BAD_INPUT, "t.yaml:4: 'cost: nan' must be a number such as 0.5 or 1"},
    {BASE "placement: {cost: -1}\n", ERR_BAD_INPUT, "t.yaml:4: 'cost: -1' must be a number such as 0.5 or 1"},
    {BASE "attempts: 0\n", ERR_BAD_INPUT, "t.yaml:4: 'attempts: 0' must be a whole number from 1 to 16"},
    {BASE "attempts: 3KiB\n", ERR_BAD_INPUT, "t.yaml:4: 'attempts: 3KiB' must be a whole number from 1 to 16"},
    /* input and combine */
    {"task: t\nimage: i\ninput: {path: a, split: {by: cvs}}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'by' can't be 'cvs'; did you mean 'csv'?"},
    {"task: t\nimage: i\ninput: {path: a, split: jsno}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'split' can't be 'jsno'; did you mean 'jsonl'?"},
    {"task: t\nimage: i\ninput:\n  path: a\n  split: {by: fixed}\n", ERR_BAD_INPUT,
        "t.yaml:5: a split by fixed needs the size of a record, such as 'split: {by: fixed, size: 64}'"},
    {"task: t\nimage: i\ninput:\n  path: a\n  split:\n    by: lines\n    header: true\n", ERR_BAD_INPUT,
        "t.yaml:7: 'header' means nothing when the split is by lines; remove it"},
    {"task: t\nimage: i\ninput: {path: a, split: {target: 1MiB, records: 5}}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'target' and 'records' exclude each other; keep one"},
    {"task: t\nimage: i\ninput: {path: a, split: {target: 2GiB}}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'target: 2GiB' must be a size such as 4096, 256KiB or 64MiB, from 1 to 536870912 bytes"},
    {"task: t\nimage: i\ninput: {path: a, split: {by: fixed, size: 1MiB, records: 1000}}\n", ERR_BAD_INPUT,
        "t.yaml:3: 1000 records of 1048576 bytes are more than a segment may hold (536870912 bytes)"},
    {"task: t\nimage: i\ninput: {path: a, count: 5}\n", ERR_BAD_INPUT,
        "t.yaml:3: a split by count reads no input; remove 'path' or 'count'"},
    {"task: t\nimage: i\ninput: {count: 5, split: {count: 5}}\n", ERR_BAD_INPUT, "t.yaml:3: 'count' is given twice; keep one"},
    {"task: t\nimage: i\ninput: {path: a, count: 5, split: csv}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'count' means nothing when the split is by csv; remove it"},
    {"task: t\nimage: i\ninput: {path: '-', split: file}\n", ERR_BAD_INPUT,
        "t.yaml:3: standard input can't be split by file; name files, such as 'path: images/*.png'"},
    {BASE "combine: [sum]\n", ERR_BAD_INPUT, "t.yaml:4: 'combine' must be a mapping of keys to values, such as {top: ...}"},
    {BASE "combine: summ\n", ERR_BAD_INPUT, "t.yaml:4: 'combine' can't be 'summ'; did you mean 'sum'?"},
    {BASE "combine: top\n", ERR_BAD_INPUT, "t.yaml:4: 'top' needs a number, such as {top: 5}"},
    {BASE "combine: {}\n", ERR_BAD_INPUT, "t.yaml:4: 'combine' takes exactly one of top, module and image, such as {top: 5}"},
    {BASE "combine: {top: 5, module: m}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'combine' takes exactly one of top, module and image, such as {top: 5}"},
    {BASE "combine: {top: 0}\n", ERR_BAD_INPUT, "t.yaml:4: 'top: 0' must be a whole number from 1 to 1048576"},
    /* what can't be honoured yet is refused, never ignored */
    {BASE "redundancy:\n  agree: 3\n  copies: 2\n", ERR_BAD_INPUT, "t.yaml:5: 3 of 2 copies can't agree; 'agree' is from 1 to 'copies'"},
    {BASE "redundancy: {copies: 16}\n", ERR_BAD_INPUT, "t.yaml:4: 'copies: 16' must be a whole number from 1 to 15"},
    {BASE "security: {random: real}\nredundancy: {copies: 3}\n", ERR_BAD_INPUT,
        "t.yaml:5: 3 copies of a micro-job that draws real random numbers never agree; use 'random: derived' or 'copies: 1'"},
    {BASE "redundancy: {adaptive: true}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'adaptive' lets proven nodes do without copies, and there are none that must agree; give 'copies: 3' or more, or remove it"},
    {BASE "placement: {zones: []}\n", ERR_BAD_INPUT, "t.yaml:4: 'zones' must be a list of names, such as [a, b]"},
    {BASE "placement:\n  cost: 1\n  exclude: [ok, 'a b']\n", ERR_BAD_INPUT,
        "t.yaml:6: entry 2 is no name: 1 to 63 letters, digits, '.', '_' and '-'"},
    {"task: t\nimage: i\ninput: {content: sha256:abc}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'content' must be sha256: and 64 digits 0-9a-f, as `sha256sum FILE` prints them"},
    {"task: t\nimage: i\ninput: {path: a, content: '" CONTENT "'}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'path' and 'content' exclude each other; keep one"},
    {"task: t\nimage: i\ninput: {content: '" CONTENT "', split: file}\n", ERR_BAD_INPUT,
        "t.yaml:3: a split by file takes a pattern, and 'content' names one file; use another split, or 'path'"},
    {"task: t\nimage: i\ninput: {content: '" CONTENT "', count: 3}\n", ERR_BAD_INPUT,
        "t.yaml:3: a split by count reads no input; remove 'content' or 'count'"},
    {BASE "privacy: {epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'aggregate' is missing: what shall leave? such as {aggregate: count, epsilon: 0.5}"},
    {BASE "privacy: {aggregate: median, epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:4: 'aggregate: median' must be count, sum, mean, variance, histogram, quantiles, sum-by-key, top or sample-and-aggregate"},
    {BASE "privacy: {aggregate: count, epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:2: 'aggregate: count' reads the records itself, without an image or module: remove it, or let the module give one number for each "
        "segment with 'aggregate: sample-and-aggregate'"},
    {"task: t\ninput: a\nprivacy: {aggregate: count, epsilon: 1}\ncombine: sum\n", ERR_BAD_INPUT,
        "t.yaml:4: 'combine' and 'privacy' exclude each other: a private task's results are combined behind the noise; remove 'combine'"},
    {"task: t\ninput: a\nprivacy: {aggregate: sum, column: c, epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'range' is missing: values are clamped to two numbers that you choose without looking at the data"},
    {"task: t\ninput: a\nprivacy: {aggregate: sum, range: [0, 1], epsilon: 1}\n", ERR_BAD_INPUT, "t.yaml:3: 'column' is missing: whose values?"},
    {"task: t\ninput: a\nprivacy: {aggregate: count, epsilon: nan}\n", ERR_BAD_INPUT, "t.yaml:3: 'epsilon: nan' is no number, such as 0.5, 1e-9 or 1/3"},
    {"task: t\ninput: a\nprivacy: {aggregate: count, epsilon: 1, pad: 1us}\n", ERR_BAD_INPUT,
        "t.yaml:3: 'pad: 1us' must be whole milliseconds from 1ms to 1h, such as 100ms"},
    {"task: t\ninput: a\nsecurity: {level: shared}\nprivacy: {aggregate: count, epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:4: a private task needs level process at least: at 'shared' one micro-job could tell of another"},
    {"task: t\ninput: a\nsecurity: {memory: 1MiB}\nprivacy: {aggregate: count, epsilon: 1}\n", ERR_BAD_INPUT,
        "t.yaml:4: a private task needs 'memory' of at least 64MiB"},
    /* YAML */
    {BASE "args: &a [b]\n", ERR_BAD_INPUT,
        "t.yaml:4: anchors and aliases ('&', '*') are not used in a task file; quote the text or write it out"},
    {BASE "args: [*a]\n", ERR_BAD_INPUT,
        "t.yaml:4: anchors and aliases ('&', '*') are not used in a task file; quote the text or write it out"},
    {BASE "output: !!str x\n", ERR_BAD_INPUT,
        "t.yaml:4: tags ('!') are not used in a task file; quote the text if it begins with '!'"},
    {BASE "---\ntask: u\n", ERR_BAD_INPUT, "t.yaml:4: a second document; a task file is one"},
    {BASE "args: [[[[[[[[[[x]]]]]]]]]]\n", ERR_BAD_INPUT, "t.yaml:4: nested deeper than 8 levels"},
    {BASE "output: \"a\\0b\"\n", ERR_BAD_INPUT, "t.yaml:4: a NUL character; text can't hold one"},
    {BASE "combine: top: 5\n", ERR_BAD_INPUT, "t.yaml:4: mapping values are not allowed in this context"},
    {BASE "args: [a, b\noutput: c\n", ERR_BAD_INPUT, "t.yaml:5: did not find expected ',' or ']'"},
    {BASE "output: \xff\n", ERR_BAD_INPUT, "t.yaml:4: invalid leading UTF-8 octet; a task file is UTF-8 text"},
    {BASE "output: \x01\n", ERR_BAD_INPUT, "t.yaml:4: control characters are not allowed; a task file is UTF-8 text"},
    {"task: t\nimage: i\ninput: -\n", ERR_BAD_INPUT,
        "t.yaml:3: block sequence entries are not allowed in this context; quote a '-' that stands alone"},
    {BASE "\toutput: x\n", ERR_BAD_INPUT, "t.yaml:4: found a tab character that violates indentation"},
};

START_TEST(every_mistake_is_named_with_its_line)
{
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        TaskSpec t = {.attempts = 77};
        Diag diag = {{0}};
        Err e = task_parse(view_text(MISTAKES[i].yaml), "t.yaml", NULL, &t, &diag);
        ck_assert_msg(e.code != 0, "accepted:\n%s", MISTAKES[i].yaml);
        ck_assert_str_eq(diag.text, MISTAKES[i].text);
        ck_assert_int_eq(e.code, MISTAKES[i].code);
        ck_assert_msg(t.attempts == 77 && !t.image, "the output was touched");
    }
}
END_TEST

START_TEST(copies_alone_ask_for_a_majority)
{
    static const uint32_t MAJORITY[COPIES_MAX + 1] = {0, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8};
    for (uint32_t copies = 1; copies <= COPIES_MAX; copies++) {
        char yaml[128];
        snprintf(yaml, sizeof yaml, BASE "redundancy: {copies: %u}\n", copies);
        TaskSpec t = parsed(yaml);
        ck_assert_uint_eq(t.redundancy.agree, MAJORITY[copies]);
        task_free(&t);
    }
}
END_TEST

START_TEST(an_input_may_be_named_by_what_it_holds)
{
    TaskSpec t = parsed("task: t\nimage: i\ninput: {content: '" CONTENT "', split: csv}\n");
    ck_assert(t.by_content && !t.input_path && t.split.by == SPLIT_CSV);
    for (unsigned i = 0; i < sizeof t.content; i++) ck_assert_uint_eq(t.content[i], i);
    task_free(&t);
}
END_TEST

static void check_refused(View yaml, const char *text)
{
    TaskSpec t;
    Diag diag = {{0}};
    ck_assert_err(task_parse(yaml, "t.yaml", NULL, &t, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, text);
}

START_TEST(a_nul_byte_in_the_file_is_refused)
{
    check_refused(VIEW(BASE "output: a\0b\n"), "t.yaml:4: control characters are not allowed; a task file is UTF-8 text");
}
END_TEST

START_TEST(too_much_of_anything_is_refused)
{
    Buffer b = buffer_limited(4 << 20);
    ck_assert_ok(buffer_append(&b, VIEW(BASE "args:\n")));
    for (int i = 0; i <= TASK_ARGS_MAX; i++) ck_assert_ok(buffer_append(&b, VIEW("- x\n")));
    check_refused(view_buffer(&b), "t.yaml:1029: more than 1024 entries");

    for (int i = 0; i < 8192; i++) ck_assert_ok(buffer_append(&b, VIEW("- x\n")));
    check_refused(view_buffer(&b), "t.yaml:8192: more than 8192 entries");

    b.size = 0;
    ck_assert_ok(buffer_append(&b, VIEW(BASE "args: [")));
    for (int i = 0; i < TASK_ARG_BYTES_MAX; i++) ck_assert_ok(buffer_append(&b, VIEW("x")));
    ck_assert_ok(buffer_append(&b, VIEW("]\n")));
    check_refused(view_buffer(&b), "t.yaml:4: arguments and environment take 65537 bytes, more than 65536; put large data into the input");

    while (b.size <= TASK_FILE_BYTES_MAX) ck_assert_ok(buffer_append(&b, VIEW("# filler\n")));
    check_refused(view_buffer(&b), "t.yaml: larger than a task file may be (1048576 bytes)");
    buffer_free(&b);
}
END_TEST

START_TEST(a_path_longer_than_a_path_may_be_is_refused)
{
    Buffer b = buffer_limited(1 << 20);
    ck_assert_ok(buffer_append(&b, VIEW("task: t\ninput: a\nimage: ")));
    for (int i = 0; i < PATH_BYTES_MAX; i++) ck_assert_ok(buffer_append(&b, VIEW("x")));
    check_refused(view_buffer(&b), "t.yaml:3: 'image' is longer than a path may be (4096 bytes)");
    buffer_free(&b);
}
END_TEST

START_TEST(sizes_and_durations)
{
    static const struct { const char *text; uint64_t value; } SIZES[] = {{"0", 0}, {"4096", 4096}, {"7B", 7}, {"256KiB", 256 * KIB},
        {"64MiB", 64 * MIB}, {"2GiB", 2 * GIB}, {"1TiB", 1024 * GIB}, {"10kB", 10000}, {"10GB", 10000000000},
        {"18446744073709551615", UINT64_MAX}};
    static const struct { const char *text; uint64_t value; } TIMES[] = {{"500ms", 500 * NS_PER_MS}, {"60s", 60 * NS_PER_S},
        {"2m", 120 * NS_PER_S}, {"2min", 120 * NS_PER_S}, {"1h", 3600 * NS_PER_S}, {"5us", 5000}, {"5ns", 5}};
    static const char *const NEITHER[] = {"", "x", "-1", "+1", "1.5s", " 1s", "1 s", "1s ", "1S", "1KIB", "0x10",
        "18446744073709551616", "99999999999TiB", "99999999999h"};
    uint64_t value;
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) ck_assert(size_parse(SIZES[i].text, &value) && value == SIZES[i].value);
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) ck_assert(duration_parse(TIMES[i].text, &value) && value == TIMES[i].value);
    for (size_t i = 0; i < sizeof NEITHER / sizeof *NEITHER; i++)
        ck_assert_msg(!size_parse(NEITHER[i], &value) && !duration_parse(NEITHER[i], &value), "'%s'", NEITHER[i]);
    ck_assert(!duration_parse("60", &value));
    ck_assert(!size_parse("60s", &value));
}
END_TEST

START_TEST(a_task_made_by_hand_is_validated)
{
    TaskSpec t;
    Diag diag = {{0}};
    task_defaults(&t);
    ck_assert_err(task_validate(&t, &diag), ERR_BAD_INPUT);
    t.image = strdup("i");
    t.input_path = strdup("-");
    ck_assert_ok(task_validate(&t, &diag));
    t.combine.by = COMBINE_MODULE;
    ck_assert_err(task_validate(&t, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "combining by a module needs one of module and image");
    t.combine = (CombineSpec){.by = COMBINE_SUM};
    t.lifetime_ns = 0;
    ck_assert_err(task_validate(&t, &diag), ERR_BAD_INPUT);
    task_free(&t);
}
END_TEST

START_TEST(a_file_is_read_relative_to_its_folder)
{
    TestFolder f = test_folder();
    TaskSpec t;
    Diag diag = {{0}};
    const char *path = test_path(&f, "task.yaml");
    ck_assert_ok(file_replace(AT_FDCWD, path, VIEW(BASE), 0600));
    ck_assert_ok(task_load(path, &t, &diag));
    ck_assert_str_eq(t.image, test_path(&f, "i"));
    task_free(&t);
    ck_assert_err(task_load(test_path(&f, "none.yaml"), &t, &diag), ERR_NO_ENTRY);
    ck_assert_err(task_load(f.path, &t, &diag), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(diag.text, "can't be read: Is a directory"));
    test_folder_remove(&f);
}
END_TEST

/** The next block between ```yaml and ```; false at the end. */
static bool next_example(const char **text, View *ret_example)
{
    const char *begin = strstr(*text, "```yaml\n");
    if (!begin) return false;
    begin += strlen("```yaml\n");
    const char *end = strstr(begin, "```");
    ck_assert_ptr_nonnull(end);
    *ret_example = view_of(begin, (size_t)(end - begin));
    *text = end + 3;
    return true;
}

START_TEST(every_example_of_the_documentation_is_a_task)
{
    const char *source = getenv("COVEY_SOURCE");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/docs/task-file.md", source ? source : ".");
    Buffer page = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, &page));
    ck_assert_ok(buffer_put_u8(&page, 0));
    const char *text = (const char *)page.data;
    int count = 0;
    for (View example; next_example(&text, &example); count++) {
        TaskSpec t;
        Diag diag = {{0}};
        Err e = task_parse(example, "example", NULL, &t, &diag);
        ck_assert_msg(e.code == 0, "example %d: %s\n%.*s", count + 1, diag.text, (int)example.size, (const char *)example.data);
        task_free(&t);
    }
    ck_assert_int_ge(count, 8);
    buffer_free(&page);
}
END_TEST

TEST_MAIN("swarm/task", every_key_arrives, what_is_left_out_has_its_default, input_has_short_forms, combine_has_several_shapes,
    retries_are_attempts_less_one, env_may_be_a_list, copies_alone_ask_for_a_majority,
    an_input_may_be_named_by_what_it_holds, every_mistake_is_named_with_its_line, a_nul_byte_in_the_file_is_refused,
    too_much_of_anything_is_refused, a_path_longer_than_a_path_may_be_is_refused, sizes_and_durations, a_task_made_by_hand_is_validated,
    a_file_is_read_relative_to_its_folder, every_example_of_the_documentation_is_a_task)
