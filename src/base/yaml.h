/**
 * YAML text to a tree whose every node knows its line. Only the part of YAML that task files and policies need: one document of mappings,
 * sequences and scalars with plain keys. Anchors, aliases, tags, duplicate keys, NUL, deep nesting and too many nodes are refused,
 * so that neither a bomb nor a surprise is left for the schema.
 */
#pragma once
#include "base/bytes.h"

enum { YAML_DEPTH_MAX = 8, YAML_NODES_MAX = 8192 };

typedef enum { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;

typedef struct YamlNode YamlNode;
struct YamlNode {
    YamlKind kind;
    unsigned line;           /* from 1 */
    bool plain;              /* a scalar without quotes */
    char *key;               /* member of a map: its key; NULL otherwise */
    unsigned key_line;
    char *text;              /* of a scalar: NUL-terminated UTF-8 without NUL inside */
    YamlNode *first, *next;  /* members in the order of the file */
};

/** Parses; errors are ERR_BAD_INPUT (ENOMEM) and read "name:line: what". `kind` is what such a file is called: "task file". */
MUST_USE Err tree_read(View text, const char *name, const char *kind, YamlNode **ret_root, Diag *diag);
void tree_free(YamlNode **root);
/** The member of a map with this key; NULL when there is none or `map` is NULL or no map. */
const YamlNode *tree_find(const YamlNode *map, const char *key);
