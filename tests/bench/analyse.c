/* analyse.c: what a client does with a snapshot, phase by phase, for
 * `make bench`.
 *
 *     analyse FILE NS
 *
 * Adds the chunks of FILE to a builder, as a client does while they arrive:
 * over NS nanoseconds, which is what the capture took, and none before its
 * share of the bytes. Then it does what comes after the last byte: the graph,
 * the paths of all objects, their dominators and retained sizes. Prints one
 * line of JSON: time and CPU of each phase, and the most anonymous memory at
 * any time in it, without what the driver had at its start. Texts lie in mapped
 * files, which count apart.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pyexplore/analysis.h>
#include <pyexplore/proto.h>

#define SAMPLE_NS 1000000

/* A thread of its own asks the kernel: there is no high-water mark of the
 * anonymous part alone. */
struct sampler {
    pthread_t thread;
    atomic_bool stop;
    atomic_ullong anonymous;
    unsigned long long peak; /* of all phases */
};

static void
raise_to(atomic_ullong *most, unsigned long long value)
{
    unsigned long long old = atomic_load(most);
    while (old < value && !atomic_compare_exchange_weak(most, &old, value))
        ;
}

static void
look(struct sampler *sampler)
{
    unsigned long long total = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return;
    if (fscanf(file, "%llu %llu %llu", &total, &resident, &shared) == 3) {
        unsigned long long page = (unsigned long long)sysconf(_SC_PAGESIZE);
        raise_to(&sampler->anonymous, (resident - shared) * page);
    }
    fclose(file);
}

static void *
sample(void *context)
{
    struct sampler *sampler = context;
    const struct timespec pause = {0, SAMPLE_NS};
    while (!atomic_load(&sampler->stop)) {
        look(sampler);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static double
seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct phase {
    double wall;
    double cpu;
};

static unsigned long long base_bytes;

static void
begin(struct sampler *sampler, struct phase *phase)
{
    atomic_store(&sampler->anonymous, 0);
    phase->wall = seconds(CLOCK_MONOTONIC);
    phase->cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static void
end(struct sampler *sampler, const struct phase *phase, const char *name)
{
    look(sampler);
    unsigned long long most = atomic_load(&sampler->anonymous);
    printf("\"%s\": {\"wall\": %.4f, \"cpu\": %.4f, \"peak_bytes\": %llu}, ",
           name, seconds(CLOCK_MONOTONIC) - phase->wall,
           seconds(CLOCK_PROCESS_CPUTIME_ID) - phase->cpu,
           most > base_bytes ? most - base_bytes : 0);
    if (most > sampler->peak)
        sampler->peak = most;
}

static int
fail(const struct px_err *err)
{
    fprintf(stderr, "analyse: %s\n", err->msg);
    return 1;
}

/* Bytes that the chunks of a file say when unpacked. */
static uint64_t
raw_bytes(FILE *file)
{
    uint8_t head[PX_CHUNK_HEAD_BYTES];
    uint64_t total = 0;
    while (fread(head, sizeof head, 1, file) == 1) {
        uint32_t raw, stored;
        memcpy(&raw, head + 4, sizeof raw);
        memcpy(&stored, head + 8, sizeof stored);
        total += raw;
        if (fseek(file, (long)stored, SEEK_CUR) != 0)
            break;
    }
    return total;
}

/* Until a share of the capture's time is over. */
static void
wait_until(double time)
{
    double left = time - seconds(CLOCK_MONOTONIC);
    if (left <= 0)
        return;
    struct timespec pause = {(time_t)left,
                             (long)((left - (double)(time_t)left) * 1e9)};
    nanosleep(&pause, NULL);
}

/* Chunk by chunk through one buffer, as from a socket. */
static enum px_status
add_all(FILE *file, double capture_s, struct px_builder *builder,
        double *longest, struct px_err *err)
{
    static uint8_t bytes[PX_CHUNK_HEAD_BYTES + PX_CHUNK_RAW_MAX * 2];
    enum px_status status = PX_OK;
    double start = seconds(CLOCK_MONOTONIC);
    uint64_t come = 0;
    fseek(file, 8, SEEK_SET);
    double all = (double)(raw_bytes(file) + 1);
    fseek(file, 8, SEEK_SET);
    while (status == PX_OK && fread(bytes, PX_CHUNK_HEAD_BYTES, 1, file) == 1) {
        uint32_t raw, stored;
        memcpy(&raw, bytes + 4, sizeof raw);
        memcpy(&stored, bytes + 8, sizeof stored);
        come += raw;
        if (stored > sizeof bytes - PX_CHUNK_HEAD_BYTES ||
            fread(bytes + PX_CHUNK_HEAD_BYTES, 1, stored, file) != stored)
            return px_fail(err, PX_EPROTO, "the file is cut short");
        wait_until(start + capture_s * (double)come / all);
        double before = seconds(CLOCK_THREAD_CPUTIME_ID);
        status =
            px_builder_add(builder, bytes, PX_CHUNK_HEAD_BYTES + stored, err);
        double took = seconds(CLOCK_THREAD_CPUTIME_ID) - before;
        *longest = took > *longest ? took : *longest;
    }
    return status;
}

/* Files without a name that are mapped: texts. */
static unsigned long long
mapped_bytes(void)
{
    unsigned long long total = 0, start, end;
    char line[512];
    FILE *file = fopen("/proc/self/maps", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, "(deleted)") != NULL &&
            sscanf(line, "%llx-%llx", &start, &end) == 2)
            total += end - start;
    }
    if (file != NULL)
        fclose(file);
    return total;
}

static int
measure(struct sampler *sampler, FILE *file, double capture_s)
{
    struct px_err err = {0};
    struct phase all, phase;
    struct px_graph *graph = NULL;
    struct px_builder *builder = px_builder_new(&err);
    if (builder == NULL)
        return fail(&err);
    begin(sampler, &phase);
    double longest = 0; /* the explorer draws between two chunks */
    if (add_all(file, capture_s, builder, &longest, &err) != PX_OK)
        return fail(&err);
    end(sampler, &phase, "add");
    begin(sampler, &phase);
    all = phase;
    if (px_builder_finish(builder, NULL, &graph, &err) != PX_OK)
        return fail(&err);
    px_builder_free(builder);
    end(sampler, &phase, "finish");
    begin(sampler, &phase);
    struct px_dominators *dominators = px_dominators_new(graph, NULL, &err);
    if (dominators == NULL)
        return fail(&err);
    end(sampler, &phase, "dominators");
    begin(sampler, &phase);
    struct px_paths *paths = px_paths_new(graph, NULL, &err);
    if (paths == NULL)
        return fail(&err);
    end(sampler, &phase, "paths");
    atomic_store(&sampler->anonymous, sampler->peak);
    phase = all;
    end(sampler, &phase, "all");
    printf("\"longest_chunk\": %.4f, ", longest);
    printf("\"nodes\": %u, \"edges\": %u, \"mapped_bytes\": %llu}\n",
           px_graph_n_nodes(graph), px_graph_n_edges(graph), mapped_bytes());
    px_paths_free(paths);
    px_dominators_free(dominators);
    px_graph_free(graph);
    return 0;
}

int
main(int argc, char **argv)
{
    struct sampler sampler = {.stop = false};
    FILE *file = argc == 3 ? fopen(argv[1], "rbe") : NULL;
    if (file == NULL) {
        fprintf(stderr, "usage: analyse FILE NS\n");
        return 2;
    }
    if (pthread_create(&sampler.thread, NULL, sample, &sampler) != 0)
        return 2;
    look(&sampler);
    base_bytes = atomic_load(&sampler.anonymous);
    printf("{");
    int status = measure(&sampler, file, strtod(argv[2], NULL) * 1e-9);
    fclose(file);
    atomic_store(&sampler.stop, true);
    pthread_join(sampler.thread, NULL);
    return status;
}
