/* overview.h — what stands above the types on the first screen: the figures of
 * the process in one line, and what the snapshots so far accuse.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TUI_OVERVIEW_H
#define TUI_OVERVIEW_H

#include "tui/rows.h"
#include "tui/view.h"

enum { OVERVIEW_PROCESS, OVERVIEW_TYPES };

extern const struct rows_ops overview_rows;
/* Where Enter leads from a finding; false: nowhere. */
bool overview_enter(const struct view *view, uint32_t row, struct place *out);
/* The view_ops.layout of both panes. */
void overview_layout(const struct view *view, struct rect area,
                     struct rect out[VIEW_PANES]);

#endif
