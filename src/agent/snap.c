/* snap.c — the moment under the GIL in which a snapshot child is made.
 *
 * Everything that takes time and does not need the GIL is done before: the
 * pause of the target is the clone and little else.
 *
 * SPDX-License-Identifier: MIT
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "agent/snap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/facts.h"
#include "agent/gc_control.h"

/* What a record costs raw, measured on mixed heaps, for the estimate. */
#define NODE_BYTES 15
#define PREVIEW_BYTES 12
/* Resident memory for one object, for processes that do not count blocks
 * (PYTHONMALLOC=malloc). */
#define RSS_BYTES 80

struct snap_header {
    json_t *json;
    enum px_detail detail;
    int64_t rss_bytes;
};

static const char *const detail_names[] = {
#define X(number, member, name) [number] = name,
    PX_DETAIL_LIST(X)
#undef X
};

static const char *const codec_names[] = {
#define X(number, member, name) [number] = name,
    PX_CODEC_LIST(X)
#undef X
};

static int
find_name(const char *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *
snap_detail_name(enum px_detail detail)
{
    return detail_names[detail];
}

int
snap_detail_find(const char *name)
{
    return find_name(detail_names, sizeof detail_names / sizeof detail_names[0],
                     name);
}

int
snap_codec_find(const char *name)
{
    return find_name(codec_names, sizeof codec_names / sizeof codec_names[0],
                     name);
}

struct snap_header *
snap_header_new(const struct heap_options *opts, struct px_err *err)
{
    struct snap_header *header = calloc(1, sizeof *header);
    const char *build = facts_build();
    if (header == NULL)
        goto fail;
    header->detail = opts->detail;
    header->rss_bytes = (int64_t)facts_rss_bytes();
    header->json = json_pack(
        "{si, ss, so, so, si, so, so, sf, sf, sf, sI, sI, ss, sb}", "format",
        PX_FORMAT_VERSION, "pyexplore", PX_VERSION, "python", facts_python(),
        "build", facts_text(build, strlen(build)), "pid", (int)getpid(),
        "command", facts_command(), "host", facts_host(), "time", facts_time(),
        "started", facts_started(), "waited", facts_waited(), "rss",
        (json_int_t)header->rss_bytes, "rss_file",
        (json_int_t)facts_file_bytes(), "detail",
        snap_detail_name(opts->detail), "stop_the_world",
        (int)opts->stop_the_world);
    if (header->json == NULL)
        goto fail;
    return header;

fail:
    px_fail(err, PX_ENOMEM, "no memory for a snapshot's header");
    snap_header_free(header);
    return NULL;
}

void
snap_header_free(struct snap_header *header)
{
    if (header == NULL)
        return;
    json_decref(header->json);
    free(header);
}

static void
count_states(int *interpreters, int *threads)
{
    *interpreters = 0;
    *threads = 0;
    for (PyInterpreterState *interp = PyInterpreterState_Head(); interp != NULL;
         interp = PyInterpreterState_Next(interp)) {
        (*interpreters)++;
        if (interp != PyInterpreterState_Main())
            continue; /* another GIL may guard its list */
        for (PyThreadState *state = PyInterpreterState_ThreadHead(interp);
             state != NULL; state = PyThreadState_Next(state))
            (*threads)++;
    }
}

enum px_status
snap_clone(struct heap_capture *capture, struct snap_header *header,
           struct px_err *err)
{
    struct gc_state state;
    int interpreters = 0;
    int threads = 0;
    enum px_status status = heap_self_test(err);
    if (status == PX_OK)
        status = gc_read(&state, false, err);
    if (status != PX_OK)
        return status;
    count_states(&interpreters, &threads);
    int64_t blocks = gc_allocated_blocks();
    int64_t objects = blocks;
    if (objects == 0)
        objects = header->rss_bytes / RSS_BYTES;
    int64_t bytes = objects * NODE_BYTES;
    if (header->detail == PX_DETAIL_VALUES)
        bytes += objects * PREVIEW_BYTES;
    json_t *json = header->json;
    json_object_set_new(json, "gc", gc_state_json(&state));
    json_object_set_new(json, "allocated_blocks", json_integer(blocks));
    json_object_set_new(json, "interpreters", json_integer(interpreters));
    json_object_set_new(json, "threads", json_integer(threads - 1)); /* us */
    json_object_set_new(json, "estimate",
                        json_pack("{sI, sI}", "objects", (json_int_t)objects,
                                  "bytes", (json_int_t)bytes));
    char *text = json_dumps(json, JSON_COMPACT);
    if (text == NULL)
        return px_fail(err, PX_ENOMEM, "no memory for a snapshot's header");
    status = heap_capture_clone(capture, text, strlen(text), err);
    free(text);
    return status;
}
