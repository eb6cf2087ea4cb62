/* Times in event logs: ISO 8601 as people write it, or seconds since 1970. */
#include "pto/log.h"

typedef struct { View rest; bool bad; } Scan;

static int digit(const Scan *s) { return s->rest.size && s->rest.data[0] >= '0' && s->rest.data[0] <= '9' ? s->rest.data[0] - '0' : -1; }
static void skip(Scan *s) { s->rest = view_of(s->rest.data + 1, s->rest.size - 1); }

static bool accept(Scan *s, const char *one_of)
{
    if (s->rest.size == 0 || !strchr(one_of, s->rest.data[0]) || s->rest.data[0] == '\0') return false;
    skip(s);
    return true;
}

/* Exactly `digits` of them. */
static int64_t number(Scan *s, unsigned digits)
{
    int64_t n = 0;
    for (; digits > 0; digits--) {
        int d = digit(s);
        if (d < 0) {
            s->bad = true;
            return 0;
        }
        n = n * 10 + d;
        skip(s);
    }
    return n;
}

/* What follows a point, to the millisecond; further digits are passed over. */
static int64_t fraction_ms(Scan *s)
{
    int64_t ms = 0, unit = 100;
    if (!accept(s, ".,")) return 0;
    if (digit(s) < 0) s->bad = true;
    for (; digit(s) >= 0; skip(s), unit /= 10) ms += digit(s) * unit;
    return ms;
}

/* Days from 1970-01-01; the year of this count begins in March, so that the leap day is its last (Howard Hinnant, days_from_civil). */
static int64_t days_from(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    static const int64_t DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : DAYS[month - 1];
}

static int64_t offset_min(Scan *s)
{
    accept(s, " ");
    if (accept(s, "Zz") || s->rest.size == 0) return 0;
    bool west = s->rest.data[0] == '-';
    if (!accept(s, "+-")) s->bad = true;
    int64_t hours = number(s, 2);
    accept(s, ":");
    int64_t minutes = s->rest.size ? number(s, 2) : 0;
    if (hours > 14 || minutes > 59) s->bad = true;
    return (west ? -1 : 1) * (hours * 60 + minutes);
}

static Err calendar(Scan *s, int64_t *ret_time_ms, int16_t *ret_utc_offset_min)
{
    int64_t year = number(s, 4);
    s->bad |= !accept(s, "-/");
    int64_t month = number(s, 2);
    s->bad |= !accept(s, "-/");
    int64_t day = number(s, 2), hour = 0, minute = 0, second = 0, ms = 0;
    if (accept(s, "T ")) {
        hour = number(s, 2);
        s->bad |= !accept(s, ":");
        minute = number(s, 2);
        if (accept(s, ":")) second = number(s, 2);
        ms = fraction_ms(s);
    }
    int64_t offset = offset_min(s);
    if (s->bad || s->rest.size || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return FAIL(ERR_BAD_INPUT);
    if (hour > 23 || minute > 59 || second > 60) return FAIL(ERR_BAD_INPUT);
    *ret_time_ms = (days_from(year, month, day) * 86400 + hour * 3600 + (minute - offset) * 60 + second) * 1000 + ms;
    *ret_utc_offset_min = (int16_t)offset;
    return OK;
}

static Err since_1970(Scan *s, int64_t *ret_time_ms, int16_t *ret_utc_offset_min)
{
    enum { DIGITS_MAX = 12 };
    unsigned digits = 0;
    while (digits < s->rest.size && digits <= DIGITS_MAX && s->rest.data[digits] >= '0' && s->rest.data[digits] <= '9') digits++;
    if (digits == 0 || digits > DIGITS_MAX) return FAIL(ERR_BAD_INPUT);
    int64_t seconds = number(s, digits), ms = fraction_ms(s);
    if (s->bad || s->rest.size) return FAIL(ERR_BAD_INPUT);
    *ret_time_ms = seconds * 1000 + ms;
    *ret_utc_offset_min = 0;
    return OK;
}

Err log_time(View text, int64_t *ret_time_ms, int16_t *ret_utc_offset_min)
{
    Scan s = {.rest = text};
    bool is_date = text.size > 4 && (text.data[4] == '-' || text.data[4] == '/');
    return is_date ? calendar(&s, ret_time_ms, ret_utc_offset_min) : since_1970(&s, ret_time_ms, ret_utc_offset_min);
}
