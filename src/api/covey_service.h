/** Services: the part of covey.h, which includes it, about serving requests and predicting them. */
#ifndef COVEY_SERVICE_H
#define COVEY_SERVICE_H

/**
 * A service over HTTP (docs/services.md): its tasks run in SEEs on this machine, a request is a micro-job. NULL and 0: chosen by itself, or not
 * there. Strings are borrowed for the call.
 */
typedef struct { const char *url, *service, *level; unsigned tasks; int store_is_simulated; } covey_serving;
typedef struct {
    const char *listen;             /* "ADDRESS:PORT"; default 127.0.0.1:8080. Another than loopback needs a token or client certificates */
    const char *token_file;
    const char *tls_cert, *tls_key; /* PEM files: HTTPS */
    const char *tls_client_ca;      /* PEM file */
    unsigned cores;
    void *context;
    void (*ready)(void *context, const covey_serving *serving);
    void (*notice_line)(void *context, const char *text);
} covey_serve_options;
/** Serves until stop_fd says so: what can be read from it the first time lets running requests finish, the second time ends them. -1: for ever.
 *  errors: COVEY_BAD_INPUT (the service file with file:line, an address), COVEY_REFUSED (images; an address that others reach), COVEY_SYSTEM */
COVEY_API covey_code covey_serve(covey *c, const char *service_file, const covey_serve_options *options, int stop_fd, covey_error *error);

#endif
