/* findings.h — what the snapshots so far accuse (suspects.h), as a copy that
 * stays: whoever shows it needs neither the analysis nor a graph.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_FINDINGS_H
#define TUI_FINDINGS_H

#include <pyexplore/suspects.h>

struct finding {
    uint64_t id; /* of its fingerprint: the same in every snapshot */
    enum px_suspect_kind kind;
    char *sentence;
    char *path; /* "" : nothing in Python holds it */
    char *type;
    uint64_t example; /* address; 0: none */
    char *evidence[PX_SUSPECT_EVIDENCE_MAX];
    size_t n_evidence;
    struct px_step *steps; /* nodes are of the snapshot that `number` names */
    size_t n_steps;
    char fingerprint[17];
};

struct findings {
    unsigned number; /* of the snapshot that was fed last */
    size_t n_rounds;
    bool is_in_doubt;                      /* one more snapshot would help */
    struct finding items[PX_SUSPECTS_MAX]; /* worst first */
    uint32_t n_items;
};

/* Feeds one more snapshot and takes what is found; NULL with `err`. Any
 * thread; `suspects` by one at a time. */
struct findings *findings_new(struct px_suspects *suspects,
                              const struct px_graph *graph,
                              const struct px_paths *paths,
                              struct px_work *work, struct px_err *err);
void findings_free(struct findings *findings);

#endif
