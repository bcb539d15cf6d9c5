/* message.c — the table of messages, looked up by number.
 *
 * SPDX-License-Identifier: MIT
 */
#include <pyexplore/proto.h>

static const struct {
    unsigned number;
    const char *name;
    char needs; /* 'W' changes the collector */
} messages[] = {
#define X(number, member, name, needs) {number, name, #needs[0]},
    PX_MSG_LIST(X)
#undef X
};

#define N_MESSAGES (sizeof messages / sizeof messages[0])

const char *
px_msg_name(unsigned msg)
{
    for (size_t i = 0; i < N_MESSAGES; i++) {
        if (messages[i].number == msg)
            return messages[i].name;
    }
    return NULL;
}

bool
px_msg_changes(unsigned msg)
{
    for (size_t i = 0; i < N_MESSAGES; i++) {
        if (messages[i].number == msg)
            return messages[i].needs == 'W';
    }
    return false;
}
