"""A program may close descriptors that it did not open, and use their numbers
for files of its own: the agent notices, leaves them alone, and gives up.

SPDX-License-Identifier: MIT
"""
import contextlib
import json
import os
import subprocess
import sys

import pytest

from child_tools import preload
from harness import SANITIZED, child_environment, children_of, wait_until
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


def test_serve_right_after_closerange(spawn):
    """The server that has lost its descriptors is never returned again, not
    even before its thread has noticed."""
    child = Served(spawn)
    assert child.ask("[os.closerange(3, 256), pyexplore.serve(port=0) is "
                     "server, server.unix_path]") == [None, False, None]
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1


@pytest.mark.skipif(SANITIZED, reason="a second LD_PRELOAD")
@pytest.mark.parametrize("closed", ["listener", "all"])
def test_numbers_that_are_ours_again(spawn, tmp_path, closed):
    """The program closed our sockets, and the file of a snapshot has the
    number of one: the end of the server neither closes it, nor lets a forked
    child keep it."""
    child = Served(spawn, serve=False, env=child_environment(
        LD_PRELOAD=str(preload("hold_call")), HOLD="read",
        HOLD_FOLDER=str(tmp_path)))
    child.run("""
import threading
def open_files():
    return {int(fd): os.path.realpath("/proc/self/fd/" + fd)
            for fd in os.listdir("/proc/self/fd")}
def has_snapshot():
    return any(name.endswith(".pxs") for name in open_files().values())
before = open_files()
pyexplore.serve(port=None)
sockets = sorted(fd for fd, name in open_files().items()
                 if "socket:" in name and before.get(fd) != name)
closed = sockets
if %r == "listener":
    closed = sockets[-1:]
    os.dup(closed[0])  # its last copy would wake the thread that serves
os.closerange(closed[0], closed[-1] + 1)
""" % closed)
    if closed == "all":
        wait_until(lambda: "pyexplore-io" not in threads_of(child.pid),
                   "the end of the thread that serves")
    child.run("slow = threading.Thread(target=pyexplore.snapshot, args=(%r,))\n"
              "slow.start()" % str(tmp_path / "x.pxs"))
    wait_until((tmp_path / "held").exists, "a snapshot that takes its time")
    assert child.ask("open_files()[closed[0]]") == str(tmp_path / "x.pxs")
    child.run("pyexplore.stop()")
    assert child.ask("has_snapshot()") is True
    child.run("pid = os.fork()\n"
              "if pid == 0: os._exit(has_snapshot())")
    assert child.ask("os.waitpid(pid, 0)[1]") == 0
    (tmp_path / "go").touch()
    child.run("slow.join()")
    assert (tmp_path / "x.pxs").exists()


def test_lost_server_puts_the_collector_back(spawn):
    """However long C code keeps the GIL, and by close() at once."""
    child = Served(spawn)
    wire = child.wire()
    wire.ask("gc_set", {"enabled": False})
    assert child.ask("[os.closerange(3, 256), server.close(), "
                     "gc.isenabled()]") == [None, None, True]
    child.run("import ctypes\n"
              "libc = ctypes.PyDLL(None)  # calls keep the GIL\n"
              "byte = ctypes.create_string_buffer(1)\n"
              "sys.setswitchinterval(1000)\n"
              "server = pyexplore.serve(port=0)")
    child.unix = child.ask("server.unix_path")
    wire = child.wire()
    wire.ask("gc_set", {"enabled": False})
    child.begin("run", "for fd in range(3, 256): libc.close(fd)\n"
                "libc.read(0, byte, 1)")
    with contextlib.suppress(AssertionError):  # longer than it waits to stop
        wait_until(lambda: "pyexplore-io" not in threads_of(child.pid),
                   "the end of the thread that serves", timeout=8)
    child.target.say("")
    child.end()
    wait_until(lambda: "pyexplore-io" not in threads_of(child.pid),
               "the end of the thread that serves")
    assert child.ask("gc.isenabled()") is True


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
