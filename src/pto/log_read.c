/* Event logs from files: plain or gzip, CSV or XES. */
#include <errno.h>

#include "pto/log.h"
#include "pto/packed.h"

static bool is_xes(View text)
{
    size_t i = 0;
    while (i < text.size && (text.data[i] <= ' ' || text.data[i] >= 0x80)) i++; /* a byte order mark, blanks */
    return i < text.size && text.data[i] == '<';
}

Err log_read(const char *path, const LogColumns *columns, EventLog *ret_log, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(LOG_BYTES_MAX);
    Err e = packed_file_read(path, &text);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    if (is_xes(view_buffer(&text))) return log_parse_xes(view_buffer(&text), path, columns, ret_log, diag);
    return log_parse_csv(view_buffer(&text), path, columns, ret_log, diag);
}
