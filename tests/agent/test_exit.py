"""The interpreter's end: no hang, no message, nothing left behind.

SPDX-License-Identifier: MIT
"""
import os
import signal
import subprocess
import sys
import sysconfig

import pytest

from child_tools import preload
from harness import SANITIZED, child_environment, wait_until
from served import Served
from wire import Closed

TIMES = 20


def leftovers(pid, folder):
    """Files in the folder and processes that come from `pid`."""
    found = [str(path) for path in folder.iterdir()]
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name) as stat:
                text = stat.read()
        except OSError:
            continue
        comm = text[text.index("(") + 1:text.rindex(")")]
        parent = int(text.rpartition(")")[2].split()[1])
        if parent == pid or (comm == "pyexplore-snap" and parent == 1):
            found.append(text)
    return found


@pytest.mark.smoke
def test_exit_with_peers_and_a_snapshot(spawn, px_folder):
    """20 times: ends at once with status 0 while one peer gets a snapshot that
    cannot go on, and another waits for an answer."""
    for i in range(TIMES):
        child = Served(spawn, spool_bytes=4 << 20)
        child.run("heap = [[str(i)] for i in range(100000)]")
        stuck, idle = child.wire(), child.wire()
        stuck.frame("snapshot", {"codec": "none"})
        if i % 2:
            while stuck.receive()[0] != "chunk":
                pass
        idle.frame("gc_state", {})
        assert child.finish() == 0
        assert child.target.stderr == []
        with pytest.raises(Closed):
            while True:
                idle.receive()
        stuck.close()
        idle.close()
        wait_until(lambda: not leftovers(child.pid, px_folder),
                   "nothing left behind")


SLOW_TO_GO = """
import threading, time
class Slow:
    def __del__(self):
        begun.set()
        while os.path.exists(path): time.sleep(0.001)
begun = threading.Event()
path = server.unix_path
gc.disable()
slow = Slow(); slow.me = slow; del slow
"""


@pytest.mark.parametrize("clock", ["right", pytest.param(
    "shifted", marks=pytest.mark.skipif(
        SANITIZED, reason="a second LD_PRELOAD"))])
def test_stop_starts_nothing_more(spawn, clock):
    """What a peer still waits for while stop() lets a collection finish is not
    begun: no thread is left, whatever the time of day is said to be."""
    child = Served(spawn, env=None if clock == "right" else child_environment(
        LD_PRELOAD=str(preload("shifted_clock"))))
    child.run(SLOW_TO_GO)
    with child.wire() as wire:
        wire.frame("gc_collect", {})
        for msg, body in (("gc_set", {"debug": 0}), ("snapshot", {}),
                          ("status", {})):
            wire.frame(msg, body)
        child.run("begun.wait(); pyexplore.stop()")
        assert os.listdir("/proc/%d/task" % child.pid) == [str(child.pid)]
    assert child.finish() == 0


WAYS = {
    "sys.exit(3)": 3,
    "raise SystemExit(4)": 4,
    "1 / 0": 1,
    "os._exit(5)": 5,
    "import threading\n"
    "t = threading.Thread(target=lambda: [None for _ in iter(int, 1)],"
    " daemon=True)\nt.start()\nsys.exit(6)": 6,
    "import threading, time\n"
    "t = threading.Thread(target=lambda: time.sleep(0.2))\n"
    "t.start()\nsys.exit(7)": 7,
    "import atexit\natexit.register(lambda: pyexplore.stop())\n"
    "sys.exit(8)": 8,
    "import atexit\n"
    "atexit.register(lambda: pyexplore.serve(port=0))\nsys.exit(9)": 9,
    "import threading\n"
    "t = threading.Thread(target=pyexplore.snapshot, args=(sys.argv[1],),"
    " daemon=True)\nt.start()\nsys.exit(10)": 10,
    "import threading\n"
    "t = threading.Thread(target=lambda: [pyexplore.serve(port=0).close()"
    " for _ in iter(int, 1)], daemon=True)\nt.start()\n"
    "import time; time.sleep(0.05)\nsys.exit(11)": 11,
}


@pytest.mark.parametrize("way", list(WAYS), ids=[str(n) for n in
                                                 WAYS.values()])
def test_ways_to_end(way, tmp_path, px_folder):
    """Every way to end a program ends it, with its own status and words."""
    done = subprocess.run(
        [sys.executable, "-c",
         "import os, sys, pyexplore\n"
         "heap = [[str(i)] for i in range(100000)]\n"
         "if not %r.endswith('sys.exit(11)'):\n"
         "    server = pyexplore.serve(port=0)\n%s" % (way, way),
         str(tmp_path / "a.pxs")],
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert done.returncode == WAYS[way], done.stderr
    if way == "1 / 0":
        assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    else:
        assert done.stderr == ""
    if "os._exit" not in way:  # runs nothing at all
        assert list(px_folder.iterdir()) == []
    assert not (tmp_path / "a.pxs").exists() or "10" in way


def test_dead_socket_is_replaced(spawn, px_folder):
    """What a killed process left under our name does not hinder us."""
    child = Served(spawn)
    os.kill(child.pid, signal.SIGKILL)
    child.target.wait()
    assert len(list(px_folder.iterdir())) == 2
    again = Served(spawn, serve=False)
    old = px_folder / ("%d.sock" % child.pid)
    old.rename(px_folder / ("%d.sock" % again.pid))
    again.run("server = pyexplore.serve(port=0)")
    assert again.ask("server.unix_path") == str(
        px_folder / ("%d.sock" % again.pid))


def test_files_of_others_stay(spawn, px_folder):
    """Close removes a file only if it is still the one that it made."""
    child = Served(spawn)
    path = px_folder / ("%d.sock" % child.pid)
    path.unlink()
    path.write_text("somebody else's")
    assert child.finish() == 0
    assert path.read_text() == "somebody else's"


def test_killed_target_takes_its_snapshot_child_along(spawn, px_folder):
    """SIGKILL of the target ends the child that walks its heap."""
    child = Served(spawn, spool_bytes=4 << 20)
    child.run("heap = [[str(i)] for i in range(300000)]")
    with child.wire() as wire:
        wire.frame("snapshot", {"codec": "none"})
        while wire.receive()[0] != "chunk":
            pass
        os.kill(child.pid, signal.SIGKILL)
        child.target.wait()
        for path in px_folder.iterdir():
            path.unlink()
        wait_until(lambda: not leftovers(child.pid, px_folder),
                   "the child's end")


def test_sigterm_default_ends_at_once(spawn):
    """We install no handler: SIGTERM kills as it would without us."""
    child = Served(spawn)
    with child.wire():
        os.kill(child.pid, signal.SIGTERM)
        assert child.target.wait() == -signal.SIGTERM


def test_embedding_may_start_again(tmp_path):
    """Py_Finalize and Py_Initialize in one process, each time serving."""
    code = r"""
#define PY_SSIZE_T_CLEAN
#include <Python.h>
int main(void)
{
    for (int i = 0; i < 3; i++) {
        Py_Initialize();
        if (PyRun_SimpleString(
                "import pyexplore\n"
                "s = pyexplore.serve(port=0)\n"
                "assert s.address, s\n"
                "import os, gc\n"
                "pyexplore.snapshot('embed.pxs')\n"
                "os.unlink('embed.pxs')\n"
                "gc.collect()\n") != 0)
            return 1;
        if (Py_FinalizeEx() < 0)
            return 2;
    }
    return 0;
}
"""
    (tmp_path / "embed.c").write_text(code)
    libdir = sysconfig.get_config_var("LIBDIR")
    library = "python" + sysconfig.get_config_var("LDVERSION")
    build = subprocess.run(
        ["cc", "-I" + sysconfig.get_paths()["include"], "embed.c", "-o",
         "embed", "-L" + libdir, "-Wl,-rpath," + libdir, "-l" + library,
         "-lm"], cwd=str(tmp_path), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True)
    assert build.returncode == 0, build.stderr
    done = subprocess.run(
        ["./embed"], cwd=str(tmp_path),
        env=child_environment(PYTHONHOME=sys.base_prefix),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
