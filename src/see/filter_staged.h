/** The addition to the inner filter for tasks that may claim staged data. It stands before the last KILL, with the call's number loaded. */
#pragma once
#include <linux/filter.h>

enum { FILTER_STAGED_COUNT = 13 };
extern const struct sock_filter FILTER_STAGED[FILTER_STAGED_COUNT];
