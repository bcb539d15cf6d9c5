/* suspect_cause.c — which of the seven causes it is.
 *
 * Decided by how the outermost objects that grow are held: by nothing (a
 * cycle, or C code), by frames, or by a container; and of containers by what
 * they are and what they are called. The first rule that fits counts.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/suspects.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define STEPS_MAX 64

/* ---- words ---- */
static const char *const queue_words[] = {"queue", "inbox", "outbox", "backlog",
                                          "mailbox"};
static const char *const registry_words[] = {
    "cache",    "registr", "callback", "listener", "handler", "hook",
    "observer", "subscri", "receiver", "finalize", "logger",  "metric",
    "label",    "plugin",  "atexit",   "exitfunc",
};
/* What runs, or has stopped in the middle; by the end of its type's name. */
static const char *const code_types[] = {
    "generator", "coroutine", "async_generator", "traceback",
    "frame",     "<frame>",   "<thread>",        "Task",
    "Thread",    "greenlet",
};
static const char *const callback_types[] = {
    "function",      "method", "builtin_function_or_method",
    "partial",       "cell",   "method-wrapper",
    "partialmethod", "Handle", "TimerHandle",
};
#define N(words) (sizeof(words) / sizeof *(words))

static bool
has_word(const char *text, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasestr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

/* "_MEMO", "memoized"; but what is in "_MEMORY" is kept for itself. */
static bool
is_memo(const char *text)
{
    const char *at = strcasestr(text, "memo");
    return at != NULL && tolower((unsigned char)at[4]) != 'r';
}

static bool
names_registry(const char *text)
{
    return is_memo(text) || has_word(text, registry_words, N(registry_words));
}

static const char *
last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot == NULL ? name : dot + 1;
}

static bool
is_one_of(const char *type, const char *const *types, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(last_part(type), types[i]) == 0)
            return true;
    }
    return false;
}

static const char *
type_of(const struct search *search, px_node node)
{
    return node == PX_NONE
               ? ""
               : px_type_name(search->graph, px_node_type(search->graph, node));
}

/* ---- where it hangs ---- */
px_edge
suspect_edge(const struct search *search, const struct finding *finding)
{
    if (finding->kind == PX_NONE || finding->held_by != PX_HELD_ROOT)
        return PX_NONE;
    return px_paths_edge(search->paths, finding->example);
}

px_node
suspect_holder(const struct search *search, const struct finding *finding)
{
    px_edge edge = suspect_edge(search, finding);
    return edge == PX_NONE ? PX_NONE : px_edge_source(search->graph, edge);
}

/* ---- rules ---- */
static bool
is_garbage_list(const struct search *search, px_node holder)
{
    for (uint32_t i = 0; i < px_graph_n_roots(search->graph); i++) {
        struct px_root root;
        px_graph_root(search->graph, i, &root);
        if (root.root_class == PX_ROOT_GARBAGE && root.node == holder)
            return true;
    }
    return false;
}

/* Code that has not ended: a thread, a generator; an error that is kept. */
static bool
is_code(const struct search *search, const struct finding *finding)
{
    px_edge edge = suspect_edge(search, finding);
    if (is_one_of(type_of(search, finding->example), code_types, N(code_types)))
        return true;
    if (edge != PX_NONE) {
        switch ((int)px_edge_kind(search->graph, edge)) {
        case PX_EDGE_LOCAL:
        case PX_EDGE_GEN_LOCAL:
        case PX_EDGE_OPERAND:
        case PX_EDGE_STACK:
        case PX_EDGE_FRAME:
        case PX_EDGE_TB_FRAME:
            return true;
        }
    }
    px_node trace =
        namespace_find(search->paths, finding->example, "__traceback__");
    return strcmp(type_of(search, trace), "traceback") == 0;
}

static bool
is_local(unsigned kind)
{
    return kind == PX_EDGE_LOCAL || kind == PX_EDGE_GEN_LOCAL;
}

/* Roots that run; of the others it is a table that grows: sys.modules. */
static bool
is_code_root(const struct px_root *root)
{
    return root->root_class == PX_ROOT_THREAD ||
           root->root_class == PX_ROOT_TASK ||
           root->root_class == PX_ROOT_GREENLET;
}

/* A container that is itself the variable of a frame. */
static bool
is_in_local(const struct search *search, px_node holder)
{
    px_edge edge =
        holder == PX_NONE ? PX_NONE : px_paths_edge(search->paths, holder);
    return edge != PX_NONE && is_local(px_edge_kind(search->graph, edge));
}

struct place {
    struct px_step steps[STEPS_MAX];
    size_t n;
    const char *name;   /* of the holder: "_CONNECTIONS", ".queue" */
    const char *holder; /* its type */
    const char *owner;  /* type of the object before it */
};

static void
find_place(const struct search *search, const struct finding *finding,
           struct place *out)
{
    size_t n = px_paths_steps(search->paths, finding->example, true, STEPS_MAX,
                              out->steps);
    out->n = n < STEPS_MAX ? n : STEPS_MAX;
    out->name = out->n > 1 ? out->steps[out->n - 2].text : "";
    out->holder = type_of(search, suspect_holder(search, finding));
    out->owner = out->n > 2 ? type_of(search, out->steps[out->n - 3].node) : "";
}

static bool
is_queue_type(const char *type)
{
    return strcasestr(last_part(type), "queue") != NULL;
}

static bool
is_registry(const struct search *search, const struct finding *finding,
            const struct place *place)
{
    px_edge edge = suspect_edge(search, finding);
    if (is_one_of(type_of(search, finding->example), callback_types,
                  N(callback_types)) ||
        px_edge_kind(search->graph, edge) == PX_EDGE_CELL ||
        names_registry(place->name))
        return true;
    for (size_t i = 0; i < place->n; i++) {
        const struct px_step *step = &place->steps[i];
        if (strcmp(type_of(search, step->node),
                   "functools._lru_cache_wrapper") == 0)
            return true;
    }
    return names_registry(last_part(place->owner));
}

enum px_suspect_kind
suspect_cause(const struct search *search, const struct finding *finding)
{
    struct place place;
    struct px_root root = {0};
    px_node holder = suspect_holder(search, finding);
    if (finding->held_by == PX_HELD_CYCLE)
        return PX_SUSPECT_CYCLE;
    if (finding->held_by != PX_HELD_ROOT)
        return PX_SUSPECT_C;
    px_graph_root(search->graph, px_paths_root(search->paths, finding->example),
                  &root);
    if (root.root_class == PX_ROOT_GARBAGE || is_garbage_list(search, holder))
        return PX_SUSPECT_CYCLE;
    if (finding->is_root)
        return is_code_root(&root) ? PX_SUSPECT_FRAME : PX_SUSPECT_REGISTRY;
    if (is_code(search, finding))
        return PX_SUSPECT_FRAME;
    find_place(search, finding, &place);
    if (is_queue_type(place.holder) || is_queue_type(place.owner) ||
        has_word(place.name, queue_words, N(queue_words)))
        return PX_SUSPECT_QUEUE;
    if (root.root_class == PX_ROOT_CALLBACK ||
        is_registry(search, finding, &place))
        return PX_SUSPECT_REGISTRY;
    if (strcmp(place.holder, "collections.deque") == 0)
        return PX_SUSPECT_QUEUE;
    if (is_in_local(search, holder))
        return PX_SUSPECT_FRAME;
    return finding->origin == ORIGIN_USER ? PX_SUSPECT_CONTAINER
                                          : PX_SUSPECT_REGISTRY;
}
