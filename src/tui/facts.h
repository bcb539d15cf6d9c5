/* facts.h — sentences about types and objects that several views show.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_FACTS_H
#define TUI_FACTS_H

#include <pyexplore/analysis.h>

#include "tui/rows.h"
#include "tui/store.h"

/* "server.Connection" → "Connection". */
const char *fact_last_part(const char *type_name);
enum role fact_type_role(const struct px_graph *graph, px_type type);
/* The last part of the type's name. */
void fact_add_type(struct cell_out *out, const struct px_graph *graph,
                   px_node node);
/* Type and preview: "tuple ('10.0.0.7', 40123)". */
void fact_add_object(struct cell_out *out, const struct px_graph *graph,
                     px_node node);
/* What an object is: its preview, or its first attributes as name=value. */
void fact_add_what(struct cell_out *out, const struct px_graph *graph,
                   px_node node);
/* The preview, "" if there is none or it is only a label. */
void fact_add_preview(struct cell_out *out, const struct px_graph *graph,
                      px_node node);
/* A path in one line, what a module has as Python writes it:
 * "server._CONNECTIONS[17] → .handler". */
void fact_add_line(struct cell_out *out, enum role role, const char *line);
void fact_add_path(struct cell_out *out, enum role role,
                   const struct px_paths *paths, px_node node);
/* A step of a path: its name and the object where it arrives; the one to cut
 * with a mark. */
void fact_add_step(struct cell_out *out, const struct px_graph *graph,
                   const struct px_step *step, bool is_root);
/* How it is held, short: its path; "its own cycle",
 * "C code", "…" while the paths are not computed. */
void fact_add_held(struct cell_out *out, const struct px_graph *graph,
                   const struct px_paths *paths, px_node node);
/* A retained size: "…" while it is computed, "-" if it never will. With
 * `at_least` after a ≥. Context of a column of figures. */
void fact_add_retained(struct cell_out *out, const struct snapshot *snapshot,
                       uint64_t bytes, bool at_least);
/* Is it not in the graph of the mark? An address that was used again by
 * another type is new; by the same type it passes for the same object. */
bool fact_is_new(const struct px_graph *mark, const struct px_graph *graph,
                 px_node node);
const char *fact_generation(enum px_node_gen gen);
/* In two words: "C code", "only themselves". */
void fact_add_holder(struct cell_out *out, enum px_held_by held_by);
/* For many objects, and short: "only their cycle holds them". */
const char *fact_held_many(enum px_held_by held_by);
/* In words: "held only by a cycle of its own". */
const char *fact_held_words(enum px_held_by held_by);

#endif
