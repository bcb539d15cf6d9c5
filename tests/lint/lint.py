"""lint.py: what can be checked of the house rules, is checked here.

Usage (by `make lint`): lint.py [CHECK…]

Each check is a function that yields complaints, one line each; its docstring
is the rule.  The last line is `N passed, N failed`.  The rules that concern the
safety of the target: what the snapshot child can reach by calls (child), what
_agent exports and needs (exports), and who may include what (includes).

Environment: BUILD, MAKE, PYTHON.

SPDX-License-Identifier: MIT
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
PYTHON = os.environ.get("PYTHON", sys.executable)
WORKERS = 2


def run(*command, **options):
    """A command's (status, stdout and stderr together)."""
    done = subprocess.run(
        [str(word) for word in command], cwd=str(REPOSITORY),
        universal_newlines=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, **options)
    return done.returncode, done.stdout


def files(*patterns):
    """Tracked files that match, with the untracked ones git would add."""
    status, text = run("git", "ls-files", "-co", "--exclude-standard", "--",
                       *patterns)
    assert status == 0, text
    return [REPOSITORY / name for name in sorted(set(text.split("\n")))
            if name and (REPOSITORY / name).is_file()]


def short(path):
    return str(path.relative_to(REPOSITORY))


def make(*words):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("MAKE") and name != "MFLAGS"}
    return run(os.environ.get("MAKE", "make"), "-j2", "--no-print-directory",
               *words, env=env)


# ---- who may include what (design, section 7) ----
PUBLIC = {"err": "base", "buf": "base", "proto": "proto", "snapshot": "proto",
          "graph": "graph", "header": "graph", "analysis": "graph",
          "suspects": "graph", "client": "client"}
MAY_USE = {
    "base": {"base"},
    "proto": {"base", "proto"},
    "graph": {"base", "proto", "graph"},
    "client": {"base", "proto", "graph", "client"},
    "cli": {"base", "proto", "graph", "client", "cli"},
    "tui": {"base", "proto", "graph", "client", "tui"},
    "agent": {"base", "proto", "agent"},
}
CURSES = re.compile(r"^(ncurses\w*/)?(n?curses|panel|term|term_entry|tinfo)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def check_includes():
    """base ← proto ← graph ← client ← {tui, cli}; base ← proto ← agent; only
    src/agent includes Python.h, only src/tui/term.c includes curses."""
    for path in files("src/*.c", "src/*.h", "include/*.h"):
        room = (path.parts[len(REPOSITORY.parts) + 1]
                if short(path).startswith("src/") else PUBLIC.get(path.stem))
        if room is None:
            yield "%s: a public header of no known room" % short(path)
            continue
        for _, name in INCLUDE.findall(path.read_text()):
            if name.startswith("pyexplore/"):
                target = PUBLIC.get(pathlib.Path(name).stem)
            elif (REPOSITORY / "src" / name).is_file():
                target = name.split("/")[0]
            elif name == "Python.h" or name.startswith("internal/pycore"):
                target = "agent"
            elif CURSES.match(name):
                if short(path) != "src/tui/term.c":
                    yield "%s includes <%s>: only src/tui/term.c may" % (
                        short(path), name)
                continue
            else:
                continue
            if target not in MAY_USE[room]:
                yield "%s includes %s: %s may use only %s" % (
                    short(path), name, room, " ".join(sorted(MAY_USE[room])))


# What asks for the version, or for private headers, and the one file that may.
VERSION = {
    "src/agent/heap/compat.h": re.compile(
        r"\bPY_(VERSION_HEX|M\w+_VERSION)\b|\bPy_Version\b"),
    "src/agent/heap/layout_private.h": re.compile(r"\bPy_BUILD_CORE\b"),
}


def check_versions():
    """Only heap/compat.h asks for Python's version, only heap/layout_private.h
    for its private headers."""
    for path in files("src/*.c", "src/*.h"):
        for number, line in enumerate(path.read_text().split("\n"), 1):
            code = line.split("/*")[0]
            for only, asks in VERSION.items():
                if asks.search(code) and short(path) != only:
                    yield "%s:%d asks what only %s may: %s" % (
                        short(path), number, only, line.strip())


# ---- the binary of the agent ----
def extensions():
    """[(version, .so)] of all that is built."""
    found = []
    for folder in sorted(BUILD.glob("py3.*")):
        for so in folder.glob("pyexplore/_agent*.so"):
            found.append((folder.name[2:], so))
    return found


def check_exports():
    """_agent exports PyInit__agent only, needs libc only, binds at start."""
    status, text = make("BUILD=%s" % BUILD, "exts")
    if status != 0:
        yield "make exts failed:\n" + text[-3000:]
    if not extensions():
        yield "no extension was built"
    for version, so in extensions():
        _, text = run("nm", "-D", "--defined-only", so)
        names = {line.split()[-1] for line in text.splitlines()}
        if names != {"PyInit__agent"}:
            yield "%s exports %s" % (so.name, " ".join(sorted(names)))
        _, text = run("readelf", "-d", so)
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
        for name in needed:
            if not re.match(r"libc\.so\.|ld-linux", name):
                yield "%s needs %s" % (so.name, name)
        if "BIND_NOW" not in text and "Flags: NOW" not in text:
            yield "%s does not bind at start: the child would" % so.name
    for name in ("pyexplore", "pyexplore-tui"):
        program = BUILD / name
        if program.exists():
            _, text = run("readelf", "-d", program)
            for lib in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
                if not re.match(r"lib[cm]\.so\.|ld-linux|libpthread", lib):
                    yield "%s needs %s" % (name, lib)


def read_allowed():
    """(entries, exact names, patterns) of child_symbols.allow."""
    entries, names, patterns = [], set(), []
    text = (REPOSITORY / "tests/lint/child_symbols.allow").read_text()
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "entry":
            entries.append(words[1])
        elif words[0] == "match":
            patterns.append(re.compile(words[1] + r"\Z"))
        else:
            names.update(words)
    return entries, names, patterns


def child_symbols(version):
    """(complaint or None, undefined symbols) of a partial link from the
    child's entry with everything that it cannot reach thrown away."""
    objects = sorted((BUILD / "obj" / ("py" + version)).glob(
        "agent/heap/*.o"))
    # lz4 is one object with all its functions; the two that the child calls
    # are named in the list instead
    archives = [BUILD / "libpx-proto.a", BUILD / "libpx-base.a"]
    linked = BUILD / "lint" / ("child-%s.o" % version)
    linked.parent.mkdir(parents=True, exist_ok=True)
    entries, _, _ = read_allowed()
    roots = [word for name in entries for word in ("-u", name)]
    status, text = run("ld", "-r", "--gc-sections", "-e", entries[0], *roots,
                       "-o", linked, *objects, "--start-group", *archives,
                       "--end-group")
    if status != 0:
        return "partial link for %s: %s" % (version, text.strip()), set()
    _, defined = run("nm", "--defined-only", linked)
    for name in entries:
        if not re.search(r" [tT] %s$" % name, defined, re.M):
            return "%s: there is no function %s" % (version, name), set()
    # nm also lists what only the sections thrown away asked for; the
    # relocations that are left tell what is really used
    _, undefined = run("nm", "-u", linked)
    _, relocations = run("objdump", "-r", linked)
    used = set(re.findall(r"\sR_\S+\s+([^\s+-]+)", relocations))
    return None, used & {line.split()[-1] for line in undefined.splitlines()}


def check_child():
    """The snapshot child can reach only what child_symbols.allow names: no
    malloc, no lock, no Python function that allocates or counts references."""
    if not extensions():
        yield "no extension was built"
    _, names, patterns = read_allowed()
    used = set()
    for version, _ in extensions():
        complaint, symbols = child_symbols(version)
        if complaint:
            yield complaint
        for symbol in sorted(symbols):
            if symbol in names:
                used.add(symbol)
            elif not any(p.match(symbol) for p in patterns):
                yield "%s: the child can reach %s" % (version, symbol)
    if len(extensions()) >= 6:
        for name in sorted(names - used):
            yield "child_symbols.allow allows %s: nobody uses it" % name


# ---- the compilers and the analysers ----
def check_warnings():
    """gcc and clang compile everything without a warning."""
    for cc in ("gcc", "clang"):
        if not shutil.which(cc):
            yield cc + " is not installed"
            continue
        status, text = make("-k", "BUILD=%s" % (BUILD / "lint"), "CC=" + cc,
                            "WERROR=1", "programs", "exts", "unit-programs")
        if status != 0:
            for line in re.findall(r".*(?:error|undefined reference).*", text):
                yield "%s: %s" % (cc, line)


def check_format():
    """All C is as clang-format 14 with .clang-format writes it."""
    if not shutil.which("clang-format"):
        yield "clang-format is not installed"
        return
    for path in files("*.c", "*.h"):
        status, text = run("clang-format", "--dry-run", "-Werror", path)
        if status != 0:
            yield "%s: %d places (make format)" % (
                short(path), text.count("error:"))


def python_include():
    _, text = run(PYTHON, "-c", "import sysconfig;"
                  "print(sysconfig.get_path('include'))")
    return text.strip()


def flags_of(path):
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Iinclude", "-Isrc",
             '-DPX_VERSION="0"']
    if short(path).startswith("src/agent"):
        flags += ["-isystem", python_include()]
    return flags


def parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for complaints in pool.map(function, items):
            yield from complaints


def check_tidy():
    """clang-tidy with .clang-tidy has nothing to say."""
    if not shutil.which("clang-tidy"):
        yield "clang-tidy is not installed"
        return

    def tidy(path):
        _, text = run("clang-tidy", "--quiet", path, "--", *flags_of(path))
        return re.findall(r"^.*?: (?:error|warning): .*$", text.replace(
            str(REPOSITORY) + "/", ""), re.M)

    yield from parallel(tidy, files("src/*.c"))


def check_cppcheck():
    """cppcheck finds nothing."""
    if not shutil.which("cppcheck"):
        yield "cppcheck is not installed"
        return
    status, text = run(
        "cppcheck", "-q", "-j", str(WORKERS), "--std=c11", "-Iinclude",
        "-Isrc", "--enable=warning,performance,portability",
        "--inline-suppr", "--error-exitcode=1", "-D__x86_64__",
        "--suppressions-list=tests/lint/cppcheck.suppress",
        "-DPy_RETURN_NONE=return 0", "-DPy_RETURN_TRUE=return 0",
        "-DPy_RETURN_FALSE=return 0",
        "-DPX_VERSION=\"0\"", "--template={file}:{line}: {id}: {message}",
        "src")
    if status != 0:
        yield from (line for line in text.splitlines() if line.strip())


def check_analyzer():
    """gcc -fanalyzer finds nothing in base and proto."""

    def analyze(path):
        _, text = run("gcc", "-fanalyzer", "-O1", "-c", "-o", "/dev/null",
                      *flags_of(path), path)
        return re.findall(r"^.*?: warning: .*$", text, re.M)

    yield from parallel(analyze, files("src/base/*.c", "src/proto/*.c"))


# ---- the text ----
FORBIDDEN = [
    (re.compile(r"/(work|root)/"), "a path of one machine"),
    (re.compile(r"/home/[a-z]"), "a path of one machine"),
    (re.compile(r"\b(XXX|FIXME)\b"), "a note to oneself"),
    (re.compile(r"\bTODO\b(?!.*#\d)"), "a TODO without an issue number"),
]


def check_words():
    """No path of one machine, no notes to oneself."""
    for path in files("."):
        if path.suffix in (".png", ".svg", ".pxs") or path == pathlib.Path(
                __file__).resolve():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, what in FORBIDDEN:
                if pattern.search(line):
                    yield "%s:%d: %s: %s" % (short(path), number, what,
                                             line.strip()[:60])


FUNCTION_LINES = 60
FILE_LINES = 800  # the style asks for about 400


def check_house():
    """Every file has the licence line; no file over 800 lines, no function
    over 60, no tabs, guards are named after the file; no unit test looks at
    a clock: what other programs of the machine do would fail it."""
    for path in files("tests/unit/*.c"):
        if re.search(r"\b(clock_gettime|gettimeofday|clock)\(",
                     path.read_text()):
            yield "%s: a timed unit test" % short(path)
    for path in files("src/*.c", "src/*.h", "include/*.h"):
        text = path.read_text()
        lines = text.split("\n")
        if "SPDX-License-Identifier: MIT" not in "\n".join(lines[:80]):
            yield "%s: no SPDX line in its banner" % short(path)
        if "\t" in text:
            yield "%s: a tab" % short(path)
        if len(lines) > FILE_LINES:
            yield "%s: %d lines" % (short(path), len(lines))
        if path.suffix == ".h" and not re.search(
                r"^#ifndef \w+_H\n#define \w+_H$", text, re.M):
            yield "%s: no guard" % short(path)
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES:
                    yield "%s:%d: a function of %d lines" % (
                        short(path), start - 1, number - start - 1)
                start = None


def check_scripts():
    """Shell scripts and Python files parse, also as the oldest Python."""
    for path in files("*.sh", ".ci/run"):
        shell = "bash" if "bash" in path.read_text().split("\n")[0] else "sh"
        status, text = run(shell, "-n", path)
        if status != 0:
            yield text.strip()
    oldest = sorted(pathlib.Path.home().glob(
        ".pyenv/versions/3.8.*/bin/python")) or [PYTHON]
    program = ("import sys\nfor p in sys.argv[1:]:\n"
               " compile(open(p, encoding='utf-8').read(), p, 'exec')")
    status, text = run(oldest[0], "-W", "error", "-c", program,
                       *files("*.py"))
    if status != 0:
        yield text.strip()


CHECKS = {name[6:]: function for name, function in list(globals().items())
          if name.startswith("check_")}


def main(argv):
    unknown = [name for name in argv if name not in CHECKS]
    if unknown:
        print("no check %s; there are: %s" % (
            ", ".join(unknown), " ".join(CHECKS)), file=sys.stderr)
        return 2
    passed = failed = 0
    for name in argv or CHECKS:
        started = time.monotonic()
        complaints = list(CHECKS[name]())
        print("%-9s %-4s %5.1f s  %s" % (
            name, "FAIL" if complaints else "ok",
            time.monotonic() - started,
            " ".join(CHECKS[name].__doc__.split())), flush=True)
        for complaint in complaints:
            print("    " + complaint)
        passed += not complaints
        failed += bool(complaints)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
