/* The table walker: one small reader for each kind of field. */
#include "base/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quoted.h"
#include "base/suggest.h"

Err schema_fail(const SchemaReading *r, unsigned line, const char *at, const char *format, ...)
{
    char what[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return diag_fail(r->diag, ERR_BAD_INPUT, at, "%s:%u: %s", r->name, line, what);
}

/** What an error message calls a value: its key, or "entry" in a list. */
static const char *label(const YamlNode *value) { return value->key ? value->key : "entry"; }

Err schema_scalar(const SchemaReading *r, const YamlNode *value, const char **ret_text)
{
    if (value->kind != YAML_SCALAR) {
        const char *shape = value->kind == YAML_LIST ? "list" : "mapping";
        return SCHEMA_FAIL(r, value->line, "'%s' must be a single value, not a %s", label(value), shape);
    }
    bool null = value->plain && (strcmp(value->text, "~") == 0 || strcmp(value->text, "null") == 0);
    if (null || value->text[0] == '\0')
        return SCHEMA_FAIL(r, value->line, "'%s' is empty; give it a value or leave it out", label(value));
    *ret_text = value->text;
    return OK;
}

Err schema_path(const SchemaReading *r, const YamlNode *value, char **ret_path)
{
    const char *text, *folder = r->directory ? r->directory : "";
    TRY(schema_scalar(r, value, &text));
    bool as_is = text[0] == '/' || strcmp(text, "-") == 0 || folder[0] == '\0';
    size_t room = strlen(text) + strlen(folder) + 2;
    if (room > PATH_BYTES_MAX)
        return SCHEMA_FAIL(r, value->line, "'%s' is longer than a path may be (%d bytes)", label(value), PATH_BYTES_MAX);
    char *path;
    if (asprintf(&path, "%s%s%s", as_is ? "" : folder, as_is ? "" : "/", text) < 0) return FAIL(ENOMEM);
    *ret_path = path;
    return OK;
}

static void *place_of(const SchemaReading *r, const Field *f) { return (char *)r->target + f->offset; }

static Err read_text(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    char **place = place_of(r, f), *text = NULL;
    if (f->kind == FIELD_PATH) {
        TRY(schema_path(r, value, &text));
    } else {
        const char *written;
        TRY(schema_scalar(r, value, &written));
        text = strdup(written);
        if (!text) return FAIL(ENOMEM);
    }
    free(*place);
    *place = text;
    return OK;
}

static Err read_name(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    const char *text;
    TRY(schema_scalar(r, value, &text));
    if (strlen(text) > f->max) return SCHEMA_FAIL(r, value->line, "'%s' is longer than %" PRIu64 " characters", f->key, f->max);
    memcpy(place_of(r, f), text, strlen(text) + 1);
    return OK;
}

static bool number_parse(FieldKind kind, const char *text, uint64_t *ret_number)
{
    if (kind == FIELD_DURATION) return duration_parse(text, ret_number);
    if (kind == FIELD_SIZE) return size_parse(text, ret_number);
    bool digits = text[strspn(text, "0123456789")] == '\0'; /* a count has no unit */
    return digits && size_parse(text, ret_number);
}

/** What a legal value looks like, for the error message. */
static void describe_range(const Field *f, char *ret_text, size_t room)
{
    if (f->kind == FIELD_DURATION)
        snprintf(ret_text, room, "a duration such as 500ms, 60s or 2m, from 1ms to %" PRIu64 "s", f->max / NS_PER_S);
    else if (f->kind == FIELD_SIZE)
        snprintf(ret_text, room, "a size such as 4096, 256KiB or 64MiB, from %" PRIu64 " to %" PRIu64 " bytes", f->min, f->max);
    else
        snprintf(ret_text, room, "a whole number from %" PRIu64 " to %" PRIu64, f->min, f->max);
}

static Err read_number(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    const char *text;
    uint64_t number;
    TRY(schema_scalar(r, value, &text));
    if (!number_parse(f->kind, text, &number) || number < f->min || number > f->max) {
        char range[128];
        describe_range(f, range, sizeof range);
        return SCHEMA_FAIL(r, value->line, "'%s: %s' must be %s", f->key, quoted(view_text(text)).text, range);
    }
    if (f->kind == FIELD_COUNT32) *(uint32_t *)place_of(r, f) = (uint32_t)number;
    else *(uint64_t *)place_of(r, f) = number;
    return OK;
}

/** Digits, at most one point; so that neither the locale nor "nan" has a say. */
static bool real_parse(const char *text, double *ret_real)
{
    double whole = 0, scale = 1;
    bool digits = false, point = false;
    for (; *text; text++) {
        if (*text == '.' && !point) { point = true; continue; }
        if (*text < '0' || *text > '9') return false;
        digits = true;
        whole = whole * 10 + (*text - '0');
        if (point) scale *= 10;
    }
    double real = whole / scale;
    if (!digits || !(real <= 1e9)) return false;
    *ret_real = real;
    return true;
}

static Err read_real(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    const char *text;
    TRY(schema_scalar(r, value, &text));
    if (!real_parse(text, place_of(r, f)))
        return SCHEMA_FAIL(r, value->line, "'%s: %s' must be a number such as 0.5 or 1", f->key, quoted(view_text(text)).text);
    return OK;
}

/** "'known: a, b, c'" or the one that was probably meant. */
static void list_names(const char *written, const void *names, size_t stride, char *ret_text, size_t room)
{
    const char *near = suggest(written, names, stride);
    if (near) {
        snprintf(ret_text, room, "did you mean '%s'?", near);
        return;
    }
    size_t used = (size_t)snprintf(ret_text, room, "known here: ");
    for (const char *at = names;; at += stride) {
        const char *name;
        memcpy(&name, at, sizeof name);
        if (!name || used >= room) return;
        used += (size_t)snprintf(ret_text + used, room - used, "%s%s", at == (const char *)names ? "" : ", ", name);
    }
}

static Err read_choice(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    const char *text;
    TRY(schema_scalar(r, value, &text));
    for (unsigned i = 0; f->names[i]; i++) {
        if (strcmp(text, f->names[i]) != 0) continue;
        if (f->kind == FIELD_FLAG) *(bool *)place_of(r, f) = i == 1;
        else *(unsigned *)place_of(r, f) = (unsigned)f->min + i;
        return OK;
    }
    char help[256];
    list_names(text, f->names, sizeof *f->names, help, sizeof help);
    return SCHEMA_FAIL(r, value->line, "'%s' can't be '%s'; %s", label(value), quoted(view_text(text)).text, help);
}

Err schema_read_value(const SchemaReading *r, const YamlNode *value, const Field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_PATH: return read_text(r, value, f);
    case FIELD_NAME: return read_name(r, value, f);
    case FIELD_SIZE:
    case FIELD_DURATION:
    case FIELD_COUNT:
    case FIELD_COUNT32: return read_number(r, value, f);
    case FIELD_REAL: return read_real(r, value, f);
    case FIELD_FLAG:
    case FIELD_CHOICE: return read_choice(r, value, f);
    case FIELD_GROUP: return schema_read(r, value, f->fields);
    case FIELD_SPECIAL: return f->read(r, value);
    }
    return FAIL(EINVAL);
}

Err schema_read(const SchemaReading *r, const YamlNode *map, const Field *fields)
{
    if (map->kind != YAML_MAP) {
        if (!map->key) return SCHEMA_FAIL(r, map->line, "%s", r->such_as);
        return SCHEMA_FAIL(r, map->line, "'%s' must be a mapping of keys to values, such as {%s: ...}", map->key, fields->key);
    }
    for (const YamlNode *member = map->first; member; member = member->next) {
        const Field *f = fields;
        while (f->key && strcmp(f->key, member->key) != 0) f++;
        if (!f->key) {
            char help[256];
            list_names(member->key, &fields->key, sizeof *fields, help, sizeof help);
            return SCHEMA_FAIL(r, member->key_line, "unknown key '%s'; %s", quoted(view_text(member->key)).text, help);
        }
        TRY(schema_read_value(r, member, f));
    }
    return OK;
}
