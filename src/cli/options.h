/* options.h — the one table of options: parser, --help and README read it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* X(ID, field, kind, short, long, argument, help) — kind FLAG, TEXT, COUNT
 * (-1: not given) or SECONDS. A help with %s takes the command's sort keys. */
#define CLI_OPTION_LIST(X)                                                     \
    X(SORT, sort, TEXT, 's', "sort", "KEY", "order of the rows: %s")           \
    X(LIMIT, limit, COUNT, 'n', "limit", "N",                                  \
      "at most N rows; 0 for all (a table shows 20, --json all)")              \
    X(OUTPUT, output, TEXT, 'o', "output", "FILE", "the file to write")        \
    X(FORCE, force, FLAG, 'f', "force", "", "replace FILE if it exists")       \
    X(DETAIL, detail, TEXT, 0, "detail", "LEVEL",                              \
      "how much a snapshot says: types, names or values (default)")            \
    X(KEY_FILE, key_file, TEXT, 0, "key-file", "FILE",                         \
      "the key of a TCP target (else $PYEXPLORE_KEY_FILE, else found)")        \
    X(STOP, stop_the_world, FLAG, 0, "stop-the-world", "",                     \
      "walk inside the target, which stands still meanwhile")                  \
    X(DURING, during, TEXT, 0, "during", "CMD",                                \
      "the work of one round, a command for the shell")                        \
    X(ROUNDS, rounds, COUNT, 0, "rounds", "N", "end after N rounds")           \
    X(WARMUP, warmup, COUNT, 0, "warmup", "N",                                 \
      "rounds before the first snapshot (1)")                                  \
    X(MAX_GROWTH, max_growth, COUNT, 0, "max-growth", "N",                     \
      "objects by which a path may grow in a round (0)")                       \
    X(COLLECT, collect, FLAG, 0, "collect", "",                                \
      "run the target's gc.collect() before each snapshot")                    \
    X(INTERVAL, interval, SECONDS, 0, "interval", "SECONDS",                   \
      "between two rounds (5)")                                                \
    X(UNTIL, until, TEXT, 0, "until", "2x",                                    \
      "end, with status 1, when a type has so many times its objects")         \
    X(TIMEOUT, timeout, SECONDS, 0, "timeout", "SECONDS",                      \
      "give up after so long")                                                 \
    X(YES, yes, FLAG, 'y', "yes", "", "do not ask")                            \
    X(KEEP_GOING, keep_going, FLAG, 0, "keep-going", "",                       \
      "take an incomplete snapshot as it is: warn, and still exit with 0")     \
    X(MALLOC, malloc_too, FLAG, 0, "malloc", "",                               \
      "ask the target's malloc, too, which holds its locks for it")            \
    X(DOT, dot, FLAG, 0, "dot", "", "print a drawing for graphviz")            \
    X(FOLDED, folded, FLAG, 0, "folded", "",                                   \
      "print stacks of retained bytes, for flame graphs")                      \
    X(WHAT, what, TEXT, 0, "what", "SHAPE",                                    \
      "what is drawn (an object's path, a type's holders)")                    \
    X(LEVELS, levels, COUNT, 0, "levels", "N",                                 \
      "so many references away from the object (3)")                           \
    X(JSON, json, FLAG, 0, "json", "", "print JSON, for programs")             \
    X(ASCII, ascii, FLAG, 0, "ascii", "", "print ASCII only")                  \
    X(NO_COLOR, no_color, FLAG, 0, "no-color", "",                             \
      "no colours (also: NO_COLOR set, or no terminal)")                       \
    X(HELP, help, FLAG, 'h', "help", "", "show this help")

enum cli_option_id {
#define X(id, field, kind, letter, name, argument, help) CLI_OPT_##id,
    CLI_OPTION_LIST(X)
#undef X
        CLI_OPT_END
};

#define CLI_FIELD_FLAG bool
#define CLI_FIELD_TEXT const char *
#define CLI_FIELD_COUNT int64_t
#define CLI_FIELD_SECONDS double

struct cli_options {
#define X(id, field, kind, letter, name, argument, help) CLI_FIELD_##kind field;
    CLI_OPTION_LIST(X)
#undef X
};

enum cli_option_kind {
    CLI_KIND_FLAG,
    CLI_KIND_TEXT,
    CLI_KIND_COUNT,
    CLI_KIND_SECONDS
};

struct cli_option {
    const char *name;
    const char *argument; /* "" for a flag */
    const char *help;
    char letter; /* 0: none */
    enum cli_option_kind kind;
    size_t offset; /* in struct cli_options */
};
extern const struct cli_option cli_option_table[CLI_OPT_END];

#define CLI_BIT(id) (1u << CLI_OPT_##id)
/* What every command has; what commands with a TARGET have; with a graph. */
#define CLI_COMMON                                                             \
    (CLI_BIT(JSON) | CLI_BIT(ASCII) | CLI_BIT(NO_COLOR) | CLI_BIT(HELP))
#define CLI_TARGETED (CLI_COMMON | CLI_BIT(KEY_FILE) | CLI_BIT(TIMEOUT))
#define CLI_GRAPHED                                                            \
    (CLI_TARGETED | CLI_BIT(DETAIL) | CLI_BIT(STOP) | CLI_BIT(YES) |           \
     CLI_BIT(KEEP_GOING))

#endif
