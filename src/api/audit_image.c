/*
 * Image trust decisions in the node's audit log: which images this user's tasks were to run here, and whether they may. A decision that
 * cannot be written is none: the image does not run.
 */
#include <string.h>

#include "api/audit_note.h"
#include "base/quoted.h"

static json_t *detail_of(const char *path, const ImageInfo *info, Err verdict)
{
    char measurement[65], signer[PUBLIC_KEY_TEXT_MAX] = "";
    sha256_hex(&info->measurement, measurement);
    if (info->is_signed) {
        PublicKey key;
        memcpy(key.bytes, info->trailer.public_key, sizeof key.bytes);
        public_key_print(&key, signer);
    }
    json_t *name = json_string(path);
    if (!name) name = json_string(quoted(view_text(path)).text); /* not UTF-8 */
    return json_pack("{s:o, s:s, s:s, s:b, s:s}", "image", name, "measurement", measurement, "signer", signer, "trusted", verdict.code == 0,
                     "reason", verdict.code ? err_text(verdict.code) : "");
}

Err audit_image_trust(const covey *c, const char *task, const char *path, const ImageInfo *info, Err verdict, Diag *diag)
{
    if (verdict.code && err_kind(verdict.code) != ERR_KIND_DENIED) return OK; /* no decision, a failure */
    return audit_note(c, AUDIT_IMAGE_TRUST, task, detail_of(path, info, verdict), diag);
}
