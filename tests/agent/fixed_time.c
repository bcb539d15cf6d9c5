/* fixed_time.c — LD_PRELOAD: time() is what FIXED_TIME says.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <time.h>

time_t
time(time_t *out)
{
    const char *text = getenv("FIXED_TIME");
    time_t now = text == NULL ? 0 : (time_t)strtoll(text, NULL, 10);
    if (out != NULL)
        *out = now;
    return now;
}
