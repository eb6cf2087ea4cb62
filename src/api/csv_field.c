/* Fields of CSV records. A quote opens only at a field's start; what follows a closing quote is data like any other. */
#include "api/csv_field.h"

static View without_newline(View record)
{
    if (record.size && record.data[record.size - 1] == '\n') record.size--;
    if (record.size && record.data[record.size - 1] == '\r') record.size--;
    return record;
}

/** Takes the field that begins at *at, which is then behind its comma; false: that was the last one. */
static Err take_field(View record, size_t *at, Buffer *field, bool *ret_more)
{
    bool quoted = *at < record.size && record.data[*at] == '"';
    size_t i = *at + quoted;
    for (; i < record.size; i++) {
        uint8_t c = record.data[i];
        if (!quoted && c == ',') break;
        if (quoted && c == '"') {
            bool doubled = i + 1 < record.size && record.data[i + 1] == '"';
            quoted = doubled;
            if (!doubled) continue;
            i++;
        }
        if (field) TRY(buffer_put_u8(field, c));
    }
    *ret_more = i < record.size;
    *at = i + 1;
    return OK;
}

Err csv_field(View record, size_t column, Buffer *ret_field, bool *ret_found)
{
    size_t at = 0;
    bool more = true;
    record = without_newline(record);
    for (size_t i = 0; more; i++) {
        TRY(take_field(record, &at, i == column ? ret_field : NULL, &more));
        *ret_found = i == column;
        if (*ret_found) return OK;
    }
    return OK;
}

Err csv_column(View header, View name, size_t *ret_column, bool *ret_found)
{
    size_t at = 0;
    bool more = true;
    if (header.size >= 3 && memcmp(header.data, "\xef\xbb\xbf", 3) == 0) header = view_of(header.data + 3, header.size - 3);
    header = without_newline(header);
    *ret_found = false;
    for (size_t i = 0; more && !*ret_found; i++) {
        AUTO_BUFFER field = buffer_limited(header.size + 1);
        TRY(take_field(header, &at, &field, &more));
        *ret_found = view_equal(view_buffer(&field), name);
        *ret_column = i;
    }
    return OK;
}
