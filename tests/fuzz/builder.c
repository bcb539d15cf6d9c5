/* builder.c — fuzz: chunks with a right head and any body.
 *
 * The input is a row of {u8 kind, u16 length, body}; what the head says
 * about them is made to be true, so that the bodies' decoders are reached.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/graph.h>
#include <pyexplore/proto.h>

#include "graph_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static bool
next_body(struct px_reader *in, struct px_chunk *chunk)
{
    uint8_t kind;
    uint16_t n;
    if (px_read_u8(in, &kind) != PX_OK || px_read_u16(in, &n) != PX_OK)
        return false;
    if (n > px_reader_left(in))
        n = (uint16_t)px_reader_left(in);
    chunk->kind = kind;
    chunk->raw_bytes = n;
    chunk->stored_bytes = n;
    return px_read_bytes(in, n, &chunk->stored) == PX_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    struct px_reader in = px_reader_of(data, n_bytes);
    struct px_chunk chunk = {.codec = PX_CODEC_NONE};
    struct px_err err = {0};
    struct px_builder *builder = px_builder_new(&err);
    struct px_graph *graph = NULL;
    static uint8_t bytes[PX_CHUNK_HEAD_BYTES + UINT16_MAX];
    CHECK(builder != NULL);
    while (next_body(&in, &chunk)) {
        struct px_builder_counts before;
        struct px_builder_counts after;
        chunk.hash = px_chunk_hash(chunk.stored, chunk.stored_bytes);
        px_chunk_put_head(bytes, &chunk);
        memcpy(bytes + PX_CHUNK_HEAD_BYTES, chunk.stored, chunk.stored_bytes);
        px_builder_counts(builder, &before);
        if (px_builder_add(builder, bytes,
                           PX_CHUNK_HEAD_BYTES + chunk.stored_bytes,
                           &err) == PX_OK) {
            chunk.sequence++;
        } else {
            CHECK(err.status != PX_OK && err.msg[0] != '\0');
            px_builder_counts(builder, &after);
            CHECK(before.objects == after.objects &&
                  before.edges == after.edges && before.types == after.types &&
                  before.raw_bytes == after.raw_bytes &&
                  before.stored_bytes == after.stored_bytes);
        }
    }
    CHECK(px_builder_finish(builder, NULL, &graph, &err) == PX_OK);
    px_builder_free(builder);
    check_graph(graph);
    px_graph_free(graph);
    return 0;
}
