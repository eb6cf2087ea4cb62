/* The service file: its keys, in tables, and what must hold between them. docs/services.md explains it. */
#include "pto/service.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/fnv.h"
#include "base/quoted.h"
#include "pto/workflow.h"
#include "sys/fd.h"

#define AT(member) offsetof(Service, member)
#define OF_TASK(member) offsetof(ServiceTask, member)

static const char *const LEVELS[] = {"shared", "process", "microvm", "confidential", NULL};
static const char SUCH_AS[] = "a service file is a mapping of keys to values, such as 'service: my-service'";
static const char TASK_SUCH_AS[] = "a task of a service is a mapping, such as {task: resize, image: resize.see}";

static Service *service_of(const SchemaReading *r) { return r->target; }

bool service_name_legal(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > SERVICE_NAME_MAX || name[0] == '.') return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr(".-_", c)) return false;
    }
    return true;
}

/* Names are parts of paths and of messages. */
static Err read_legal(const SchemaReading *r, const YamlNode *value, const char **ret_name)
{
    TRY(schema_scalar(r, value, ret_name));
    if (service_name_legal(*ret_name)) return OK;
    return SCHEMA_FAIL(r, value->line, "'%s' cannot be a name: at most %d letters, digits, '.', '-' and '_', not beginning with '.'",
                       quoted(view_text(*ret_name)).text, SERVICE_NAME_MAX);
}

static Err read_service_name(const SchemaReading *r, const YamlNode *value)
{
    const char *name;
    TRY(read_legal(r, value, &name));
    memcpy(service_of(r)->name, name, strlen(name) + 1);
    return OK;
}

static Err read_task_name(const SchemaReading *r, const YamlNode *value)
{
    const char *name;
    TRY(read_legal(r, value, &name));
    memcpy(((ServiceTask *)r->target)->name, name, strlen(name) + 1);
    return OK;
}

typedef struct { char ***words; size_t *count; size_t max; bool names; const char *example; } WordList;

/* Words as they are written; names, where they name something. */
static Err read_words(const SchemaReading *r, const YamlNode *value, const WordList *l)
{
    if (value->kind != YAML_LIST) return SCHEMA_FAIL(r, value->line, "'%s' must be a list, such as %s", value->key, l->example);
    for (const YamlNode *n = value->first; n; n = n->next) {
        const char *text;
        if (*l->count == l->max) return SCHEMA_FAIL(r, n->line, "'%s' has more than %zu entries", value->key, l->max);
        if (l->names) TRY(read_legal(r, n, &text));
        else if (n->kind != YAML_SCALAR) return SCHEMA_FAIL(r, n->line, "must be a single word or number");
        else text = n->text;
        char *copy = strdup(text), **grown = copy ? reallocarray(*l->words, *l->count + 1, sizeof **l->words) : NULL;
        if (!grown) {
            free(copy);
            return FAIL(ENOMEM);
        }
        grown[(*l->count)++] = copy;
        *l->words = grown;
    }
    return OK;
}

static Err read_args(const SchemaReading *r, const YamlNode *value)
{
    ServiceTask *t = r->target;
    return read_words(r, value, &(WordList){&t->args, &t->arg_count, TASK_ARGS_MAX, false, "[--size, 10]"});
}

static Err read_data(const SchemaReading *r, const YamlNode *value)
{
    ServiceTask *t = r->target;
    return read_words(r, value, &(WordList){&t->data, &t->data_count, SERVICE_DATA_MAX, true, "[weights.bin]"});
}

static Err read_next(const SchemaReading *r, const YamlNode *value)
{
    ServiceTask *t = r->target;
    return read_words(r, value, &(WordList){&t->next_names, &t->next_count, SERVICE_TASKS_MAX, true, "[resize, send]"});
}

static const char *const FALLBACKS[] = {"none", "input", NULL};

static const Field TASK_FIELDS[] = {
    {"task", FIELD_SPECIAL, .read = read_task_name},
    {"image", FIELD_PATH, OF_TASK(image)},
    {"module", FIELD_PATH, OF_TASK(module)},
    {"args", FIELD_SPECIAL, .read = read_args},
    {"data", FIELD_SPECIAL, .read = read_data},
    {"fallback", FIELD_FLAG, OF_TASK(data_in_input), .names = FALLBACKS},
    {"next", FIELD_SPECIAL, .read = read_next},
    {NULL},
};

static Err check_task(const SchemaReading *r, const Service *s, const YamlNode *node)
{
    const ServiceTask *t = r->target;
    if (!t->name[0]) return SCHEMA_FAIL(r, node->line, "a task has no name; add 'task: NAME'");
    if (!t->image == !t->module) return SCHEMA_FAIL(r, node->line, "task '%s' needs exactly one of 'image' and 'module'", t->name);
    for (size_t i = 0; i + 1 < s->task_count; i++)
        if (strcmp(s->tasks[i].name, t->name) == 0)
            return SCHEMA_FAIL(r, node->line, "task '%s' is there already, on line %u", t->name, s->tasks[i].line);
    return OK;
}

static Err read_tasks(const SchemaReading *r, const YamlNode *value)
{
    Service *s = service_of(r);
    if (value->kind != YAML_LIST) return SCHEMA_FAIL(r, value->line, "'tasks' must be a list of tasks; %s", TASK_SUCH_AS);
    for (const YamlNode *n = value->first; n; n = n->next) {
        if (s->task_count == SERVICE_TASKS_MAX) return SCHEMA_FAIL(r, n->line, "more than %d tasks", SERVICE_TASKS_MAX);
        ServiceTask *grown = reallocarray(s->tasks, s->task_count + 1, sizeof *grown);
        if (!grown) return FAIL(ENOMEM);
        s->tasks = grown;
        s->tasks[s->task_count] = (ServiceTask){.line = n->line};
        SchemaReading task = *r;
        task.target = &s->tasks[s->task_count++];
        task.such_as = TASK_SUCH_AS;
        TRY(schema_read(&task, n, TASK_FIELDS));
        TRY(check_task(&task, s, n));
    }
    return OK;
}

static const Field STORE_FIELDS[] = {
    {"path", FIELD_PATH, AT(store.path)},
    {"delay", FIELD_DURATION, AT(store.delay_ns), .max = 600 * NS_PER_S},
    {"bandwidth", FIELD_SIZE, AT(store.bandwidth), .min = 1, .max = 1024 * GIB},
    {"recorded", FIELD_PATH, AT(store.recorded)},
    {"speedup", FIELD_COUNT, AT(store.speedup), .min = 1, .max = 1000000},
    {NULL},
};
static const Field SECURITY_FIELDS[] = {
    {"level", FIELD_CHOICE, AT(level), .min = LEVEL_SHARED, .names = LEVELS},
    {"lifetime", FIELD_DURATION, AT(lifetime_ns), .min = NS_PER_MS, .max = SEE_LIFETIME_MAX_NS},
    {"memory", FIELD_SIZE, AT(memory_max), .min = 64 * KIB, .max = SEE_MEMORY_MAX},
    {"output", FIELD_SIZE, AT(output_max), .min = 1, .max = SERVICE_BODY_MAX},
    {NULL},
};
static const Field LIMIT_FIELDS[] = {
    {"body", FIELD_SIZE, AT(body_max), .min = 1, .max = SERVICE_BODY_MAX},
    {"connections", FIELD_COUNT32, AT(connections_max), .min = 1, .max = 1024},
    {"running", FIELD_COUNT32, AT(running_max), .min = 1, .max = 4096},
    {"waiting", FIELD_COUNT32, AT(waiting_max), .max = 65536},
    {"rate", FIELD_COUNT32, AT(rate), .max = 1000000},
    {"session-rate", FIELD_COUNT32, AT(session_rate), .max = 1000000},
    {"patience", FIELD_DURATION, AT(patience_ns), .min = 10 * NS_PER_MS, .max = 3600 * NS_PER_S},
    {"deadline", FIELD_DURATION, AT(deadline_ns), .min = NS_PER_MS, .max = 3600 * NS_PER_S},
    {NULL},
};
static const Field WARM_FIELDS[] = {
    {"zygotes", FIELD_COUNT32, AT(zygotes_max), .min = 1, .max = SERVICE_ZYGOTES_MAX},
    {"memory", FIELD_SIZE, AT(warm_bytes_max), .min = MIB, .max = 1024 * GIB},
    {NULL},
};
static const Field STAGED_FIELDS[] = {
    {"tasks", FIELD_COUNT32, AT(staged_max), .max = SERVICE_ZYGOTES_MAX},
    {"memory", FIELD_SIZE, AT(staged_bytes_max), .min = MIB, .max = 1024 * GIB},
    {NULL},
};
static const Field HISTORY_FIELDS[] = {
    {"path", FIELD_PATH, AT(history)},
    {"rows", FIELD_COUNT, AT(history_rows), .min = 1, .max = 100000000},
    {NULL},
};
static const Field SERVICE_FIELDS[] = {
    {"service", FIELD_SPECIAL, .read = read_service_name},
    {"store", FIELD_GROUP, .fields = STORE_FIELDS},
    {"security", FIELD_GROUP, .fields = SECURITY_FIELDS},
    {"limits", FIELD_GROUP, .fields = LIMIT_FIELDS},
    {"warm", FIELD_GROUP, .fields = WARM_FIELDS},
    {"staged", FIELD_GROUP, .fields = STAGED_FIELDS},
    {"history", FIELD_GROUP, .fields = HISTORY_FIELDS},
    {"workflow", FIELD_PATH, AT(workflow)},
    {"tasks", FIELD_SPECIAL, .read = read_tasks},
    {NULL},
};

uint32_t service_find(const Service *s, View name)
{
    for (size_t i = 0; i < s->task_count; i++)
        if (view_equal(view_text(s->tasks[i].name), name)) return (uint32_t)i;
    return UINT32_MAX;
}

uint64_t service_identity(const Service *s)
{
    uint64_t hash = FNV_BEGIN; /* a mistake is to be noticed, not an attack */
    for (size_t i = 0; i < s->task_count; i++) hash = fnv_add(hash, view_of(s->tasks[i].name, strlen(s->tasks[i].name) + 1));
    return hash;
}

/* "Take in charge ticket" is the task take-in-charge-ticket, unless the service has one of the very name. */
uint32_t service_find_like(const Service *s, const char *activity)
{
    char name[SERVICE_NAME_MAX + 1];
    size_t size = 0;
    uint32_t exact = service_find(s, view_text(activity));
    if (exact != UINT32_MAX) return exact;
    for (const char *c = activity; *c && size < SERVICE_NAME_MAX; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '.' || *c == '_';
        name[size++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : letter ? *c : '-';
    }
    return service_find(s, view_of(name, size));
}

static Err resolve_next(const SchemaReading *r, ServiceTask *t)
{
    const Service *s = service_of(r);
    if (!t->next_count) return OK;
    t->next = calloc(t->next_count, sizeof *t->next);
    if (!t->next) return FAIL(ENOMEM);
    for (size_t i = 0; i < t->next_count; i++) {
        t->next[i] = service_find(s, view_text(t->next_names[i]));
        if (t->next[i] == UINT32_MAX)
            return SCHEMA_FAIL(r, t->line, "task '%s' is followed by '%s', and there is no such task", t->name, t->next_names[i]);
    }
    return OK;
}

static Err check(const SchemaReading *r, const YamlNode *root)
{
    Service *s = service_of(r);
    if (!s->name[0]) return SCHEMA_FAIL(r, root->line, "the service has no name; add 'service: NAME'");
    if (!s->task_count) return SCHEMA_FAIL(r, root->line, "the service has no tasks; add 'tasks: [...]'");
    if (s->zygotes_max + s->staged_max > SERVICE_ZYGOTES_MAX)
        return SCHEMA_FAIL(r, root->line, "'warm' and 'staged' are %u tasks together; at most %d can be ready", s->zygotes_max + s->staged_max, SERVICE_ZYGOTES_MAX);
    const YamlNode *store = tree_find(root, "store");
    bool speedup = tree_find(store, "speedup");
    if (speedup && !s->store.recorded)
        return SCHEMA_FAIL(r, tree_find(store, "speedup")->key_line, "'speedup' divides recorded loading times; there are none: name 'recorded', or remove it");
    for (size_t i = 0; i < s->task_count; i++) {
        ServiceTask *t = &s->tasks[i];
        if (t->data_count && !s->store.path)
            return SCHEMA_FAIL(r, t->line, "task '%s' has data, and the service no store; add 'store: {path: FOLDER}'", t->name);
        if (t->data_in_input && !t->data_count)
            return SCHEMA_FAIL(r, t->line, "task '%s' has 'fallback: input' and no data; name 'data', or remove it", t->name);
        TRY(resolve_next(r, t));
    }
    return OK;
}

static void defaults(Service *s)
{
    *s = (Service){.level = LEVEL_PROCESS, .lifetime_ns = SEE_LIFETIME_DEFAULT_NS, .memory_max = SEE_MEMORY_DEFAULT, .output_max = MIB,
                   .store = {.speedup = 1}, .body_max = MIB, .running_max = 64, .waiting_max = 1024, .rate = 0, .session_rate = 0,
                   .patience_ns = 10 * NS_PER_S, .deadline_ns = 60 * NS_PER_S, .zygotes_max = 16, .warm_bytes_max = GIB,
                   .staged_max = 16, .staged_bytes_max = 256 * MIB,
                   .history_rows = 1000000};
}

static Err read_service(const SchemaReading *r, View yaml)
{
    YamlNode *root = NULL;
    TRY(tree_read(yaml, r->name, "service file", &root, r->diag));
    Err e = schema_read(r, root, SERVICE_FIELDS);
    if (!e.code) e = check(r, root);
    if (!e.code && service_of(r)->workflow) e = workflow_apply(service_of(r), r->diag);
    tree_free(&root);
    return e;
}

Err service_parse(View yaml, const char *name, const char *directory, Service *ret_service, Diag *diag)
{
    assert(name && ret_service);

    if (yaml.size > TASK_FILE_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a service file may be (%d bytes)", name, TASK_FILE_BYTES_MAX);
    Service s;
    defaults(&s);
    SchemaReading r = {.name = name, .directory = directory, .target = &s, .such_as = SUCH_AS, .diag = diag};
    Err e = read_service(&r, yaml);
    if (e.code) {
        service_free(&s);
        return e;
    }
    *ret_service = s;
    return OK;
}

Err service_load(const char *path, Service *ret_service, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    Err e = file_read(AT_FDCWD, path, &text);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code == ERR_LIMIT ? ERR_BAD_INPUT : e.code, "%s: %s", path, err_text(e.code));
    const char *slash = strrchr(path, '/');
    char *directory = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
    if (!directory) return FAIL(ENOMEM);
    e = service_parse(view_buffer(&text), path, directory[0] ? directory : NULL, ret_service, diag);
    free(directory);
    return e;
}

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++) free(words[i]);
    free(words);
}

void service_free(Service *s)
{
    for (size_t i = 0; i < s->task_count; i++) {
        ServiceTask *t = &s->tasks[i];
        free(t->image);
        free(t->module);
        free_words(t->args, t->arg_count);
        free_words(t->data, t->data_count);
        free_words(t->next_names, t->next_names ? t->next_count : 0);
        free(t->next);
    }
    free(s->tasks);
    free(s->store.path);
    free(s->store.recorded);
    free(s->history);
    free(s->workflow);
    *s = (Service){0};
}
