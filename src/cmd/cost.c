/* What a private task would cost, for a person or a program. */
#include "cmd/cost.h"

#include <stdio.h>

#include "cmd/session.h"

static void print_line(const char *name, const char *value)
{
    printf("%-10s", name);
    for (const unsigned char *c = (const unsigned char *)value; *c; c++) putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
    putchar('\n');
}

static void print_text(const covey_cost *cost)
{
    print_line("what", cost->what);
    if (cost->best_blocks) printf("%-10s%llu, of %llu segments, one SEE each\n", "blocks", cost->micro_jobs, cost->segments);
    else printf("%-10s%llu, one SEE each\n", "segments", cost->segments);
    print_line("price", cost->price);
    if (cost->left_known) print_line("left", cost->left);
    else print_line("left", "only the key broker knows: it is not yours, or it is running");
    for (unsigned i = 0; i < cost->part_count && i < COVEY_COST_PARTS_MAX; i++) print_line("noise", cost->parts[i]);
    printf("%-10s%.6g, root mean square of one number\n", "error", cost->error);
    if (cost->best_blocks) printf("%-10s%llu blocks would give the least error for so many records, as far as one can tell\n", "best", cost->best_blocks);
    if (cost->left_known && !cost->affordable) printf("the budget does not suffice: the task would be refused\n");
}

static void print_json_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 0x20) printf("\\u%04x", *c);
        else putchar(*c);
    }
    putchar('"');
}

static void print_json(const covey_cost *cost)
{
    printf("{\"what\": ");
    print_json_text(cost->what);
    printf(", \"segments\": %llu, \"micro_jobs\": %llu, \"price\": ", cost->segments, cost->micro_jobs);
    print_json_text(cost->price);
    printf(", \"left\": ");
    if (cost->left_known) print_json_text(cost->left);
    else printf("null");
    printf(", \"affordable\": %s, \"error\": %.9g, \"best_blocks\": %llu, \"noise\": [",
           !cost->left_known ? "null" : cost->affordable ? "true" : "false", cost->error, cost->best_blocks);
    for (unsigned i = 0; i < cost->part_count && i < COVEY_COST_PARTS_MAX; i++) {
        if (i) printf(", ");
        print_json_text(cost->parts[i]);
    }
    printf("]}\n");
}

int cost_print(covey_task *t, uint64_t records, bool json)
{
    covey_cost cost;
    covey_error e;
    if (covey_task_cost(t, records, &cost, &e)) return session_error(&e);
    if (json) print_json(&cost);
    else print_text(&cost);
    return cost.left_known && !cost.affordable ? COVEY_REFUSED : COVEY_OK;
}
