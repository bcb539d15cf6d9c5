/* walk_run.c — the phases of a walk.
 *
 *   1 mark      every object of every gc list, so that an edge to one of them
 *               never queues it, and stack scans know what is an object
 *   2 lists     walk them in the same order; untracked and uncollected
 *               referents follow from the stack
 *   3 roots     threads, frames, modules; then the static types that were met
 *   4 blocks    of the allocator that none of these explains: strays
 *   5 previews  of all that was visited, in the order of addresses, now that
 *               all secret names are known
 *   6 footer
 *
 * walk_stop jumps to the end from anywhere; what leaves then is only the
 * footer, unless the chunks may still be wanted (time limit, faults).
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/walk_run.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/heap/child.h"
#include "agent/heap/walk_state.h"

#define MS 1000000u
#define LOOK_EVERY_NS (100 * (uint64_t)MS)
#define CHILD_LIMIT_MS 600000
#define INSIDE_LIMIT_MS 30000
#define PATIENCE_MS 10000

void
walk_stop(struct walk *w, enum px_end end)
{
    guard_enter(w->guard);
    w->end = end;
    siglongjmp(w->finish, 1);
}

void
walk_tick(struct walk *w)
{
    struct spool_page *page = w->plan->spool->page;
    atomic_store_explicit(&page->objects, w->n_objects, memory_order_relaxed);
    atomic_store_explicit(&page->edges, w->n_edges, memory_order_relaxed);
    if (w->end != PX_END_COMPLETE) /* on the way out */
        return;
    if (atomic_load_explicit(&page->cancel, memory_order_relaxed) != 0)
        walk_stop(w, PX_END_CANCELED);
    uint64_t now = spool_now_ns();
    if (now - w->start_ns > w->limit_ns)
        walk_stop(w, PX_END_TIME_LIMIT);
    if (now - w->looked_ns < LOOK_EVERY_NS)
        return;
    w->looked_ns = now;
    /* Half of what the start asked for: the child itself took some of it. */
    if (room_look(w->plan->room) < w->plan->room->need_bytes / 2)
        walk_stop(w, PX_END_NO_ROOM);
}

static void
chunk_left(void *context)
{
    struct walk *w = context;
    w->guard->progress++;
    walk_tick(w);
}

static void
chunk_stuck(void *context, enum px_end end)
{
    struct walk *w = context;
    w->writer.lost = true;
    walk_stop(w, end);
}

/* ---- setting up ---- */

static void
own_set(struct walk *w, void *const *own, size_t n)
{
    for (size_t i = 0; i < n && i < HEAP_OWN_MAX; i++) {
        uintptr_t address = (uintptr_t)own[i];
        size_t bit = (address >> 4) % OWN_BITS;
        w->own[w->n_own++] = address;
        w->own_bloom[bit / 64] |= (uint64_t)1 << bit % 64;
    }
}

static bool
walk_init(struct walk *w, const struct walk_plan *plan)
{
    const struct heap_options *options = &plan->options;
    int patience_ms =
        options->slow_peer_ms > 0 ? options->slow_peer_ms : PATIENCE_MS;
    int limit_ms = options->time_limit_ms;
    if (limit_ms <= 0)
        limit_ms = plan->in_child ? CHILD_LIMIT_MS : INSIDE_LIMIT_MS;
    w->plan = plan;
    w->detail = options->detail;
    w->is_mark_only = options->mark_only;
    w->start_ns = plan->start_ns;
    w->looked_ns = plan->start_ns;
    w->limit_ns = (uint64_t)limit_ms * MS;
    w->n_left_out = plan->notes->interpreters_left_out;
    w->end = PX_END_COMPLETE;
    own_set(w, plan->own, plan->n_own);
    w->writer.stop = chunk_stuck;
    w->writer.left = chunk_left;
    w->writer.context = w;
    return visited_init(&w->visited, &w->arena) &&
           visited_init(&w->secret, &w->arena) &&
           visited_init(&w->checked, &w->arena) &&
           visited_init(&w->blocks.owned, &w->arena) &&
           visited_init(&w->claimed, &w->arena) &&
           visited_init(&w->blocks.open, &w->arena) &&
           visited_init(&w->blocks.strays, &w->arena) &&
           map_init(&w->types, &w->arena, 10) &&
           map_init(&w->names, &w->arena, 12) &&
           map_init(&w->synthetics, &w->arena, 8) &&
           map_init(&w->multiset, &w->arena, 9) &&
           writer_init(&w->writer, &w->arena, plan->spool, options->codec,
                       (uint64_t)patience_ms * MS);
}

/* ---- the lists ---- */

static void
lists_rewind(struct walk *w)
{
    w->n_lists = 0;
    w->list = NULL;
    w->cursor = NULL;
}

/* The next list that has objects; false: there is none. */
static bool
lists_next(struct walk *w)
{
    const struct heads *heads = w->plan->heads;
    const struct heap_notes *notes = w->plan->notes;
    size_t n_interpreters = heads->per_interpreter ? notes->n_interpreters : 1;
    while (w->n_lists < n_interpreters * HEADS_N) {
        PyInterpreterState *interpreter =
            notes->interpreters[w->n_lists / HEADS_N];
        w->generation = (unsigned)(w->n_lists % HEADS_N);
        w->n_lists++;
        w->list = heads_list(heads, interpreter, w->generation);
        if (w->list == NULL)
            continue;
        w->cursor = gc_head_next(w->list);
        if (w->cursor != w->list)
            return true;
    }
    return false;
}

static void
mark_lists(struct walk *w)
{
    lists_rewind(w);
    while (lists_next(w)) {
        uint64_t n = 0;
        while (w->cursor != w->list) {
            uintptr_t address = (uintptr_t)gc_head_object(w->cursor);
            if (!visited_can(address))
                walk_stop(w, PX_END_FAULT);
            if (visited_add(&w->visited, address) < 0)
                walk_stop(w, PX_END_NO_ROOM);
            w->cursor = gc_head_next(w->cursor);
            if ((++n & 4095) == 0) {
                w->guard->progress++;
                walk_tick(w);
            }
        }
        if (w->generation == PX_GEN_FROZEN)
            w->n_frozen += n;
    }
}

/* A class that cannot be read makes its object a bad one. */
static void
step_at(struct walk *w, PyObject *object, unsigned generation)
{
    w->heading = object;
    guard_mark();
    struct type_info *info = type_of(w, Py_TYPE(object));
    w->heading = NULL;
    object_walk(w, object, info, generation);
}

/* One object of the stack or the lists; false: both are empty. */
static bool
step(struct walk *w)
{
    if (w->n_stack != 0) {
        step_at(w, w->stack[--w->n_stack], PX_GEN_UNTRACKED);
        return true;
    }
    if (w->cursor == w->list && !lists_next(w)) {
        fresh_drain(w);
        return w->n_stack != 0;
    }
    PyObject *object = gc_head_object(w->cursor);
    w->cursor = gc_head_next(w->cursor);
    __builtin_prefetch(w->cursor);
    __builtin_prefetch((char *)w->cursor + 64);
    if (!is_own(w, (uintptr_t)object))
        step_at(w, object, w->generation);
    return true;
}

/* Runs step until there is nothing left, over all bad objects. */
static void
walk_steps(struct walk *w)
{
    if (w->is_guarded && sigsetjmp(w->object_landing, 0) != 0) {
        /* Outside an object it is the list itself that is broken. */
        if (w->info == NULL && w->heading == NULL)
            walk_stop(w, PX_END_FAULT);
        object_failed(w);
    }
    w->guard->landing = &w->object_landing;
    while (step(w))
        ;
    w->guard->landing = &w->finish;
}

/* ---- marking only, for the bench ---- */

static int
visit_mark(PyObject *to, void *context)
{
    reach(context, to);
    return 0;
}

static bool
step_mark(struct walk *w)
{
    PyObject *object;
    if (w->n_stack != 0) {
        object = w->stack[--w->n_stack];
    } else if (w->cursor == w->list && !lists_next(w)) {
        fresh_drain(w);
        return w->n_stack != 0;
    } else {
        object = gc_head_object(w->cursor);
        w->cursor = gc_head_next(w->cursor);
        __builtin_prefetch(w->cursor);
    }
    struct type_info *info = type_of(w, Py_TYPE(object));
    if (info->type != NULL && object_is_gc(object, info))
        info->type->tp_traverse(object, visit_mark, w);
    w->n_objects++;
    return true;
}

static void
mark_only(struct walk *w)
{
    while (step_mark(w))
        ;
}

/* ---- roots ---- */

static void
static_roots(struct walk *w)
{
    for (struct type_info *at = w->first_type; at != NULL; at = at->next) {
        if (at->type == NULL || at->is_heap || at->is_bad)
            continue;
        struct type_names names;
        char text[sizeof names.module + sizeof names.name + 1];
        size_t n = 0;
        names_of_type(at->type, &names);
        bool builtin =
            names.module_bytes == 8 && memcmp(names.module, "builtins", 8) == 0;
        if (names.module_bytes != 0 && !builtin) {
            memcpy(text, names.module, names.module_bytes);
            n = names.module_bytes;
            text[n++] = '.';
        }
        memcpy(text + n, names.name, names.name_bytes);
        n += names.name_bytes;
        walk_root(w, PX_ROOT_STATIC_TYPE, at->type, text, n);
    }
}

static void
walk_roots(struct walk *w,
           void (*walk)(struct walk *, const struct heap_notes *))
{
    if (w->is_guarded && sigsetjmp(w->object_landing, 0) != 0) {
        object_failed(w);
    } else {
        w->guard->landing = &w->object_landing;
        guard_leave(w->guard);
        walk(w, w->plan->notes);
        guard_enter(w->guard);
    }
    w->guard->landing = &w->finish;
}

/* ---- previews ---- */

/* A str that is also somebody's name has left with the names: hiding its
 * value would hide nothing, and blank every place that uses the word. Other
 * interned strs may be a password written in the source. */
static bool
hides(struct walk *w, PyObject *object, PyTypeObject *type)
{
    if (!visited_has(&w->secret, (uintptr_t)object))
        return false;
    return !preview_is_shared(object, type) &&
           map_find(&w->names, (uintptr_t)object) == NULL;
}

/* Written in its place, which moves on only when it is whole: whatever jumps
 * out leaves nothing behind. */
static void
preview_walk(struct walk *w, PyObject *object)
{
    struct type_info *info = type_of(w, Py_TYPE(object));
    if (info->preview == NULL || info->is_bad)
        return;
    writer_reserve(&w->writer, ROLE_PREVIEWS, PREVIEW_MAX);
    struct chunk *chunk = &w->writer.chunks[ROLE_PREVIEWS];
    uint64_t last_node = chunk->last_node;
    uint8_t *at =
        put_delta(chunk->at, (uintptr_t)object / PX_ADDR_UNIT, &last_node);
    guard_leave(w->guard);
    size_t n_bytes = info->preview(object, at);
    bool hidden = n_bytes != 0 && hides(w, object, info->type);
    guard_enter(w->guard);
    if (n_bytes == 0)
        return;
    if (hidden) {
        *at = PX_PREVIEW_SECRET;
        n_bytes = 1;
    }
    chunk->at = at + n_bytes;
    chunk->last_node = last_node;
}

static void
walk_previews(struct walk *w)
{
    w->preview_at = 8; /* NULL is no member */
    if (w->is_guarded && sigsetjmp(w->object_landing, 0) != 0)
        object_failed(w);
    w->guard->landing = &w->object_landing;
    for (;;) {
        uintptr_t address = visited_next(&w->visited, w->preview_at);
        if (address == 0)
            break;
        w->preview_at = address + 8;
        guard_mark();
        w->guard->progress++;
        if (!is_own(w, address))
            preview_walk(w, (PyObject *)address);
    }
    w->guard->landing = &w->finish;
}

/* ---- the whole ---- */

static void
walk_all(struct walk *w)
{
    mark_lists(w);
    lists_rewind(w);
    if (w->is_mark_only) {
        mark_only(w);
        return;
    }
    edges_begin(w);
    walk_steps(w);
    walk_roots(w, roots_walk);
    walk_steps(w);
    walk_roots(w, roots_walk_stacks);
    static_roots(w);
    walk_steps(w);
    blocks_walk(w, walk_steps);
    blocks_put(w);
    if (w->detail == PX_DETAIL_VALUES)
        walk_previews(w);
    writer_flush_all(&w->writer);
}

static uint64_t
cpu_ns(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint8_t *
footer_pair(uint8_t *at, enum px_footer_tag tag, uint64_t value)
{
    at = px_put_varint(at, tag);
    return px_put_varint(at, value);
}

static void
footer_put(struct walk *w)
{
    uint8_t body[PX_FOOTER_TAG_END * 2 * PX_VARINT_MAX];
    uint8_t *at = body;
    struct spool *spool = w->plan->spool;
    uint64_t now = spool_now_ns();
    uint64_t cpu = cpu_ns() - w->cpu_start_ns;
    at = footer_pair(at, PX_FOOTER_END, w->end);
    at = footer_pair(at, PX_FOOTER_OBJECTS, w->n_objects);
    at = footer_pair(at, PX_FOOTER_EDGES, w->n_edges);
    at = footer_pair(at, PX_FOOTER_BAD, w->n_bad);
    at = footer_pair(at, PX_FOOTER_BAD_TYPES, w->n_bad_types);
    at = footer_pair(at, PX_FOOTER_FROZEN, w->n_frozen);
    at = footer_pair(at, PX_FOOTER_LEFT_OUT, w->n_left_out);
    at = footer_pair(at, PX_FOOTER_THREADS_LEFT_OUT,
                     w->plan->notes->threads_left_out);
    at = footer_pair(at, PX_FOOTER_GIL_WAIT_NS,
                     atomic_load(&spool->page->gil_wait_ns));
    at = footer_pair(at, PX_FOOTER_PAUSE_NS,
                     atomic_load(&spool->page->pause_ns));
    at = footer_pair(at, PX_FOOTER_WALL_NS, now - w->start_ns);
    at = footer_pair(at, PX_FOOTER_CPU_NS, cpu);
    at = footer_pair(at, PX_FOOTER_RAW_BYTES, w->writer.raw_bytes);
    const struct pools *pools = &w->blocks.pools;
    enum px_blocks_state state = w->blocks.state;
    if (pools->n_mapped > 0 &&
        (state == PX_BLOCKS_KNOWN || state == PX_BLOCKS_DEBUG)) {
        at = footer_pair(at, PX_FOOTER_ARENAS, pools->n_mapped);
        at = footer_pair(at, PX_FOOTER_ARENA_BYTES,
                         pools->n_mapped * POOLS_ARENA_BYTES);
        at = footer_pair(at, PX_FOOTER_ARENA_POOL_BYTES, pools->carved_bytes);
    }
    if (w->plan->smaps_fd >= 0)
        at = footer_pair(at, PX_FOOTER_DIRTY_PAGES,
                         child_dirty_pages(w->plan->smaps_fd, &w->arena));
    atomic_store(&spool->page->objects, w->n_objects);
    atomic_store(&spool->page->end, (uint32_t)w->end + 1);
    writer_put_plain(spool, PX_CHUNK_FOOTER, body, (size_t)(at - body));
}

/* What was written and not sent when the walk was stopped for a reason that
 * is not the reader's or the memory's. May be stopped itself: then no more. */
static void
rest_flush(struct walk *w)
{
    bool wanted = w->end == PX_END_TIME_LIMIT || w->end == PX_END_FAULT;
    if (!wanted || w->is_mark_only || w->writer.lost)
        return;
    if (w->writer.record.is_open)
        record_end(&w->writer);
    writer_flush_all(&w->writer);
}

enum px_end
walk_run(const struct walk_plan *plan)
{
    struct walk *w = mmap(NULL, sizeof *w, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (w == MAP_FAILED)
        return PX_END_NO_ROOM;
    arena_init(&w->arena);
    arena_adopt(&w->arena, w, sizeof *w);
    w->guard = &w->no_guard;
    w->plan = plan;
    w->cpu_start_ns = plan->in_child ? 0 : cpu_ns();
    if (sigsetjmp(w->finish, 0) == 0) {
        if (!walk_init(w, plan))
            walk_stop(w, PX_END_NO_ROOM);
        struct guard *guard = plan->in_child ? guard_start(&w->arena) : NULL;
        if (guard != NULL) {
            w->guard = guard;
            w->is_guarded = true;
            w->blocks.wanted = !plan->options.mark_only;
        }
        w->end = PX_END_COMPLETE;
        w->guard->landing = &w->finish;
        walk_all(w);
    } else if (w->end == PX_END_COMPLETE) { /* a fault outside all loops */
        w->end = PX_END_FAULT;
    }
    if (w->end != PX_END_COMPLETE && sigsetjmp(w->finish, 0) == 0) {
        w->guard->landing = &w->finish;
        rest_flush(w);
    }
    enum px_end end = w->end;
    w->guard->landing = NULL;
    footer_put(w);
    if (!plan->in_child) {
        edges_end();
        struct arena arena = w->arena; /* w itself lies in it */
        arena_done(&arena);
    }
    return end;
}
