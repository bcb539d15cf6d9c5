/* preview.c — what is known of a value, kept compactly and shown as one line.
 *
 * Records are stored as they came (form and payload, at most 255 bytes) in
 * the order of the nodes, in a mapped file (preview_take.c). To find one: a
 * byte for each node is the length of its record, and every 64th node knows
 * the offset of its own; the lengths between are added up.
 *
 * SPDX-License-Identifier: MIT
 */
#include "graph/internal.h"
#include "graph/records.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define RECORD_MAX 255

/* A record, taken apart. */
struct preview {
    unsigned form;
    uint64_t number;
    uint64_t most; /* BOUNDED */
    const uint8_t *bytes;
    size_t n_bytes;
};

/* Reads what is counted and then given in full: STR, BYTES, TEXT. */
static bool
read_bytes(struct px_reader *in, size_t max, struct preview *out)
{
    uint64_t n;
    if (px_read_varint(in, &n) != PX_OK || n > max)
        return false;
    out->n_bytes = (size_t)n;
    return px_read_bytes(in, out->n_bytes, &out->bytes) == PX_OK;
}

static bool
read_preview(struct px_reader *in, struct preview *out)
{
    uint8_t byte;
    *out = (struct preview){0};
    if (px_read_u8(in, &byte) != PX_OK)
        return false;
    out->form = byte;
    switch (out->form) {
    case PX_PREVIEW_STR:
    case PX_PREVIEW_PATH:
    case PX_PREVIEW_BYTES:
        return px_read_varint(in, &out->number) == PX_OK &&
               read_bytes(in, PX_PREVIEW_TEXT_MAX, out);
    case PX_PREVIEW_INT:
    case PX_PREVIEW_LEN:
        return px_read_varint(in, &out->number) == PX_OK;
    case PX_PREVIEW_BOUNDED:
        return px_read_varint(in, &out->number) == PX_OK &&
               px_read_varint(in, &out->most) == PX_OK;
    case PX_PREVIEW_BIGINT:
        return px_read_varint(in, &out->number) == PX_OK &&
               px_read_bytes(in, 1, &out->bytes) == PX_OK;
    case PX_PREVIEW_FLOAT:
        return px_read_u64(in, &out->number) == PX_OK;
    case PX_PREVIEW_TEXT:
        return read_bytes(in, RECORD_MAX, out);
    case PX_PREVIEW_SECRET:
        return true;
    }
    return false;
}

size_t
preview_measure(struct px_reader in)
{
    const uint8_t *start = in.at;
    struct preview preview;
    if (!read_preview(&in, &preview) || in.at - start > RECORD_MAX)
        return 0;
    return (size_t)(in.at - start);
}

/* ---- showing ---- */

/* Bytes of UTF-8 that do not continue a character. */
static uint64_t
count_characters(const struct preview *preview)
{
    uint64_t n = 0;
    for (size_t i = 0; i < preview->n_bytes; i++)
        n += (preview->bytes[i] & 0xc0) != 0x80;
    return n;
}

bool
preview_is_text(struct px_reader record, bool *is_part)
{
    struct preview preview;
    if (!read_preview(&record, &preview) ||
        (preview.form != PX_PREVIEW_STR && preview.form != PX_PREVIEW_PATH &&
         preview.form != PX_PREVIEW_BYTES))
        return false;
    *is_part = preview.number > (preview.form == PX_PREVIEW_BYTES
                                     ? preview.n_bytes
                                     : count_characters(&preview));
    return true;
}

/* Text between quotes, with "…" inside them where it goes on. */
static void
show_quoted(const struct preview *preview, bool is_part, size_t out_bytes,
            char *out)
{
    char text[RECORD_MAX * 4 + 1];
    px_text_escape((const char *)preview->bytes, preview->n_bytes, sizeof text,
                   text);
    char quote =
        strchr(text, '\'') != NULL && strchr(text, '"') == NULL ? '"' : '\'';
    char line[sizeof text + 16];
    bool is_end = preview->form == PX_PREVIEW_PATH;
    int n = snprintf(line, sizeof line, "%c%s%s%s%c", quote,
                     is_part && is_end ? "…" : "", text,
                     is_part && !is_end ? "…" : "", quote);
    px_text_escape(line, (size_t)n, out_bytes, out);
}

static void
show_bytes(const struct preview *preview, size_t out_bytes, char *out)
{
    char line[PX_PREVIEW_TEXT_MAX * 4 + 16];
    char *to = line + sprintf(line, "b'");
    for (size_t i = 0; i < preview->n_bytes; i++) {
        uint8_t byte = preview->bytes[i];
        if (byte == '\'' || byte == '\\')
            to += sprintf(to, "\\%c", byte);
        else if (byte == '\n')
            to += sprintf(to, "\\n");
        else if (byte == '\r')
            to += sprintf(to, "\\r");
        else if (byte >= 0x20 && byte < 0x7f)
            to += sprintf(to, "%c", byte);
        else
            to += sprintf(to, "\\x%02x", byte);
    }
    to += sprintf(to, "%s'", preview->number > preview->n_bytes ? "…" : "");
    px_text_escape(line, (size_t)(to - line), out_bytes, out);
}

/* As Python's repr: the fewest digits that read back as the same number. */
static void
show_float(uint64_t bits, size_t out_bytes, char *out)
{
    double value;
    char text[40];
    memcpy(&value, &bits, sizeof value);
    if (isnan(value) || isinf(value)) {
        snprintf(out, out_bytes, "%s",
                 isnan(value) ? "nan"
                 : value > 0  ? "inf"
                              : "-inf");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    bool is_whole = strpbrk(text, ".e") == NULL;
    snprintf(out, out_bytes, "%s%s", text, is_whole ? ".0" : "");
}

/* In the brackets of Python's own containers, also around a subclass. */
static void
show_length(const struct px_graph *graph, px_node node,
            const struct preview *preview, size_t out_bytes, char *out)
{
    static const struct {
        unsigned container;
        const char *open;
        const char *close;
    } brackets[] = {
        {PX_TYPE_LIST, "[", "]"},
        {PX_TYPE_TUPLE, "(", ")"},
        {PX_TYPE_DICT | PX_TYPE_SET, "{", "}"},
    };
    unsigned flags = px_type_flags(graph, px_node_type(graph, node));
    const char *open = "";
    const char *close = "";
    for (size_t i = 0; i < sizeof brackets / sizeof brackets[0]; i++) {
        if (brackets[i].container & flags) {
            open = brackets[i].open;
            close = brackets[i].close;
        }
    }
    char most[32] = "";
    if (preview->form == PX_PREVIEW_BOUNDED)
        snprintf(most, sizeof most, " of %" PRIu64, preview->most);
    else if (preview->number == 0 && open[0] != '\0') {
        snprintf(out, out_bytes, "%s%s", open, close);
        return;
    }
    snprintf(out, out_bytes, "%s…%" PRIu64 "%s item%s%s", open, preview->number,
             most, preview->number == 1 && most[0] == '\0' ? "" : "s", close);
}

static void
show_preview(const struct px_graph *graph, px_node node,
             const struct preview *preview, size_t out_bytes, char *out)
{
    switch (preview->form) {
    case PX_PREVIEW_STR:
    case PX_PREVIEW_PATH:
        show_quoted(preview, preview->number > count_characters(preview),
                    out_bytes, out);
        return;
    case PX_PREVIEW_BYTES:
        show_bytes(preview, out_bytes, out);
        return;
    case PX_PREVIEW_INT:
        snprintf(out, out_bytes, "%" PRId64, px_unzigzag(preview->number));
        return;
    case PX_PREVIEW_BIGINT:
        snprintf(out, out_bytes, "%sint of %" PRIu64 " bits",
                 preview->bytes[0] != 0 ? "negative " : "", preview->number);
        return;
    case PX_PREVIEW_FLOAT:
        show_float(preview->number, out_bytes, out);
        return;
    case PX_PREVIEW_LEN:
    case PX_PREVIEW_BOUNDED:
        show_length(graph, node, preview, out_bytes, out);
        return;
    case PX_PREVIEW_TEXT:
        px_text_escape((const char *)preview->bytes, preview->n_bytes,
                       out_bytes, out);
        return;
    case PX_PREVIEW_SECRET:
        snprintf(out, out_bytes, "<secret>");
        return;
    }
}

static bool
find_preview(const struct px_graph *graph, px_node node, struct preview *out)
{
    if (graph->preview_bytes == NULL || graph->preview_bytes[node] == 0)
        return false;
    struct px_reader in =
        px_reader_of(graph->previews + preview_offset(graph, node),
                     graph->preview_bytes[node]);
    return read_preview(&in, out);
}

bool
preview_text(const struct px_graph *graph, px_node node, size_t out_bytes,
             char *out)
{
    struct preview preview;
    if (!find_preview(graph, node, &preview) ||
        preview.form != PX_PREVIEW_STR ||
        preview.number > count_characters(&preview))
        return false;
    px_text_escape((const char *)preview.bytes, preview.n_bytes, out_bytes,
                   out);
    return true;
}

bool
preview_length(const struct px_graph *graph, px_node node, uint64_t *n)
{
    struct preview preview;
    if (!find_preview(graph, node, &preview) || preview.form != PX_PREVIEW_LEN)
        return false;
    *n = preview.number;
    return true;
}

bool
preview_bound(const struct px_graph *graph, px_node node, uint64_t *n,
              uint64_t *most)
{
    struct preview preview;
    if (!find_preview(graph, node, &preview) ||
        preview.form != PX_PREVIEW_BOUNDED)
        return false;
    *n = preview.number;
    *most = preview.most;
    return true;
}

void
preview_plain(const struct px_graph *graph, px_node node, size_t out_bytes,
              char *out)
{
    out[0] = '\0';
    const char *label = px_node_label(graph, node);
    const char *name = px_node_text(graph, node);
    struct preview preview;
    if (label != NULL) {
        px_text_escape(label, strlen(label), out_bytes, out);
    } else if (find_preview(graph, node, &preview)) {
        show_preview(graph, node, &preview, out_bytes, out);
    } else if (name != NULL) {
        preview = (struct preview){.bytes = (const uint8_t *)name,
                                   .n_bytes = strlen(name)};
        bool is_part = preview.n_bytes > RECORD_MAX;
        if (is_part)
            preview.n_bytes = RECORD_MAX;
        show_quoted(&preview, is_part, out_bytes, out);
    }
}
