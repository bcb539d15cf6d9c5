/* err.h — status codes and error texts for everything that can fail.
 *
 * A function that can fail returns enum px_status (PX_OK is 0) or, if it is a
 * constructor, NULL; when `err` is not NULL it then holds the same status and
 * one sentence: what was attempted and why it failed, lower case, without a
 * newline. `hint` says what the user can do next, or is empty. Values only:
 * no ownership, no threads, never allocates.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_ERR_H
#define PX_ERR_H

#include <stddef.h>

/* X(enum member, name on the wire and in --json, exit status of programs)
 * Exit statuses are design 5: 2 usage or not available, 3 cannot connect or
 * not allowed, 4 the target or file broke off, 5 no such type or object. */
#define PX_STATUS_LIST(X)                                                      \
    X(PX_OK, "ok", 0)                                                          \
    X(PX_AGAIN, "again", 4) /* more bytes are needed; nothing moved */         \
    X(PX_EOF, "end_of_file", 4)                                                \
    X(PX_ENOMEM, "out_of_memory", 2)                                           \
    X(PX_EIO, "io_error", 4)                                                   \
    X(PX_EPROTO, "bad_data", 4) /* bytes that no honest peer sends */          \
    X(PX_ETRUNCATED, "cut_short", 4)                                           \
    X(PX_ELIMIT, "limit_exceeded", 2)                                          \
    X(PX_EINVAL, "bad_argument", 2)                                            \
    X(PX_EUNSUPPORTED, "not_available", 2)                                     \
    X(PX_EBUSY, "busy", 2)                                                     \
    X(PX_ENOTFOUND, "not_found", 5)                                            \
    X(PX_EDENIED, "not_allowed", 3)                                            \
    X(PX_ECONNECT, "cannot_connect", 3)                                        \
    X(PX_EVERSION, "version_mismatch", 3)                                      \
    X(PX_ECANCELED, "cancelled", 4)                                            \
    X(PX_EGONE, "target_gone", 4)

enum px_status {
#define X(id, name, exit_status) id,
    PX_STATUS_LIST(X)
#undef X
};

#define PX_ERR_TEXT 320
#define PX_ERR_HINT 320

struct px_err {
    enum px_status status;
    char msg[PX_ERR_TEXT];
    char hint[PX_ERR_HINT];
};

/* Fills `err` (may be NULL) and returns `status`, so that callers can write
 * `return px_fail(err, PX_EPROTO, "frame of %u bytes exceeds %u", …);`.
 * Clears the hint. Any thread. */
enum px_status px_fail(struct px_err *err, enum px_status status,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As px_fail, with strerror(errno_value) appended after a colon. */
enum px_status px_fail_errno(struct px_err *err, enum px_status status,
                             int errno_value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets the hint of an error that is already filled. */
void px_err_hint(struct px_err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The wire name of a status ("not_found"), and back; an unknown name is
 * PX_EPROTO. Static strings. */
const char *px_status_name(enum px_status status);
enum px_status px_status_from_name(const char *name);

/* The exit status of a program that ends with this error. */
int px_status_exit(enum px_status status);

#endif
