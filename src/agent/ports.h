/* ports.h — who listens on a TCP port of this machine.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef AGENT_PORTS_H
#define AGENT_PORTS_H

#include <stdbool.h>
#include <stddef.h>

/* Of this address, or of any: writes "1234 (python3)". False if nobody is
 * found: a process of another user keeps its descriptors to itself. Reads /proc
 * of every process: for the one moment when a port turns out to be taken. */
bool ports_owner(const char *address, int port, size_t out_bytes, char *out);

#endif
