/* wait.c — until the next round, as the user may end it.
 *
 * SPDX-License-Identifier: MIT
 */
#include <poll.h>

#include "base/loop.h"
#include "base/text.h"
#include "cli/cli.h"

bool
cli_wait_until_ns(const struct cli *cli, uint64_t until_ns, const char *what)
{
    while (!cli->work.canceled) {
        uint64_t now = px_now_ns();
        if (now >= until_ns)
            return true;
        char left[PX_FIGURE_MAX], text[256];
        snprintf(text, sizeof text, "%.160s, in %s", what,
                 px_text_ns(until_ns - now, left));
        cli_progress_text(cli->progress, text);
        uint64_t ms = (until_ns - now) / 1000000 + 1;
        poll(NULL, 0, ms > 100 ? 100 : (int)ms);
    }
    return false;
}
