/* test_file.c: a snapshot file gives back what was written, opens as far as
 * it is whole wherever it was cut or damaged, and a writer that cannot finish
 * leaves nothing behind.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pyexplore/proto.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "random_graph.h"

struct place {
    char folder[64];
    char path[128];
};

static int
setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    strcpy(place->folder, "/tmp/pxfile-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    snprintf(place->path, sizeof place->path, "%s/a.pxs", place->folder);
    *state = place;
    return 0;
}

static int
count_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static int
teardown(void **state)
{
    struct place *place = *state;
    DIR *dir = opendir(place->folder);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", place->folder, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    closedir(dir);
    rmdir(place->folder);
    free(place);
    return 0;
}

static struct rg *
some_graph(uint64_t seed, int nodes)
{
    struct rg_options options = {
        .nodes = nodes, .edges = nodes * 3, .roots = 4};
    return rg_random_graph(seed, &options);
}

static void
write_file(const char *path, const struct rg_chunks *chunks)
{
    struct px_err err = {0};
    struct px_file_writer *writer = px_file_writer_new(path, true, &err);
    if (writer == NULL)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < chunks->n; i++)
        assert_int_equal(px_file_writer_add(writer, chunks->chunks[i].data,
                                            chunks->chunks[i].len, &err),
                         PX_OK);
    assert_int_equal(px_file_writer_finish(writer, &err), PX_OK);
    px_file_writer_free(writer);
}

static struct px_graph *
read_file(const char *path, char *damage, size_t damage_bytes)
{
    struct px_err err = {0};
    struct px_graph *graph = NULL;
    struct px_builder *builder = px_builder_new(&err);
    if (px_file_read(path, NULL, builder, damage_bytes, damage, &err) != PX_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(px_builder_finish(builder, NULL, &graph, &err), PX_OK);
    px_builder_free(builder);
    return graph;
}

static enum px_status
status_of_read(const char *path, struct px_err *err)
{
    struct px_builder *builder = px_builder_new(err);
    char damage[256];
    enum px_status status =
        px_file_read(path, NULL, builder, sizeof damage, damage, err);
    px_builder_free(builder);
    return status;
}

static void
test_round_trip(void **state)
{
    struct place *place = *state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rg *rg = some_graph(seed, 500);
        struct rg_chunks chunks;
        char damage[256];
        struct stat st;
        rg_write(rg, seed, &chunks);
        write_file(place->path, &chunks);
        assert_int_equal(stat(place->path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        struct px_graph *graph = read_file(place->path, damage, sizeof damage);
        assert_string_equal(damage, "");
        assert_int_equal(px_graph_n_nodes(graph), rg->n);
        assert_int_equal(px_graph_n_edges(graph), rg_count_edges(rg));
        assert_int_equal(px_graph_end(graph), PX_END_COMPLETE);
        for (int i = 0; i < rg->n; i++)
            assert_int_equal(px_node_bytes(graph, rg_id(graph, rg, i)),
                             rg->nodes[i].bytes);
        px_graph_free(graph);
        rg_chunks_free(&chunks);
        rg_free(rg);
    }
    assert_int_equal(count_files(place->folder), 1);
}

/* The bytes of a file, malloced. */
static uint8_t *
slurp(const char *path, size_t *n)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    *n = (size_t)st.st_size;
    uint8_t *bytes = malloc(*n + 1);
    FILE *file = fopen(path, "rb");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *n, file), *n);
    fclose(file);
    return bytes;
}

static void
spill(const char *path, const uint8_t *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void
test_cut_at_every_byte(void **state)
{
    struct place *place = *state;
    struct rg *rg = some_graph(5, 30);
    struct rg_chunks chunks;
    size_t n_bytes;
    rg_write(rg, 5, &chunks);
    write_file(place->path, &chunks);
    uint8_t *bytes = slurp(place->path, &n_bytes);
    uint32_t before = 0;
    uint32_t stored; /* of the first chunk: the writer may have packed it */
    memcpy(&stored, bytes + PX_FILE_MAGIC_BYTES + 8, sizeof stored);
    size_t first_chunk = PX_FILE_MAGIC_BYTES + PX_CHUNK_HEAD_BYTES + stored;
    for (size_t n = 0; n < n_bytes; n++) {
        char damage[256];
        struct px_err err = {0};
        spill(place->path, bytes, n);
        if (n < first_chunk) {
            enum px_status status = status_of_read(place->path, &err);
            assert_true(status == PX_EPROTO || status == PX_ETRUNCATED);
            assert_true(err.msg[0] != '\0');
            continue;
        }
        struct px_graph *graph = read_file(place->path, damage, sizeof damage);
        assert_true(strstr(damage, "opens only in part") != NULL);
        assert_int_equal(px_graph_end(graph), PX_END_CUT);
        uint32_t now = px_graph_n_edges(graph);
        assert_true(now >= before && now <= rg_count_edges(rg));
        before = now;
        px_graph_free(graph);
    }
    assert_int_equal(before, rg_count_edges(rg));
    free(bytes);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

static void
test_damaged_anywhere(void **state)
{
    struct place *place = *state;
    struct rg *rg = some_graph(6, 30);
    struct rg_chunks chunks;
    size_t n_bytes;
    rg_write(rg, 6, &chunks);
    write_file(place->path, &chunks);
    uint8_t *bytes = slurp(place->path, &n_bytes);
    int n_opened = 0;
    for (size_t n = 0; n < n_bytes; n++) {
        char damage[256];
        struct px_err err = {0};
        struct px_graph *graph = NULL;
        struct px_builder *builder = px_builder_new(&err);
        bytes[n] ^= 0x41;
        spill(place->path, bytes, n_bytes);
        if (px_file_read(place->path, NULL, builder, sizeof damage, damage,
                         &err) == PX_OK) {
            /* a kind that is not known is skipped and no damage */
            n_opened += damage[0] != '\0';
            assert_int_equal(px_builder_finish(builder, NULL, &graph, &err),
                             PX_OK);
        }
        px_builder_free(builder);
        px_graph_free(graph);
        bytes[n] ^= 0x41;
    }
    assert_true(n_opened > 100);
    free(bytes);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

static void
test_what_is_no_snapshot(void **state)
{
    struct place *place = *state;
    struct px_err err = {0};
    assert_int_equal(status_of_read(place->path, &err), PX_ENOTFOUND);
    spill(place->path, (const uint8_t *)"PK\3\4 a zip", 10);
    assert_int_equal(status_of_read(place->path, &err), PX_EPROTO);
    assert_non_null(strstr(err.msg, "no pyexplore snapshot"));
    assert_true(err.hint[0] != '\0');
    spill(place->path, (const uint8_t *)"", 0);
    assert_int_equal(status_of_read(place->path, &err), PX_EPROTO);
    assert_int_equal(status_of_read(place->folder, &err), PX_EIO);
}

static void
test_existing(void **state)
{
    struct place *place = *state;
    struct px_err err = {0};
    spill(place->path, (const uint8_t *)"precious", 8);
    assert_null(px_file_writer_new(place->path, false, &err));
    assert_non_null(strstr(err.msg, "exists"));
    /* not touched before it is finished */
    struct px_file_writer *writer = px_file_writer_new(place->path, true, &err);
    assert_non_null(writer);
    px_file_writer_free(writer);
    size_t n;
    uint8_t *bytes = slurp(place->path, &n);
    assert_int_equal(n, 8);
    free(bytes);
    assert_int_equal(count_files(place->folder), 1);
    /* somebody else makes the file while it is written */
    unlink(place->path);
    writer = px_file_writer_new(place->path, false, &err);
    assert_non_null(writer);
    spill(place->path, (const uint8_t *)"precious", 8);
    assert_int_equal(px_file_writer_finish(writer, &err), PX_EINVAL);
    px_file_writer_free(writer);
    bytes = slurp(place->path, &n);
    assert_int_equal(n, 8);
    free(bytes);
    assert_int_equal(count_files(place->folder), 1);
    char link[160];
    snprintf(link, sizeof link, "%s/link", place->folder);
    assert_int_equal(symlink(place->path, link), 0);
    assert_null(px_file_writer_new(link, true, &err));
    assert_null(px_file_writer_new("/nowhere/at/all.pxs", false, &err));
    assert_int_equal(err.status, PX_EIO);
}

/* ---- file systems without hard links ---- */
static bool has_links = true, has_noreplace = true;

int __real_link(const char *from, const char *to);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                     unsigned flags);
int __wrap_link(const char *from, const char *to);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                     unsigned flags);

int
__wrap_link(const char *from, const char *to)
{
    errno = EPERM;
    return has_links ? __real_link(from, to) : -1;
}

int
__wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
                 unsigned flags)
{
    errno = EINVAL;
    return has_noreplace ? __real_renameat2(from_dir, from, to_dir, to, flags)
                         : -1;
}

/* Nor do they replace what somebody else made meanwhile. */
static void
test_no_hard_links(void **state)
{
    struct place *place = *state;
    struct px_err err = {0};
    has_links = false;
    for (int i = 0; i < 4; i++) {
        bool is_taken = i % 2 == 0;
        has_noreplace = i < 2;
        struct px_file_writer *writer =
            px_file_writer_new(place->path, false, &err);
        assert_non_null(writer);
        if (is_taken)
            spill(place->path, (const uint8_t *)"precious", 8);
        assert_int_equal(px_file_writer_finish(writer, &err),
                         is_taken ? PX_EINVAL : PX_OK);
        px_file_writer_free(writer);
        size_t n;
        free(slurp(place->path, &n));
        assert_int_equal(n, 8); /* or a file's magic */
        assert_int_equal(count_files(place->folder), 1);
        if (is_taken) {
            assert_non_null(strstr(err.msg, "exists already"));
            assert_int_equal(status_of_read(place->path, &err), PX_EPROTO);
        }
        unlink(place->path);
    }
    has_links = has_noreplace = true;
}

/* A disk that is full in the middle. */
static void
test_full_disk(void **state)
{
    struct place *place = *state;
    struct rlimit old;
    struct rlimit little = {64 << 10, 64 << 10};
    struct px_err err = {0};
    enum { N = 100000 };
    uint8_t *noise = malloc(N);
    assert_non_null(noise);
    uint64_t random = 1;
    for (int i = 0; i < N; i++)
        noise[i] = (uint8_t)rg_random(&random);
    struct rg_chunks chunks = {0};
    for (int i = 0; i < 20; i++)
        rg_add_chunk(&chunks, 99, noise, N);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    little.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    struct px_file_writer *writer =
        px_file_writer_new(place->path, false, &err);
    assert_non_null(writer);
    enum px_status status = PX_OK;
    for (size_t i = 0; i < chunks.n && status == PX_OK; i++)
        status = px_file_writer_add(writer, chunks.chunks[i].data,
                                    chunks.chunks[i].len, &err);
    assert_int_equal(status, PX_EIO);
    assert_int_equal(px_file_writer_finish(writer, &err), PX_EIO);
    assert_int_equal(count_files(place->folder), 0);
    px_file_writer_free(writer);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    rg_chunks_free(&chunks);
    free(noise);
}

/* What a killed process left behind is in nobody's way, although in a
 * container the next one has the same pid. */
static void
test_left_behind(void **state)
{
    struct place *place = *state;
    struct px_err err;
    char left[PX_PATH_MAX + 32];
    snprintf(left, sizeof left, "%s.part%ld", place->path, (long)getpid());
    FILE *file = fopen(left, "w");
    assert_non_null(file);
    fclose(file);
    struct px_file_writer *writer =
        px_file_writer_new(place->path, false, &err);
    assert_non_null(writer);
    assert_int_equal(px_file_writer_finish(writer, &err), PX_OK);
    px_file_writer_free(writer);
    assert_int_equal(count_files(place->folder), 2);
    assert_int_equal(access(place->path, R_OK), 0);
}

/* What zstd would make too small to be believed stays readable. */
static void
test_very_compressible(void **state)
{
    struct place *place = *state;
    enum { N = 400000 };
    struct rg *rg = rg_new(2);
    rg_root(rg, PX_ROOT_MODULE, 0, "m");
    for (int i = 0; i < N; i++)
        rg_edge(rg, 0, PX_EDGE_ITEM, (uint64_t)i, 1, -1);
    rg_count(rg);
    struct rg_chunks chunks;
    char damage[256];
    rg_write(rg, 0, &chunks);
    write_file(place->path, &chunks);
    struct px_graph *graph = read_file(place->path, damage, sizeof damage);
    assert_string_equal(damage, "");
    assert_int_equal(px_graph_n_edges(graph), N);
    assert_int_equal(px_node_refcount(graph, rg_id(graph, rg, 1)), N);
    px_graph_free(graph);
    rg_chunks_free(&chunks);
    rg_free(rg);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),        TEST(test_cut_at_every_byte),
        TEST(test_damaged_anywhere),  TEST(test_what_is_no_snapshot),
        TEST(test_existing),          TEST(test_full_disk),
        TEST(test_very_compressible), TEST(test_no_hard_links),
        TEST(test_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
