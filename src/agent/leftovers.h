/* leftovers.h — sockets of processes that are gone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_LEFTOVERS_H
#define AGENT_LEFTOVERS_H

/* Removes up to LEFTOVERS_MAX of them from the folder. */
void leftovers_remove(const char *folder);

#endif
