/* Is a request line taken for exactly what it says, and everything else refused with the right status? */
#include "base/test.h"
#include "gateway/route.h"

static Route r;
static HttpProblem p;

START_TEST(a_task_of_a_service_is_found_with_its_session_and_attributes)
{
    ck_assert(route_parse("POST", "/v1/services/photos/tasks/re-size?zoom=2&session=a%20b+c&app=x", &r, &p));
    ck_assert_int_eq(r.kind, ROUTE_TASK);
    ck_assert_str_eq(r.service, "photos");
    ck_assert_str_eq(r.task, "re-size");
    ck_assert_str_eq(r.session, "a b c");
    ck_assert_str_eq(r.attributes, "app=x&zoom=2");
}
END_TEST

START_TEST(the_other_paths_are_found_too)
{
    ck_assert(route_parse("GET", "/healthz", &r, &p) && r.kind == ROUTE_HEALTH);
    ck_assert(route_parse("HEAD", "/v1/services", &r, &p) && r.kind == ROUTE_SERVICES);
    ck_assert(route_parse("GET", "/v1/services/s", &r, &p) && r.kind == ROUTE_SERVICE);
    ck_assert(route_parse("POST", "/v1/services/s/tasks/t", &r, &p) && !r.session[0] && !r.attributes[0]);
}
END_TEST

START_TEST(what_is_no_request_is_refused_with_its_status)
{
    static const struct { const char *method, *uri; unsigned status; } CASES[] = {
        {"GET", "/", 404}, {"GET", "", 404}, {"GET", "/v1", 404}, {"GET", "/v1/services/", 404}, {"GET", "/healthz/", 404},
        {"POST", "/v1/services/s/tasks/", 404}, {"POST", "/v1/services/s/tasks/t/", 404}, {"POST", "/v1/services/s/jobs/t", 404},
        {"POST", "/v1/services/s%2Ftasks/t", 404}, {"POST", "/v1/services/../tasks/t", 404}, {"POST", "/v1/services/s/tasks/%00", 404},
        {"POST", "/v1/services/s/tasks/t%", 404}, {"POST", "/v1/services/s/tasks/.hidden", 404}, {"POST", "//v1/services/s/tasks/t", 404},
        {"GET", "/v1/services/s/tasks/t", 405}, {"DELETE", "/v1/services", 405}, {"PO ST", "/v1/services/s/tasks/t", 405}, {"post", "/v1/services/s/tasks/t", 405},
        {"GET", "/healthz?x=1", 400}, {"POST", "/v1/services/s/tasks/t?session", 400}, {"POST", "/v1/services/s/tasks/t?session=", 400},
        {"POST", "/v1/services/s/tasks/t?session=a&session=b", 400}, {"POST", "/v1/services/s/tasks/t?a=1&a=2", 400},
        {"POST", "/v1/services/s/tasks/t?A=1", 400}, {"POST", "/v1/services/s/tasks/t?=1", 400}, {"POST", "/v1/services/s/tasks/t?a=%0a", 400},
        {"POST", "/v1/services/s/tasks/t?a=%26b", 400}, {"POST", "/v1/services/s/tasks/t?a=1&", 400}, {"POST", "/v1/services/s/tasks/t?a=b=c", 400},
        {"POST", "/v1/services/s/tasks/t?a=1&b=1&c=1&d=1&e=1", 400},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        bool taken = route_parse(CASES[i].method, CASES[i].uri, &r, &p);
        ck_assert_msg(!taken && p.status == CASES[i].status, "%s %s: %d %u", CASES[i].method, CASES[i].uri, taken, p.status);
        ck_assert(p.text[0] && p.where && p.remedy);
    }
}
END_TEST

START_TEST(long_ones_are_refused_before_they_are_looked_at)
{
    char uri[ROUTE_URI_MAX + 100] = "/v1/services/s/tasks/t?a=";
    memset(uri + strlen(uri), 'x', 65);
    ck_assert(!route_parse("POST", uri, &r, &p) && p.status == 400);
    memset(uri + 25, 'x', sizeof uri - 26);
    ck_assert(!route_parse("POST", uri, &r, &p) && p.status == 414);
}
END_TEST

TEST_MAIN("gateway/route", a_task_of_a_service_is_found_with_its_session_and_attributes, the_other_paths_are_found_too,
          what_is_no_request_is_refused_with_its_status, long_ones_are_refused_before_they_are_looked_at)
