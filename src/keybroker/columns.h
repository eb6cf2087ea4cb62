/** Whether a dataset has the columns that a private task names: before it is charged. */
#pragma once
#include "base/error.h"
#include "privacy/request_query.h"

/** columns: the CSV header as the dataset's footer discloses it; empty: it does not, and nothing is refused.
 *  errors: ERR_BAD_INPUT, naming the column that is missing and those that there are */
MUST_USE Err columns_check(View columns, const PrivacyRequest *request, Diag *diag);
