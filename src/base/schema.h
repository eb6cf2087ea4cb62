/**
 * Reads a YAML tree into a struct by tables: a Field says how one key is written, where its value goes and what it may be.
 * Every error names the line. Used for task files (swarm/task_keys.c) and scenarios (sim/scenario_keys.c).
 */
#pragma once
#include "base/yaml.h"
#include "base/limits.h"
#include "base/units.h"

typedef struct {
    const char *name;       /* of the file, for messages */
    const char *directory;  /* that relative paths in it belong to; NULL: they stay */
    const char *such_as;    /* what it is and how it looks: "a task file is a mapping of keys to values, such as 'task: my-task'" */
    void *target;           /* what the offsets of fields count from */
    Diag *diag;
} SchemaReading;

typedef enum {
    FIELD_TEXT,      /* char *, owned */
    FIELD_PATH,      /* char *, owned, made relative to the folder of the task file; "-" stays */
    FIELD_NAME,      /* char[max + 1] */
    FIELD_SIZE,      /* uint64_t, bytes */
    FIELD_DURATION,  /* uint64_t, nanoseconds */
    FIELD_COUNT,     /* uint64_t */
    FIELD_COUNT32,   /* uint32_t */
    FIELD_REAL,      /* double, not negative */
    FIELD_FLAG,      /* bool: the second of two names is true */
    FIELD_CHOICE,    /* an enum whose values are `min`, `min` + 1, ... in the order of names */
    FIELD_GROUP,     /* a mapping with a table of its own */
    FIELD_SPECIAL,   /* a function of its own, for values that come in several shapes */
} FieldKind;

typedef struct Field Field;
struct Field {
    const char *key;            /* NULL ends a table */
    FieldKind kind;
    size_t offset;              /* in the target */
    uint64_t min, max;          /* of numbers */
    const char *const *names;   /* ended by NULL */
    const Field *fields;
    Err (*read)(const SchemaReading *r, const YamlNode *value);
};

/** Every member of the map must be in the table. */
MUST_USE Err schema_read(const SchemaReading *r, const YamlNode *map, const Field *fields);
/** One value by its field. */
MUST_USE Err schema_read_value(const SchemaReading *r, const YamlNode *value, const Field *field);
/** Fails with ERR_BAD_INPUT and "file:line: ...". */
Err schema_fail(const SchemaReading *r, unsigned line, const char *at, const char *format, ...) __attribute__((format(printf, 4, 5)));
#define SCHEMA_FAIL(r, line, ...) schema_fail((r), (line), __FILE__ ":" STR(__LINE__), __VA_ARGS__)
/** A scalar that says something. */
MUST_USE Err schema_scalar(const SchemaReading *r, const YamlNode *value, const char **ret_text);
/** An owned copy of the path, relative to the folder of the task file. */
MUST_USE Err schema_path(const SchemaReading *r, const YamlNode *value, char **ret_path);
