/**
 * The tools and the runtime that an image is made with: where they are, what versions, and with which options they are called.
 * Everything here that can change an image's bytes is part of toolchain_describe, and so of the key of the image cache.
 */
#pragma once
#include "base/limits.h"
#include "crypto/sign.h"

enum { LIBRARY_TEXT_BYTES = PATH_BYTES_MAX + 64 };

typedef struct {
    char archive[PATH_BYTES_MAX];       /* libcovey-see.a */
    char include[PATH_BYTES_MAX];       /* the folder with see/prelude.h */
    char wasm2c[96], gcc[96], ld[96];   /* first lines of what they say about themselves */
    /* path, size and time of static libraries */
    char libc[LIBRARY_TEXT_BYTES], libcrypto[LIBRARY_TEXT_BYTES], libipsec_mb[LIBRARY_TEXT_BYTES], libsodium[LIBRARY_TEXT_BYTES];
} Toolchain;

/** Finds everything. The runtime: $COVEY_SEE_DIR, beside the running executable (a build tree), then where Covey is installed.
 *  errors: ERR_NO_ENTRY with the remedy in diag */
MUST_USE Err toolchain_find(Toolchain *ret_toolchain, Diag *diag);

/** Text that changes whenever images made with this toolchain may change: versions, options, digests of runtime and headers. */
MUST_USE Err toolchain_describe(const Toolchain *t, Buffer *text, Diag *diag);

/** For the manifest: the tools and their versions, printable, short. */
enum { BUILDER_TEXT_BYTES = 96 };
void toolchain_builder(const Toolchain *t, char ret_text[BUILDER_TEXT_BYTES]);

/** TOOLCHAIN_WASM in `directory` to TOOLCHAIN_C and its header. errors: ERR_TOOL, ERR_INTERRUPTED; `log` has what the tool
 * said */
MUST_USE Err toolchain_translate(const char *directory, Buffer *log, Diag *diag);
/** TOOLCHAIN_SOURCE in `directory` to TOOLCHAIN_ELF. */
MUST_USE Err toolchain_compile(const Toolchain *t, const char *directory, Buffer *log, Diag *diag);

#define TOOLCHAIN_WASM "module.wasm"
#define TOOLCHAIN_C "module.c"
#define TOOLCHAIN_SOURCE "image.c"
#define TOOLCHAIN_ELF "image.elf"
