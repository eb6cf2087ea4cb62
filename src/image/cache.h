/** Built images by content, below $XDG_CACHE_HOME/covey/images: <key>.see, each signed by the user's key and believed only
 * then. */
#pragma once
#include "image/image.h"

enum { CACHE_IMAGES_MAX = 256 };

/** The folder; made when it is missing. errors: ERR_NO_ENTRY without $XDG_CACHE_HOME and $HOME, or errno */
MUST_USE Err cache_directory(char *ret_path, size_t room, Diag *diag);
void cache_path(const char *directory, const Sha256 *key, char *ret_path, size_t room);

/** Reads an entry and verifies it: signed by `signer`, made of the module with this hash. Anything else counts as absent.
 *  ret_image   replaced
 *  errors      ERR_NO_ENTRY */
MUST_USE Err cache_get(const char *path, const PublicKey *signer, const Sha256 *module_hash, Buffer *ret_image,
                       ImageInfo *ret_info);

/** Writes an entry, then removes the least recently used ones above CACHE_IMAGES_MAX. */
MUST_USE Err cache_put(const char *directory, const char *path, View image);
