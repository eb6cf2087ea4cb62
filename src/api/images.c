/* SEE images for the library's user: build, inspect, verify, and the ones a task needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "image/build.h"
#include "sys/fd.h"

covey_code covey_image_build(covey *c, const char *module, const char *output, covey_image_built *ret, covey_error *error)
{
    Diag diag = {0};
    ImageBuilt built = {0};
    ImageBuildRequest request = {.module_path = module, .output_path = output, .config_dir = c->config_dir};
    Err e = image_build(&request, &built, &diag);
    if (e.code == 0) {
        *ret = (covey_image_built){.from_cache = built.from_cache, .seconds = built.seconds};
        _Static_assert(sizeof ret->path == sizeof built.path, "the same limit on both sides");
        memcpy(ret->path, built.path, sizeof ret->path);
        sha256_hex(&built.measurement, ret->measurement);
    }
    return api_result(e, &diag, error);
}

static Err image_load(const char *path, Buffer *ret_file, Diag *diag)
{
    Err e = file_read(AT_FDCWD, path, ret_file);
    if (e.code == 0) return OK;
    bool wrong_path = e.code == ENOENT || e.code == ENOTDIR || e.code == EISDIR || e.code == EACCES;
    return FAIL_WHY(diag, wrong_path ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
}

/* What is wrong with an image is worth its file's name, whoever found it. */
static Err about_file(const char *path, Err e, Diag *diag)
{
    if (e.code == 0 || strncmp(diag->text, path, strlen(path)) == 0) return e;
    char text[DIAG_TEXT_MAX];
    snprintf(text, sizeof text, "%s", diag->text[0] ? diag->text : err_text(e.code));
    return diag_fail(diag, e.code, e.at, "%s: %s", path, text);
}

static void describe(const ImageInfo *info, size_t file_size, covey_image_info *ret)
{
    const Manifest *m = &info->manifest;
    *ret = (covey_image_info){
        .abi_version = m->abi_version,
        .uses_see_api = m->flags & MANIFEST_FLAG_USES_SEE_API,
        .memory_initial = (uint64_t)m->memory_pages_initial * WASM_PAGE_BYTES,
        .memory_max = (uint64_t)m->memory_pages_max * WASM_PAGE_BYTES,
        .file_size = file_size,
    };
    Sha256 module;
    memcpy(module.bytes, m->module_hash, sizeof module.bytes);
    sha256_hex(&module, ret->module_hash);
    sha256_hex(&info->measurement, ret->measurement);
    snprintf(ret->builder, sizeof ret->builder, "%s", m->builder);
    snprintf(ret->entry, sizeof ret->entry, "%s", m->entry);
    if (!info->is_signed) return;
    PublicKey signer;
    memcpy(signer.bytes, info->trailer.public_key, sizeof signer.bytes);
    public_key_print(&signer, ret->signer);
}

/* Parses and judges; *ret_verdict says whether the image may run here, the returned error only whether it is an image at all. */
static Err examine(const covey *c, const char *path, covey_image_info *ret, Err *ret_verdict, Diag *diag)
{
    AUTO_BUFFER file = buffer_limited(IMAGE_BYTES_MAX);
    TRY(image_load(path, &file, diag));
    ImageInfo info;
    TRY(about_file(path, image_parse(view_buffer(&file), &info, diag), diag));
    TrustedKeys trusted;
    TRY_WHY(diag, trusted_keys_load(c->config_dir, &trusted, diag), "trusted keys");

    describe(&info, file.size, ret);
    Err verdict = about_file(path, image_verify(view_buffer(&file), &trusted, &info, diag), diag);
    ret->trusted = verdict.code == 0;
    ret->signature_valid = verdict.code == 0 || verdict.code == ERR_UNTRUSTED;
    *ret_verdict = verdict;
    return OK;
}

covey_code covey_image_inspect(covey *c, const char *path, covey_image_info *ret, covey_error *error)
{
    Diag diag = {0};
    Err verdict;
    Err e = examine(c, path, ret, &verdict, &diag);
    return api_result(e, &diag, error);
}

covey_code covey_image_verify(covey *c, const char *path, covey_image_info *ret, covey_error *error)
{
    Diag diag = {0};
    Err verdict;
    Err e = examine(c, path, ret, &verdict, &diag);
    return api_result(e.code ? e : verdict, &diag, error);
}

Err image_ready(const covey *c, const char *task, const char *image, const char *module, uint64_t memory_max, ReadyImage *ret_image, Diag *diag)
{
    if (module) {
        ImageBuilt built = {0};
        ImageBuildRequest request = {.module_path = module, .config_dir = c->config_dir, .memory_max = memory_max};
        TRY(image_build(&request, &built, diag));
        TRY(path_format(ret_image->path, "%s", built.path));
        ret_image->measurement = built.measurement;
        return OK;
    }
    AUTO_BUFFER file = buffer_limited(IMAGE_BYTES_MAX);
    TRY(image_load(image, &file, diag));
    TrustedKeys trusted;
    TRY_WHY(diag, trusted_keys_load(c->config_dir, &trusted, diag), "trusted keys");
    ImageInfo info;
    TRY(about_file(image, image_parse(view_buffer(&file), &info, diag), diag));
    Err verdict = about_file(image, image_verify(view_buffer(&file), &trusted, &info, diag), diag);
    Err noted = audit_image_trust(c, task, image, &info, verdict, verdict.code ? NULL : diag);
    TRY(verdict);
    TRY(noted);
    TRY(path_format(ret_image->path, "%s", image));
    ret_image->measurement = info.measurement;
    return OK;
}
