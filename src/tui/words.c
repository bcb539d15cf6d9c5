/* words.c — what may stand where one types a command.
 *
 * Names that begin as the word does, also after their last dot, then those
 * that have its letters in this order (as fuzzy finders do); of types first
 * those with the most objects. Capitals are not told apart.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "tui/action.h"
#include "tui/place.h"

/* The i-th name, NULL: there are no more; "" is none. */
typedef const char *name_fn(const struct words_source *source, size_t i,
                            uint64_t *weight);

static const char *
action_name(const struct words_source *source, size_t i, uint64_t *weight)
{
    (void)source;
    (void)weight;
    return i < ACT_END ? actions[i].name : NULL;
}

static const char *
view_name_at(const struct words_source *source, size_t i, uint64_t *weight)
{
    (void)source;
    (void)weight;
    return i < VIEW_END ? view_name((enum view_id)i) : NULL;
}

static const char *
type_name(const struct words_source *source, size_t i, uint64_t *weight)
{
    if (source->graph == NULL || i >= px_graph_n_types(source->graph))
        return NULL;
    *weight = px_type_count(source->graph, (px_type)i);
    return *weight > 0 ? px_type_name(source->graph, (px_type)i) : "";
}

static const char *
column_title(const struct words_source *source, size_t i, uint64_t *weight)
{
    const struct list *list = source->list;
    (void)weight;
    if (list == NULL || list->ops->is_tree || i >= (size_t)list->ops->n_columns)
        return NULL;
    const struct column *column = &list->ops->columns[i];
    return column->kind == COLUMN_BAR ? "" : column->title;
}

/* Where the place of `goto` begins: a snapshot's number may stand before. */
static const char *
place_start(const char *text)
{
    size_t n = strspn(text, "0123456789");
    return n > 0 && text[n] == ':' ? text + n + 1 : text;
}

/* Which names may stand at the end of the text, and where they begin. */
static name_fn *
names_for(const char *text, size_t *head)
{
    *head = 0;
    if (strchr(text, ' ') == NULL)
        return action_name;
    if (strncmp(text, "sort ", 5) == 0) {
        *head = 5;
        return column_title;
    }
    if (strncmp(text, "goto ", 5) != 0)
        return NULL;
    const char *place = place_start(text + 5);
    const char *colon = strchr(place, ':');
    *head = (size_t)((colon != NULL ? colon + 1 : place) - text);
    if (colon == NULL)
        return view_name_at;
    enum view_id view = view_find(place, (size_t)(colon - place));
    enum place_what what = view == VIEW_END ? PLACE_NOTHING : view_what(view);
    return what == PLACE_TYPE || what == PLACE_EITHER ? type_name : NULL;
}

static bool
has_letters(const char *name, const char *letters)
{
    for (; *letters != '\0'; letters++, name++) {
        while (*name != '\0' && tolower((unsigned char)*name) !=
                                    tolower((unsigned char)*letters))
            name++;
        if (*name == '\0')
            return false;
    }
    return true;
}

#define RANK_NONE 2

static int
rank_of(const char *name, const char *word)
{
    size_t n = strlen(word);
    const char *dot = strrchr(name, '.');
    if (name[0] == '\0')
        return RANK_NONE;
    if (strncasecmp(name, word, n) == 0 ||
        (dot != NULL && strncasecmp(dot + 1, word, n) == 0))
        return 0;
    return has_letters(name, word) ? 1 : RANK_NONE;
}

static const char *
tail_of(name_fn *names, const char *first)
{
    if (names == action_name)
        return actions[action_find(first)].flags & ACT_ARG ? " " : "";
    if (names == view_name_at)
        return view_what(view_find(first, strlen(first))) != PLACE_NOTHING ? ":"
                                                                           : "";
    return "";
}

struct candidate {
    const char *name;
    int rank;
    uint64_t weight;
};

static bool
is_before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->weight > b->weight;
}

void
words_find(const char *text, const struct words_source *source,
           struct words *out)
{
    struct candidate best[WORDS_MAX + 1] = {0}; /* the last falls out */
    struct candidate one = {0};
    *out = (struct words){.tail = ""};
    name_fn *names = names_for(text, &out->head);
    if (names == NULL)
        return;
    for (size_t i = 0; (one.name = names(source, i, &one.weight)) != NULL;
         i++) {
        one.rank = rank_of(one.name, text + out->head);
        if (one.rank == RANK_NONE)
            continue;
        size_t at = out->n;
        for (; at > 0 && is_before(&one, &best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = one;
        if (out->n < WORDS_MAX)
            out->n++;
    }
    for (size_t i = 0; i < out->n; i++)
        out->names[i] = best[i].name;
    if (best[0].name != NULL)
        out->tail = tail_of(names, best[0].name);
}
