/* action.c — the names of all actions.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/action.h"

#include <string.h>

const struct action actions[ACT_END] = {
#define X(member, name, flags, label, help)                                    \
    [ACT_##member] = {name, flags, label, help},
    ACTION_LIST(X)
#undef X
};

enum action_id
action_find(const char *name)
{
    size_t n = strlen(name);
    enum action_id only = ACT_END;
    if (n == 0)
        return ACT_END;
    for (int i = 0; i < ACT_END; i++) {
        if (strcmp(actions[i].name, name) == 0)
            return (enum action_id)i;
    }
    for (int i = 0; i < ACT_END; i++) {
        if (strncmp(actions[i].name, name, n) == 0) {
            if (only != ACT_END)
                return ACT_END;
            only = (enum action_id)i;
        }
    }
    return only;
}
