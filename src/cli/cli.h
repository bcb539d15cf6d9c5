/* cli.h — what the files of the program `pyexplore` share.
 *
 * One process runs one command: main.c reads the arguments by the tables in
 * options.h and commands.c, fills struct cli, and calls the command's run
 * function. A command prints its result through table.h or jsonout.h to
 * stdout, notes and progress to stderr, and returns a status; it never exits
 * and never prints errors itself. One thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <pyexplore/analysis.h>
#include <pyexplore/client.h>
#include <pyexplore/err.h>
#include <pyexplore/graph.h>

#include "cli/options.h"

struct cli;
typedef enum px_status cli_run_fn(struct cli *cli, struct px_err *err);

struct cli_example {
    const char *text; /* after "pyexplore " */
    const char *does;
};

#define CLI_EXAMPLES_MAX 5

/* One subcommand: everything that help, completion of errors and the README
 * say about it comes from here. */
struct cli_command {
    const char *name;
    const char *args; /* "TARGET TYPE" */
    int min_args;
    int max_args;        /* -1: any number */
    uint32_t options;    /* bits of enum cli_option_id */
    const char *sorts;   /* "count|bytes|name", first is the default; or NULL */
    const char *summary; /* one line */
    const char *about;   /* a paragraph, or NULL */
    void (*more_help)(FILE *out); /* after `about`, or NULL */
    struct cli_example examples[CLI_EXAMPLES_MAX];
    cli_run_fn *run;
};

extern const struct cli_command cli_commands[];
extern const size_t cli_n_commands;
const struct cli_command *cli_command_find(const char *name);

/* What a cell or a word is, for colours; the look is in style.c. */
enum cli_role {
    CLI_PLAIN,
    CLI_TITLE,
    CLI_TYPE,
    CLI_NAME, /* an edge, a variable */
    CLI_ADDR,
    CLI_FIGURE,
    CLI_FAULT, /* the culprit, an error */
    CLI_FAINT,
    CLI_ROLE_END
};

struct cli {
    const struct cli_command *command;
    struct cli_options opt;
    char **args;
    int n_args;
    struct px_work work; /* canceled by Ctrl-C and --timeout */
    bool out_tty;
    bool err_tty;
    bool color; /* on stdout */
    bool err_color;
    bool ascii;
    int cols;          /* of stdout; 0: no limit */
    bool printed_json; /* a document has begun on stdout; lines may follow one
                          another, and an error may be the last */
    uint64_t json_rows;
    char **agreed; /* targets that are large and meant, as written */
    size_t n_agreed;
    json_t *candidates; /* names for an ambiguous or unknown one, or NULL */
    int exit_status;    /* of a command that returned PX_OK */
    int out_errno;      /* why stdout no longer takes anything; 0: it does */
    struct cli_progress *progress;
};

/* ---- main.c ---- */
/* Says what stopped the work when it was the user or --timeout, else returns
 * `status` with `err` as it is. */
enum px_status cli_interrupted(const struct cli *cli, enum px_status status,
                               struct px_err *err);

/* ---- style.c: words on stdout and stderr ---- */
/* `text` escaped and, with --ascii, in ASCII only. Returns out. */
char *cli_text(const struct cli *cli, const char *text, size_t out_bytes,
               char *out);
/* The control sequence that starts `role` on stdout, "" without colour. */
const char *cli_role_start(bool color, enum cli_role role);
const char *cli_role_stop(bool color, enum cli_role role);
/* A sentence on stderr, beside the result; not with --json on a pipe. */
void cli_note(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void cli_warn(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The line below a warning: what to do. */
void cli_hint(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Sends what was printed so far. Only the first failure has a cause: it is
 * kept for cli_out_check. */
void cli_out_flush(struct cli *cli);
/* Sends it as well; PX_EIO with the cause when stdout no longer takes what was
 * written. A reader that went away (`| head`) is PX_ECANCELED with an empty
 * message. */
enum px_status cli_out_check(struct cli *cli, struct px_err *err);
/* Asks on the terminal; false also when there is none. */
bool cli_ask(const struct cli *cli, const char *question);
/* `text` as one word of a POSIX shell. Returns out. */
char *cli_shell_quote(const char *text, size_t out_bytes, char *out);

/* ---- memory: out of memory ends the program with a sentence ---- */
void cli_no_memory(void) __attribute__((noreturn));
void *cli_alloc(size_t bytes);
void *cli_realloc(void *old, size_t bytes);
char *cli_dup(const char *text, size_t n);

/* ---- args.c ---- */
enum px_status cli_args_parse(struct cli *cli, int argc, char **argv,
                              struct px_err *err);
/* Number of edits between two words, for did-you-mean. */
unsigned cli_distance(const char *a, const char *b);
bool cli_parse_addr(const char *text, uint64_t *out);
/* True if --sort (or its default) is `key`. */
bool cli_sort_is(const struct cli *cli, const char *key);
/* -n, or what a table shows without it; JSON shows everything. 0: all. */
uint64_t cli_limit(const struct cli *cli, uint64_t for_table);

/* ---- help.c ---- */
void cli_help_program(FILE *out);
void cli_help_command(FILE *out, const struct cli_command *command);
/* A row of two columns, the right one wrapped. */
void cli_help_row(FILE *out, const char *left, const char *text);
/* The README's command section. */
void cli_help_markdown(FILE *out);

/* ---- load.c: a graph from the target, with its analyses ---- */
struct cli_loaded {
    struct px_target target;
    bool is_whole;
    struct px_graph *graph;
    struct px_paths *paths; /* by cli_load_paths */
    uint32_t *roots;        /* by node, as far as object.c asked; or NULL */
    uint32_t *named;        /* by node, edges that count; or NULL */
    char damage[PX_ERR_TEXT];
};
enum px_status cli_target(struct cli *cli, const char *text,
                          struct px_target *out, struct px_err *err);
/* How many of the arguments, all of them TARGETs, are files. */
enum px_status cli_count_files(struct cli *cli, int *out, struct px_err *err);
/* Puts the arguments, all of them files, into the order of their times
 * (series.c); refuses those of several processes. */
enum px_status cli_order_files(struct cli *cli, struct px_err *err);
/* Of connecting: 10 s, or --timeout if that is less. */
int cli_connect_ms(const struct cli *cli);
enum px_status cli_detail(const struct cli *cli, enum px_detail *out,
                          struct px_err *err);
enum px_status cli_load(struct cli *cli, const char *target,
                        struct cli_loaded *out, struct px_err *err);
/* PX_ETRUNCATED: it is a part, and --keep-going was not said. */
enum px_status cli_need_whole(const struct cli *cli,
                              const struct cli_loaded *loaded,
                              const char *without, struct px_err *err);
enum px_status cli_load_paths(struct cli *cli, struct cli_loaded *loaded,
                              struct px_err *err);
void cli_loaded_done(struct cli_loaded *loaded);
/* What a snapshot of this size costs; asks, or refuses without --yes. A target
 * is asked about once. */
enum px_status cli_confirm_size(struct cli *cli, const struct px_target *target,
                                uint64_t objects, uint64_t bytes,
                                struct px_err *err);
bool cli_is_large(uint64_t objects);

/* ---- pick.c: what a TYPE or ADDR argument means ---- */
struct cli_pick {
    px_node node;     /* PX_NONE: a type was meant */
    const char *type; /* its full name */
    px_node *nodes;   /* the instances, ascending; malloced */
    uint32_t n;
};
enum px_status cli_pick_type(struct cli *cli, const struct px_graph *graph,
                             const char *name, struct cli_pick *out,
                             struct px_err *err);
enum px_status cli_pick_addr(const struct px_graph *graph, const char *text,
                             struct cli_pick *out, struct px_err *err);
enum px_status cli_pick_any(struct cli *cli, const struct px_graph *graph,
                            const char *text, struct cli_pick *out,
                            struct px_err *err);
void cli_pick_done(struct cli_pick *pick);

/* ---- cmd_instances.c: pick's objects, in the order of --sort ---- */
enum px_status cli_show_instances(struct cli *cli, struct cli_loaded *loaded,
                                  struct cli_pick *pick, struct px_err *err);

/* ---- progress.c: one line on the terminal's stderr ---- */
struct cli_progress *cli_progress_new(struct cli *cli);
void cli_progress_free(struct cli_progress *progress);
/* The parts that it can show; each erases what was there. */
void cli_progress_text(struct cli_progress *progress, const char *text);
void cli_progress_snapshot(struct cli_progress *progress, const json_t *body,
                           uint64_t objects, uint64_t estimated,
                           uint64_t bytes);
void cli_progress_clear(struct cli_progress *progress);

/* ---- wait.c ---- */
/* Until px_now_ns() is `until_ns`, with `what` as progress; false: Ctrl-C,
 * SIGTERM or --timeout came first. */
bool cli_wait_until_ns(const struct cli *cli, uint64_t until_ns,
                       const char *what);

/* ---- the commands ---- */
void gc_help(FILE *out);
void export_help(FILE *out);
cli_run_fn cmd_ls, cmd_types, cmd_instances, cmd_show, cmd_referrers,
    cmd_referents, cmd_path, cmd_holders, cmd_dominators, cmd_cycles, cmd_diff,
    cmd_growth, cmd_check, cmd_gc, cmd_snapshot, cmd_memory, cmd_export,
    cmd_duplicates;
cli_run_fn cmd_suspects;

#endif
