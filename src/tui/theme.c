/* theme.c — how roles look.
 *
 * Colours only repeat what a glyph or a word says. Where a role has its own
 * background it also has its own foreground, so that it reads on light and
 * dark terminals alike; all else keeps the terminal's background.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tui/theme.h"

#include <stdlib.h>
#include <string.h>

#define B STYLE_BOLD
#define D STYLE_DIM
#define R STYLE_REVERSE
#define U STYLE_UNDERLINE

static const struct theme themes[] = {
    {"dark",
     "for a dark background",
     {
         /* clang-format off */
         [ROLE_NORMAL]        = { -1,  -1, -1, -1, 0, 0},
         [ROLE_DIM]           = {244,  -1, -1, -1, 0, 0},
         [ROLE_STRONG]        = { -1,  -1, -1, -1, B, B},
         [ROLE_TITLE]         = {231,  24,  7,  4, B, R | B},
         [ROLE_TITLE_DIM]     = {153,  24,  7,  4, 0, R},
         [ROLE_CRUMB]         = {255, 237,  7,  0, 0, B},
         [ROLE_HEADER]        = {110,  -1,  6, -1, U, U},
         [ROLE_HEADER_SORT]   = {222,  -1,  3, -1, U | B, U | B},
         [ROLE_RULE]          = {240,  -1, -1, -1, 0, 0},
         [ROLE_PANE]          = {110,  -1,  6, -1, U, U},
         [ROLE_PANE_FOCUS]    = {222,  -1,  3, -1, U | B, U | B},
         [ROLE_SELECTED]      = {231,  31,  0,  6, 0, R},
         [ROLE_NAME]          = {117,  -1,  6, -1, 0, 0},
         [ROLE_TYPE]          = {150,  -1,  2, -1, 0, 0},
         [ROLE_OWN]           = {222,  -1,  3, -1, B, B},
         [ROLE_VALUE]         = {180,  -1, -1, -1, 0, 0},
         [ROLE_NUMBER]        = { -1,  -1, -1, -1, 0, 0},
         [ROLE_BAR]           = { 67,  -1,  4, -1, 0, 0},
         [ROLE_MATCH]         = { 16, 222,  0,  3, 0, U | B},
         [ROLE_GOOD]          = {114,  -1,  2, -1, 0, 0},
         [ROLE_WARN]          = {215,  -1,  3, -1, B, B},
         [ROLE_ERROR]         = {210,  -1,  1, -1, B, B},
         [ROLE_KEY]           = {231, 237, -1, -1, B, B},
         [ROLE_LABEL]         = {250, 237, -1, -1, 0, 0},
         [ROLE_PROMPT]        = {222,  -1,  3, -1, B, B},
         /* clang-format on */
     }},
    {"light",
     "for a light background",
     {
         /* clang-format off */
         [ROLE_NORMAL]        = { -1,  -1, -1, -1, 0, 0},
         [ROLE_DIM]           = {242,  -1, -1, -1, 0, 0},
         [ROLE_STRONG]        = { -1,  -1, -1, -1, B, B},
         [ROLE_TITLE]         = {231,  24,  7,  4, B, R | B},
         [ROLE_TITLE_DIM]     = {153,  24,  7,  4, 0, R},
         [ROLE_CRUMB]         = {234, 253, -1, -1, B, B},
         [ROLE_HEADER]        = { 25,  -1,  4, -1, U, U},
         [ROLE_HEADER_SORT]   = {130,  -1,  5, -1, U | B, U | B},
         [ROLE_RULE]          = {246,  -1, -1, -1, 0, 0},
         [ROLE_PANE]          = { 25,  -1,  4, -1, U, U},
         [ROLE_PANE_FOCUS]    = {130,  -1,  5, -1, U | B, U | B},
         [ROLE_SELECTED]      = {231,  25,  7,  4, 0, R},
         [ROLE_NAME]          = { 25,  -1,  4, -1, 0, 0},
         [ROLE_TYPE]          = { 22,  -1,  2, -1, 0, 0},
         [ROLE_OWN]           = { 88,  -1,  5, -1, B, B},
         [ROLE_VALUE]         = { 94,  -1, -1, -1, 0, 0},
         [ROLE_NUMBER]        = { -1,  -1, -1, -1, 0, 0},
         [ROLE_BAR]           = { 67,  -1,  4, -1, 0, 0},
         [ROLE_MATCH]         = { 16, 222,  0,  3, 0, U | B},
         [ROLE_GOOD]          = { 28,  -1,  2, -1, 0, 0},
         [ROLE_WARN]          = {130,  -1,  5, -1, B, B},
         [ROLE_ERROR]         = {124,  -1,  1, -1, B, B},
         [ROLE_KEY]           = {234, 252, -1, -1, B, B},
         [ROLE_LABEL]         = {238, 252, -1, -1, 0, 0},
         [ROLE_PROMPT]        = {130,  -1,  5, -1, B, B},
         /* clang-format on */
     }},
};

#undef B
#undef D
#undef R
#undef U

#define N_THEMES (sizeof themes / sizeof themes[0])

const struct theme *
theme_find(const char *name)
{
    for (size_t i = 0; i < N_THEMES; i++) {
        if (strcmp(themes[i].name, name) == 0)
            return &themes[i];
    }
    return NULL;
}

const struct theme *
theme_at(size_t i)
{
    return i < N_THEMES ? &themes[i] : NULL;
}

const struct theme *
theme_default(void)
{
    /* "foreground;background", 7 and 15 are the light ones (rxvt's rule). */
    const char *text = getenv("COLORFGBG");
    const char *background = text != NULL ? strrchr(text, ';') : NULL;
    if (background != NULL &&
        (strcmp(background, ";7") == 0 || strcmp(background, ";15") == 0))
        return theme_find("light");
    return theme_find("dark");
}
