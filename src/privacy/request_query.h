/**
 * From a request, as it travels, to the query that it asks for. Pure; the bytes may be anybody's.
 */
#pragma once
#include "privacy/query.h"
#include "privacy/request.h"

enum { REQUEST_KEYS_MAX = 1024 };

/** What a Query made of a request borrows from, beside the request. */
typedef struct {
    const char *strings[PRIVACY_STRINGS];
    View keys[REQUEST_KEYS_MAX];
    Rational quantiles[QUERY_QUANTILES_MAX];
    Query query;
    Plan plan;
} RequestQuery;

/** segments: of the dataset; unless the request says how many blocks there are, they are the blocks of sample-and-aggregate.
 *  The outcome borrows from itself: it must stay where it is. errors: ERR_BAD_INPUT with what is wrong, ERR_LIMIT */
MUST_USE Err request_query(const PrivacyRequest *r, uint64_t segments, RequestQuery *ret, Diag *diag);
/** The same without the plan: for each of a thousand segments, where computing the noise would take longer than reading the records. */
MUST_USE Err request_read(const PrivacyRequest *r, uint64_t segments, RequestQuery *ret, Diag *diag);

/** Writing one: begun, then every string in the order of PrivacyString, then quantiles, then keys. errors: ERR_LIMIT */
void request_begin(QueryKind kind, PrivacyRequest *ret);
MUST_USE Err request_add(PrivacyRequest *r, const char *text);

/** The same with one of its strings in another's place. errors: ERR_LIMIT */
MUST_USE Err request_with(const PrivacyRequest *r, PrivacyString which, const char *text, PrivacyRequest *ret);

/** Whether segments are read by the built-in image; otherwise by a module that is not trusted with anything. */
static inline bool request_reads_records(const PrivacyRequest *r) { return r->kind != QUERY_BLOCKS + 1; }
static inline QueryKind request_kind(const PrivacyRequest *r) { return (QueryKind)(r->kind - 1); }
/** "sum of Cost Repair where Origin State is Texas", for a person; of a request that request_query has taken. */
enum { REQUEST_TEXT_MAX = 512 };
void request_print(const PrivacyRequest *r, char ret_text[REQUEST_TEXT_MAX]);
/** One of the strings; "" when there are not as many. */
const char *request_string(const PrivacyRequest *r, PrivacyString which);
