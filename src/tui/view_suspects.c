/* view_suspects.c — what the snapshots so far accuse, worst first. A row opens
 * to its evidence, the path with the reference at fault, and what to do.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"
#include "tui/tree_view.h"

#define OPEN_FINDINGS 1u
/* Texts are broken at blanks, so that they are read on 80 columns. */
#define LINE_COLS 72
#define SENTENCE_COLS 75

enum {
    KIND_FINDING,
    KIND_SENTENCE, /* all of it, if a row may be too short for it */
    KIND_STEP,
    KIND_EVIDENCE,
    KIND_ADVICE,
    KIND_PRINT
};

struct suspects {
    struct tree_view rows; /* first: tree_view.h */
};

static const struct findings *
findings_of(const void *context)
{
    return ((const struct view *)context)->app->store.findings;
}

/* ---- the tree ---- */

static void
add_row(struct tree *tree, uint32_t finding, int kind, size_t i)
{
    const struct findings *findings = tree->source;
    struct tree_item item = {
        .id = tree_id(findings->items[finding].id + (uint64_t)kind * 1000 + i,
                      "row"),
        .what = finding,
        .n = (uint32_t)i,
        .kind = (uint16_t)kind,
    };
    tree_add(tree, &item);
}

/* A text as rows of LINE_COLS at most; `figure` is where a row begins, and how
 * many bytes it has. */
static void
add_text(struct tree *tree, uint32_t finding, int kind, size_t i,
         const char *text)
{
    size_t at = 0;
    while (text[at] != '\0') {
        size_t n = px_text_fit(text + at, strlen(text + at), LINE_COLS, NULL);
        size_t cut = n;
        while (text[at + n] != '\0' && cut > 0 && text[at + cut] != ' ')
            cut--;
        n = cut > 0 ? cut : n;
        if (n == 0)
            return;
        add_row(tree, finding, kind, i);
        struct tree_item *item = &tree->pending[tree->n_pending - 1];
        item->figure = (uint64_t)at << 32 | n;
        item->id = tree_id(item->id + at, "line");
        at += n;
        at += strspn(text + at, " ");
    }
}

/* The text of a row that has one. */
static void
add_piece(const struct tree_item *item, enum role role, const char *text,
          struct cell_out *out)
{
    size_t at = (size_t)(item->figure >> 32);
    cell_add(out, ROLE_NORMAL, at > 0 ? "  " : "");
    cell_addf(out, role, "%.*s", (int)(item->figure & UINT32_MAX), text + at);
}

static void
children(struct tree *tree, uint32_t parent)
{
    const struct findings *findings = tree->source;
    if (parent == TREE_TOP) {
        for (uint32_t i = 0; i < findings->n_items; i++) {
            struct tree_item item = {
                .id = findings->items[i].id,
                .what = i,
                .kind = KIND_FINDING,
                .can_open = true,
                .opens = i < OPEN_FINDINGS,
            };
            tree_add(tree, &item);
        }
        return;
    }
    uint32_t i = tree->items[parent].what;
    const struct finding *finding = &findings->items[i];
    if (px_text_cols(finding->sentence, strlen(finding->sentence)) >
        SENTENCE_COLS)
        add_text(tree, i, KIND_SENTENCE, 0, finding->sentence);
    for (size_t k = 0; k < finding->n_steps; k++)
        add_row(tree, i, KIND_STEP, k);
    for (size_t k = 0; k < finding->n_evidence; k++)
        add_text(tree, i, KIND_EVIDENCE, k, finding->evidence[k]);
    add_text(tree, i, KIND_ADVICE, 0, px_suspect_advice(finding->kind));
    add_row(tree, i, KIND_PRINT, 0);
}

static void
changed(struct view *view)
{
    if (findings_of(view) != NULL)
        tree_view_start(view, children, findings_of(view));
}

static enum px_status
open_suspects(struct view *view, struct px_err *err)
{
    (void)err;
    changed(view);
    return PX_OK;
}

/* ---- rows ---- */

/* The graph that the finding's steps are of; NULL: it was let go. */
static const struct px_graph *
graph_of(const void *context)
{
    const struct view *view = context;
    const struct snapshot *snapshot =
        store_find(&view->app->store, findings_of(context)->number);
    return snapshot != NULL ? snapshot->graph : NULL;
}

static void
add_step(const void *context, const struct px_step *step, struct cell_out *out)
{
    const struct px_graph *graph = graph_of(context);
    cell_add(out, ROLE_NORMAL, step->is_culprit ? "" : "  ");
    if (graph != NULL)
        fact_add_step(out, graph, step, step->edge == PX_NONE);
    else
        cell_add(out, ROLE_NAME, step->text);
    cell_add(out, ROLE_WARN, step->is_culprit ? "  ‹ at fault" : "");
}

static void
row_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    const struct tree_item *item = tree_view_item(context, row);
    const struct finding *finding = &findings_of(context)->items[item->what];
    (void)column;
    tree_add_branch(out, item);
    switch (item->kind) {
    case KIND_FINDING:
        cell_add(out, ROLE_WARN, "● ");
        cell_add(out, ROLE_STRONG, finding->sentence);
        break;
    case KIND_SENTENCE:
        add_piece(item, ROLE_STRONG, finding->sentence, out);
        break;
    case KIND_EVIDENCE:
        add_piece(item, ROLE_NORMAL, finding->evidence[item->n], out);
        break;
    case KIND_STEP:
        add_step(context, &finding->steps[item->n], out);
        break;
    case KIND_ADVICE:
        add_piece(item, ROLE_GOOD, px_suspect_advice(finding->kind), out);
        break;
    case KIND_PRINT:
        cell_addf(out, ROLE_DIM, "%s; fingerprint %s",
                  px_suspect_what(finding->kind), finding->fingerprint);
        break;
    }
}

/* The object at a step, else the example of what grows, else its type. */
static struct subject
row_subject(const void *context, uint32_t row)
{
    const struct view *view = context;
    const struct tree_item *item = tree_view_item(context, row);
    const struct finding *finding = &findings_of(context)->items[item->what];
    struct subject none = {.kind = SUBJECT_NONE};
    if (view->snapshot == NULL ||
        view->snapshot->number != findings_of(context)->number)
        return none;
    if (item->kind == KIND_STEP)
        return subject_node(view_graph(context), finding->steps[item->n].node);
    if (finding->example == 0)
        return none;
    return subject_node(view_graph(context),
                        px_node_find(view_graph(context), finding->example));
}

static void
empty(const void *context, size_t out_bytes, char *out)
{
    const struct findings *findings = findings_of(context);
    const struct view *view = context;
    char rounds[PX_COUNTED_MAX];
    if (findings == NULL)
        snprintf(out, out_bytes, "%s",
                 view->snapshot != NULL
                     ? "looking for suspects …"
                     : "No snapshot yet. Press r to take one.");
    else if (findings->n_rounds < 3 && session_is_live(&view->app->session))
        snprintf(out, out_bytes,
                 "Growth is judged over three snapshots or more, some seconds "
                 "apart: r takes another one, a takes them by itself.");
    else if (findings->n_rounds < 3)
        snprintf(out, out_bytes,
                 "Growth is judged over three snapshots or more, not over "
                 "%s. `pyexplore suspects 1.pxs 2.pxs 3.pxs` judges files.",
                 px_text_counted(findings->n_rounds, "snapshot", rounds));
    else
        snprintf(out, out_bytes, "Nothing is suspect over %zu snapshots.",
                 findings->n_rounds);
}

/* ---- the view ---- */

static void
summary(const struct view *view, struct cell_out *out)
{
    const struct findings *findings = findings_of(view);
    char items[PX_COUNTED_MAX], rounds[PX_COUNTED_MAX];
    if (findings != NULL)
        cell_addf(out, ROLE_CRUMB, "%s over %s%s",
                  px_text_counted(findings->n_items, "finding", items),
                  px_text_counted(findings->n_rounds, "snapshot", rounds),
                  findings->is_in_doubt ? ", more would help" : "");
}

static const struct column columns[] = {
    {"FINDING", COLUMN_TEXT, 40, 1, 0, false, 0},
};

static const struct rows_ops rows = {
    .name = "suspects",
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .figure = -1,
    .cell = row_cell,
    .subject = row_subject,
    .empty = empty,
    TREE_VIEW_ROWS,
};

const struct view_ops view_suspects = {
    .n_panes = 1,
    .panes = {&rows},
    .shows_findings = true,
    .state_size = sizeof(struct suspects),
    .open = open_suspects,
    .close = tree_view_done,
    .changed = changed,
    .take = tree_view_take,
    .summary = summary,
    .act = tree_view_act,
};
