/* gc_undo.c — what the collector was before clients changed it.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/gc_undo.h"

#include "agent/gc_control.h"

/* Guarded by the GIL. */
static struct gc_settings first;

struct gc_settings
gc_undo_get(unsigned fields)
{
    struct gc_settings got = first;
    got.fields &= fields;
    return got;
}

enum px_status
gc_undo_set(const struct gc_settings *settings, struct px_err *err)
{
    struct gc_state before;
    if (settings->fields == 0)
        return PX_OK;
    enum px_status status = gc_read(&before, false, err);
    if (status != PX_OK)
        return status;
    /* Before it is set: half of a change that fails is put back too. */
    before.now.fields &= settings->fields;
    gc_settings_merge(&first, &before.now);
    return gc_apply(settings, err);
}

void
gc_undo_keep(unsigned fields)
{
    first.fields &= ~fields;
}

enum px_status
gc_undo_restore(const struct gc_settings *older, unsigned fields,
                struct px_err *err)
{
    struct gc_settings all = *older;
    struct gc_settings mine = gc_undo_get(fields);
    gc_settings_merge(&all, &mine);
    enum px_status status = all.fields != 0 ? gc_apply(&all, err) : PX_OK;
    if (status == PX_OK)
        gc_undo_keep(all.fields);
    return status;
}

void
gc_undo_all(void)
{
    static const struct gc_settings none = {.fields = 0};
    gc_undo_restore(&none, GC_FIELDS, NULL);
}
