/* sequence.c — what a terminal sends behind an ESC.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/sequence.h"

#include <string.h>

#include "tui/keymap.h"

/* As xterm, rxvt and the Linux console send them. */
static const struct {
    const char *text;
    int32_t key;
} sequences[] = {
    {"[A", KEYS_UP},          {"OA", KEYS_UP},
    {"[B", KEYS_DOWN},        {"OB", KEYS_DOWN},
    {"[C", KEYS_RIGHT},       {"OC", KEYS_RIGHT},
    {"[D", KEYS_LEFT},        {"OD", KEYS_LEFT},
    {"[H", KEYS_HOME},        {"OH", KEYS_HOME},
    {"[1~", KEYS_HOME},       {"[7~", KEYS_HOME},
    {"[F", KEYS_END},         {"OF", KEYS_END},
    {"[4~", KEYS_END},        {"[8~", KEYS_END},
    {"[5~", KEYS_PAGE_UP},    {"[6~", KEYS_PAGE_DOWN},
    {"[3~", KEYS_DELETE},     {"[Z", KEYS_BACKTAB},
    {"OP", KEYS_F1},          {"[11~", KEYS_F1},
    {"[[A", KEYS_F1},         {"[21~", KEYS_F10},
    {"[1;3D", KEYS_ALT_LEFT}, {"[1;3C", KEYS_ALT_RIGHT},
    {"OM", KEYS_ENTER},
};

enum sequence_state
sequence_look(const char *text, size_t n)
{
    unsigned char last = (unsigned char)text[n - 1];
    if (text[0] != '[' && text[0] != 'O')
        return SEQUENCE_NONE;
    if (n == 1)
        return SEQUENCE_OPEN;
    if (text[0] == 'O') /* ECMA-48 SS3: one letter */
        return (last | 0x20) >= 'a' && (last | 0x20) <= 'z' ? SEQUENCE_WHOLE
                                                            : SEQUENCE_NONE;
    if (text[1] == '[') /* F1 to F5 of the Linux console: one letter more */
        return n == 2 ? SEQUENCE_OPEN : SEQUENCE_WHOLE;
    if (text[1] == 'M') /* the mouse, as X10 has it: three bytes more */
        return n < 5 ? SEQUENCE_OPEN : SEQUENCE_WHOLE;
    /* ECMA-48 CSI: parameters, then a last byte */
    if (last >= 0x20 && last < 0x40)
        return SEQUENCE_OPEN;
    return last >= 0x40 && last < 0x7f ? SEQUENCE_WHOLE : SEQUENCE_NONE;
}

int32_t
sequence_key(const char *text, size_t n)
{
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (strlen(sequences[i].text) == n &&
            memcmp(sequences[i].text, text, n) == 0)
            return sequences[i].key;
    }
    return 0;
}
