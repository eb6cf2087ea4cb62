/* How far a task is: done/total, percent, rate, failures, time left. */
#include "cmd/progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR_MIN = 10, BAR_MAX = 40 };

void progress_begin(Progress *p, const char *task)
{
    *p = (Progress){.out = stderr, .task = task, .terminal = isatty(STDERR_FILENO), .next_line_s = PROGRESS_LINE_EVERY_S};
}

/* While the input is still being cut the number of micro-jobs is guessed from the bytes that were cut so far. */
static double total_of(const covey_progress *c)
{
    if (!c->counting) return (double)c->micro_jobs;
    if (c->bytes_total == 0 || c->bytes_done == 0) return 0;
    return (double)c->micro_jobs * (double)c->bytes_total / (double)c->bytes_done;
}

static void format_time(double seconds, char *ret_text, size_t room)
{
    if (seconds < 100) snprintf(ret_text, room, "%.0f s", seconds);
    else if (seconds < 100 * 60) snprintf(ret_text, room, "%.0f min", seconds / 60);
    else snprintf(ret_text, room, "%.1f h", seconds / 3600);
}

static void format_bar(double fraction, unsigned width, char ret_bar[BAR_MAX + 4])
{
    unsigned full = (unsigned)(fraction * width);
    ret_bar[0] = '[';
    for (unsigned i = 0; i < width; i++) ret_bar[1 + i] = i < full ? '#' : '.';
    memcpy(ret_bar + 1 + width, "] ", 3);
}

static void format_numbers(const covey_progress *c, char *ret_text, size_t room)
{
    double done = (double)(c->succeeded + c->failed), total = total_of(c);
    double rate = c->wall_seconds > 0 ? (done - (double)c->resumed) / c->wall_seconds : 0;
    char of[32] = "", left[32] = "", failed[48] = "", stage[32] = "", nodes[32] = "";
    if (total > 0) snprintf(of, sizeof of, "/%s%.0f %.0f%%", c->counting ? "~" : "", total, 100 * done / total);
    if (total > done && rate > 0) {
        char time[24];
        format_time((total - done) / rate, time, sizeof time);
        snprintf(left, sizeof left, ", %s left", time);
    }
    if (c->failed) snprintf(failed, sizeof failed, ", %llu failed", (unsigned long long)c->failed);
    if (c->stage) snprintf(stage, sizeof stage, ", combining (%u)", c->stage);
    if (c->nodes_ready) snprintf(nodes, sizeof nodes, " on %u node%s", c->nodes_ready, c->nodes_ready == 1 ? "" : "s");
    snprintf(ret_text, room, "%.0f%s, %.*f/s%s%s%s%s", done, of, rate < 10 ? 1 : 0, rate, nodes, failed, stage, left);
}

void progress_format(const char *task, const covey_progress *c, unsigned columns, char *ret_text, size_t room)
{
    char numbers[PROGRESS_LINE_MAX], bar[BAR_MAX + 4] = "";
    format_numbers(c, numbers, sizeof numbers);
    size_t taken = strlen(task) + 2 + strlen(numbers) + 4;
    double total = total_of(c), done = (double)(c->succeeded + c->failed);
    if (columns >= taken + BAR_MIN) {
        unsigned width = columns - (unsigned)taken;
        format_bar(total > 0 ? (done < total ? done / total : 1) : 0, width < BAR_MAX ? width : BAR_MAX, bar);
    }
    snprintf(ret_text, room, "%s: %s%s", task, bar, numbers);
    if (columns && strlen(ret_text) >= columns && columns < room) ret_text[columns - 1] = '\0'; /* a wrapped line cannot be redrawn */
}

static unsigned terminal_columns(void)
{
    struct winsize w;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

void progress_show(Progress *p, const covey_progress *c)
{
    char text[PROGRESS_LINE_MAX];
    if (p->terminal) {
        progress_format(p->task, c, terminal_columns(), text, sizeof text);
        fprintf(p->out, "\r%s\033[K", text);
        p->bar_shown = true;
    } else if (c->wall_seconds >= p->next_line_s || c->nodes_ready != p->nodes_ready) { /* a node more or less is worth a line */
        p->nodes_ready = c->nodes_ready;
        progress_format(p->task, c, 0, text, sizeof text);
        fprintf(p->out, "%s\n", text);
        p->next_line_s = c->wall_seconds + PROGRESS_LINE_EVERY_S;
    }
    fflush(p->out);
}

void progress_note(Progress *p, const char *what, const char *which)
{
    if (!p->terminal) return;
    char text[PROGRESS_LINE_MAX];
    unsigned columns = terminal_columns();
    snprintf(text, sizeof text, "%s: %s %s", p->task, what, which);
    if (columns < sizeof text) text[columns - 1] = '\0';
    fprintf(p->out, "\r%s\033[K", text);
    fflush(p->out);
    p->bar_shown = true;
}

void progress_end(Progress *p)
{
    if (!p->bar_shown) return;
    fprintf(p->out, "\r\033[K");
    fflush(p->out);
    p->bar_shown = false;
}
