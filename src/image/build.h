/**
 * Builds a SEE image from a wasm module: check the module, reduce it, wasm2c, put Covey's prelude in place of the generated one,
 * gcc -O2, link with libcovey-see.a as one static-pie ELF with the manifest note, sign.
 *
 * Reproducible: the same module, toolchain and key give the same bytes, wherever and whenever. Built images are cached by
 * content (module hash, toolchain, runtime, key) under $XDG_CACHE_HOME/covey/images.
 */
#pragma once
#include "image/image.h"

typedef struct {
    const char *module_path;    /* the .wasm */
    const char *output_path;    /* the .see; NULL: only the cache */
    const char *config_dir;     /* where the signing key is */
    uint64_t memory_max;        /* refuse modules whose initial memory is larger; 0: SEE_MEMORY_MAX */
    bool no_cache;              /* build even when the cache has it */
} ImageBuildRequest;

typedef struct {
    char path[4096];            /* the image: output_path, or its place in the cache */
    Sha256 measurement;
    bool from_cache;
    double seconds;
} ImageBuilt;

/** SIGINT, SIGTERM and SIGHUP wait in the calling thread until the temporary folder is removed.
 *  errors: ERR_BAD_INPUT (the module, with its reason), ERR_TOOL (the tool's last words; all are in failed.log in the cache),
 *          ERR_NO_ENTRY (module, tool or runtime missing, with remedy), ERR_DENIED (the key file), ERR_INTERRUPTED, errno */
MUST_USE Err image_build(const ImageBuildRequest *request, ImageBuilt *ret_built, Diag *diag);
