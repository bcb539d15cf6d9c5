/* keymap.c — which key does what.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/keymap.h"

#include <stdbool.h>
#include <string.h>

/* Rows of a view shadow the general ones. Rows with a label stand in the bar
 * at the bottom in this order, a view's own first, as far as they fit. */
#define TREE_VIEWS(X)                                                          \
    X(HOLDERS) X(DOMINATORS) X(CYCLES) X(THREADS) X(GROWTH) X(SUSPECTS)
#define TREE_KEYS(view)                                                        \
    {VIEW_##view, "Enter", ACT_ENTER, "object"},                               \
        {VIEW_##view, "Right", ACT_UNFOLD, ""},                                \
        {VIEW_##view, "l", ACT_UNFOLD, NULL},                                  \
        {VIEW_##view, "Left", ACT_FOLD, ""},                                   \
        {VIEW_##view, "h", ACT_FOLD, NULL}, {VIEW_##view, "p", ACT_PATH, ""},

#define ONE_MORE(view) +1
enum { N_TREE_VIEWS = TREE_VIEWS(ONE_MORE) };

const struct key_binding key_bindings[] = {
    /* clang-format off */
    {VIEW_TYPES,     "Enter",     ACT_ENTER,        "instances"},
    {VIEW_TYPES,     "p",         ACT_PATH,         "paths"},
    {VIEW_TYPES,     "H",         ACT_HOLDERS,      ""},
    {VIEW_INSTANCES, "Enter",     ACT_ENTER,        "object"},
    {VIEW_INSTANCES, "p",         ACT_PATH,         ""},
    {VIEW_INSTANCES, "H",         ACT_HOLDERS,      ""},
    {VIEW_OBJECT,    "Tab",       ACT_PANE_NEXT,    ""},
    {VIEW_OBJECT,    "Enter",     ACT_ENTER,        "go"},
    {VIEW_OBJECT,    "p",         ACT_PATH,         ""},
    {VIEW_OBJECT,    ">",         ACT_WAY_NEXT,     ""},
    {VIEW_OBJECT,    "<",         ACT_WAY_BEFORE,   NULL},
    {VIEW_OBJECT,    "H",         ACT_HOLDERS,      ""},
    {VIEW_OBJECT,    "d",         ACT_DOMINATORS,   ""},
    {VIEW_OBJECT,    "t",         ACT_TYPE,         ""},
    {VIEW_PATH,      "Enter",     ACT_ENTER,        "object"},
    {VIEW_PATH,      "b",         ACT_REFERRERS,    ""},
    TREE_VIEWS(TREE_KEYS)
    {VIEW_GC,        "Tab",       ACT_PANE_NEXT,    NULL},
    {VIEW_GC,        "Enter",     ACT_ENTER,        "change"},
    {VIEW_GC,        " ",         ACT_ENTER,        NULL},
    {VIEW_GC,        "e",         ACT_GC_SWITCH,    ""},
    {VIEW_GC,        "c",         ACT_GC_COLLECT,   ""},
    {VIEW_GC,        "C",         ACT_GC_COLLECT_ASK, NULL},
    {VIEW_GC,        "t",         ACT_GC_THRESHOLDS, ""},
    {VIEW_GC,        "1",         ACT_GC_STATS,     NULL},
    {VIEW_GC,        "2",         ACT_GC_COLLECTABLE, NULL},
    {VIEW_GC,        "3",         ACT_GC_UNCOLLECTABLE, NULL},
    {VIEW_GC,        "4",         ACT_GC_SAVEALL,   NULL},
    {VIEW_GC,        "5",         ACT_GC_LEAK,      NULL},
    {VIEW_GC,        "z",         ACT_GC_FREEZE,    ""},
    {VIEW_GC,        "Z",         ACT_GC_UNFREEZE,  NULL},
    {VIEW_GC,        "g",         ACT_GARBAGE,      ""},
    {VIEW_GC,        "R",         ACT_GC_RESTORE,   ""},
    {VIEW_GC,        "K",         ACT_GC_KEEP,      NULL},
    {VIEW_GARBAGE,   "Enter",     ACT_ENTER,        "object"},
    {VIEW_LOG,       "Enter",     ACT_ROW,          "all of it"},
    {VIEW_DUPLICATES, "Enter",    ACT_ENTER,        "object"},
    {VIEW_DUPLICATES, "p",        ACT_PATH,         ""},
    {VIEW_DUPLICATES, "b",        ACT_REFERRERS,    ""},
    /* as in the pagers that people know: it ends the help, not the program */
    {VIEW_HELP,      "q",         ACT_BACK,         ""},
    {VIEW_HELP,      "?",         ACT_BACK,         NULL},

    {VIEW_END,       "Backspace", ACT_BACK,         ""},
    {VIEW_END,       "/",         ACT_SEARCH,       ""},
    {VIEW_END,       "f",         ACT_FILTER,       ""},
    {VIEW_END,       "s",         ACT_SORT,         ""},
    {VIEW_END,       "r",         ACT_SNAPSHOT,     ""},
    {VIEW_END,       "m",         ACT_MARK,         ""},
    {VIEW_END,       "a",         ACT_AUTO,         ""},
    {VIEW_END,       "G",         ACT_GC,           ""},
    {VIEW_END,       "?",         ACT_HELP,         ""},
    {VIEW_END,       "q",         ACT_QUIT,         ""},

    {VIEW_END,       "j",         ACT_DOWN,         NULL},
    {VIEW_END,       "Down",      ACT_DOWN,         NULL},
    {VIEW_END,       "k",         ACT_UP,           NULL},
    {VIEW_END,       "Up",        ACT_UP,           NULL},
    {VIEW_END,       "PgDn",      ACT_PAGE_DOWN,    NULL},
    {VIEW_END,       "C-f",       ACT_PAGE_DOWN,    NULL},
    {VIEW_END,       "Space",     ACT_PAGE_DOWN,    NULL},
    {VIEW_END,       "PgUp",      ACT_PAGE_UP,      NULL},
    {VIEW_END,       "C-b",       ACT_PAGE_UP,      NULL},
    {VIEW_END,       "C-d",       ACT_HALF_DOWN,    NULL},
    {VIEW_END,       "C-u",       ACT_HALF_UP,      NULL},
    {VIEW_END,       "g",         ACT_TOP,          NULL},
    {VIEW_END,       "Home",      ACT_TOP,          NULL},
    {VIEW_END,       "End",       ACT_BOTTOM,       NULL},
    {VIEW_END,       "$",         ACT_BOTTOM,       NULL},
    {VIEW_END,       "Tab",       ACT_PANE_NEXT,    NULL},
    {VIEW_END,       "S-Tab",     ACT_PANE_BEFORE,  NULL},
    {VIEW_END,       "Enter",     ACT_ENTER,        NULL},
    {VIEW_END,       "Right",     ACT_ENTER,        NULL},
    {VIEW_END,       "l",         ACT_ENTER,        NULL},
    {VIEW_END,       "Left",      ACT_BACK,         NULL},
    {VIEW_END,       "h",         ACT_BACK,         NULL},
    {VIEW_END,       "A-Left",    ACT_BACK,         NULL},
    {VIEW_END,       "A-Right",   ACT_FORWARD,      NULL},
    {VIEW_END,       "]",         ACT_FORWARD,      NULL},
    {VIEW_END,       "[",         ACT_BACK,         NULL},
    {VIEW_END,       "b",         ACT_REFERRERS,    NULL},
    {VIEW_END,       "o",         ACT_REFERENTS,    NULL},
    {VIEW_END,       "p",         ACT_PATH,         NULL},
    {VIEW_END,       "H",         ACT_HOLDERS,      NULL},
    {VIEW_END,       "d",         ACT_DOMINATORS,   NULL},
    {VIEW_END,       "t",         ACT_TYPE,         NULL},
    {VIEW_END,       "T",         ACT_TYPES,        NULL},
    {VIEW_END,       "O",         ACT_CYCLES,       NULL},
    {VIEW_END,       "F",         ACT_THREADS,      NULL},
    {VIEW_END,       "+",         ACT_GROWTH,       NULL},
    {VIEW_END,       "!",         ACT_SUSPECTS,     NULL},
    {VIEW_END,       "=",         ACT_DUPLICATES,   NULL},
    {VIEW_END,       "L",         ACT_LOG,          NULL},
    {VIEW_END,       "y",         ACT_COPY,         NULL},
    {VIEW_END,       "n",         ACT_NEXT,         NULL},
    {VIEW_END,       "N",         ACT_BEFORE,       NULL},
    {VIEW_END,       "w",         ACT_ROW,          NULL},
    {VIEW_END,       "S",         ACT_REVERSE,      NULL},
    {VIEW_END,       "Esc",       ACT_CANCEL,       NULL},
    {VIEW_END,       ":",         ACT_COMMAND,      NULL},
    {VIEW_END,       "F1",        ACT_HELP,         NULL},
    {VIEW_END,       "C-l",       ACT_REDRAW,       NULL},
    {VIEW_END,       "C-z",       ACT_SUSPEND,      NULL},
    {VIEW_END,       "Q",         ACT_QUIT,         NULL},
    {VIEW_END,       "C-c",       ACT_QUIT,         NULL},
    {VIEW_END,       "F10",       ACT_QUIT,         NULL},
    /* clang-format on */
};
const size_t n_key_bindings = sizeof key_bindings / sizeof key_bindings[0];

static const char *const special_names[] = {
#define X(member, name) name,
    KEY_LIST(X)
#undef X
};

int32_t
keymap_parse(const char *name)
{
    for (int i = 0; i < KEY_AFTER_LAST - KEY_FIRST; i++) {
        if (strcmp(special_names[i], name) == 0)
            return KEY_FIRST + i;
    }
    if (strcmp(name, "Enter") == 0)
        return KEYS_ENTER;
    if (strcmp(name, "Esc") == 0)
        return KEYS_ESC;
    if (strcmp(name, "Tab") == 0)
        return KEYS_TAB;
    if (strcmp(name, "Space") == 0)
        return ' ';
    if (name[0] == 'C' && name[1] == '-' && name[2] >= 'a' && name[2] <= 'z' &&
        name[3] == '\0')
        return name[2] - 'a' + 1;
    return name[0] != '\0' && name[1] == '\0' ? (unsigned char)name[0] : 0;
}

char *
keymap_name(int32_t key, size_t out_bytes, char *out)
{
    if (key >= KEY_FIRST && key < KEY_AFTER_LAST)
        snprintf(out, out_bytes, "%s", special_names[key - KEY_FIRST]);
    else if (key == KEYS_ENTER)
        snprintf(out, out_bytes, "Enter");
    else if (key == KEYS_ESC)
        snprintf(out, out_bytes, "Esc");
    else if (key == KEYS_TAB)
        snprintf(out, out_bytes, "Tab");
    else if (key == ' ')
        snprintf(out, out_bytes, "Space");
    else if (key > 0 && key <= 26)
        snprintf(out, out_bytes, "C-%c", (char)('a' + key - 1));
    else if (key > ' ' && key < 0x7f)
        snprintf(out, out_bytes, "%c", (char)key);
    else
        snprintf(out, out_bytes, "U+%04X", (unsigned)key);
    return out;
}

enum action_id
keymap_find(enum view_id view, int32_t key)
{
    for (int pass = 0; pass < 2; pass++) {
        enum view_id wanted = pass == 0 ? view : VIEW_END;
        for (size_t i = 0; i < n_key_bindings; i++) {
            if (key_bindings[i].view == wanted &&
                keymap_parse(key_bindings[i].key) == key)
                return key_bindings[i].action;
        }
    }
    return ACT_END;
}

char *
keymap_keys(enum view_id view, enum action_id action, size_t out_bytes,
            char *out)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n_key_bindings; i++) {
        const struct key_binding *binding = &key_bindings[i];
        if (binding->action != action || binding->view != view)
            continue;
        char name[16];
        keymap_name(keymap_parse(binding->key), sizeof name, name);
        int n = snprintf(out + used, out_bytes - used, "%s%s",
                         used > 0 ? " " : "", name);
        if (n < 0 || (size_t)n >= out_bytes - used)
            break;
        used += (size_t)n;
    }
    return out;
}

/* Views in which a key does this, "holders, dominators"; "" for a row that
 * says nothing new: one that only names a general key for the bar again, or
 * whose key was listed with an earlier view. */
static char *
key_views(const struct key_binding *binding, size_t out_bytes, char *out)
{
    size_t used = 0, n_views = 0;
    out[0] = '\0';
    if (keymap_find(VIEW_END, keymap_parse(binding->key)) == binding->action)
        return out;
    for (size_t i = 0; i < n_key_bindings; i++) {
        const struct key_binding *other = &key_bindings[i];
        if (other->action != binding->action || other->view == VIEW_END ||
            strcmp(other->key, binding->key) != 0)
            continue;
        if (used == 0 && other != binding)
            return out;
        int n = snprintf(out + used, out_bytes - used, "%s%s",
                         used > 0 ? ", " : "", view_name(other->view));
        if (n < 0 || (size_t)n >= out_bytes - used)
            return out;
        used += (size_t)n;
        n_views++;
    }
    if (n_views == N_TREE_VIEWS) /* their names would fill the line */
        snprintf(out, out_bytes, "trees");
    return out;
}

char *
keymap_describe(enum action_id action, const char *quote, size_t out_bytes,
                char *out)
{
    size_t used = 0;
    out[0] = '\0';
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n_key_bindings; i++) {
            const struct key_binding *binding = &key_bindings[i];
            bool is_general = binding->view == VIEW_END;
            char name[16], views[160] = "";
            if (binding->action != action || is_general != (pass == 0))
                continue;
            if (!is_general &&
                key_views(binding, sizeof views, views)[0] == '\0')
                continue;
            keymap_name(keymap_parse(binding->key), sizeof name, name);
            int n =
                snprintf(out + used, out_bytes - used, "%s%s%s%s%s%s%s",
                         used > 0 ? ", " : "", quote, name, quote,
                         is_general ? "" : " (", views, is_general ? "" : ")");
            if (n < 0 || (size_t)n >= out_bytes - used)
                return out;
            used += (size_t)n;
        }
    }
    return out;
}

void
keymap_markdown(FILE *out)
{
    for (int i = 0; i < ACT_END; i++) {
        const struct action *action = &actions[i];
        if (action->name[0] == '\0') {
            fprintf(out, "%s| %s | | |\n", i > 0 ? "\n" : "", action->help);
            fprintf(out, "|---|---|---|\n");
            continue;
        }
        char keys[200];
        keymap_describe((enum action_id)i, "`", sizeof keys, keys);
        fprintf(out, "| %s | `:%s` | %s |\n", keys, action->name, action->help);
    }
}
