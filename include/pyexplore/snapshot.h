/* snapshot.h — the snapshot stream: what the child writes, and what files and
 * the wire carry. This header is the norm of the format.
 *
 * A stream is a row of chunks. Each chunk has a 24-byte head and a body of at
 * most PX_CHUNK_RAW_MAX bytes raw, perhaps compressed. A file is
 * PX_FILE_MAGIC followed by chunks; on the wire each chunk is the body of one
 * PX_MSG_CHUNK frame. Any chunk but the first (HEADER) and last (FOOTER) may
 * repeat; a chunk only refers to types and names defined in earlier chunks,
 * and decodes without any state but their number, so a cut file opens as far
 * as it is whole. Unknown chunk kinds are skipped.
 *
 *   head:  u16 kind | u8 codec | u8 zero | u32 raw_bytes | u32 stored_bytes
 *          | u32 sequence number from 0 | u64 XXH3-64 of the stored bytes
 *          raw_bytes / 256 <= stored_bytes + 64: what LZ4 cannot exceed, so
 *          that a small file cannot ask for much memory
 *
 * Addresses are written in units of PX_ADDR_UNIT bytes, as zigzag varint
 * deltas against the previous address of the same role ("last node", "last
 * target", …), which is 0 at the start of every chunk.
 *
 *   HEADER   JSON text, keys in PX_HEADER_KEYS below
 *   TYPES    records, type numbers count up from 0 over the whole stream:
 *            address delta | varint flags (PX_TYPE_*) | text module | text
 *            qualified name.   text = varint bytes + UTF-8 (surrogates as
 *            WTF-8, not NUL-terminated)
 *   NAMES    records, name numbers count up from 0 over the whole stream:
 *            address delta of the str object (last name), or to address 0
 *            for a C text | text.   The names that edges of form NAME carry.
 *   NODES    records:
 *            u8 flags (PX_NODE_REC_*) | zigzag address delta (last node)
 *            | unless CONTINUED: varint type number, varint size in bytes,
 *              u8 node flags (PX_NODE_*), unless IMMORTAL or REF1: varint
 *              refcount
 *            | if EDGES: groups until a zero byte.
 *            group = u8 kind | varint n >= 1 | n entries; kind's form says
 *            what an entry is (target = zigzag delta against last target):
 *              PLAIN  target
 *              NAME   varint name number | target
 *              INDEX  zigzag varint (index - (previous index + 1)) | target
 *                     ("previous index" is -1 at the start of a group)
 *              PAIR   key target | value target: two edges, first one of
 *                     kind px_pair_key(kind), then one of px_pair_value(kind)
 *                     whose name is that key
 *            A CONTINUED record adds edges to a node that an earlier record
 *            described (objects with millions of edges span chunks).
 *            A node appears without CONTINUED exactly once.
 *   ROOTS    records: u8 root class | address delta (last node) | text name
 *   LABELS   records: address delta (last node) | text: what to call a
 *            synthetic node: "MainThread", "serve() server.py:41"
 *   PREVIEWS records: address delta (last node) | u8 form (PX_PREVIEW_*)
 *            | payload.   They come after all NODES, and their addresses ascend
 *            over the whole stream.
 *   BLOCKS   what the allocator of small objects (pymalloc) has in use, and
 *            how much of it the snapshot explains:
 *            u8 state (PX_BLOCKS_*; others read as STRANGE) | if KNOWN:
 *            varint columns n, at least 1 | records, ascending: varint bytes
 *            of a block, not 0 | n varints in the order of PX_BLOCK_LIST (a
 *            reader skips columns that it does not know, and takes 0 for those
 *            that are missing). At most PX_BLOCK_CLASSES_MAX records. If it
 *            repeats, the last one counts.
 *   FOOTER   records: varint tag (PX_FOOTER_*) | varint value. Last chunk of
 *            a stream that was not cut off.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_SNAPSHOT_H
#define PX_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#define PX_FILE_MAGIC "\x89PXS\r\n\x1a\n"
#define PX_FILE_MAGIC_BYTES 8
#define PX_FORMAT_VERSION 1

#define PX_CHUNK_HEAD_BYTES 24
#ifndef PX_CHUNK_RAW_MAX
#define PX_CHUNK_RAW_MAX (1u << 20)
#endif
/* An incompressible body may grow a little under LZ4 or zstd. */
#define PX_CHUNK_STORED_MAX (PX_CHUNK_RAW_MAX + PX_CHUNK_RAW_MAX / 128 + 1024)
#define PX_ADDR_UNIT 8

/* X(number, member, name) — numbers are never reused. */
#define PX_CHUNK_KIND_LIST(X)                                                  \
    X(1, HEADER, "header")                                                     \
    X(2, TYPES, "types")                                                       \
    X(3, NAMES, "names")                                                       \
    X(4, NODES, "nodes")                                                       \
    X(5, ROOTS, "roots")                                                       \
    X(6, LABELS, "labels")                                                     \
    X(7, PREVIEWS, "previews")                                                 \
    X(8, FOOTER, "footer")                                                     \
    X(9, BLOCKS, "blocks")

enum px_chunk_kind {
#define X(number, member, name) PX_CHUNK_##member = number,
    PX_CHUNK_KIND_LIST(X)
#undef X
};

/* X(number, member, name) */
#define PX_CODEC_LIST(X)                                                       \
    X(0, NONE, "none")                                                         \
    X(1, LZ4, "lz4")   /* one LZ4 block, by the child */                       \
    X(2, ZSTD, "zstd") /* one zstd frame, by the client, on disk */

enum px_codec {
#define X(number, member, name) PX_CODEC_##member = number,
    PX_CODEC_LIST(X)
#undef X
};

/* How much a snapshot says; each level includes the one before.
 *   types   nodes, types, edges; attribute and variable names, but no text of
 *           any dict key
 *   names   and the text of interned str keys of dicts (identifiers)
 *   values  and previews of values, except under secret names */
#define PX_DETAIL_LIST(X)                                                      \
    X(0, TYPES, "types")                                                       \
    X(1, NAMES, "names")                                                       \
    X(2, VALUES, "values")

enum px_detail {
#define X(number, member, name) PX_DETAIL_##member = number,
    PX_DETAIL_LIST(X)
#undef X
};

/* ---- types ---- */
#define PX_TYPE_HEAP 1u      /* made at run time: instances own one ref of it */
#define PX_TYPE_GC 2u        /* Py_TPFLAGS_HAVE_GC */
#define PX_TYPE_PYTHON 4u    /* made by a class statement */
#define PX_TYPE_SYNTHETIC 8u /* not a Python type: <thread>, <frame>, … */
/* What the type is, or a subclass of it. */
#define PX_TYPE_LIST 16u  /* list, collections.deque */
#define PX_TYPE_TUPLE 32u /* tuple */
#define PX_TYPE_DICT 64u  /* dict */
#define PX_TYPE_SET 128u  /* set, frozenset */

/* ---- node records ---- */
#define PX_NODE_REC_CONTINUED 1u
#define PX_NODE_REC_EDGES 2u
#define PX_NODE_REC_REF1 4u /* refcount is 1 and not written */

/* Node flags: low three bits are where the collector keeps the object. */
#define PX_NODE_GEN_MASK 7u
enum px_node_gen {
    PX_GEN_0 = 0,
    PX_GEN_1 = 1,
    PX_GEN_2 = 2,
    PX_GEN_FROZEN = 3,    /* permanent generation, gc.freeze() */
    PX_GEN_UNTRACKED = 4, /* a gc type, but in no list now */
    PX_GEN_NOT_GC = 5     /* its type is not collected */
};
#define PX_NODE_IMMORTAL 8u     /* has no meaningful refcount */
#define PX_NODE_APPROXIMATE 16u /* size may differ from sys.getsizeof */
#define PX_NODE_SYNTHETIC 32u   /* a thread, a frame: no Python object */
#define PX_NODE_BAD 64u         /* faulted or hung while it was read */
/* No list has it and no object was seen to refer to it: it was found in the
 * allocator's blocks. C code holds it, or has lost it. */
#define PX_NODE_STRAY 128u

/* ---- edges ----
 * X(number, member, name, form, flags, shown as, Python expression)
 * `form` is what an entry carries (above). `shown as` is the grammar of every
 * screen: % stands for the name, the index or the key. The expression gives
 * the target from `src` and what the entry carries: `name`, `i`, or the `key`
 * of a value; for a key itself, `key` is one that equals it. Tests evaluate
 * these texts as they stand; "-" where Python cannot say it, for which
 * tests/agent/fields.py and built.py know. Numbers are never reused.
 * Flags: H holds its target alive, C counts as one reference of it.
 *   HOLDS|COUNTS a plain reference;   HOLDS alone: keeps alive through
 *   another edge, or may be a leftover;   neither: weak or alias. */
#define PX_EDGE_HOLDS 1u
#define PX_EDGE_COUNTS 2u
#define PX_EDGE_LIST(X)                                                        \
    X(1, ATTR, "attribute", NAME, 3u, ".%", "getattr(src, name)")              \
    X(2, SLOT, "slot", NAME, 3u, ".%", "getattr(src, name)")                   \
    X(3, DICT_KEY, "key", PLAIN, 3u, "key",                                    \
      "next(k for k in src if k == key)")                                      \
    X(4, DICT_VALUE, "value", PAIR, 3u, "[%]", "src[key]")                     \
    /* 3.13+: a materialised __dict__ shows what its instance owns */          \
    X(5, DICT_ALIAS, "alias", PAIR, 0u, "[%]", "src[key]")                     \
    X(6, ITEM, "item", INDEX, 3u, "[%]", "src[i]")                             \
    X(7, MEMBER, "member", INDEX, 3u, "{%}", "list(src)[i]")                   \
    /* beside .__closure__[i], which owns the reference */                     \
    X(8, CELL, "cell", NAME, 1u, "<cell %>",                                   \
      "src.__closure__[src.__code__.co_freevars.index(name)]")                 \
    X(9, CLASS, "class", PLAIN, 3u, "class", "type(src)")                      \
    X(10, BASE, "base", INDEX, 3u, "base[%]", "src.__bases__[i]")              \
    X(11, SELF, "self", PLAIN, 3u, ".__self__", "src.__self__")                \
    X(12, LOCAL, "local", NAME, 3u, "local %", "src.f_locals[name]")           \
    X(13, STACK, "stack", INDEX, 1u, "?stack[%]", "-")                         \
    X(14, GEN_LOCAL, "generator local", NAME, 3u, "local %",                   \
      "next(getattr(src, a) for a in dir(src) if a[2:] == '_frame')"           \
      ".f_locals[name]")                                                       \
    X(15, TB_FRAME, "traceback frame", PLAIN, 3u, ".tb_frame", "src.tb_frame") \
    /* a WeakMethod's call makes a method; a proxy's attributes are those of   \
     * what it stands for */                                                   \
    X(16, WEAK, "weak", PLAIN, 0u, "~weak",                                    \
      "weakref.ref.__call__(src) if isinstance(src, weakref.ref) "             \
      "else src.__repr__.__self__")                                            \
    X(17, ALIAS, "alias", NAME, 0u, ".%", "getattr(src, name)")                \
    X(18, UNNAMED, "unnamed", INDEX, 3u, "#%", "-")                            \
    /* a C field or a table that Python code cannot name */                    \
    X(19, FIELD, "field", NAME, 3u, "<%>", "-")                                \
    /* the evaluation stack of a suspended frame: its depth is known */        \
    X(20, OPERAND, "operand", INDEX, 3u, "stack[%]", "-")                      \
    /* a thread to its frames, the interpreter to what it owns */              \
    X(21, ROOT, "root", NAME, 3u, "%", "-")                                    \
    X(22, FRAME, "frame", INDEX, 1u, "frame %", "-")                           \
    /* 3.14+: an argument whose caller owns the reference */                   \
    X(23, BORROWED, "borrowed local", NAME, 1u, "local %",                     \
      "src.f_locals[name]")                                                    \
    /* functools.lru_cache: its key beside its result */                       \
    X(24, CACHED, "cached result", PAIR, 3u, "<cached %>", "-")                \
    /* instances of a class share a table of keys, which owns them once */     \
    X(25, SHARED_KEY, "shared key", PLAIN, 1u, "key",                          \
      "next(k for k in src if k == key)")                                      \
    /* only in a file or stream: a DICT_VALUE under a SHARED_KEY */            \
    X(26, SHARED_VALUE, "value of a shared key", PAIR, 3u, "[%]", "src[key]")  \
    /* what a context has for a ContextVar, by the variable's name */          \
    X(27, VARIABLE, "context variable", NAME, 3u, "<variable %>", "-")         \
    /* of a numpy array of more than one dimension */                          \
    X(28, FLAT, "array item", INDEX, 3u, ".flat[%]", "src.flat[i]")

enum px_edge_kind {
#define X(number, member, name, form, flags, shown, expression)                \
    PX_EDGE_##member = number,
    PX_EDGE_LIST(X)
#undef X
        PX_EDGE_KIND_END
};

enum px_edge_form { PX_FORM_PLAIN, PX_FORM_NAME, PX_FORM_INDEX, PX_FORM_PAIR };

struct px_edge_info {
    const char *name;
    const char *shown;
    const char *expression;
    enum px_edge_form form;
    unsigned flags;
};

/* The two edges of a pair in a group of this kind. */
static inline enum px_edge_kind
px_pair_key(unsigned kind)
{
    return kind == PX_EDGE_SHARED_VALUE || kind == PX_EDGE_DICT_ALIAS
               ? PX_EDGE_SHARED_KEY
               : PX_EDGE_DICT_KEY;
}

static inline unsigned
px_pair_value(unsigned kind)
{
    return kind == PX_EDGE_SHARED_VALUE ? PX_EDGE_DICT_VALUE : kind;
}

/* The row of PX_EDGE_LIST, or NULL for a number that it does not have. */
const struct px_edge_info *px_edge_info(unsigned kind);

/* ---- roots ----
 * X(number, member, name, rank): paths prefer the lower rank. A task's code is
 * as good a place as a module's names: the event loop, which a module has,
 * holds a task now by a timer and now by a queue, so that a path through it
 * would be another one in the next snapshot. */
#define PX_ROOT_LIST(X)                                                        \
    X(1, MODULE, "module", 0)           /* sys.modules[name] */                \
    X(2, THREAD, "thread", 1)           /* name; label "name (ident N)" */     \
    X(3, INTERPRETER, "interpreter", 2) /* its dicts, codecs, … */           \
    X(4, STATIC_TYPE, "static type", 3)                                        \
    X(5, GARBAGE, "gc.garbage", 2)                                             \
    X(6, CALLBACK, "callback", 2) /* gc.callbacks, atexit */                   \
    X(7, TASK, "asyncio task", 0)                                              \
    X(8, GREENLET, "greenlet", 1)

enum px_root_class {
#define X(number, member, name, rank) PX_ROOT_##member = number,
    PX_ROOT_LIST(X)
#undef X
        PX_ROOT_CLASS_END
};

const char *px_root_name(unsigned root_class); /* NULL: unknown */
unsigned px_root_rank(unsigned root_class);

/* ---- previews ---- */
#define PX_PREVIEW_TEXT_MAX 64 /* bytes */
/* X(number, member): payload */
#define PX_PREVIEW_LIST(X)                                                     \
    X(1, STR)     /* varint characters in all | text, at most 64 bytes */      \
    X(2, BYTES)   /* varint bytes in all | varint n <= 64 | n bytes */         \
    X(3, INT)     /* zigzag varint */                                          \
    X(4, BIGINT)  /* varint bits | u8 negative */                              \
    X(5, FLOAT)   /* u64: the bits of the double */                            \
    X(6, LEN)     /* varint: items of a container (PX_TYPE_LIST, …) */       \
    X(7, TEXT)    /* text to show as it is: "handle() server.py:41" */         \
    X(8, SECRET)  /* nothing: reached under a secret name */                   \
    X(9, BOUNDED) /* varint items | varint: the most that it will have */      \
    X(10, PATH)   /* as STR of more than 64: starts with "/", the last 64 */

enum px_preview_form {
#define X(number, member) PX_PREVIEW_##member = number,
    PX_PREVIEW_LIST(X)
#undef X
};

/* ---- blocks ----
 * X(number, member, name, sentence): how far the blocks were understood */
#define PX_BLOCKS_LIST(X)                                                      \
    X(0, NONE, "none", "the snapshot does not say")                            \
    X(1, KNOWN, "known", "known")                                              \
    X(2, OTHER, "other",                                                       \
      "Python's own allocator is not in use here (PYTHONMALLOC?)")             \
    X(3, DEBUG, "debug",                                                       \
      "the debug allocator is in use (PYTHONMALLOC=debug, -X dev)")            \
    X(4, STRANGE, "strange",                                                   \
      "the blocks of this interpreter's allocator are not understood")         \
    X(5, INSIDE, "inside", "they are not read while the target stands still")

enum px_blocks_state {
#define X(number, member, name, sentence) PX_BLOCKS_##member = number,
    PX_BLOCKS_LIST(X)
#undef X
};

/* X(member, JSON name): blocks of one size. All but the first two add up to
 * IN_USE. */
#define PX_BLOCK_LIST(X)                                                       \
    X(POOLS, "pools") /* of equal blocks, at least one in use */               \
    X(IN_USE, "in_use")                                                        \
    X(OBJECTS, "objects") /* nodes */                                          \
    X(OWNED, "owned")     /* by a node: tables, arrays, values */              \
    X(SHARED, "shared")   /* interned texts, small ints: the interpreter's */  \
    X(KEPT, "kept")       /* dead, kept by the interpreter for the next one */ \
    X(STRAYS, "strays")   /* nodes with PX_NODE_STRAY */                       \
    X(UNKNOWN, "unknown")

enum px_block_column {
#define X(member, name) PX_BLOCK_##member,
    PX_BLOCK_LIST(X)
#undef X
        PX_BLOCK_COLUMNS
};

#define PX_BLOCK_CLASSES_MAX 64

/* NULL: unknown. The sentence says why there are no figures. */
const char *px_blocks_name(unsigned state);
const char *px_blocks_sentence(unsigned state);

/* ---- footer ----
 * X(tag, member, JSON name): varint values; unknown tags are skipped. */
#define PX_FOOTER_LIST(X)                                                      \
    X(1, END, "end") /* enum px_end */                                         \
    X(2, OBJECTS, "objects")                                                   \
    X(3, EDGES, "edges")                                                       \
    X(4, BAD, "bad_objects")     /* faulted or hung, skipped */                \
    X(5, BAD_TYPES, "bad_types") /* no longer traversed after that */          \
    X(6, FROZEN, "frozen")                                                     \
    X(7, LEFT_OUT, "interpreters_left_out")                                    \
    X(8, GIL_WAIT_NS, "gil_wait_ns") /* until the agent had the GIL */         \
    X(9, PAUSE_NS, "pause_ns")       /* the GIL held, other threads stopped */ \
    X(10, WALL_NS, "wall_ns")        /* the child, from clone to this */       \
    X(11, CPU_NS, "cpu_ns")          /* of the child until this */             \
    X(12, RAW_BYTES, "raw_bytes")                                              \
    X(13, DIRTY_PAGES, "dirty_pages") /* of the target's mappings, if asked */ \
    /* threads whose frames were not read: there were too many */              \
    X(14, THREADS_LEFT_OUT, "threads_left_out")                                \
    /* of pymalloc, 0: not known; of their bytes, those in pools that were in  \
     * use at some time: the others were never touched */                      \
    X(15, ARENAS, "arenas")                                                    \
    X(16, ARENA_BYTES, "arena_bytes")                                          \
    X(17, ARENA_POOL_BYTES, "arena_pool_bytes")

enum px_footer_tag {
#define X(tag, member, name) PX_FOOTER_##member = tag,
    PX_FOOTER_LIST(X)
#undef X
        PX_FOOTER_TAG_END
};

/* Why a stream ended. X(number, member, JSON name, sentence) */
#define PX_END_LIST(X)                                                         \
    X(0, COMPLETE, "complete", "complete")                                     \
    X(1, SLOW_PEER, "slow_peer", "incomplete: peer too slow")                  \
    X(2, NO_ROOM, "no_room",                                                   \
      "incomplete: the target's memory ran short, so the child left")          \
    X(3, CANCELED, "cancelled", "incomplete: cancelled")                       \
    X(4, TIME_LIMIT, "time_limit", "incomplete: the time limit was reached")   \
    X(5, FAULT, "fault", "incomplete: too many objects could not be read")     \
    X(6, CUT, "cut", "incomplete: the stream was cut short")                   \
    X(7, FILE_LIMIT, "file_limit",                                             \
      "incomplete: the target may not write files so large (RLIMIT_FSIZE); "   \
      "lift it with: prlimit --fsize=unlimited --pid PID")                     \
    X(8, KILLED, "killed",                                                     \
      "incomplete: the snapshot child was killed: memory ran out, or a "       \
      "seccomp filter forbids what it does")

enum px_end {
#define X(number, member, name, sentence) PX_END_##member = number,
    PX_END_LIST(X)
#undef X
        PX_END_KIND_END
};

const char *px_end_name(unsigned end);
const char *px_end_sentence(unsigned end);
/* ---- header JSON ----
 * {"format":1, "pyexplore":"0.1.0", "python":"3.13.0", "build":"…",
 *  "pid":1, "command":["python","server.py"], "host":"…", "time":unix
 *  seconds (real), "started": the same of the process (0: not known),
 *  "waited": seconds that a thread was ready and had no CPU (0: not known),
 *  "rss":bytes, "rss_file": of it mapped files (0: not known),
 *  "detail":"values", "gc":{as PX_MSG_GC_STATE},
 *  "interpreters":1, "threads":4, "estimate":{"objects":n,"bytes":n},
 *  "allocated_blocks":n (0: not counted), "stop_the_world":false}
 *  — unknown keys are skipped. */

#endif
