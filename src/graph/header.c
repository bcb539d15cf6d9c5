/* header.c — the header chunk of a snapshot, decoded.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/header.h>

#include <errno.h>
#include <jansson.h>

#include <pyexplore/buf.h>
#include <pyexplore/proto.h>
#include <pyexplore/snapshot.h>

#include "graph/room.h"

void
px_header_init(struct px_header *header)
{
    *header = (struct px_header){.python = "?", .host = ""};
}

void
px_header_done(struct px_header *header)
{
    json_decref(header->json);
    px_header_init(header);
}

static uint64_t
figure(const json_t *object, const char *key)
{
    double value = json_number_value(json_object_get(object, key));
    return value > 0 && value < 0x1p63 ? (uint64_t)value : 0;
}

/* What no clock says is not known. */
static double
seconds(const json_t *object, const char *key)
{
    double value = json_number_value(json_object_get(object, key));
    return value > 0 && value < 1e12 ? value : 0;
}

static const char *
text(const json_t *object, const char *key, const char *unknown)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL ? value : unknown;
}

static void
fill(struct px_header *out, json_t *json)
{
    const json_t *gc = json_object_get(json, "gc");
    const json_t *stats = json_object_get(gc, "stats");
    const json_t *first = json_array_get(json_object_get(gc, "thresholds"), 0);
    const json_t *estimate = json_object_get(json, "estimate");
    size_t n_stats = json_array_size(stats);
    *out = (struct px_header){
        .json = json,
        .python = text(json, "python", "?"),
        .host = text(json, "host", ""),
        .pid = json_integer_value(json_object_get(json, "pid")),
        .time = seconds(json, "time"),
        .started = seconds(json, "started"),
        .waited = seconds(json, "waited"),
        .rss = figure(json, "rss"),
        .rss_file = figure(json, "rss_file"),
        .allocated_blocks = figure(json, "allocated_blocks"),
        .estimated_objects = figure(estimate, "objects"),
        .estimated_bytes = figure(estimate, "bytes"),
        .collects = !json_is_false(json_object_get(gc, "enabled")) &&
                    (first == NULL || json_integer_value(first) > 0),
    };
    if (n_stats > 0)
        out->full_collections =
            figure(json_array_get(stats, n_stats - 1), "collections");
}

enum px_status
px_header_read(const void *bytes, size_t n_bytes, struct px_header *out,
               struct px_err *err)
{
    json_error_t cause;
    px_header_init(out);
    errno = 0;
    json_t *json = json_loadb(bytes, n_bytes, JSON_REJECT_DUPLICATES, &cause);
    if (json == NULL && errno == ENOMEM)
        return room_fail(err, "no memory for a header");
    if (!json_is_object(json)) {
        json_decref(json);
        return px_fail(err, PX_EPROTO, "bad header chunk: no JSON object");
    }
    fill(out, json);
    json_int_t format = json_integer_value(json_object_get(json, "format"));
    if (format == PX_FORMAT_VERSION)
        return PX_OK;
    px_header_done(out);
    px_fail(err, PX_EVERSION,
            "this snapshot has format %lld, and this program reads format %d",
            (long long)format, PX_FORMAT_VERSION);
    px_err_hint(err, "upgrade pyexplore on this side");
    return PX_EVERSION;
}

enum px_status
px_header_of_chunk(const void *bytes, size_t n_bytes, struct px_header *out,
                   struct px_err *err)
{
    struct px_reader reader = px_reader_of(bytes, n_bytes);
    struct px_chunk chunk;
    struct px_buf raw;
    px_header_init(out);
    px_buf_init(&raw);
    enum px_status status = px_chunk_next(&reader, &chunk, err);
    if (status == PX_AGAIN)
        status = px_fail(err, PX_EPROTO, "the header is cut short");
    if (status == PX_OK && chunk.kind != PX_CHUNK_HEADER)
        status = px_fail(err, PX_EPROTO, "the header is not the first chunk");
    if (status == PX_OK)
        status = px_chunk_unpack(&chunk, &raw, err);
    if (status == PX_OK)
        status = px_header_read(raw.data, raw.len, out, err);
    px_buf_done(&raw);
    return status;
}
