/* object_facts.c — what an object is: the pane beside its chain.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/object.h"

#include <stdio.h>

#include "base/text.h"
#include "tui/app.h"
#include "tui/facts.h"

static struct cell_out *
fact_add(struct object *object)
{
    struct fact *fact = &object->facts[object->n_facts++];
    cell_clear(&fact->text);
    fact->subject.kind = SUBJECT_NONE;
    return &fact->text;
}

static void
add_refcount(struct view *view)
{
    struct px_refs refs;
    char all[PX_FIGURE_MAX], named[PX_FIGURE_MAX], rest[PX_FIGURE_MAX];
    struct cell_out *out = fact_add(view->state);
    px_node_refs(view_graph(view), view->node, &refs);
    if (px_node_flags(view_graph(view), view->node) & PX_NODE_SYNTHETIC) {
        cell_add(out, ROLE_NORMAL, "no Python object: it stands for a root");
        return;
    }
    if (!refs.known) {
        bool bad = px_node_flags(view_graph(view), view->node) & PX_NODE_BAD;
        cell_add(out, ROLE_NORMAL,
                 bad ? "it could not be read" : "immortal: it has no refcount");
        return;
    }
    cell_addf(out, ROLE_NORMAL, "refcount %s = %s in the graph",
              px_text_count(refs.refcount, all),
              px_text_count(refs.named, named));
    if (!refs.whole)
        cell_add(out, ROLE_DIM, ", which is not whole");
    else if (refs.outside > 0)
        cell_addf(out, ROLE_WARN, " + %s by C or the stack",
                  px_text_count((uint64_t)refs.outside, rest));
    else if (refs.outside < 0)
        cell_addf(out, ROLE_DIM, " − %s counted twice",
                  px_text_count((uint64_t)-refs.outside, rest));
}

static void
add_retained(const struct view *view, struct cell_out *out)
{
    const struct px_dominators *dominators = view->snapshot->dominators;
    fact_add_retained(
        out, view->snapshot,
        dominators != NULL ? px_dominators_retained(dominators, view->node) : 0,
        false);
}

/* Without which object it would be gone. */
static void
add_dominator(struct view *view)
{
    struct object *object = view->state;
    const struct px_dominators *dominators = view->snapshot->dominators;
    if (dominators == NULL)
        return;
    px_node above = px_dominators_parent(dominators, view->node);
    struct cell_out *out = fact_add(object);
    if (above == PX_NONE) {
        cell_add(out, ROLE_DIM, "no single object dominates it");
        return;
    }
    cell_add(out, ROLE_NORMAL, "dominated by ");
    fact_add_object(out, view_graph(view), above);
    object->facts[object->n_facts - 1].subject =
        subject_node(view_graph(view), above);
}

void
object_make_facts(struct view *view)
{
    struct object *object = view->state;
    const struct px_graph *graph = view_graph(view);
    unsigned flags = px_node_flags(graph, view->node);
    char size[PX_FIGURE_MAX];
    object->n_facts = 0;
    struct cell_out *out = fact_add(object);
    cell_addf(out, ROLE_NORMAL, "%s%s",
              px_text_bytes(px_node_bytes(graph, view->node), size),
              flags & PX_NODE_APPROXIMATE ? ", about" : "");
    cell_add(out, ROLE_NORMAL, ", retains ");
    add_retained(view, out);
    if (flags & PX_NODE_BAD)
        cell_add(out, ROLE_ERROR, "  could not be read");
    add_dominator(view);
    add_refcount(view);
    out = fact_add(object);
    cell_add(out, ROLE_NORMAL, fact_generation(px_node_gen(graph, view->node)));
    const struct px_graph *mark = app_marked(view->app, view->snapshot);
    if (mark != NULL && fact_is_new(mark, graph, view->node))
        cell_add(out, ROLE_WARN,
                 out->len > 0 ? ", new since mark" : "new since mark");
    struct cell_out what;
    cell_clear(&what);
    fact_add_what(&what, graph, view->node);
    if (what.len > 0)
        *fact_add(object) = what;
    out = fact_add(object);
    cell_add(out, ROLE_DIM, "class ");
    cell_add(out, fact_type_role(graph, view->type),
             px_type_name(graph, view->type));
    object->facts[object->n_facts - 1].subject =
        (struct subject){.kind = SUBJECT_TYPE, .type = view->type};
}

static uint32_t
facts_count(const void *context)
{
    return object_of(context)->n_facts;
}

static uint64_t
facts_id(const void *context, uint32_t row)
{
    (void)context;
    return row + 1;
}

static void
facts_cell(const void *context, uint32_t row, int column, struct cell_out *out)
{
    (void)column;
    *out = object_of(context)->facts[row].text;
}

static struct subject
facts_subject(const void *context, uint32_t row)
{
    return object_of(context)->facts[row].subject;
}

static void
facts_title(const void *context, struct cell_out *out)
{
    const struct view *view = context;
    cell_addf(out, ROLE_PANE, "%s  %llx",
              fact_last_part(px_type_name(view_graph(view), view->type)),
              (unsigned long long)px_node_addr(view_graph(view), view->node));
}

static const struct column facts_columns[] = {
    {"OBJECT", COLUMN_TEXT, 20, 1, 0, false, 0},
};

const struct rows_ops object_facts_rows = {
    .name = "object",
    .columns = facts_columns,
    .n_columns = 1,
    .sort = -1,
    .figure = -1,
    .bare = true,
    .count = facts_count,
    .id = facts_id,
    .cell = facts_cell,
    .subject = facts_subject,
    .title = facts_title,
};
