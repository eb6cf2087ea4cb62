/* RFC 3339 times in UTC, to and from seconds since 1970. */
#include "base/rfc3339.h"

#include <stdio.h>

static const char PATTERN[] = "dddd-dd-ddTdd:dd:ddZ";
enum { TEXT_SIZE = sizeof PATTERN - 1, DAY = 24 * 3600, YEAR_9999_DAYS = 2932896 };

/* Days from 1970-01-01, counted in years that begin in March, so that the leap day is the last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    if (month <= 2) year--;
    int64_t from_march = (month + 9) % 12;
    return 365 * year + year / 4 - year / 100 + year / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static int64_t days_in(int64_t year, int64_t month)
{
    return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

static int64_t number(View text, size_t at, size_t digits)
{
    int64_t n = 0;
    for (size_t i = at; i < at + digits; i++) n = 10 * n + (text.data[i] - '0');
    return n;
}

static bool matches(View text)
{
    if (text.size != TEXT_SIZE) return false;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (PATTERN[i] == 'd' ? !digit : text.data[i] != (uint8_t)PATTERN[i]) return false;
    }
    return true;
}

Err rfc3339_parse(View text, uint64_t *ret_unix_seconds)
{
    if (!matches(text)) return FAIL(ERR_BAD_INPUT);
    int64_t year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
    int64_t hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month)) return FAIL(ERR_BAD_INPUT);
    if (hour > 23 || minute > 59 || second > 59) return FAIL(ERR_BAD_INPUT); /* a leap second has no number in Unix time */
    *ret_unix_seconds = (uint64_t)(days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second);
    return OK;
}

void rfc3339_print(uint64_t unix_seconds, char ret_text[RFC3339_TEXT_MAX])
{
    uint64_t last = (uint64_t)(YEAR_9999_DAYS + 1) * DAY - 1;
    uint64_t time = unix_seconds < last ? unix_seconds : last;
    int64_t days = (int64_t)(time / DAY), left = (int64_t)(time % DAY), year = 1970, month = 1;
    year += days / 366; /* never too late; a few steps bring it home */
    while (year < 9999 && days_of(year + 1, 1, 1) <= days) year++;
    while (month < 12 && days_of(year, month + 1, 1) <= days) month++;
    snprintf(ret_text, RFC3339_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month, (int)(days - days_of(year, month, 1) + 1),
             (int)(left / 3600), (int)(left / 60 % 60), (int)(left % 60));
}
