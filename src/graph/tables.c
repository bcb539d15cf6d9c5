/* tables.c — types, names, roots and labels, as their chunks arrive.
 *
 * Each function takes the body of one chunk and appends its rows. On an error
 * it may have appended some: tables_shorten takes them back.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"
#include "graph/room.h"

#include <stdlib.h>
#include <string.h>

enum px_status
rows_need(void *array_at, size_t n, size_t *cap, size_t row_bytes,
          struct px_err *err)
{
    if (n < *cap)
        return PX_OK;
    size_t larger = *cap + *cap / 2 + 16;
    void *old;
    memcpy(&old, array_at, sizeof old);
    void *array = realloc(old, larger * row_bytes);
    if (array == NULL)
        return room_fail(err, "no memory for a table of %zu rows", larger);
    memcpy(array_at, &array, sizeof array);
    *cap = larger;
    return PX_OK;
}

void
tables_init(struct tables *tables)
{
    *tables = (struct tables){0};
    px_header_init(&tables->header);
    texts_init(&tables->texts);
}

void
tables_done(struct tables *tables)
{
    texts_done(&tables->texts);
    free(tables->types);
    free(tables->names);
    free(tables->roots);
    free(tables->labels);
    px_header_done(&tables->header);
    tables_init(tables);
}

size_t
tables_bytes(const struct tables *tables)
{
    return tables->cap_types * sizeof(struct type_row) +
           tables->cap_names * sizeof(struct name_row) +
           tables->cap_roots * sizeof(struct root_row) +
           tables->cap_labels * sizeof(struct label_row) +
           tables->texts.bytes.cap;
}

struct tables_mark
tables_now(const struct tables *tables)
{
    return (struct tables_mark){tables->n_types, tables->n_names,
                                tables->n_roots, tables->n_labels,
                                tables->texts.bytes.len};
}

void
tables_shorten(struct tables *tables, const struct tables_mark *to)
{
    tables->n_types = to->n_types;
    tables->n_names = to->n_names;
    tables->n_roots = to->n_roots;
    tables->n_labels = to->n_labels;
    tables->texts.bytes.len = to->n_text_bytes;
}

enum px_status
tables_bad(struct px_err *err, const char *kind, const char *what)
{
    return px_fail(err, PX_EPROTO, "bad %s chunk: %s", kind, what);
}

/* Borrows a text of the stream. */
static bool
read_text(struct px_reader *in, const uint8_t **text, size_t *n)
{
    uint64_t length;
    if (px_read_varint(in, &length) != PX_OK || length > px_reader_left(in))
        return false;
    *n = (size_t)length;
    return px_read_bytes(in, *n, text) == PX_OK;
}

/* "module.name"; builtins and synthetic types without their module. */
static enum px_status
add_type_name(struct tables *tables, struct px_reader *in, size_t *offset,
              struct px_err *err)
{
    const uint8_t *module;
    const uint8_t *name;
    size_t n_module;
    size_t n_name;
    if (!read_text(in, &module, &n_module) || !read_text(in, &name, &n_name))
        return tables_bad(err, "types", "name cut short");
    bool is_bare =
        n_module == 0 || (n_module == 8 && memcmp(module, "builtins", 8) == 0);
    if (is_bare)
        return texts_add(&tables->texts, name, n_name, offset, err);
    struct px_buf full;
    px_buf_init(&full);
    enum px_status status = px_buf_append(&full, module, n_module, err);
    if (status == PX_OK)
        status = px_buf_append(&full, ".", 1, err);
    if (status == PX_OK)
        status = px_buf_append(&full, name, n_name, err);
    if (status == PX_OK)
        status = texts_add(&tables->texts, full.data, full.len, offset, err);
    px_buf_done(&full);
    return status;
}

enum px_status
tables_add_types(struct tables *tables, struct px_reader in, struct px_err *err)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct type_row row = {0};
        uint64_t flags;
        if (!records_addr_any(&in, &last) ||
            px_read_varint(&in, &flags) != PX_OK || flags > UINT32_MAX)
            return tables_bad(err, "types", "no address and flags");
        if (tables->n_types >= UINT32_MAX - 2)
            return px_fail(err, PX_ELIMIT, "more than 2^32 types");
        row.addr = last * PX_ADDR_UNIT;
        row.flags = (unsigned)flags;
        enum px_status status = add_type_name(tables, &in, &row.name, err);
        if (status == PX_OK)
            status = rows_need(&tables->types, tables->n_types,
                               &tables->cap_types, sizeof row, err);
        if (status != PX_OK)
            return status;
        tables->types[tables->n_types++] = row;
    }
    return PX_OK;
}

/* The records of NAMES, ROOTS and LABELS: address and text. */
static enum px_status
read_addr_text(struct tables *tables, struct px_reader *in, uint64_t *last,
               const char *kind, size_t *offset, struct px_err *err)
{
    const uint8_t *text;
    size_t n;
    if (!records_addr_any(in, last) || !read_text(in, &text, &n))
        return tables_bad(err, kind, "no address and text");
    return texts_add(&tables->texts, text, n, offset, err);
}

enum px_status
tables_add_names(struct tables *tables, struct px_reader in, struct px_err *err)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct name_row row = {0};
        enum px_status status =
            read_addr_text(tables, &in, &last, "names", &row.text, err);
        if (status == PX_OK && tables->n_names >= UINT32_MAX - 2)
            status = px_fail(err, PX_ELIMIT, "more than 2^32 names");
        if (status == PX_OK)
            status = rows_need(&tables->names, tables->n_names,
                               &tables->cap_names, sizeof row, err);
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->names[tables->n_names++] = row;
    }
    return PX_OK;
}

enum px_status
tables_add_roots(struct tables *tables, struct px_reader in, struct px_err *err)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct root_row row = {.node = PX_NONE};
        row.root_class = *in.at++;
        if (px_root_name(row.root_class) == NULL)
            return tables_bad(err, "roots", "unknown class of root");
        enum px_status status =
            read_addr_text(tables, &in, &last, "roots", &row.text, err);
        if (status == PX_OK && last == 0)
            status = tables_bad(err, "roots", "a root at address 0");
        if (status == PX_OK && tables->n_roots >= UINT32_MAX - 2)
            status = px_fail(err, PX_ELIMIT, "more than 2^32 roots");
        if (status == PX_OK)
            status = rows_need(&tables->roots, tables->n_roots,
                               &tables->cap_roots, sizeof row, err);
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->roots[tables->n_roots++] = row;
    }
    return PX_OK;
}

enum px_status
tables_add_labels(struct tables *tables, struct px_reader in,
                  struct px_err *err)
{
    uint64_t last = 0;
    while (px_reader_left(&in) > 0) {
        struct label_row row = {.node = PX_NONE};
        enum px_status status =
            read_addr_text(tables, &in, &last, "labels", &row.text, err);
        if (status == PX_OK)
            status = rows_need(&tables->labels, tables->n_labels,
                               &tables->cap_labels, sizeof row, err);
        if (status != PX_OK)
            return status;
        row.addr = last * PX_ADDR_UNIT;
        tables->labels[tables->n_labels++] = row;
    }
    return PX_OK;
}
