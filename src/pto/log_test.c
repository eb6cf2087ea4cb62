/* Are event logs read as they are written, and are mistakes named where they are? */
#include "base/test.h"
#include "base/test_data.h"
#include "pto/log.h"

static const LogColumns USUAL = {0};

static EventLog csv(const char *text, const LogColumns *columns)
{
    EventLog log;
    Diag diag = {0};
    Err e = log_parse_csv(view_text(text), "log.csv", columns, &log, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return log;
}

static EventLog xes(const char *text)
{
    EventLog log;
    Diag diag = {0};
    Err e = log_parse_xes(view_text(text), "log.xes", &USUAL, &log, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return log;
}

static void time_is(const char *text, int64_t seconds, int64_t ms, int offset_min)
{
    int64_t time_ms;
    int16_t offset;
    ck_assert_ok(log_time(view_text(text), &time_ms, &offset));
    ck_assert_int_eq(time_ms, seconds * 1000 + ms);
    ck_assert_int_eq(offset, offset_min);
}

START_TEST(times_are_read_in_all_their_shapes)
{
    time_is("2012-04-03 16:55:38", 1333472138, 0, 0);
    time_is("2010-01-13T08:40:25.000+02:00", 1263364825, 0, 120);
    time_is("2024/11/15 16:57", 1731689820, 0, 0);
    time_is("1969-12-31T23:59:59.5Z", -1, 500, 0);
    time_is("2000-02-29", 951782400, 0, 0);
    time_is("2012-04-03T16:55:38.123456-0530", 1333472138 + 19800, 123, -330);
    time_is("1662859290.25", 1662859290, 250, 0);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const WRONG[] = {"", "yesterday", "2012-13-01", "2011-02-29", "2012-04-03 25:00:00", "2012-04-03 10:61", "2012-04-03T10:00:00+15:00",
        "2012-04-03x", "2012-04-03 10:00:00 noon", "1234567890123", "12.", "2012-4-3"};
    int64_t time_ms;
    int16_t offset;
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) ck_assert_err(log_time(view_text(WRONG[i]), &time_ms, &offset), ERR_BAD_INPUT);
}
END_TEST

START_TEST(columns_are_found_by_their_usual_names_and_by_given_ones)
{
    AUTO_LOG log = csv("Activity,x,Case ID,time:timestamp\r\na,1,s1,2012-04-03 16:55:38\r\n\r\n\"b \"\"q\"\",\nc\",2,s2,2012-04-03 16:55:39\r\n", &USUAL);
    ck_assert_uint_eq(log.count, 2);
    ck_assert_str_eq(log.tasks.texts[1], "b \"q\",\nc");
    ck_assert_str_eq(log.sessions.texts[0], "s1");
    ck_assert_int_eq(log.events[1].time_ms - log.events[0].time_ms, 1000);
    AUTO_LOG given = csv("u,v,w,colour\ns,2012-04-03 16:55:38,t,red\ns,2012-04-03 16:55:38,t,\n",
                         &(LogColumns){.session = "u", .time = "v", .task = "w", .attributes = {"colour"}});
    ck_assert_str_eq(given.tasks.texts[0], "t");
    ck_assert_uint_ne(given.events[0].attributes[0], 0);
    ck_assert_uint_eq(given.events[1].attributes[0], 0);
}
END_TEST

START_TEST(an_attribute_has_one_number_whether_a_log_has_it_or_a_request_says_it)
{
    static const char TEXT[] = "case,activity,timestamp,Zoom,org:App\n1,a,2012-04-03 16:55:38,2,x\n1,a,2012-04-03 16:55:39,2,\n1,a,2012-04-03 16:55:40,,x\n";
    static const char *const SAID[] = {"org-app=x&zoom=2", "org-app=&zoom=2", "org-app=x"};
    AUTO_LOG log = csv(TEXT, &(LogColumns){.attributes = {"zoom", "org:app"}});
    AUTO_LOG turned = csv(TEXT, &(LogColumns){.attributes = {NULL, "Org:App", "Zoom"}});
    uint32_t said[LOG_ATTRIBUTES_MAX], other[LOG_ATTRIBUTES_MAX];
    for (size_t i = 0; i < 3; i++) {
        log_attributes_said(SAID[i], said);
        ck_assert_mem_eq(log.events[i].attributes, said, sizeof said);
        ck_assert_mem_eq(turned.events[i].attributes, said, sizeof said);
    }
    log_attributes_said("org-app=2&zoom=x", other);
    ck_assert_uint_ne(other[0], log.events[0].attributes[0]);
    ck_assert_uint_ne(other[1], log.events[0].attributes[1]);
    log_attributes_said("a=1&b=2&c=3&d=4&e=5", said); /* no more than there are places */
    for (int i = 0; i < LOG_ATTRIBUTES_MAX; i++) ck_assert_uint_ne(said[i], 0);
    log_attributes_said("", said);
    for (int i = 0; i < LOG_ATTRIBUTES_MAX; i++) ck_assert_uint_eq(said[i], 0);
}
END_TEST

START_TEST(events_of_the_same_moment_stay_in_the_order_of_the_file)
{
    char text[4096] = "case,activity,timestamp\n";
    for (int i = 0; i < 90; i++) snprintf(text + strlen(text), 64, "%d,a,2012-04-03 16:55:%02d\n", i, 38 - i % 3);
    AUTO_LOG log = csv(text, &USUAL);
    LogOrder order[90];
    log_order(&log, order);
    for (size_t i = 0; i < 90; i++) ck_assert_uint_eq(order[i].index, i % 30 * 3 + 2 - i / 30);
}
END_TEST

START_TEST(a_lifecycle_is_part_of_the_task)
{
    AUTO_LOG log = csv("case,activity,timestamp,lifecycle\n1,a,2012-04-03 16:55:38,START\n1,a,2012-04-03 16:55:39,COMPLETE\n", &USUAL);
    ck_assert_uint_eq(log.tasks.count, 2);
    ck_assert_str_eq(log.tasks.texts[1], "a|COMPLETE");
    AUTO_LOG without = csv("case,activity,timestamp,lifecycle\n1,a,2012-04-03 16:55:38,START\n", &(LogColumns){.no_lifecycle = true});
    ck_assert_str_eq(without.tasks.texts[0], "a");
}
END_TEST

START_TEST(records_without_a_task_are_left_out_or_kept_and_counted)
{
    static const char TEXT[] = "case,activity,timestamp\n1,,2012-04-03 16:55:38\n1,a,2012-04-03 16:55:39\n";
    AUTO_LOG out = csv(TEXT, &USUAL);
    AUTO_LOG kept = csv(TEXT, &(LogColumns){.keep_without_task = true});
    ck_assert_uint_eq(out.count, 1);
    ck_assert_uint_eq(out.without_task, 1);
    ck_assert_uint_eq(kept.count, 2);
    ck_assert_str_eq(kept.tasks.texts[0], LOG_NO_TASK);
}
END_TEST

static void refused_csv(const char *text, int code, const char *why)
{
    EventLog log;
    Diag diag = {0};
    ck_assert_err(log_parse_csv(view_text(text), "log.csv", &USUAL, &log, &diag), code);
    ck_assert_str_eq(diag.text, why);
}

START_TEST(mistakes_in_csv_are_named_with_their_line)
{
#define HEAD "case,activity,timestamp\n"
    refused_csv("", ERR_BAD_INPUT, "log.csv:1: no column for the session (case); name it");
    refused_csv("case,timestamp\n", ERR_BAD_INPUT, "log.csv:1: no column for the task (activity); name it");
    refused_csv(HEAD "1,a,2012-04-03 16:55:38\n1,a\n", ERR_BAD_INPUT, "log.csv:3: 2 fields, the header has 3");
    refused_csv(HEAD "1,a,2012-04-03 16:55:38,x\n", ERR_BAD_INPUT, "log.csv:2: more than the header's 3 fields");
    refused_csv(HEAD "1,\"a\nb\",2012-04-03 16:55:38\n1,a,noon\n", ERR_BAD_INPUT, "log.csv:4: noon is not a time");
    refused_csv(HEAD ",a,2012-04-03 16:55:38\n", ERR_BAD_INPUT, "log.csv:2: no session");
    refused_csv(HEAD "1,\"a,2012-04-03 16:55:38\n", ERR_BAD_INPUT, "log.csv:2: a quote that is not closed");
}
END_TEST

START_TEST(a_field_is_bounded_and_a_zero_byte_refused)
{
    char text[LOG_FIELD_MAX + 200] = HEAD "1,";
    EventLog log;
    Diag diag = {0};
    size_t at = strlen(text);
    memset(text + at, 'a', LOG_FIELD_MAX + 1);
    strcpy(text + at + LOG_FIELD_MAX + 1, ",2012-04-03 16:55:38\n");
    refused_csv(text, ERR_LIMIT, "log.csv:2: a field of more than 4096 bytes");
    ck_assert_err(log_parse_csv(VIEW(HEAD "1,a\0b,2012-04-03 16:55:38\n"), "log.csv", &USUAL, &log, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "log.csv:2: a zero byte in it");
}
END_TEST

#define EVENT(task, time) "<event><string key=\"concept:name\" value=\"" task "\"/><date key='time:timestamp' value='" time "'/></event>"

START_TEST(xes_is_read_with_its_traces_events_and_entities)
{
    AUTO_LOG log = xes("\xef\xbb\xbf<?xml version='1.0'?><!-- <trace> -->\n<log><global scope=\"event\"><string key=\"concept:name\" value=\"none\"/></global>"
                       "<trace><string key=\"concept:name\" value=\"c&#49;\"><string key=\"concept:name\" value=\"inner\"/></string>"
                       EVENT("a &amp; &#x62;", "2012-04-03T16:55:38Z") "</trace><trace>" EVENT("c", "2012-04-03T16:55:39.5+02:00") "</trace></log>");
    ck_assert_uint_eq(log.count, 2);
    ck_assert_str_eq(log.sessions.texts[0], "c1");
    ck_assert_str_eq(log.sessions.texts[1], "trace 2");
    ck_assert_str_eq(log.tasks.texts[0], "a & b");
    ck_assert_int_eq(log.events[1].utc_offset_min, 120);
}
END_TEST

static void refused_xes(const char *text, int code, const char *why)
{
    EventLog log;
    Diag diag = {0};
    ck_assert_err(log_parse_xes(view_text(text), "log.xes", &USUAL, &log, &diag), code);
    ck_assert_str_eq(diag.text, why);
}

START_TEST(mistakes_in_xes_are_named_with_their_line)
{
    refused_xes("<log>\n<trace>\n" EVENT("a", "noon") "</trace></log>", ERR_BAD_INPUT, "log.xes:3: noon is not a time");
    refused_xes("<log>\n<trace>", ERR_TRUNCATED, "log.xes:2: the end of the log is missing");
    refused_xes("<log>\n</log>", ERR_BAD_INPUT, "log.xes:2: no trace in it");
    refused_xes("</log>", ERR_BAD_INPUT, "log.xes:1: an end without a beginning");
    refused_xes("<!DOCTYPE x [<!ENTITY a \"b\">]><log/>", ERR_BAD_INPUT, "log.xes:1: document types are not read");
    refused_xes("<log><trace>\n<string key=\"a\" value=\"&b;\"/>", ERR_BAD_INPUT, "log.xes:2: an entity that is not known");
    refused_xes("<log key>", ERR_BAD_INPUT, "log.xes:1: a tag that is not closed");
    refused_xes("<log key=1>", ERR_BAD_INPUT, "log.xes:1: a value without quotes");
}
END_TEST

START_TEST(elements_in_each_other_are_bounded)
{
    char text[4096] = "";
    for (int i = 0; i < 70; i++) strcat(text, "<log>");
    refused_xes(text, ERR_LIMIT, "log.xes:1: more than 64 elements in each other");
}
END_TEST

START_TEST(the_shared_logs_have_the_events_that_they_are_said_to_have)
{
    static const struct { const char *path; uint32_t events, sessions, tasks; } LOGS[] = {
        {"eventlogs/helpdesk.csv", 13710, 3804, 9}, {"eventlogs/helpdesk_4tu.csv", 21348, 4580, 14}, {"eventlogs/bpi12_w_complete.csv", 72413, 9658, 6},
        {"eventlogs/bpi12.csv.gz", 262200, 13087, 36}, {"requests/lora_request_trace.csv.gz", 26798, 4244, 86}};
    for (size_t i = 0; i < sizeof LOGS / sizeof LOGS[0]; i++) {
        const char *path = test_data(LOGS[i].path);
        AUTO_LOG log = {0};
        Diag diag = {0};
        if (!path) return;
        Err e = log_read(path, &USUAL, &log, &diag);
        ck_assert_msg(e.code == 0, "%s", diag.text);
        ck_assert_uint_eq(log.count, LOGS[i].events);
        ck_assert_uint_eq(log.sessions.count, LOGS[i].sessions);
        ck_assert_uint_eq(log.tasks.count, LOGS[i].tasks);
    }
}
END_TEST

TEST_MAIN("pto/log", times_are_read_in_all_their_shapes, what_is_no_time_is_refused, columns_are_found_by_their_usual_names_and_by_given_ones,
          an_attribute_has_one_number_whether_a_log_has_it_or_a_request_says_it, events_of_the_same_moment_stay_in_the_order_of_the_file,
          a_lifecycle_is_part_of_the_task, records_without_a_task_are_left_out_or_kept_and_counted, mistakes_in_csv_are_named_with_their_line,
          a_field_is_bounded_and_a_zero_byte_refused, xes_is_read_with_its_traces_events_and_entities, mistakes_in_xes_are_named_with_their_line,
          elements_in_each_other_are_bounded, the_shared_logs_have_the_events_that_they_are_said_to_have)
