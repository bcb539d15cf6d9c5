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
import pathlib
import subprocess
import sys

from harness import BUILD, CLI, REPOSITORY, Target, child_environment

FOLDER = REPOSITORY / "tests" / "apps"
WANTED = ("3.8", "3.11", "3.13")
PERIOD = 0.01  # seconds between two requests

Truth = collections.namedtuple(
    "Truth", "program cause type holder packages sample")


def read_truth():
    """[Truth]: cause is a number or None, packages a list."""
    found = []
    for line in (FOLDER / "truth.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            words = [None if word == "-" else word
                     for word in line.split("\t")]
            found.append(Truth(
                words[0], None if words[1] == "healthy" else int(words[1]),
                words[2], words[3], (words[4] or "").split(), bool(words[5])))
    return found


def _pythons():
    """{"3.11": interpreter} of WANTED that are built; this one if none is."""
    found = {}
    for python in os.environ.get("PYTHONS", sys.executable).split():
        done = subprocess.run(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            stdout=subprocess.PIPE, universal_newlines=True)
        version = done.stdout.strip()
        if (BUILD / ("py" + version)).is_dir():
            found.setdefault(version, python)
    wanted = {name: found[name] for name in WANTED if name in found}
    return wanted or {"%d.%d" % sys.version_info[:2]: sys.executable}


PYTHONS = _pythons()


@contextlib.contextmanager
def once(folder):
    """Makes `folder` and yields True if nobody has filled it yet; whoever
    comes meanwhile (tests run in parallel) waits."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(str(folder.with_suffix(".lock")), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        yield not done.exists()
        done.touch()


def install(package, version):
    """The folder that has the package and all that it needs."""
    wanted = (FOLDER / "requirements.txt").read_text().split("\n")
    assert package in wanted, package + " is not in requirements.txt"
    folder = BUILD / "apps" / version / package
    with once(folder) as first:
        if first:
            subprocess.run(
                [PYTHONS[version], "-m", "pip", "install", "-qq",
                 "--disable-pip-version-check", "--only-binary", ":all:",
                 "--upgrade", "--target", str(folder), package], check=True)
    return folder


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


class App:
    """A program that serves its requests until close()."""

    def __init__(self, truth, version):
        self.truth = truth
        path = [str(BUILD / ("py" + version))]
        path += [str(install(package, version)) for package in truth.packages]
        module = truth.program + "_module"
        if (FOLDER / (module + ".c")).exists():
            path.append(str(compile_extension(module, version)))
        self.target = Target(
            [PYTHONS[version], FOLDER / (truth.program + ".py"), "--period",
             PERIOD],
            env=child_environment(
                PYTHONPATH=os.pathsep.join(path), MPLBACKEND="agg",
                MPLCONFIGDIR=str(BUILD / "apps" / version)))
        self.pid = self.target.event("serving", timeout=120)["pid"]

    def ask(self, command, *words):
        """`pyexplore COMMAND PID WORDS --json`: (exit status, the answer)."""
        done = subprocess.run(
            [str(CLI), command, str(self.pid)] + [str(word) for word in words]
            + ["--json"], env=child_environment(LD_PRELOAD=None),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, timeout=110)
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
    return truth.holder is None or truth.holder in way
