/* YAML events (libyaml) to a tree with lines. A small push-down machine: `open` is the stack of collections being filled. */
#include "base/yaml.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/quoted.h"

typedef struct {
    const char *name, *kind;
    Diag *diag;
    View text;
    yaml_parser_t parser;
    YamlNode *root;
    YamlNode *open[YAML_DEPTH_MAX], *last[YAML_DEPTH_MAX]; /* and the newest member of each */
    size_t depth, nodes;
    char *key;               /* read, its value not yet */
    unsigned key_line;
    unsigned documents;
} Tree;

void tree_free(YamlNode **root)
{
    YamlNode *n = *root;
    while (n) {
        YamlNode *next = n->next;
        tree_free(&n->first); /* at most YAML_DEPTH_MAX deep */
        free(n->key);
        free(n->text);
        free(n);
        n = next;
    }
    *root = NULL;
}

const YamlNode *tree_find(const YamlNode *map, const char *key)
{
    if (!map || map->kind != YAML_MAP) return NULL;
    for (const YamlNode *n = map->first; n; n = n->next)
        if (strcmp(n->key, key) == 0) return n;
    return NULL;
}

static unsigned line_of(const yaml_event_t *event) { return (unsigned)event->start_mark.line + 1; }

/** libyaml knows lines for its grammar errors, but only a byte offset for unreadable characters. */
static Err syntax_error(Tree *t)
{
    const yaml_parser_t *p = &t->parser;
    if (p->error == YAML_MEMORY_ERROR) return FAIL(ENOMEM);
    const char *problem = p->problem ? p->problem : "not YAML";
    if (p->error != YAML_READER_ERROR) {
        unsigned line = (unsigned)p->problem_mark.line + 1;
        bool dash = strncmp(problem, "block sequence entries", strlen("block sequence entries")) == 0; /* the common "input: -" */
        return FAIL_WHY(t->diag, ERR_BAD_INPUT,
            "%s:%u: %s%s", t->name, line, problem, dash ? "; quote a '-' that stands alone" : "");
    }
    unsigned line = 1;
    for (size_t i = 0; i < t->text.size && i < p->problem_offset; i++) line += t->text.data[i] == '\n';
    return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:%u: %s; a %s is UTF-8 text", t->name, line, problem, t->kind);
}

static Err take_text(Tree *t, yaml_event_t *event, char **ret_text)
{
    View v = view_of(event->data.scalar.value, event->data.scalar.length);
    if (memchr(v.data, 0, v.size))
        return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:%u: a NUL character; text can't hold one", t->name, line_of(event));
    char *text = strdup((const char *)v.data);
    if (!text) return FAIL(ENOMEM);
    *ret_text = text;
    return OK;
}

static Err read_key(Tree *t, yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT)
        return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:%u: a key must be a plain word", t->name, line_of(event));
    char *key = NULL;
    TRY(take_text(t, event, &key));
    assert(key);
    const YamlNode *twin = tree_find(t->open[t->depth - 1], key);
    if (twin) {
        Err e = FAIL_WHY(t->diag, ERR_BAD_INPUT,
            "%s:%u: key '%s' is already given in line %u; remove one", t->name, line_of(event),
            quoted(view_text(key)).text, twin->key_line);
        free(key);
        return e;
    }
    t->key = key;
    t->key_line = line_of(event);
    return OK;
}

static Err add_node(Tree *t, yaml_event_t *event, YamlKind kind)
{
    if (++t->nodes > YAML_NODES_MAX)
        return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:%u: more than %d entries", t->name, line_of(event), YAML_NODES_MAX);
    if (kind != YAML_SCALAR && t->depth == YAML_DEPTH_MAX)
        return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:%u: nested deeper than %d levels", t->name, line_of(event), YAML_DEPTH_MAX);
    YamlNode *n = calloc(1, sizeof *n);
    if (!n) return FAIL(ENOMEM);
    *n = (YamlNode){.kind = kind, .line = line_of(event), .key = t->key, .key_line = t->key_line};
    t->key = NULL;

    YamlNode **place = &t->root;
    if (t->depth) {
        size_t top = t->depth - 1;
        place = t->last[top] ? &t->last[top]->next : &t->open[top]->first;
        t->last[top] = n;
    }
    *place = n;
    if (kind != YAML_SCALAR) {
        t->open[t->depth] = n;
        t->last[t->depth++] = NULL;
        return OK;
    }
    n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return take_text(t, event, &n->text);
}

/** Anchors and tags could only make a file mean something else than it says. */
static Err refuse_ornaments(Tree *t, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT: anchor = event->data.scalar.anchor; tag = event->data.scalar.tag; break;
    case YAML_SEQUENCE_START_EVENT: anchor = event->data.sequence_start.anchor; tag = event->data.sequence_start.tag; break;
    case YAML_MAPPING_START_EVENT: anchor = event->data.mapping_start.anchor; tag = event->data.mapping_start.tag; break;
    case YAML_ALIAS_EVENT: anchor = event->data.alias.anchor; break;
    default: break;
    }
    if (anchor)
        return FAIL_WHY(t->diag, ERR_BAD_INPUT,
            "%s:%u: anchors and aliases ('&', '*') are not used in a %s; quote the text or write it out",
            t->name, line_of(event), t->kind);
    if (tag)
        return FAIL_WHY(t->diag, ERR_BAD_INPUT,
            "%s:%u: tags ('!') are not used in a %s; quote the text if it begins with '!'", t->name,
            line_of(event), t->kind);
    return OK;
}

static Err take_event(Tree *t, yaml_event_t *event)
{
    TRY(refuse_ornaments(t, event));
    bool in_map = t->depth && t->open[t->depth - 1]->kind == YAML_MAP;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++t->documents > 1)
            return FAIL_WHY(t->diag, ERR_BAD_INPUT,
                "%s:%u: a second document; a %s is one", t->name, line_of(event), t->kind);
        return OK;
    case YAML_SCALAR_EVENT:
        return in_map && !t->key ? read_key(t, event) : add_node(t, event, YAML_SCALAR);
    case YAML_SEQUENCE_START_EVENT:
        return in_map && !t->key ? read_key(t, event) : add_node(t, event, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return in_map && !t->key ? read_key(t, event) : add_node(t, event, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        t->depth--;
        return OK;
    default:
        return OK;
    }
}

static Err read_events(Tree *t)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&t->parser, &event)) return syntax_error(t);
        more = event.type != YAML_STREAM_END_EVENT;
        Err e = take_event(t, &event);
        yaml_event_delete(&event);
        if (e.code) return e;
    }
    if (!t->root) return FAIL_WHY(t->diag, ERR_BAD_INPUT, "%s:1: the %s is empty", t->name, t->kind);
    return OK;
}

Err tree_read(View text, const char *name, const char *kind, YamlNode **ret_root, Diag *diag)
{
    Tree t = {.name = name, .kind = kind, .diag = diag, .text = text};
    if (!yaml_parser_initialize(&t.parser)) return FAIL(ENOMEM);
    yaml_parser_set_encoding(&t.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&t.parser, text.data ? text.data : (const uint8_t *)"", text.size);
    Err e = read_events(&t);
    yaml_parser_delete(&t.parser);
    free(t.key);
    if (e.code) {
        tree_free(&t.root);
        return e;
    }
    *ret_root = t.root;
    return OK;
}
