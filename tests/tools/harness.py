"""harness.py: where things are, and child processes that tests watch.

$PYEXPLORE_BUILD is the folder with the programs and with py3.x/pyexplore of
the interpreter that runs pytest; build/ of the repository when it is not set.
Test modules import from here: `from harness import Target, wait_until`.

SPDX-License-Identifier: MIT
"""
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(
    os.environ.get("PYEXPLORE_BUILD") or REPOSITORY / "build").resolve()
PACKAGES = BUILD / ("py%d.%d" % sys.version_info[:2])
LEAK_SERVER = REPOSITORY / "tests" / "apps" / "server_leak.py"
CLI = BUILD / "pyexplore"
TUI = BUILD / "pyexplore-tui"
SANITIZED = bool(os.environ.get("PYEXPLORE_PRELOAD"))
# AddressSanitizer keeps what was freed in a quarantine of up to 256 MiB.
RSS_SLACK = 300 << 20 if SANITIZED else 0
# Its shadow of the child's stack is written with the stack.
SHADOW_PAGES = 64 if SANITIZED else 0
DEADLINE = float(os.environ.get("PX_TEST_DEADLINE", "60"))


def built_pythons():
    """{"3.11": interpreter}: those of `make test` (PYTHONS), else this one,
    for which there is an extension."""
    found = {}
    for python in os.environ.get("PYTHONS", sys.executable).split():
        done = subprocess.run(
            [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            stdout=subprocess.PIPE, universal_newlines=True)
        version = done.stdout.strip()
        if (BUILD / ("py" + version)).is_dir():
            found.setdefault(version, python)
    return found


def child_environment(**changes):
    """The environment of a child interpreter that can import pyexplore."""
    env = dict(os.environ, PYTHONPATH=str(PACKAGES), PYTHONHASHSEED="0")
    if env.get("PYEXPLORE_PRELOAD"):  # the sanitizers' runtime
        env.update(LD_PRELOAD=env["PYEXPLORE_PRELOAD"],
                   PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0")
    env.update(changes)
    return {name: value for name, value in env.items() if value is not None}


class Target:
    """A child process whose stdout is read line by line, with a deadline."""

    def __init__(self, argv, env=None, **popen):
        self.process = subprocess.Popen(
            [str(word) for word in argv], env=env or child_environment(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, universal_newlines=True, bufsize=1,
            **popen)
        self.pid = self.process.pid
        self.stderr = []
        self._lines = queue.Queue()
        self._readers = [
            threading.Thread(target=self._read_stdout, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_stdout(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr.append(line)

    def line(self, timeout=None):
        """The next line of stdout; fails at the deadline or at its end."""
        try:
            line = self._lines.get(timeout=timeout or DEADLINE)
        except queue.Empty:
            raise AssertionError("the target printed nothing in time; "
                                 "stderr: %s" % "".join(self.stderr))
        if line is None:
            self.process.wait(timeout=DEADLINE)
            raise AssertionError("the target ended (%s); stderr: %s" % (
                self.process.returncode, "".join(self.stderr)))
        return line

    def event(self, name, timeout=None):
        """Reads JSON lines until {"event": name, …}; returns it."""
        while True:
            line = json.loads(self.line(timeout))
            if line.get("event") == name:
                return line

    def say(self, line):
        """Writes a line to its stdin."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def wait(self, timeout=None):
        """Its exit status, once it ends by itself."""
        status = self.process.wait(timeout=timeout or DEADLINE)
        for reader in self._readers:
            reader.join(timeout=DEADLINE)
        return status

    def close(self):
        """SIGTERM, and SIGKILL if that is not enough; closes the pipes."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass


def wait_until(condition, what, timeout=None):
    """Polls condition() until it is true; its value, or a failed test."""
    end = time.monotonic() + (timeout or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(0.01)


def descriptors(pid):
    """What the descriptors of a process lead to, sorted. Those that it closes
    while they are read are left out."""
    found = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        try:
            found.append(os.readlink("/proc/%d/fd/%s" % (pid, fd)))
        except FileNotFoundError:
            pass
    return sorted(found)


def children_of(pid):
    """Pids whose parent is `pid`, zombies included."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as stat:
                    text = stat.read()
            except OSError:
                continue
            if int(text.rpartition(")")[2].split()[1]) == pid:
                found.append(int(name))
    return found
