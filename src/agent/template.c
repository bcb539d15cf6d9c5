/* template.c — names of files with fields: "app-{pid}-{time}.pxs".
 *
 * As str.format does: {{ and }} are the braces themselves.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/template.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FIELD_BYTES (HOST_NAME_MAX + 1)

enum field {
#define X(member, name, is_telling) FIELD_##member,
    TEMPLATE_FIELD_LIST(X)
#undef X
        FIELD_END
};

static const struct {
    const char *name;
    bool is_telling;
} fields[FIELD_END] = {
#define X(member, name, is_telling) {name, is_telling},
    TEMPLATE_FIELD_LIST(X)
#undef X
};

/* The next piece: a character or a field. */
struct piece {
    enum field field; /* FIELD_END: a character */
    char character;
};

/* Moves *text on; PX_EOF at its end. */
static enum px_status
next_piece(const char **text, struct piece *out, struct px_err *err)
{
    const char *at = *text;
    *out = (struct piece){FIELD_END, *at};
    if (*at == '\0')
        return PX_EOF;
    if (*at != '{' && *at != '}') {
        *text = at + 1;
        return PX_OK;
    }
    if (at[1] == *at) {
        *text = at + 2;
        return PX_OK;
    }
    size_t n = strcspn(at + 1, "{}");
    for (unsigned i = 0; *at == '{' && at[1 + n] == '}' && i < FIELD_END; i++) {
        if (strlen(fields[i].name) == n &&
            memcmp(fields[i].name, at + 1, n) == 0) {
            out->field = (enum field)i;
            *text = at + n + 2;
            return PX_OK;
        }
    }
    px_fail(err, PX_EINVAL, "path has no field '%.40s'", at);
    px_err_hint(err, "{pid}, {time}, {n} and {host} are filled in; {{ is a "
                     "brace");
    return PX_EINVAL;
}

enum px_status
template_check(const char *text, bool *has_number, struct px_err *err)
{
    struct piece piece;
    bool is_telling = false;
    enum px_status status = PX_OK;
    *has_number = false;
    while (status == PX_OK) {
        status = next_piece(&text, &piece, err);
        if (status != PX_OK || piece.field == FIELD_END)
            continue;
        is_telling |= fields[piece.field].is_telling;
        *has_number |= piece.field == FIELD_NUMBER;
    }
    if (status != PX_EOF)
        return status;
    if (is_telling)
        return PX_OK;
    px_fail(err, PX_EINVAL, "path would name every snapshot alike");
    px_err_hint(err, "put {time} or {n} into it");
    return PX_EINVAL;
}

/* As gmtime_r and strftime, but these take the C library's lock of the time
 * zone, which a child that is forked meanwhile would find taken for ever, and
 * may read the zone's file. A year begins on March 1st here, so that the leap
 * day is its last, and an era has 400 (Howard Hinnant, chrono-Compatible
 * Low-Level Date Algorithms, civil_from_days). */
static void
write_utc(time_t now, char out[FIELD_BYTES])
{
    long long days = (long long)now / 86400 + 719468; /* since 0000-03-01 */
    long long second = (long long)now % 86400;
    long long era = days / 146097;
    long long day = days % 146097;
    long long year =
        (day - day / 1460 + day / 36524 - day / 146096) / 365; /* of the era */
    day -= 365 * year + year / 4 - year / 100;                 /* of the year */
    long long month = (5 * day + 2) / 153;                     /* 0: March */
    day -= (153 * month + 2) / 5;
    year += 400 * era + (month >= 10);
    month += month < 10 ? 3 : -9;
    snprintf(out, FIELD_BYTES, "%04lld%02lld%02lldT%02lld%02lld%02lldZ", year,
             month, day + 1, second / 3600, second / 60 % 60, second % 60);
}

static void
write_field(enum field field, unsigned long number, char out[FIELD_BYTES])
{
    out[0] = '\0';
    switch (field) {
    case FIELD_PID:
        snprintf(out, FIELD_BYTES, "%ld", (long)getpid());
        break;
    case FIELD_TIME:
        write_utc(time(NULL), out);
        break;
    case FIELD_NUMBER:
        snprintf(out, FIELD_BYTES, "%lu", number);
        break;
    case FIELD_HOST:
        gethostname(out, FIELD_BYTES - 1);
        out[FIELD_BYTES - 1] = '\0';
        break;
    case FIELD_END:
        break;
    }
}

enum px_status
template_expand(const char *text, unsigned long number, size_t out_bytes,
                char *out, struct px_err *err)
{
    struct piece piece;
    size_t used = 0;
    for (;;) {
        char field[FIELD_BYTES] = "";
        enum px_status status = next_piece(&text, &piece, err);
        if (status == PX_EOF)
            break;
        if (status != PX_OK)
            return status;
        if (piece.field == FIELD_END)
            field[0] = piece.character;
        else
            write_field(piece.field, number, field);
        size_t n = strlen(field);
        if (used + n >= out_bytes)
            return px_fail(err, PX_ELIMIT, "the name of a file is too long");
        memcpy(out + used, field, n);
        used += n;
    }
    out[used] = '\0';
    return PX_OK;
}
