/* place.c — where one is, as a value and as text.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *help;
    enum place_what what;
} views[] = {
#define X(member, name, what, help) {name, help, PLACE_##what},
    VIEW_LIST(X)
#undef X
};

const char *
view_name(enum view_id view)
{
    return views[view].name;
}

const char *
view_about(enum view_id view)
{
    return views[view].help;
}

enum place_what
view_what(enum view_id view)
{
    return views[view].what;
}

enum view_id
view_find(const char *name, size_t n)
{
    for (size_t i = 0; i < VIEW_END; i++) {
        if (strlen(views[i].name) == n && memcmp(views[i].name, name, n) == 0)
            return (enum view_id)i;
    }
    return VIEW_END;
}

/* All n bytes are hex digits that fit 64 bits. "0x" may stand before them. */
static bool
parse_hex(const char *text, size_t n, uint64_t *out)
{
    if (n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
        n -= 2;
    }
    char digits[17];
    if (n == 0 || n > 16 || strspn(text, "0123456789abcdefABCDEF") < n)
        return false;
    memcpy(digits, text, n);
    digits[n] = '\0';
    *out = strtoull(digits, NULL, 16);
    return true;
}

static enum px_status
parse_what(const char *text, size_t n, struct place *place, struct px_err *err)
{
    enum place_what what = view_what(place->view);
    if (what == PLACE_NOTHING) {
        if (n == 0)
            return PX_OK;
        return px_fail(err, PX_EINVAL, "the view %s takes nothing after it",
                       view_name(place->view));
    }
    if (n == 0) {
        px_fail(err, PX_EINVAL, "the view %s needs %s", view_name(place->view),
                what == PLACE_TYPE ? "a type" : "an object's address");
        px_err_hint(err, what == PLACE_TYPE ? "as in %s:dict" : "as in %s:7f00",
                    view_name(place->view));
        return PX_EINVAL;
    }
    if (what != PLACE_TYPE && parse_hex(text, n, &place->addr))
        return PX_OK;
    if (what == PLACE_OBJECT)
        return px_fail(err, PX_EINVAL, "'%.*s' is no address", (int)n, text);
    if (n >= sizeof place->type)
        return px_fail(err, PX_ELIMIT, "a name of %zu bytes is too long", n);
    memcpy(place->type, text, n);
    place->type[n] = '\0';
    return PX_OK;
}

enum px_status
place_parse(const char *text, struct place *out, struct px_err *err)
{
    struct place place;
    memset(&place, 0, sizeof place);
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (end != text && *end == ':' && text[0] != '-' && errno == 0 &&
        number <= UINT32_MAX) {
        place.snapshot = (unsigned)number;
        text = end + 1;
    }
    size_t n = strlen(text);
    const char *at = strrchr(text, '@');
    if (at != NULL && parse_hex(at + 1, strlen(at + 1), &place.cursor))
        n = (size_t)(at - text);
    const char *colon = memchr(text, ':', n);
    size_t name_bytes = colon != NULL ? (size_t)(colon - text) : n;
    place.view = view_find(text, name_bytes);
    if (place.view == VIEW_END) {
        px_fail(err, PX_EINVAL, "there is no view '%.*s'", (int)name_bytes,
                text);
        px_err_hint(err, "a place is VIEW, VIEW:TYPE or VIEW:ADDRESS, as in "
                         "instances:dict or object:7f3a5c0d2e40");
        return PX_EINVAL;
    }
    const char *what = colon != NULL ? colon + 1 : text + n;
    enum px_status status =
        parse_what(what, (size_t)(text + n - what), &place, err);
    if (status == PX_OK)
        *out = place;
    return status;
}

char *
place_text(const struct place *place, size_t out_bytes, char *out)
{
    size_t used = 0;
    out[0] = '\0';
#define ADD(...)                                                               \
    do {                                                                       \
        int n_ = snprintf(out + used, out_bytes - used, __VA_ARGS__);          \
        used += n_ > 0 ? (size_t)n_ : 0;                                       \
        if (used >= out_bytes)                                                 \
            return out;                                                        \
    } while (0)
    if (place->snapshot > 0)
        ADD("%u:", place->snapshot);
    ADD("%s", view_name(place->view));
    if (place->addr != 0)
        ADD(":%llx", (unsigned long long)place->addr);
    else if (place->type[0] != '\0')
        ADD(":%s", place->type);
    /* Always with a type, whose name may itself end in "@" and hex. */
    if (place->cursor != 0 || place->type[0] != '\0')
        ADD("@%llx", (unsigned long long)place->cursor);
#undef ADD
    return out;
}

bool
place_is_same(const struct place *a, const struct place *b)
{
    return a->snapshot == b->snapshot && a->view == b->view &&
           a->addr == b->addr && strcmp(a->type, b->type) == 0;
}
