/* findings.c — what the snapshots so far accuse.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/findings.h"

#include <stdlib.h>
#include <string.h>

#include "tui/history.h"
#include "tui/mem.h"

static char *
dup_text(const char *text)
{
    return mem_dup(text != NULL ? text : "");
}

static void
take(struct finding *out, const struct px_suspect *from,
     const struct px_graph *graph)
{
    out->kind = from->kind;
    out->sentence = dup_text(from->sentence);
    out->path = dup_text(from->path);
    out->type = dup_text(from->type);
    if (from->example != PX_NONE)
        out->example = px_node_addr(graph, from->example);
    out->n_evidence = from->n_evidence;
    for (size_t i = 0; i < from->n_evidence; i++)
        out->evidence[i] = dup_text(from->evidence[i]);
    out->n_steps = from->n_steps;
    out->steps = mem_new(from->n_steps, sizeof *out->steps);
    if (from->n_steps > 0)
        memcpy(out->steps, from->steps, from->n_steps * sizeof *out->steps);
    memcpy(out->fingerprint, from->fingerprint, sizeof out->fingerprint);
    out->id = history_type_id(from->fingerprint);
}

struct findings *
findings_new(struct px_suspects *suspects, const struct px_graph *graph,
             const struct px_paths *paths, struct px_work *work,
             struct px_err *err)
{
    size_t n = 0;
    if (px_suspects_add(suspects, paths, work, err) != PX_OK)
        return NULL;
    const struct px_suspect *found =
        px_suspects_find(suspects, paths, work, &n, err);
    if (found == NULL)
        return NULL;
    struct findings *findings = mem_new(1, sizeof *findings);
    for (size_t i = 0; i < n && i < PX_SUSPECTS_MAX; i++)
        take(&findings->items[findings->n_items++], &found[i], graph);
    px_suspects_rounds(suspects, &findings->n_rounds);
    findings->is_in_doubt = px_suspects_is_in_doubt(suspects);
    return findings;
}

void
findings_free(struct findings *findings)
{
    if (findings == NULL)
        return;
    for (uint32_t i = 0; i < findings->n_items; i++) {
        struct finding *finding = &findings->items[i];
        free(finding->sentence);
        free(finding->path);
        free(finding->type);
        free(finding->steps);
        for (size_t k = 0; k < finding->n_evidence; k++)
            free(finding->evidence[k]);
    }
    free(findings);
}
