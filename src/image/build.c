/* From a module to a signed image, or to the one in the cache. */
#include "image/build.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/limits.h"
#include "crypto/sha256.h"
#include "image/cache.h"
#include "image/generated.h"
#include "image/module.h"
#include "image/toolchain.h"
#include "image/workspace.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { TOOL_LOG_BYTES_MAX = 256 << 10, GENERATED_BYTES_MAX = 1 << 30, DESCRIPTION_BYTES_MAX = 64 << 10 };

/* What a build works on; the buffers and the key are released by job_free. */
typedef struct {
    const ImageBuildRequest *request;
    Buffer module, image;
    ModuleInfo info;
    Sha256 module_hash;
    SecretKey secret;
    PublicKey signer;
    Toolchain toolchain;
    char cache[PATH_BYTES_MAX];         /* the folder */
    char entry[PATH_BYTES_MAX + 80];    /* the file in it */
    Diag *diag;
} Job;

static void job_free(Job *j)
{
    buffer_free(&j->module);
    buffer_free(&j->image);
    secret_key_wipe(&j->secret);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static Err read_module(Job *j)
{
    const char *path = j->request->module_path;
    uint64_t memory_max = j->request->memory_max ? j->request->memory_max : SEE_MEMORY_MAX;
    Err error = file_read(AT_FDCWD, path, &j->module);
    if (error.code == ENOENT) return FAIL_WHY(j->diag, ERR_NO_ENTRY, "%s: no such file", path);
    if (error.code == ERR_LIMIT) return FAIL_WHY(j->diag, ERR_BAD_INPUT, "%s: larger than %d MiB", path, MODULE_BYTES_MAX >> 20);
    TRY_WHY(j->diag, error, "%s", path);
    TRY(module_check(view_buffer(&j->module), base_name(path), memory_max, &j->info, j->diag));
    TRY(sha256_large(view_buffer(&j->module), &j->module_hash));
    return OK;
}

static Err find_cache_entry(Job *j)
{
    AUTO_BUFFER text = buffer_limited(DESCRIPTION_BYTES_MAX);
    char module[65], signer[PUBLIC_KEY_TEXT_MAX];
    sha256_hex(&j->module_hash, module);
    public_key_print(&j->signer, signer);
    TRY(buffer_format(&text, "image 1\nmodule %s\nsigner %s\n", module, signer));
    TRY(toolchain_describe(&j->toolchain, &text, j->diag));

    Sha256 key;
    sha256_of(view_buffer(&text), &key);
    TRY(cache_directory(j->cache, sizeof j->cache, j->diag));
    cache_path(j->cache, &key, j->entry, sizeof j->entry);
    return OK;
}

static Err write_reduced_module(const Job *j, const Workspace *w, bool *ret_has_start_function)
{
    AUTO_BUFFER reduced = buffer_limited(MODULE_BYTES_MAX + KIB);
    TRY(module_reduce(view_buffer(&j->module), &reduced, ret_has_start_function));
    return workspace_write(w, TOOLCHAIN_WASM, view_buffer(&reduced));
}

static Err write_source(const Job *j, const Workspace *w, bool has_start_function)
{
    Glue glue = {.import_modules = j->info.import_modules, .has_start_function = has_start_function};
    Manifest *m = &glue.manifest;
    m->flags = j->info.uses_see_api ? MANIFEST_FLAG_USES_SEE_API : 0;
    m->memory_pages_initial = j->info.memory_pages_initial;
    m->memory_pages_max = j->info.memory_pages_max;
    memcpy(m->module_hash, j->module_hash.bytes, sizeof m->module_hash);
    _Static_assert(sizeof m->builder >= BUILDER_TEXT_BYTES, "the builder fits its field");
    toolchain_builder(&j->toolchain, m->builder);

    AUTO_BUFFER generated = buffer_limited(GENERATED_BYTES_MAX), source = buffer_limited(GENERATED_BYTES_MAX);
    TRY(workspace_read(w, TOOLCHAIN_C, &generated));
    TRY(generated_to_source(view_buffer(&generated), &glue, &source, j->diag));
    return workspace_write(w, TOOLCHAIN_SOURCE, view_buffer(&source));
}

static Err make(Job *j, const Workspace *w, Buffer *log)
{
    bool has_start_function = false;
    TRY_WHY(j->diag, write_reduced_module(j, w, &has_start_function), "%s: cannot write the module", w->path);
    TRY(toolchain_translate(w->path, log, j->diag));
    if (workspace_interrupted()) return FAIL_WHY(j->diag, ERR_INTERRUPTED, "interrupted");
    TRY_WHY(j->diag, write_source(j, w, has_start_function), "%s: cannot write the source", w->path);
    TRY(toolchain_compile(&j->toolchain, w->path, log, j->diag));
    if (workspace_interrupted()) return FAIL_WHY(j->diag, ERR_INTERRUPTED, "interrupted");
    TRY_WHY(j->diag, workspace_read(w, TOOLCHAIN_ELF, &j->image), "the linked image cannot be read");
    return OK;
}

/* The tools' last words stay for who wants to know more. That this may fail too is not worth another error. */
static Err keep_log(const Job *j, Err error, const Buffer *log)
{
    if (error.code != ERR_TOOL || log->size == 0) return error;
    char path[PATH_BYTES_MAX + 80];
    snprintf(path, sizeof path, "%s/failed.log", j->cache);
    if (file_replace(AT_FDCWD, path, view_buffer(log), 0600).code == 0 && j->diag) {
        size_t used = strlen(j->diag->text);
        snprintf(j->diag->text + used, sizeof j->diag->text - used, " (all of it: %s)", path);
    }
    return error;
}

static Err build(Job *j, ImageInfo *ret_info)
{
    AUTO_WORKSPACE workspace = {.is_open = false};
    AUTO_BUFFER log = buffer_limited(TOOL_LOG_BYTES_MAX);
    TRY(workspace_open(&workspace, j->diag));
    Err made = make(j, &workspace, &log);
    if (made.code) return keep_log(j, made, &log);

    TRY_WHY(j->diag, image_sign(&j->secret, &j->signer, &j->image),
            "the built image is not well formed; this is a defect of Covey");
    TRY(image_parse(view_buffer(&j->image), ret_info, j->diag));
    TRY_WHY(j->diag, cache_put(j->cache, j->entry, view_buffer(&j->image)), "%s: cannot write to the image cache", j->entry);
    return OK;
}

static Err get_or_build(Job *j, ImageInfo *ret_info, bool *ret_from_cache)
{
    TRY(read_module(j));
    TRY(signing_key_open(j->request->config_dir, &j->secret, &j->signer, j->diag));
    TRY(toolchain_find(&j->toolchain, j->diag));
    TRY(find_cache_entry(j));
    if (!j->request->no_cache && cache_get(j->entry, &j->signer, &j->module_hash, &j->image, ret_info).code == 0) {
        *ret_from_cache = true;
        return OK;
    }
    *ret_from_cache = false;
    return build(j, ret_info);
}

Err image_build(const ImageBuildRequest *request, ImageBuilt *ret_built, Diag *diag)
{
    assert(request && request->module_path && request->config_dir && ret_built);

    uint64_t began = clock_monotonic_ns();
    __attribute__((cleanup(job_free))) Job job = {
        .request = request, .module = buffer_limited(MODULE_BYTES_MAX), .image = buffer_limited(IMAGE_BYTES_MAX), .diag = diag};
    ImageInfo info;
    ImageBuilt built = {.from_cache = false};
    TRY(get_or_build(&job, &info, &built.from_cache));

    const char *path = request->output_path ? request->output_path : job.entry;
    if (snprintf(built.path, sizeof built.path, "%s", path) >= (int)sizeof built.path) return FAIL(ENAMETOOLONG);
    if (request->output_path)
        TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&job.image), 0644), "%s: cannot write the image", path);
    built.measurement = info.measurement;
    built.seconds = (double)(clock_monotonic_ns() - began) / NS_PER_S;
    *ret_built = built;
    return OK;
}
