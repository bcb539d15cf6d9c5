/* err.c — status codes and error texts.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/err.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} statuses[] = {
#define X(id, name, exit_status) [id] = {name, exit_status},
    PX_STATUS_LIST(X)
#undef X
};

#define N_STATUSES (sizeof statuses / sizeof statuses[0])

enum px_status
px_fail(struct px_err *err, enum px_status status, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->hint[0] = '\0';
        vsnprintf(err->msg, sizeof err->msg, format, args);
        va_end(args);
    }
    return status;
}

enum px_status
px_fail_errno(struct px_err *err, enum px_status status, int errno_value,
              const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        err->status = status;
        err->hint[0] = '\0';
        vsnprintf(err->msg, sizeof err->msg, format, args);
        va_end(args);
        size_t used = strlen(err->msg);
        const char *text = strerror(errno_value);
        snprintf(err->msg + used, sizeof err->msg - used, ": %s", text);
    }
    return status;
}

void
px_err_hint(struct px_err *err, const char *format, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->hint, sizeof err->hint, format, args);
        va_end(args);
    }
}

const char *
px_status_name(enum px_status status)
{
    return (size_t)status < N_STATUSES ? statuses[status].name : "unknown";
}

enum px_status
px_status_from_name(const char *name)
{
    for (size_t i = 0; i < N_STATUSES; i++) {
        if (strcmp(statuses[i].name, name) == 0)
            return (enum px_status)i;
    }
    return PX_EPROTO;
}

int
px_status_exit(enum px_status status)
{
    return (size_t)status < N_STATUSES ? statuses[status].exit_status : 4;
}
