/* The handle: where configuration, state and the program are; the version; errors as values. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "swarm/journal.h"
#include "sys/fault.h"
#include "warden/warden.h"

const char *covey_version(void) { return COVEY_VERSION; }

covey_code api_result(Err e, const Diag *diag, covey_error *ret_error)
{
    covey_code code = (covey_code)err_exit_code(e.code);
    if (!ret_error) return code;
    *ret_error = (covey_error){.code = code};
    if (e.code == 0) return code;
    snprintf(ret_error->text, sizeof ret_error->text, "%s", diag && diag->text[0] ? diag->text : err_text(e.code));
    snprintf(ret_error->at, sizeof ret_error->at, "%s", e.at ? e.at : "");
    return code;
}

static bool runnable(const char *path) { return access(path, X_OK) == 0; }

Err program_find(const char *wish, char ret_path[PATH_BYTES_MAX], Diag *diag)
{
    if (!*wish) wish = getenv("COVEY_PROGRAM");
    if (wish && *wish) {
        if (!runnable(wish)) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: cannot be run as the covey program: %s", wish, strerror(errno));
        return path_format(ret_path, "%s", wish);
    }
    char self[PATH_BYTES_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n > 0) {
        self[n] = '\0';
        const char *slash = strrchr(self, '/');
        if (slash && strcmp(slash, "/covey") == 0 && runnable(self)) return path_format(ret_path, "%s", self);
    }
    if (runnable(COVEY_BINDIR "/covey")) return path_format(ret_path, "%s", COVEY_BINDIR "/covey");
    return FAIL_WHY(diag, ERR_NO_ENTRY, "the covey program was not found in %s; set COVEY_PROGRAM to its path", COVEY_BINDIR);
}

static Err open_handle(const covey_options *options, covey *c, Diag *diag)
{
    static const covey_options NONE = {0};
    const covey_options *o = options ? options : &NONE;
    if (o->config_dir) TRY_WHY(diag, path_format(c->config_dir, "%s", o->config_dir), "config_dir");
    else TRY_WHY(diag, config_directory(c->config_dir, sizeof c->config_dir), "configuration folder (set HOME or XDG_CONFIG_HOME)");
    if (o->state_dir) TRY_WHY(diag, path_format(c->tasks_dir, "%s/tasks", o->state_dir), "state_dir");
    else TRY_WHY(diag, journal_directory(c->tasks_dir, sizeof c->tasks_dir), "state folder (set HOME or XDG_STATE_HOME)");
    TRY_WHY(diag, path_format(c->program, "%s", o->program ? o->program : ""), "program");
    return OK;
}

covey_code covey_open(const covey_options *options, covey **ret, covey_error *error)
{
    Diag diag = {0};
    if (!ret) return api_result(FAIL_WHY(&diag, ERR_USAGE, "covey_open: no place for the handle"), &diag, error);
    fault_sqlite_install();
    covey *c = calloc(1, sizeof *c);
    if (!c) return api_result(FAIL(ENOMEM), NULL, error);
    Err e = open_handle(options, c, &diag);
    if (e.code) free(c);
    else *ret = c;
    return api_result(e, &diag, error);
}

void covey_close(covey *c) { free(c); }

covey_code covey_warden_serve(int socket_fd, const char *config_dir, covey_error *error)
{
    Diag diag = {0};
    fault_role("warden");
    Err e = warden_serve(socket_fd, config_dir, &diag);
    return api_result(e, &diag, error);
}
