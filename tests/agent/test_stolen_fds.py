"""A program may close descriptors that it did not open, and use their numbers
for files of its own: the agent notices, leaves them alone, and gives up.

SPDX-License-Identifier: MIT
"""
import contextlib
import json
import os
import subprocess
import sys

from harness import child_environment, children_of, wait_until
from served import Served

# What daemons do; then files of the program have the numbers that were ours.
CLOSE = """
import resource
before = os.listdir("/proc/self/fd")
os.closerange(3, 256)
files = [open(os.path.join(folder, str(i)), "wb", buffering=0)
         for i in range(len(before) + 4)]
"""
LOOK = """
def untouched():
    for file in files:
        file.write(b"x")  # OSError: it was closed
        assert open(file.name, "rb").read() == b"x" * file.tell()
    return all(f.tell() == files[0].tell() for f in files)
"""


def threads_of(pid):
    names = []
    for task in os.listdir("/proc/%d/task" % pid):
        with contextlib.suppress(OSError):
            with open("/proc/%d/task/%s/comm" % (pid, task)) as comm:
                names.append(comm.read().strip())
    return names


def test_closerange_ends_the_server_and_harms_no_file(spawn, tmp_path):
    """os.closerange() with peers connected, one of which had changed the
    collector, the other gets a snapshot: the threads and the child end, the
    change is put back, nothing of ours is written into the files that have
    our numbers, and none is closed; serve() works again."""
    child = Served(spawn, spool_bytes=4 << 20)
    child.run("folder = %r" % str(tmp_path) + LOOK)
    child.run("heap = [[str(i)] for i in range(300000)]")
    wire, other = child.wire(), child.wire()
    wire.ask("gc_set", {"enabled": False})
    other.frame("snapshot", {"codec": "none"})
    wait_until(lambda: other.sock.recv(1), "the first bytes")
    assert children_of(child.pid) != []
    child.run(CLOSE)
    wait_until(lambda: "pyexplore-io" not in threads_of(child.pid),
               "the end of the thread that serves")
    assert children_of(child.pid) == []
    assert child.ask("repr(server)") == "<pyexplore.Server closed>"
    assert child.ask("gc.isenabled()") is True
    assert child.ask("untouched()") is True
    child.run("server = pyexplore.serve(port=0)")
    assert child.ask("untouched()") is True
    child.unix = child.ask("server.unix_path")
    with child.wire() as again:
        assert again.ask("status")["peers"] == 1
    child.run("pyexplore.stop()")
    assert child.ask("untouched()") is True


def test_none_of_ours_is_stdin(spawn, px_folder):
    """A program without stdio gives itself one later: that is not ours."""
    program = """
import json, os, pyexplore
with pyexplore.serve(port=0):
    print(json.dumps([fd for fd in range(2) if fd != 1 and
                      os.path.exists("/proc/self/fd/%d" % fd)]))
"""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$0" -c "$1" <&-', sys.executable, program],
        env=child_environment(), stdout=subprocess.PIPE, timeout=60)
    assert json.loads(done.stdout.decode()) == []
