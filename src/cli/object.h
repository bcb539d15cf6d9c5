/* object.h — how objects and references are written, as text and as JSON.
 *
 * The grammar of a reference is the explorer's: NAME → type  preview; `~`
 * before a weak one, `?` before one that may be a leftover on the stack.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_OBJECT_H
#define CLI_OBJECT_H

#include <jansson.h>

#include <pyexplore/analysis.h>

#include "cli/cli.h"

#define OBJECT_TEXT 512

/* "0", "1", "2", "frozen", "untracked", "not collected" */
const char *object_gen(const struct px_graph *graph, px_node node);
/* "refcount 5 = 3 named + 2 held by C code or the running stack" */
char *object_refcount(const struct px_graph *graph, px_node node,
                      size_t out_bytes, char *out);
/* What it is: its preview or, for an instance, its first attributes:
 * "fd=7 peer=('10.0.0.7', 40123)". */
char *object_what(const struct px_graph *graph, px_node node, size_t out_bytes,
                  char *out);
/* The instance or module whose __dict__ this is, or PX_NONE. */
px_node object_owner(const struct px_graph *graph, px_node node);
/* {"address", "type", "bytes", "preview"}: every object in every result. */
json_t *object_json(const struct px_graph *graph, px_node node);
/* Adds "refcount", "generation", "flags" to it. */
void object_json_more(const struct cli_loaded *loaded, px_node node,
                      json_t *object);
/* Before object_json_more for many objects. */
void object_count_refs(struct cli_loaded *loaded);
/* px_node_refs, but quickly once they were counted. */
void object_refs(const struct cli_loaded *loaded, px_node node,
                 struct px_refs *refs);
/* {"edge", "kind", "holds", "counts"} and object_json of its other end; if
 * that is somebody's __dict__, also "owner". */
json_t *object_edge_json(const struct px_graph *graph, px_edge edge,
                         px_node other);

/* "root", "held_by", "path" and, for what no root reaches, "cycle". In a
 * list of many objects a path of more than 64 references is written with its
 * ends only: "module registry → … → .next". */
void object_json_held(struct cli_loaded *loaded, px_node node, bool in_list,
                      json_t *object);
/* "module server → _CONNECTIONS[17]" or "held_by: cycle  .a → .b", from the
 * line that goes with held_by. */
char *object_held_line(enum px_held_by held_by, const char *line,
                       size_t out_bytes, char *out);
/* The same of one object. */
char *object_held(const struct cli *cli, struct cli_loaded *loaded,
                  px_node node, bool in_list, size_t out_bytes, char *out);
/* The root's own words: "module server", "thread MainThread"; unless starred
 * with the ident where two threads have one name. */
char *object_root(struct cli_loaded *loaded, px_node node, bool stars,
                  size_t out_bytes, char *out);

#endif
