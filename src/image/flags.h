/**
 * How gcc is called for a module's generated code: the one place where the flags stand. They are part of an image's content (and of the
 * cache key): changing one changes every measurement. No -march: an image must run on every x86-64 node and mean the same there.
 */
#pragma once

static const char *const IMAGE_COMPILER_FLAGS[] = {
    "-std=gnu17",
    "-fPIE",
    "-w",                          /* the text is generated; its warnings are nobody's */
    /* What wasm means and C does not say by itself. */
    "-fno-strict-aliasing",        /* linear memory is bytes: any access may follow any other */
    "-fwrapv",                     /* integers wrap */
    "-fno-finite-loops",           /* an endless loop is the module's right; its lifetime ends it */
    "-ffp-contract=off",           /* a * b + c rounds twice, on every machine */
    "-fstack-clash-protection",    /* a large frame must meet the stack's guard page, not step over it */
    /* What wasm does not promise and C does. */
    "-fno-math-errno",             /* nobody reads errno after sqrt */
    "-fno-trapping-math",          /* nobody reads the floating-point exception flags */
    /* Speed, measured by bench/compute over its kernels. */
    "-O3",                         /* 1.02 -> 0.97 of native: vectorises where clang's wasm could not; costs about 1 % of size */
    "-fno-tree-reassoc",           /* clang has ordered the operations already; gcc's second go lengthens dependency chains (SHA-256, minimums) */
};
