"""The programs of this folder, and how a test runs one.

A program runs in a virtual environment of its Python, with the libraries that
requirements.txt lists for it; the environments lie in the build folder and
grow as programs are asked for.

SPDX-License-Identifier: MIT
"""
import fcntl
import hashlib
import json
import pathlib
import re
import subprocess

from harness import BUILD, CLI, Target, built_pythons, child_environment

HERE = pathlib.Path(__file__).resolve().parent
REQUIREMENTS = HERE.parent / "requirements.txt"


def _lists():
    """{program: [requirement]} and the constraints."""
    programs, lines = {}, []
    for line in REQUIREMENTS.read_text().splitlines():
        title = re.match(r"# (?:program: (\w+)|constraints)", line)
        if title:
            lines = programs.setdefault(title.group(1), [])
        elif not line.startswith("#"):
            lines.append(line)
    return programs, programs.pop(None)


PROGRAMS, CONSTRAINTS = _lists()
PYTHONS = built_pythons()


def interpreter(program, version):
    """The interpreter that has the program's libraries."""
    folder = BUILD / "venv-real" / version
    inside = folder / "bin" / "python"
    wanted = "\n".join(CONSTRAINTS + PROGRAMS[program] + [PYTHONS[version]])
    stamp = folder / ("requirements-%s.%s" % (
        program, hashlib.sha256(wanted.encode()).hexdigest()[:16]))
    folder.mkdir(parents=True, exist_ok=True)
    with open(str(folder / "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists():
            if not inside.exists():
                subprocess.run([PYTHONS[version], "-m", "venv", str(folder)],
                               check=True)
            constraints = folder / "constraints.txt"
            constraints.write_text("\n".join(CONSTRAINTS) + "\n")
            if PROGRAMS[program]:
                subprocess.run(
                    [str(inside), "-m", "pip", "install", "-qq",
                     "--disable-pip-version-check", "--only-binary", ":all:",
                     "-c", str(constraints)] + PROGRAMS[program], check=True)
            stamp.touch()
    return str(inside)


class Program:
    """A program that rests and serves; .resting is what it said of itself."""

    def __init__(self, name, version, words=()):
        self.name = name
        self.env = child_environment(PYTHONPATH=str(BUILD / ("py" + version)))
        self.target = Target(
            [interpreter(name, version), HERE / ("app_%s.py" % name)]
            + [str(word) for word in words], env=self.env)
        self.pid = self.target.pid
        self.resting = self.judged = None
        while self.resting is None:
            line = self.target.line(timeout=600 if "judge" in words else 120)
            if line.startswith('{"judged"'):
                self.judged = json.loads(line)["judged"]
            elif line.startswith('{"'):
                self.resting = json.loads(line)

    def cli(self, *words):
        done = subprocess.run(
            [str(CLI)] + [str(word) for word in words], env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def snapshot(self, path):
        self.cli("snapshot", self.resting["unix_path"], "-o", path)
        return path

    def end(self):
        """Lets it go on to its end; its exit status."""
        self.target.process.stdin.close()
        status = self.target.wait(timeout=60)
        if status:
            print("".join(self.target.stderr[-20:]))
        return status

    def close(self):
        self.target.close()
