/* room.c — is there memory for a snapshot beside its target?
 *
 * SPDX-License-Identifier: MIT
 */
#include "agent/heap/room.h"

uint64_t
room_look(const struct room *room)
{
    return px_memory_free(&room->memory, NULL, NULL);
}

void
room_init(struct room *room)
{
    room->rss_bytes = px_memory_rss(&room->open_fd);
    room->need_bytes = room->rss_bytes / 10;
    if (room->need_bytes < ROOM_FLOOR_BYTES)
        room->need_bytes = ROOM_FLOOR_BYTES;
    px_memory_find(&room->memory, &room->open_fd);
}

enum px_status
room_check(struct room *room, uint64_t *available, struct px_err *err)
{
    int where;
    *available = px_memory_free(&room->memory, &room->open_fd, &where);
    if (*available >= room->need_bytes)
        return PX_OK;
    const char *place =
        where < 0 ? "this machine" : room->memory.levels[where].folder;
    px_fail(err, PX_ELIMIT,
            "no room for a snapshot: %llu MiB are free in %.120s, %llu MiB "
            "(10%% of the target's %llu MiB) are needed",
            (unsigned long long)(*available >> 20), place,
            (unsigned long long)(room->need_bytes >> 20),
            (unsigned long long)(room->rss_bytes >> 20));
    px_err_hint(err,
                "free memory, raise the limit, or stop the target for about "
                "%.1f s with a command's --stop-the-world",
                0.1 + (double)room->rss_bytes / 1e9);
    return PX_ELIMIT;
}
