/* gctext.c — the collector's state and figures as text for people, and debug
 * flags as people write them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/gctext.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/jsonout.h"
#include "cli/table.h"

#define FREED_ROWS 20

int64_t
gctext_integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "STATS,SAVEALL", or "0". */
char *
gctext_debug(int64_t flags, size_t out_bytes, char *out)
{
    size_t len = 0;
    out[0] = '\0';
#define X(bit, member, does, prints)                                           \
    if (flags & (bit))                                                         \
        len += (size_t)snprintf(out + len, out_bytes - len, "%s%s",            \
                                len > 0 ? "," : "", #member);
    PX_GC_DEBUG_LIST(X)
#undef X
    if (len == 0)
        snprintf(out, out_bytes, "0");
    return out;
}

char *
gctext_thresholds(const json_t *state, size_t out_bytes, char *out)
{
    const json_t *all = json_object_get(state, "thresholds");
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < json_array_size(all) && len < out_bytes; i++)
        len += (size_t)snprintf(
            out + len, out_bytes - len, "%s%" PRIi64, i > 0 ? " " : "",
            (int64_t)json_integer_value(json_array_get(all, i)));
    return out;
}

const char *
gctext_enabled(const json_t *state)
{
    return json_is_true(json_object_get(state, "enabled")) ? "on" : "off";
}

static void
state_line(const char *title, const char *text)
{
    printf("%-12s %s\n", title, text);
}

static void
state_count(const json_t *state, const char *key)
{
    char figure[PX_FIGURE_MAX];
    int64_t value = gctext_integer(state, key);
    if (value >= 0)
        state_line(key, px_text_signed(value, figure) + (value > 0));
}

static void
state_generations(struct cli *cli, const json_t *state)
{
    static const struct table_column columns[] = {
        {"GENERATION", TABLE_RIGHT, CLI_PLAIN, 0},
        {"COUNT", TABLE_RIGHT, CLI_FIGURE, 0},
        {"COLLECTIONS", TABLE_RIGHT, CLI_FIGURE, 0},
        {"COLLECTED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"UNCOLLECTABLE", TABLE_RIGHT, CLI_FIGURE, 0},
    };
    const json_t *stats = json_object_get(state, "stats");
    const json_t *counts = json_object_get(state, "counts");
    struct table *table = table_new(cli, columns, 5);
    for (size_t i = 0; i < json_array_size(stats); i++) {
        const json_t *row = json_array_get(stats, i);
        table_count(table, i);
        table_count(table,
                    (uint64_t)json_integer_value(json_array_get(counts, i)));
        table_count(table, (uint64_t)gctext_integer(row, "collections"));
        table_count(table, (uint64_t)gctext_integer(row, "collected"));
        table_count(table, (uint64_t)gctext_integer(row, "uncollectable"));
        table_row_end(table);
    }
    table_free(table);
}

char *
gctext_settings(const json_t *settings, size_t out_bytes, char *out)
{
    char text[96];
    int n = 0;
    out[0] = '\0';
    if (json_object_get(settings, "enabled") != NULL)
        n += snprintf(out, out_bytes, "%s", gctext_enabled(settings));
    if (json_object_get(settings, "thresholds") != NULL)
        n += snprintf(out + n, out_bytes - (size_t)n, "%sthresholds %s",
                      n > 0 ? ", " : "",
                      gctext_thresholds(settings, sizeof text, text));
    if (json_object_get(settings, "debug") != NULL)
        snprintf(
            out + n, out_bytes - (size_t)n, "%sdebug %s", n > 0 ? ", " : "",
            gctext_debug(gctext_integer(settings, "debug"), sizeof text, text));
    return out;
}

const json_t *
gctext_lasting(const json_t *state)
{
    const json_t *entry = json_object_get(state, "on_entry");
    return entry != NULL ? entry : state;
}

bool
gctext_is_lasting(const json_t *state)
{
    static const char *const settings[] = {"enabled", "thresholds", "debug"};
    const json_t *lasting = gctext_lasting(state);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!json_equal(json_object_get(state, settings[i]),
                        json_object_get(lasting, settings[i])))
            return false;
    }
    return true;
}

void
gctext_print_state(struct cli *cli, const json_t *state)
{
    char text[GCTEXT_SETTINGS];
    state_line("collector", gctext_settings(state, sizeof text, text));
    gctext_settings(gctext_lasting(state), sizeof text, text);
    if (!gctext_is_lasting(state))
        state_line("lasting", text);
    gctext_settings(json_object_get(state, "kept"), sizeof text, text);
    if (text[0] != '\0')
        state_line("before", text);
    state_count(state, "frozen");
    state_count(state, "garbage");
    printf("\n");
    state_generations(cli, state);
}

/* "STATS,SAVEALL", "DEBUG_LEAK", "0" or a number. */
bool
gctext_parse_debug(const char *text, int *out)
{
    static const struct {
        const char *name;
        int bit;
    } flags[] = {
#define X(bit, member, does, prints) {#member, bit},
        PX_GC_DEBUG_LIST(X)
#undef X
            {"LEAK", PX_GC_DEBUG_LEAK},
        {"NONE", 0},
    };
    char *end;
    errno = 0;
    long number = strtol(text, &end, 0);
    if (end != text && *end == '\0') {
        *out = (int)number;
        return errno == 0 && number >= 0 && number <= 255;
    }
    *out = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, ",|+");
        const char *word = text;
        bool known = false;
        if (strncasecmp(word, "DEBUG_", 6) == 0 && n > 6)
            word += 6;
        size_t left = n - (size_t)(word - text);
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
            if (strlen(flags[i].name) == left &&
                strncasecmp(flags[i].name, word, left) == 0) {
                *out |= flags[i].bit;
                known = true;
            }
        }
        if (!known)
            return false;
        text += n;
        text += *text != '\0';
    }
    return true;
}

/* What a flag does to the target is said before it is set. */
void
gctext_warn_debug(const struct cli *cli, int flags)
{
#define X(bit, member, does, prints)                                           \
    if (flags & (bit))                                                         \
        cli_warn(cli, "DEBUG_%s: %s%s", #member, does,                         \
                 (prints) ? ", on the target's stderr" : "");
    PX_GC_DEBUG_LIST(X)
#undef X
}

static void
print_freed(struct cli *cli, const json_t *freed)
{
    static const struct table_column columns[] = {
        {"FREED", TABLE_RIGHT, CLI_FIGURE, 0},
        {"TYPE", TABLE_CUT_HEAD, CLI_TYPE, 16},
    };
    if (json_array_size(freed) == 0)
        return;
    uint64_t limit = cli_limit(cli, FREED_ROWS);
    struct table *table = table_new(cli, columns, 2);
    for (size_t i = 0; i < json_array_size(freed); i++) {
        const json_t *row = json_array_get(freed, i);
        const char *type = json_string_value(json_object_get(row, "type"));
        if (limit != 0 && i >= limit)
            break;
        table_count(table, (uint64_t)gctext_integer(row, "count"));
        table_text(table, type == NULL ? "" : type);
        table_row_end(table);
    }
    table_free(table);
}

void
gctext_print_collected(struct cli *cli, const json_t *reply)
{
    char collected[PX_FIGURE_MAX], left[PX_FIGURE_MAX], time[PX_FIGURE_MAX];
    char size[PX_FIGURE_MAX];
    int64_t less = gctext_integer(reply, "rss_before_bytes") -
                   gctext_integer(reply, "rss_after_bytes");
    px_text_count((uint64_t)gctext_integer(reply, "collected"), collected);
    px_text_count((uint64_t)gctext_integer(reply, "uncollectable"), left);
    px_text_ns((uint64_t)gctext_integer(reply, "duration_ns"), time);
    px_text_bytes((uint64_t)(less < 0 ? -less : less), size);
    printf("collect %" PRIi64
           ": %s collected, %s uncollectable, %s; rss %s%s\n",
           gctext_integer(reply, "generation"), collected, left, time,
           less == 0  ? ""
           : less > 0 ? "-"
                      : "+",
           less == 0 ? "unchanged" : size);
    print_freed(cli, json_object_get(reply, "freed"));
}

/* Addresses are written as everywhere here: without 0x. */
void
gctext_fix_addresses(json_t *objects)
{
    size_t i;
    json_t *row;
    json_array_foreach(objects, i, row)
    {
        const char *text = json_string_value(json_object_get(row, "address"));
        uint64_t addr;
        if (text != NULL && cli_parse_addr(text, &addr))
            json_object_set_new(row, "address", jsonout_addr(addr));
    }
}
