/* commands.c — the one table of subcommands.
 *
 * Parser, `pyexplore help`, `pyexplore COMMAND --help` and the README's list
 * are made from it; a new command is one row here and one cmd_*.c.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/cli.h"

#include <string.h>

/* clang-format off */
const struct cli_command cli_commands[] = {
    {
        .name = "ls", .args = "", .max_args = 0,
        .options = CLI_COMMON,
        .summary = "list the processes here that serve",
        .about = "Looks into the folders of sockets that you may read: your "
                 "own, as root those of every user and container. A process "
                 "serves after `import pyexplore; pyexplore.serve()`.",
        .examples = {{"ls", "pid, parent, Python, memory and command of each"},
                     {"ls --json", "the same for a script"}},
        .run = cmd_ls,
    },
    {
        .name = "types", .args = "TARGET", .min_args = 1, .max_args = 1,
        .options = CLI_GRAPHED | CLI_BIT(SORT) | CLI_BIT(LIMIT),
        .sorts = "count|size|retained|held|name",
        .summary = "count the objects of each type",
        .about = "--sort retained also says how much memory would go if all "
                 "objects of a type went: at least (\xe2\x89\xa5), because "
                 "it is found for all types at once. `dominators TARGET TYPE` "
                 "says it exactly for one. --sort held counts the objects "
                 "that have references which no object owns: C code or the "
                 "running stack does. It grows when C code forgets a decref.",
        .examples = {{"types localhost:9999", "the 20 most frequent types"},
                     {"types 4242 --sort size -n 50", "the 50 largest, by pid"},
                     {"types 4242 --sort retained", "who holds the memory"},
                     {"types 4242 --sort held", "what C code holds"},
                     {"types app.pxs --json", "everything, from a file"}},
        .run = cmd_types,
    },
    {
        .name = "instances", .args = "TARGET TYPE", .min_args = 2,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(SORT) | CLI_BIT(LIMIT),
        .sorts = "address|size|refcount",
        .summary = "list the objects of a type",
        .about = "TYPE is a qualified name (server.Connection) or its last "
                 "part (Connection).",
        .examples = {{"instances localhost:9999 Connection",
                      "20 of them, with what holds each"},
                     {"instances app.pxs bytes --sort size -n 5",
                      "the five largest"}},
        .run = cmd_instances,
    },
    {
        .name = "show", .args = "TARGET ADDR", .min_args = 2, .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "show one object: what it is, who holds it, what it holds",
        .examples = {{"show localhost:9999 7f3a5c0d2e40",
                      "size, refcount, generation, path, references"}},
        .run = cmd_show,
    },
    {
        .name = "referrers", .args = "TARGET ADDR", .min_args = 2,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "list what refers to an object",
        .about = "Each reference has the name that Python code would use. "
                 "A ~ before it: weak, it holds nothing. A ? before it: "
                 "perhaps only a leftover on a running frame's stack.",
        .examples = {{"referrers localhost:9999 7f3a5c0d2e40",
                      "who holds this object"}},
        .run = cmd_referrers,
    },
    {
        .name = "referents", .args = "TARGET ADDR", .min_args = 2,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "list what an object refers to",
        .examples = {{"referents localhost:9999 7f3a5c0d2e40",
                      "what this object holds"}},
        .run = cmd_referents,
    },
    {
        .name = "path", .args = "TARGET ADDR|TYPE", .min_args = 2,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "say what keeps an object, or all of a type, alive",
        .about = "For a type, all its instances are grouped by the path from "
                 "a module, a thread or the interpreter to them, the most "
                 "frequent first; [*] stands for any index or key. What "
                 "nothing reaches is held by a cycle (garbage that waits for "
                 "the collector), by C code, or unknown.",
        .examples = {{"path localhost:9999 Connection",
                      "1,204 of 1,210  module server \xe2\x86\x92 "
                      "_CONNECTIONS[*]"},
                     {"path app.pxs 7f3a5c0d2e40",
                      "step by step; the culprit is marked"}},
        .run = cmd_path,
    },
    {
        .name = "holders", .args = "TARGET TYPE", .min_args = 2,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "merge the paths to all objects of a type into one tree",
        .examples = {{"holders localhost:9999 Connection",
                      "who holds them all, level by level"}},
        .run = cmd_holders,
    },
    {
        .name = "dominators", .args = "TARGET [ADDR|TYPE]", .min_args = 1,
        .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "say how much memory would go if an object went",
        .about = "Without ADDR or TYPE: the objects at the top, what retains "
                 "most first. With an address: those right below it. With a "
                 "type: its instances, and what all of them retain together.",
        .examples = {{"dominators localhost:9999", "where the memory hangs"},
                     {"dominators app.pxs Connection",
                      "what the connections retain, together and each"}},
        .run = cmd_dominators,
    },
    {
        .name = "cycles", .args = "TARGET", .min_args = 1, .max_args = 1,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "list reference cycles, and the reference to cut",
        .about = "Equal cycles are one row; those that only wait for the "
                 "collector (held by: cycle) come first. CUT is the reference "
                 "that closes the cycle: make it weak, or delete it when you "
                 "are done, and the objects go without the collector.",
        .examples = {{"cycles localhost:9999", "what waits for the collector"},
                     {"cycles app.pxs --json -n 0",
                      "every kind of cycle, from a file"}},
        .run = cmd_cycles,
    },
    {
        .name = "duplicates", .args = "TARGET", .min_args = 1, .max_args = 1,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT),
        .summary = "list strings that are in memory many times",
        .about = "str and bytes objects of one type, value and size, what "
                 "wastes most bytes first, with how most of them are held. Of "
                 "longer ones the first 64 bytes and the length are compared. "
                 "sys.intern(), or a cache of your own, makes one of many.",
        .examples = {{"duplicates localhost:9999", "what to intern"},
                     {"duplicates app.pxs --json -n 5",
                      "the five that waste most, from a file"}},
        .run = cmd_duplicates,
    },
    {
        .name = "memory", .args = "TARGET", .min_args = 1, .max_args = 1,
        .options = CLI_GRAPHED | CLI_BIT(MALLOC),
        .summary = "say how much of a process's memory is Python objects",
        .about = "Sets the resident memory beside the sizes of all objects "
                 "and mapped files, and says where to look. --malloc also "
                 "asks what is free inside malloc: its locks are held for "
                 "that, some 10 ms for 300,000 free chunks, and threads that "
                 "want memory wait. A file knows nothing of malloc, and files "
                 "of older versions nothing of arenas and mapped files. Below that: how many blocks of Python's allocator "
                 "the objects explain, and the objects that nothing refers to "
                 "(C code holds them, or has lost them).",
        .examples = {{"memory localhost:9999", "Python objects, or else"},
                     {"memory localhost:9999 --malloc",
                      "objects, fragmentation or native memory"},
                     {"memory app.pxs --json", "what a file knows of it"}},
        .run = cmd_memory,
    },
    {
        .name = "diff", .args = "OLD NEW [TYPE]", .min_args = 2, .max_args = 3,
        .options = CLI_GRAPHED | CLI_BIT(SORT) | CLI_BIT(LIMIT),
        .sorts = "size|count|name",
        .summary = "compare two snapshots of one process, by type or object",
        .about = "OLD and NEW are targets, most often files. With TYPE: its "
                 "objects that are in NEW only, as `instances` lists them; "
                 "those that are gone are seen with OLD and NEW exchanged. An "
                 "object of the same address and type is taken for the same, "
                 "although its memory may have been used again in between.",
        .examples = {{"diff monday.pxs friday.pxs", "what grew most"},
                     {"diff monday.pxs friday.pxs Connection",
                      "the connections that came since, and who holds each"},
                     {"diff monday.pxs localhost:9999 --sort count",
                      "since then, on the running process"}},
        .run = cmd_diff,
    },
    {
        .name = "growth", .args = "TARGET...", .min_args = 1, .max_args = -1,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT) | CLI_BIT(INTERVAL) |
                   CLI_BIT(ROUNDS) | CLI_BIT(UNTIL),
        .summary = "watch which types grow, and how fast, until Ctrl-C",
        .about = "Takes a snapshot of each target every 5 s and compares it "
                 "with the one before and the first. Several targets tell "
                 "which worker leaks; several files are one process at "
                 "several times, in whatever order. With --json each target and round is one "
                 "line. --until 2x waits for a type that has twice its first "
                 "number of objects, at least 200.",
        .examples = {{"growth localhost:9999", "what grows now"},
                     {"growth 4242 4243 4244 --interval 60",
                      "which of three workers leaks"},
                     {"growth 4242 --until 2x --timeout 3600 && echo steady",
                      "an alarm for a script: no growth within an hour"},
                     {"growth 1.pxs 2.pxs 3.pxs", "what grew between files"}},
        .run = cmd_growth,
    },
    {
        .name = "suspects", .args = "TARGET...", .min_args = 1,
        .max_args = -1,
        .options = CLI_GRAPHED | CLI_BIT(INTERVAL) | CLI_BIT(ROUNDS) |
                   CLI_BIT(MALLOC),
        .summary = "say what leaks, why, and which reference is at fault",
        .about = "Takes a snapshot every 5 s, 3 times after the first, and "
                 "says what grew in every round, would not stop by itself "
                 "and is not garbage that waits: at most 10 findings, worst "
                 "first, each with its cause, its path and evidence. While "
                 "that is in doubt it looks on, up to 3 times as long. "
                 "Status 1: something was found. Several files are one "
                 "process at several times.",
        .examples = {{"suspects localhost:9999", "what leaks there"},
                     {"suspects 4242 --interval 60 --rounds 5",
                      "a slow leak"},
                     {"suspects 4242 4243", "which worker, and what"},
                     {"suspects 1.pxs 2.pxs 3.pxs", "from saved snapshots"}},
        .run = cmd_suspects,
    },
    {
        .name = "check", .args = "TARGET --during CMD | FILE.pxs...",
        .min_args = 1, .max_args = -1,
        .options = CLI_GRAPHED | CLI_BIT(LIMIT) | CLI_BIT(DURING) |
                   CLI_BIT(ROUNDS) | CLI_BIT(WARMUP) | CLI_BIT(MAX_GROWTH) |
                   CLI_BIT(COLLECT),
        .summary = "say PASS or FAIL: does an operation leak?",
        .about = "Runs CMD (what it prints goes to stderr), takes a snapshot, "
                 "runs it again, 3 times in all. What grew in every round, by "
                 "its path, is a leak: status 1. A cache that is still "
                 "filling looks the same: warm up longer. Cycles that wait "
                 "for the collector count only when it is off, or with "
                 "--collect. Files are snapshots that were taken after each "
                 "round.",
        .examples = {{"check 4242 --during 'curl -s localhost:8000/login'",
                      "does a login leak?"},
                     {"check 4242 --during ./load.sh --rounds 10 --warmup 3",
                      "with larger caches"},
                     {"check 0.pxs 1.pxs 2.pxs 3.pxs",
                      "the same of rounds that were saved"}},
        .run = cmd_check,
    },
    {
        .name = "gc", .args = "TARGET [ACTION [ARGUMENT...]]", .min_args = 1,
        .max_args = 5,
        .options = CLI_TARGETED | CLI_BIT(YES) | CLI_BIT(LIMIT),
        .summary = "show or change the target's garbage collector",
        .more_help = gc_help,
        .about = "What you change stays changed, and the command that undoes "
                 "it is printed.",
        .examples = {{"gc localhost:9999", "state, thresholds, counts, flags"},
                     {"gc localhost:9999 collect",
                      "collect now: what was freed, how long it took"},
                     {"gc localhost:9999 debug UNCOLLECTABLE,SAVEALL",
                      "set debug flags"},
                     {"gc localhost:9999 threshold 700 10 10",
                      "set the thresholds"}},
        .run = cmd_gc,
    },
    {
        .name = "snapshot", .args = "TARGET -o FILE.pxs", .min_args = 1,
        .max_args = 1,
        .options = CLI_GRAPHED | CLI_BIT(OUTPUT) | CLI_BIT(FORCE),
        .summary = "write the target's object graph to a file",
        .about = "All commands and the explorer open the file as they open "
                 "the target. It is readable by you alone (0600); with "
                 "--detail names it holds no values.",
        .examples = {{"snapshot localhost:9999 -o app.pxs",
                      "save it for later, or for another machine"},
                     {"snapshot 4242 -o app.pxs --detail names",
                      "without any value of your data"}},
        .run = cmd_snapshot,
    },
    {
        .name = "export", .args = "TARGET --dot|--json|--folded [ADDR|TYPE]",
        .min_args = 1, .max_args = 2,
        .options = CLI_GRAPHED | CLI_BIT(DOT) | CLI_BIT(FOLDED) |
                   CLI_BIT(WHAT) | CLI_BIT(LEVELS) | CLI_BIT(LIMIT) |
                   CLI_BIT(OUTPUT) | CLI_BIT(FORCE),
        .summary = "write a drawing, JSON or a flame graph's stacks",
        .about = "--dot and --json: at most 100 objects (-n), as --what says. "
                 "--json without ADDR or TYPE is the whole graph, one line "
                 "for each object. --folded: what everything, an object or a "
                 "type retains, folded by names; the 10,000 frames that "
                 "retain most (-n), and the bytes add up whatever is left "
                 "out.",
        .more_help = export_help,
        .examples = {{"export app.pxs --dot Connection | dot -Tsvg -o c.svg",
                      "who holds them all, as a picture"},
                     {"export app.pxs --dot 7f3a5c0d2e40 --what referrers",
                      "three levels of what refers to an object"},
                     {"export app.pxs --folded -o app.folded",
                      "for flamegraph.pl --countname bytes, or speedscope"},
                     {"export app.pxs --json -o app.jsonl",
                      "every object with its references"}},
        .run = cmd_export,
    },
};
/* clang-format on */

const size_t cli_n_commands = sizeof cli_commands / sizeof *cli_commands;

const struct cli_command *
cli_command_find(const char *name)
{
    for (size_t i = 0; i < cli_n_commands; i++) {
        if (strcmp(cli_commands[i].name, name) == 0)
            return &cli_commands[i];
    }
    return NULL;
}
