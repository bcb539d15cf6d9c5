/* proto.h — the wire protocol: handshake, frames, messages. The norm.
 *
 * Both sides use the functions of src/proto; nothing here knows sockets'
 * blocking, Python or curses. Message numbers are never reused; unknown
 * fields of a JSON body are skipped, unknown messages answered with ERROR.
 *
 * Handshake (BLAKE2b-256 keyed, from libsodium's crypto_generichash):
 *   client: MAGIC[8] | u8 auth version 1 | u8 zero[3] | nonce_c[32]
 *   server: MAGIC[8] | u8 auth version 1 | u8 zero[3] | nonce_s[32]
 *           | proof_s[32] = H(key, "pyexplore server 1" nonce_c nonce_s)
 *   client: proof_c[32]   = H(key, "pyexplore client 1" nonce_s nonce_c)
 * On a Unix socket the key is 32 zero bytes and SO_PEERCRED decides. The
 * server says nothing until the magic is complete and right; at any fault it
 * closes without a word. Then frames both ways; the first of each side is
 * HELLO.
 *
 * Frame: u32 body bytes | u16 message | u16 flags | u64 request id | body.
 * The body is JSON (UTF-8, one object) or, with PX_FRAME_BULK, one snapshot
 * chunk. Little-endian.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef PX_PROTO_H
#define PX_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pyexplore/buf.h>
#include <pyexplore/err.h>
#include <pyexplore/snapshot.h>

#define PX_PROTO_LOWEST 1
#define PX_PROTO_HIGHEST 1
#define PX_DEFAULT_PORT 9999

#define PX_MAGIC "\x89PYX\r\n\x1a\n"
#define PX_MAGIC_BYTES 8
#define PX_NONCE_BYTES 32
#define PX_PROOF_BYTES 32
#define PX_KEY_BYTES 32
#define PX_AUTH_VERSION 1
#define PX_CLIENT_FIRST_BYTES (PX_MAGIC_BYTES + 4 + PX_NONCE_BYTES)
#define PX_SERVER_FIRST_BYTES                                                  \
    (PX_MAGIC_BYTES + 4 + PX_NONCE_BYTES + PX_PROOF_BYTES)

#define PX_FRAME_HEAD_BYTES 16
#define PX_REQUEST_MAX (64u * 1024)     /* JSON body towards the agent */
#define PX_REPLY_MAX (4u * 1024 * 1024) /* JSON body towards the client */
#define PX_BULK_MAX (PX_CHUNK_HEAD_BYTES + PX_CHUNK_STORED_MAX)
#define PX_JSON_DEPTH 32

#define PX_FRAME_REPLY 1u /* answers the request with the same id */
#define PX_FRAME_BULK 2u  /* the body is a chunk */

/* X(number, member, name, needs: R asks only, W changes the collector)
 * Request body → reply body; every field has the unit in its name or is a
 * count. Any request may be answered by ERROR instead. */
#define PX_MSG_LIST(X)                                                          \
    /* {lowest, highest, program, version} ↔ {lowest, highest, version,       \
     * python, pid, command[], host, uid, detail, readonly,                     \
     * capabilities[], started (unix s), rss_bytes} */                          \
    X(1, HELLO, "hello", R)                                                     \
    /* reply only: {code: px_status_name, message, hint} */                     \
    X(2, ERROR, "error", R)                                                     \
    /* {id} → {} ; the cancelled request ends with ERROR cancelled or, for a  \
     * snapshot, SNAPSHOT complete=false */                                     \
    X(3, CANCEL, "cancel", R)                                                   \
    /* no reply, agent → client: {state: "waiting_gil"|"walking",             \
     * waited_ms, objects, raw_bytes, pause_ns} */                              \
    X(4, PROGRESS, "progress", R)                                               \
    /* {} → {rss_bytes, peers, snapshots, last_pause_ns, uptime_s,            \
     * allocated_blocks, gil_wait_max_ns, gil_hold_max_ns} */                   \
    X(5, STATUS, "status", R)                                                   \
    /* {malloc?} → {rss_bytes, file_bytes (of it mapped files; 0: unknown),   \
     * allocated_blocks (0: not counted), malloc: null or, if asked for,        \
     * {in_use_bytes, free_bytes}} */                                           \
    X(6, MEMORY, "memory", R)                                                   \
    /* {frozen?} → {enabled, thresholds[3], counts[3], debug, debug_names[],  \
     * garbage, stats[{collections, collected, uncollectable}], frozen (only    \
     * if asked for: it walks all of them, under the GIL), on_entry:            \
     * {enabled, thresholds[3], debug} (as it was, and will be when the         \
     * connections that changed it are gone), changed (by this one), kept:      \
     * {as on_entry: what was there before changes that were kept}} */          \
    X(100, GC_STATE, "gc_state", R)                                             \
    /* {enabled?, thresholds?, debug?, keep?} → as GC_STATE, and undo: the    \
     * command that undoes it. A field is put back when the last connection     \
     * that set it ends. keep: it stays, whoever set it before; {keep: true}    \
     * alone: all that this connection changed stays (undo: "" if nothing) */   \
    X(101, GC_SET, "gc_set", W)                                                 \
    /* {generation} → {generation, collected, uncollectable, duration_ns,     \
     * freed: [{type, count}], rss_before_bytes, rss_after_bytes} */            \
    X(102, GC_COLLECT, "gc_collect", W)                                         \
    X(103, GC_FREEZE, "gc_freeze", W) /* {confirm: true} → as GC_STATE */     \
    X(104, GC_UNFREEZE, "gc_unfreeze", W) /* {confirm: true} → as GC_STATE */ \
    /* {limit} → {count, objects: [{address, type}]} */                       \
    X(105, GC_GARBAGE, "gc_garbage", R)                                         \
    /* {kept?} → as GC_STATE: what this connection changed is put back now,   \
     * even if others changed it too; with kept also what earlier ones changed  \
     * and kept */                                                              \
    X(106, GC_RESTORE, "gc_restore", W)                                         \
    /* {detail?, codec?, stop_the_world?} → CHUNK frames with the same id,    \
     * then the reply {end: px_end_name, sentence, objects, pause_ns,           \
     * gil_wait_ns, wall_ns, cpu_ns, raw_bytes, shared,                         \
     * interpreters_left_out, threads_left_out} */                              \
    X(200, SNAPSHOT, "snapshot", R)                                             \
    X(201, CHUNK, "chunk", R) /* bulk, agent → client */

enum px_msg {
#define X(number, member, name, needs) PX_MSG_##member = number,
    PX_MSG_LIST(X)
#undef X
};

/* The collector's debug flags as the module gc has them.
 * X(bit, member, what it does, prints to the target's stderr) */
#define PX_GC_DEBUG_LIST(X)                                                    \
    X(1, STATS, "report every collection", 1)                                  \
    X(2, COLLECTABLE, "report every object that is collected", 1)              \
    X(4, UNCOLLECTABLE, "report what cannot be collected", 1)                  \
    X(32, SAVEALL, "keep what is collected in gc.garbage: memory grows", 0)
#define PX_GC_DEBUG_LEAK 38 /* COLLECTABLE | UNCOLLECTABLE | SAVEALL */

const char *px_msg_name(unsigned msg); /* NULL: unknown */
bool px_msg_changes(unsigned msg);     /* refused by a readonly server */

/* ---- frames ---- */
struct px_frame {
    uint32_t body_bytes;
    uint16_t msg;
    uint16_t flags;
    uint64_t id;
    const uint8_t *body; /* borrowed from the reader */
};

/* Writes the 16 bytes of a frame's head to `to`. */
void px_frame_put_head(uint8_t *to, const struct px_frame *frame);

/* The next whole frame of `reader`. PX_AGAIN: too few bytes yet. PX_EPROTO or
 * PX_ELIMIT: the connection must be closed. A body may be up to `max_bytes`,
 * a bulk body up to PX_BULK_MAX if `bulk` is allowed; the length is judged as
 * soon as the head is there. On anything but PX_OK the reader stays. */
enum px_status px_frame_next(struct px_reader *reader, size_t max_bytes,
                             bool bulk, struct px_frame *out,
                             struct px_err *err);

/* Appends a frame with a JSON text body. */
enum px_status px_frame_append(struct px_buf *to, unsigned msg, unsigned flags,
                               uint64_t id, const char *json,
                               struct px_err *err);

/* ---- chunks: one codec for child's spool, wire and file ---- */
struct px_chunk {
    uint16_t kind;
    uint8_t codec;
    uint32_t raw_bytes;
    uint32_t stored_bytes;
    uint32_t sequence;
    uint64_t hash;
    const uint8_t *stored; /* borrowed */
};

void px_chunk_put_head(uint8_t *to, const struct px_chunk *chunk);
/* XXH3-64 of stored bytes: pure, the child may call it. */
uint64_t px_chunk_hash(const void *stored, size_t n);
/* Head and body of the next chunk; limits and hash are checked. PX_AGAIN if
 * it is not whole. */
enum px_status px_chunk_next(struct px_reader *reader, struct px_chunk *out,
                             struct px_err *err);
/* The raw bytes of a chunk in `*raw` (replaced; for codec none also copied).
 * Never allocates more than PX_CHUNK_RAW_MAX. */
enum px_status px_chunk_unpack(const struct px_chunk *chunk, struct px_buf *raw,
                               struct px_err *err);

/* ---- authentication ---- */
enum px_role { PX_ROLE_SERVER, PX_ROLE_CLIENT };

/* The proof that `role` sends; constant time in the key. */
void px_auth_proof(enum px_role role, const uint8_t key[PX_KEY_BYTES],
                   const uint8_t client_nonce[PX_NONCE_BYTES],
                   const uint8_t server_nonce[PX_NONCE_BYTES],
                   uint8_t out[PX_PROOF_BYTES]);
bool px_auth_equal(const uint8_t a[PX_PROOF_BYTES],
                   const uint8_t b[PX_PROOF_BYTES]);
enum px_status px_auth_random(void *out, size_t n, struct px_err *err);

/* ---- the handshake, for both roles: bytes in, bytes out, a verdict ----
 * It never asks for more than it needs (76 bytes in all at the server), never
 * answers before the client's first 44 bytes are right, and judges each byte
 * of the magic as it comes. The clock is the caller's: PX_HANDSHAKE_MS. */
#define PX_HANDSHAKE_MS 5000
struct px_handshake {
    enum px_role role;
    unsigned step; /* 0: first message, 1: proof (server), 2: over */
    uint8_t key[PX_KEY_BYTES];
    uint8_t nonce[PX_NONCE_BYTES]; /* ours */
    uint8_t in[PX_SERVER_FIRST_BYTES];
    size_t n_in;
};
/* key NULL: 32 zero bytes (Unix socket). The client's first message is
 * appended to `out` at once; the server writes nothing here. */
enum px_status px_handshake_init(struct px_handshake *handshake,
                                 enum px_role role, const uint8_t *key,
                                 struct px_buf *out, struct px_err *err);
/* How many bytes it can take now; a careful caller reads no more than that. */
size_t px_handshake_need(const struct px_handshake *handshake);
/* Takes what it needs from `in`, appends to `out` what must be sent. PX_AGAIN:
 * goes on with more bytes. PX_OK: the peer has proved the key; what is left
 * in `in` are frames. Anything else: close without a word (PX_EDENIED: the
 * peer has another key). */
enum px_status px_handshake_step(struct px_handshake *handshake,
                                 struct px_reader *in, struct px_buf *out,
                                 struct px_err *err);
/* Wipes the key. Whenever a handshake was begun. */
void px_handshake_done(struct px_handshake *handshake);

/* Reads a key file: exactly 32 bytes, regular, ours or root's (root: anyone's),
 * no rights for others, no symlink. PX_ENOTFOUND, PX_EDENIED. */
enum px_status px_key_read(const char *path, uint8_t key[PX_KEY_BYTES],
                           struct px_err *err);
/* Makes a new key file: O_EXCL, O_NOFOLLOW, 0600. PX_EBUSY: there is one. */
enum px_status px_key_write(const char *path, const uint8_t key[PX_KEY_BYTES],
                            struct px_err *err);
/* A key file that is a running server's: it holds a flock on it, which goes
 * with the process, so a file without one is what a dead server left. First
 * open, made if it is not there; then hold, which locks it, writes the key and
 * leaves the descriptor open. PX_EBUSY: another server's. PX_AGAIN: it was
 * removed in between, open again. Remove it before the descriptor is closed. */
enum px_status px_key_open(const char *path, int *fd, struct px_err *err);
enum px_status px_key_hold(int fd, const char *path,
                           const uint8_t key[PX_KEY_BYTES], struct px_err *err);

/* ---- the folder of sockets and keys, the same function at both ends ---- */
#define PX_PATH_MAX 4096
/* `uid`'s folder in `out`: the first of px_folder_place that is there and
 * safe. With `create` it is made 0700 where there is none. A folder that is
 * no directory, not uid's or open to others is refused: PX_EDENIED. */
enum px_status px_folder_find(unsigned uid, bool create, size_t out_bytes,
                              char *out, struct px_err *err);
/* The i-th place where a server of `uid` may have its folder, unchecked, for
 * clients, whose environment may be another: $PYEXPLORE_DIR (then no other),
 * $XDG_RUNTIME_DIR/pyexplore (both only for our own uid), /run/user/UID/
 * pyexplore, /tmp/pyexplore-UID. PX_ENOTFOUND after the last. */
enum px_status px_folder_place(unsigned uid, unsigned i, size_t out_bytes,
                               char *out, struct px_err *err);
/* A directory, owned by uid, no rights for others, in a parent where nobody
 * else can replace it. PX_ENOTFOUND, PX_EDENIED. */
enum px_status px_folder_check(const char *path, unsigned uid,
                               struct px_err *err);
/* FOLDER/PID.sock and FOLDER/tcp-PORT.key. The key is of one server: another
 * one with that port, on another address or in another container that shares
 * the folder, has none there. */
enum px_status px_folder_socket(const char *folder, int pid, size_t out_bytes,
                                char *out, struct px_err *err);
enum px_status px_folder_key(const char *folder, int port, size_t out_bytes,
                             char *out, struct px_err *err);
/* "@pyexplore/UID/PID", the abstract socket of a server without a folder. */
enum px_status px_folder_abstract(unsigned uid, int pid, size_t out_bytes,
                                  char *out, struct px_err *err);

#endif
