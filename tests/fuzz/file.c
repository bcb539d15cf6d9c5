/* file.c — fuzz: any bytes as a snapshot file.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pyexplore/graph.h>

#include "graph_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    char damage[256];
    struct px_err err = {0};
    struct px_graph *graph = NULL;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, n_bytes) == (ssize_t)n_bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct px_builder *builder = px_builder_new(&err);
    CHECK(builder != NULL);
    if (px_file_read(path, NULL, builder, sizeof damage, damage, &err) ==
        PX_OK) {
        CHECK(px_builder_finish(builder, NULL, &graph, &err) == PX_OK);
        CHECK((px_graph_end(graph) == PX_END_CUT) >= (damage[0] != '\0'));
        check_graph(graph);
        px_graph_free(graph);
    } else {
        CHECK(err.status != PX_OK && err.msg[0] != '\0');
    }
    px_builder_free(builder);
    close(fd);
    return 0;
}
