"""Where memory is limited the programs stop before the limit does.

The target often has the same limit: who looks from inside its container does.
The kernel would end the largest process then, which is the target.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import subprocess
import sys
import uuid

import pytest

from cli import CLI, DEADLINE, environment
from harness import SANITIZED, child_environment, wait_until

pytestmark = pytest.mark.skipif(
    SANITIZED, reason="the sanitizers' memory is estimated")

MIB = 1 << 20

TARGET = """
import sys
class Thing:
    def __init__(self, i):
        self.i = i
        self.row = [i]
things = [Thing(i) for i in range(400000)]
import pyexplore
pyexplore.snapshot(sys.argv[1])
pyexplore.serve(port=0)
print("ready", flush=True)
sys.stdin.read()
"""


def memory_folder():
    """The folder of our cgroup that limits memory; its files' names."""
    mounts = pathlib.Path("/proc/mounts").read_text().splitlines()
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        for mount in mounts:
            _, where, kind, options = mount.split()[:4]
            if "memory" in names.split(",") and kind == "cgroup" \
                    and "memory" in options.split(","):
                return pathlib.Path(where + path), "memory.limit_in_bytes"
            if names == "" and kind == "cgroup2" and "memory" in pathlib.Path(
                    where + path, "cgroup.controllers").read_text().split():
                return pathlib.Path(where + path), "memory.max"
    pytest.skip("no cgroup that limits memory")


class Group:
    """A cgroup of our own."""

    def __init__(self):
        above, self.limit_name = memory_folder()
        self.folder = above / ("pyexplore-" + uuid.uuid4().hex)
        try:
            self.folder.mkdir()
        except OSError as error:
            pytest.skip("no cgroup can be made: %s" % error)

    def limit(self, n_bytes):
        try:
            (self.folder / self.limit_name).write_text(str(n_bytes))
        except OSError as error:
            pytest.skip("no limit can be set: %s" % error)

    def start(self, *command, env=None):
        # a shell: what runs between fork and exec may take locks otherwise
        return subprocess.Popen(
            ["sh", "-c", 'echo $$ > "$0" && exec "$@"',
             str(self.folder / "cgroup.procs")] + [str(c) for c in command],
            env=env or environment(), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True)

    def run(self, *args):
        process = self.start(CLI, *args)
        out, err = process.communicate(timeout=2 * DEADLINE)
        return process.returncode, out, err

    def remove(self):
        wait_until(lambda: not (self.folder / "cgroup.procs").read_text(),
                   "an empty cgroup")
        self.folder.rmdir()


@pytest.fixture(scope="module")
def group():
    made = Group()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def target(group, tmp_path_factory):
    """Within the group: process and a snapshot of it."""
    path = tmp_path_factory.mktemp("memory") / "a.pxs"
    group.limit(1 << 40)
    process = group.start(sys.executable, "-c", TARGET, path,
                          env=child_environment())
    assert process.stdout.readline() == "ready\n", process.stderr.read()
    yield process, path
    process.stdin.close()
    assert process.wait(timeout=DEADLINE) == 0


def used(pid):
    pages = int(pathlib.Path("/proc/%d/statm" % pid).read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("command", ["types", "dominators", "cycles",
                                     "suspects", "duplicates"])
def test_the_target_outlives_who_looks(group, target, command):
    """From hardly any room to more than enough of it."""
    process, path = target
    ended = []
    for more in (4, 8, 16, 24, 32, 40, 48, 56, 64, 80, 400):
        group.limit(used(process.pid) + more * MIB)
        status, out, err = group.run(command, path)
        assert process.poll() is None, (more, status, err)
        assert status in (0, 2), (more, status, out, err)
        if status == 2:
            assert " no memory for " in err or " free in " in err, err
            assert "machine with more memory" in err
        ended.append(status)
    assert ended[0] == 2 and ended[-1] == 0


def test_a_live_target_outlives_who_looks(group, target):
    """Its snapshot takes of the same memory, and the spool does."""
    process, _ = target
    for more in (4, 32, 64, 96, 128, 400):
        group.limit(used(process.pid) + more * MIB)
        status, out, err = group.run("cycles", process.pid)
        assert process.poll() is None, (more, status, err)
        assert status in (0, 2), (more, status, out, err)
    assert status == 0
