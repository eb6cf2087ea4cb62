/** The little of ELF that an image needs: where it ends, that it is safe in shape, and its note. Hostile input. */
#pragma once
#include "base/bytes.h"
#include "see/manifest.h"

/** Checks the ELF at the start of `file`: 64-bit, of this machine, static-pie, no interpreter, nothing both writable and
 *  executable, the section headers last, exactly one Covey note. What follows the section headers is not looked at.
 *  errors: ERR_BAD_INPUT with the reason in diag */
MUST_USE Err elf_check(View file, View *ret_elf, Manifest *ret_manifest, Diag *diag);
