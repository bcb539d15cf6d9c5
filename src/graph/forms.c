/* forms.c — type, size and flags of nodes, shared by all that have the same.
 *
 * Millions of objects have some thousand combinations of the three, so that
 * two bytes a node say them instead of five. A heap in which every object is
 * of a size of its own costs a row and an overflow each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/room.h"

#include <stdlib.h>

#define TABLE_MIN 256u

/* Where the form stands in a table of this size, or would; NULL: too far. */
static inline uint32_t *
slot_of(const struct forms *forms, uint32_t *table, size_t size,
        const struct form *form)
{
    uint64_t hash = (form->bytes * 0x9e3779b97f4a7c15u) ^
                    ((uint64_t)form->type << 8 | form->flags);
    hash *= 0xff51afd7ed558ccdu;
    size_t slot = (size_t)(hash >> 32) & (size - 1);
    for (uint32_t run = 0; run < IDS_RUN_MAX; run++) {
        uint32_t number = table[slot];
        const struct form *row = &forms->rows[number];
        if (number == 0 ||
            (row->bytes == form->bytes && row->type == form->type &&
             row->flags == form->flags))
            return &table[slot];
        slot = (slot + 1) & (size - 1);
    }
    return NULL;
}

static enum px_status
refuse(struct px_err *err)
{
    return px_fail(err, PX_ELIMIT, "sizes of objects that no heap has");
}

/* Keeps half of the table free. */
static enum px_status
grow_table(struct forms *forms, struct px_err *err)
{
    if (forms->n * 2 < forms->table_size)
        return PX_OK;
    size_t size = forms->table_size == 0 ? TABLE_MIN : forms->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return room_fail(err, "no memory for %zu forms of objects", size);
    for (size_t i = 1; i < forms->n; i++) {
        uint32_t *slot = slot_of(forms, table, size, &forms->rows[i]);
        if (slot == NULL) {
            free(table);
            return refuse(err);
        }
        *slot = (uint32_t)i;
    }
    free(forms->table);
    forms->table = table;
    forms->table_size = size;
    return PX_OK;
}

/* Room for one row more, behind nobody's. */
static enum px_status
grow_rows(struct forms *forms, struct px_err *err)
{
    enum px_status status = rows_need(&forms->rows, forms->n, &forms->cap,
                                      sizeof *forms->rows, err);
    if (status == PX_OK && forms->n == 0)
        forms->rows[forms->n++] = (struct form){0};
    return status;
}

enum px_status
forms_intern(struct forms *forms, const struct form *form, uint32_t *out,
             struct px_err *err)
{
    enum px_status status = grow_rows(forms, err);
    if (status == PX_OK)
        status = grow_table(forms, err);
    if (status != PX_OK)
        return status;
    uint32_t *slot = slot_of(forms, forms->table, forms->table_size, form);
    if (slot == NULL)
        return refuse(err);
    if (*slot == 0) {
        forms->rows[forms->n] = *form;
        *slot = (uint32_t)forms->n++;
    }
    *out = *slot;
    return PX_OK;
}

void
forms_seal(struct forms *forms)
{
    free(forms->table);
    forms->table = NULL;
    forms->table_size = 0;
}

void
forms_done(struct forms *forms)
{
    forms_seal(forms);
    free(forms->rows);
    *forms = (struct forms){0};
}
