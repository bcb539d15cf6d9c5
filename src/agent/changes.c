/* changes.c — which connection changed what in the collector.
 *
 * A change lasts as long as one of the connections that made it: what there
 * was before is put back when the last of them is gone (gc_undo.h has it), in
 * whatever order they leave. A change that is out at the worker counts like
 * one that was made, even if its connection is gone meanwhile, so nothing is
 * put back underneath it; and changes that are asked for after the putting
 * back run after it, for the worker runs all in the order of their coming.
 *
 * What one of them keeps stays, and what one of them restores is restored,
 * for all of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/gc_undo.h"
#include "agent/parts.h"

static unsigned
held_fields(const struct server *server)
{
    unsigned held = 0;
    for (const struct session *s = server->sessions; s != NULL; s = s->next)
        held |= s->changed;
    for (const struct op *op = server->pending; op != NULL;
         op = op->next_pending) {
        if (op->kind == OP_GC_SET)
            held |= op->settings.fields | op->keep;
    }
    return held;
}

void
changes_settle(struct server *server)
{
    unsigned loose = server->changed & ~held_fields(server);
    /* At its end the server's whole record is put back. */
    if (loose == 0 || atomic_load(&server->stopping))
        return;
    struct op *op = op_new(OP_GC_RESTORE);
    if (op == NULL)
        return;
    op->msg = PX_MSG_GC_RESTORE;
    op->put_back = loose;
    server->changed &= ~loose;
    server_submit(server, op);
}

static void
forget(struct server *server, unsigned fields)
{
    server->changed &= ~fields;
    for (struct session *s = server->sessions; s != NULL; s = s->next)
        s->changed &= ~fields;
}

static void
note_set(struct server *server, struct op *op)
{
    unsigned stay = op->status == PX_OK ? op->keep : 0;
    unsigned last = op->settings.fields & ~stay;
    if (!op->ran)
        return;
    struct gc_settings kept = op->undo;
    kept.fields &= stay;
    gc_settings_merge(&server->kept, &kept);
    forget(server, stay);
    server->changed |= last;
    if (op->session != NULL)
        op->session->changed |= last;
}

void
changes_note(struct server *server, struct op *op)
{
    if (op->kind == OP_GC_SET) {
        note_set(server, op);
    } else if (op->ran && op->status == PX_OK) {
        server->kept.fields &= ~op->settings.fields;
        forget(server, op->settings.fields | op->put_back);
    } else if (op->session == NULL) {
        /* Not just now, or it would fail for ever: with the next change that
         * ends, or with the server. */
        server->changed |= op->put_back;
        return;
    }
    changes_settle(server);
}

void
changes_leave(struct session *session)
{
    for (struct op *op = session->server->pending; op != NULL;
         op = op->next_pending) {
        if (op->session != session)
            continue;
        op->session = NULL;
        /* "Keep it", and gone: it must be kept all the same. */
        if (op->kind != OP_GC_SET || op->settings.fields != 0)
            atomic_store(&op->canceled, true);
    }
    session->n_ops = 0;
    session->n_changes = 0;
    session->changed = 0;
    changes_settle(session->server);
}
