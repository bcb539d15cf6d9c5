"""apps.py: the programs of tests/apps, and what is true of them.

truth.tsv says of each program which of the seven causes of leaks it shows, or
that it is healthy.  App(truth, version) runs one with the Python of that
version; libraries are installed below the build folder when they are first
needed, and the C extension of c_parser.py is compiled there.

SPDX-License-Identifier: MIT
"""
import collections
import contextlib
import fcntl
import json
import os
import subprocess
import sys

from harness import (BUILD, CLI, REPOSITORY, Target, built_pythons,
                     child_environment)

FOLDER = REPOSITORY / "tests" / "apps"
WANTED = ("3.8", "3.11", "3.13")
PERIOD = 0.01  # seconds between two requests
PATIENCE = 600  # seconds for what takes two on a machine that is not busy

Truth = collections.namedtuple(
    "Truth", "program cause causes type types holder packages sample")


def read_truth():
    """[Truth]: cause and type are the first of causes and types, or None."""
    found = []
    for line in (FOLDER / "truth.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            program, cause, kind, holder, packages, sample = [
                "" if word == "-" else word for word in line.split("\t")]
            causes = [int(word) for word in cause.split("|")
                      if word != "healthy"]
            types = kind.split("|")
            found.append(Truth(
                program, causes[0] if causes else None, causes, types[0],
                types if kind else [], holder, packages.split(),
                bool(sample)))
    return found


def _pythons():
    """{"3.11": interpreter} of WANTED that are built; this one if none is."""
    found = built_pythons()
    wanted = {name: found[name] for name in WANTED if name in found}
    return wanted or {"%d.%d" % sys.version_info[:2]: sys.executable}


PYTHONS = _pythons()
# The one on which a sample runs: that of the tests, if it is among them.
FIRST = "%d.%d" % sys.version_info[:2]
if FIRST not in PYTHONS:
    FIRST = next(iter(PYTHONS))


@contextlib.contextmanager
def once(folder):
    """Makes `folder` and yields True if nobody has filled it yet; whoever
    comes meanwhile (tests run in parallel) waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(str(folder) + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        yield not done.exists()
        done.touch()


def install(packages, version):
    """An interpreter that has the packages, and all that they need."""
    if not packages:
        return PYTHONS[version]
    wanted = (FOLDER / "requirements.txt").read_text().split("\n")
    assert set(packages) <= set(wanted), "not in requirements.txt"
    folder = BUILD / "venv-apps" / version / "-".join(packages)
    inside = folder / "bin" / "python"
    with once(folder) as first:
        if first:
            subprocess.run([PYTHONS[version], "-m", "venv", "--clear",
                            str(folder)], check=True)
            subprocess.run(
                [str(inside), "-m", "pip", "install", "-qq",
                 "--disable-pip-version-check", "--only-binary", ":all:"]
                + packages, check=True)
    return str(inside)


def compile_extension(name, version):
    """The folder that has the extension module tests/apps/NAME.c."""
    folder = BUILD / "apps" / version / name
    with once(folder) as first:
        if first:
            include = subprocess.run(
                [PYTHONS[version], "-c", "import sysconfig;"
                 "print(sysconfig.get_path('include'))"], check=True,
                stdout=subprocess.PIPE, universal_newlines=True).stdout
            subprocess.run(
                (os.environ.get("CC") or "gcc").split()
                + ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror",
                   "-isystem", include.strip(), str(FOLDER / (name + ".c")),
                   "-o", str(folder / (name + ".so"))], check=True)
    return folder


# What AddressSanitizer keeps of freed memory is a leak that is not ours.
ASAN_KEEPS_NOTHING = {
    "ASAN_OPTIONS": "detect_leaks=0:quarantine_size_mb=0:"
                    "thread_local_quarantine_size_kb=0"}


class App:
    """A program that serves its requests until close()."""

    def __init__(self, truth, version):
        self.truth = truth
        path = [str(BUILD / ("py" + version))]
        module = truth.program + "_module"
        if (FOLDER / (module + ".c")).exists():
            path.append(str(compile_extension(module, version)))
        self.target = Target(
            [install(truth.packages, version),
             FOLDER / (truth.program + ".py"), "--period", PERIOD],
            env=child_environment(
                PYTHONPATH=os.pathsep.join(path), MPLBACKEND="agg",
                MPLCONFIGDIR=str(BUILD / "venv-apps" / version),
                **ASAN_KEEPS_NOTHING))
        self.pid = self.target.event("serving", timeout=PATIENCE)["pid"]

    def ask(self, command, *words):
        """`pyexplore COMMAND PID WORDS --json`: (exit status, the answer)."""
        done = subprocess.run(
            [str(CLI), command, str(self.pid)] + [str(word) for word in words]
            + ["--json"], env=child_environment(LD_PRELOAD=None),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, timeout=PATIENCE)
        assert done.stdout, "%s: %s%s" % (
            self.truth.program, done.stderr, "".join(self.target.stderr))
        return done.returncode, json.loads(done.stdout)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.target.close()


def ways(groups):
    """How each group of `pyexplore path` is held: its path, or its cycle."""
    return [group["path"] or group.get("cycle") or group["held_by"]
            for group in groups]


def is_named(truth, way):
    """Whether a path or cycle, as text, has the holder that truth says."""
    return truth.holder in way
