/* Any bytes where the warden should speak: a report in range, or ERR_PROTOCOL. */
#include <stdlib.h>

#include "node/warden_link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    WardenReport r;
    Err e = warden_get_report(view_of(data, size), &r);
    if (e.code) return e.code == ERR_PROTOCOL ? 0 : (abort(), 0);
    if (r.type != WARDEN_STARTED && r.type != WARDEN_REFUSED && r.type != WARDEN_ENDED && r.type != WARDEN_EVIDENCE_READY) abort();
    bool has_evidence = r.type == WARDEN_EVIDENCE_READY && r.code == 0;
    if (has_evidence != (r.evidence.size > 0) || r.evidence.size > size) abort();
    if ((r.type == WARDEN_REFUSED || (r.type == WARDEN_EVIDENCE_READY && !has_evidence)) &&
        (r.code <= 0 || r.code >= ERR_LAST || !memchr(r.text, 0, sizeof r.text)))
        abort();
    return 0;
}
