"""leaks.py: what grows, for the tests of `growth` and `suspects`: a service that
is run by `spawn`, and files of one process at several times.

SPDX-License-Identifier: MIT
"""
import contextlib
import os
import select
import signal

from cli import make_pxs
from harness import wait_until

# Serves; with "leak" a thread keeps two more Sessions every two ms.
SERVICE = r"""if 1:
    import sys, threading, time, pyexplore
    class Session: pass
    _SESSIONS = []
    def leak():
        while True:
            _SESSIONS.append((Session(), Session()))
            time.sleep(0.002)
    pyexplore.serve(port=None)
    if sys.argv[1] == "leak":
        threading.Thread(target=leak, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
"""


def service(spawn, kind):
    target = spawn(SERVICE, kind)
    assert target.line() == "ready"
    return target.pid


def snapshot_children(pid):
    """The children of a target that walk its heap now."""
    found = []
    for folder in os.listdir("/proc"):
        try:
            with open("/proc/%s/stat" % folder) as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:  # not a process, or gone
            continue
        if name == "pyexplore-snap" and int(rest.split()[1]) == pid:
            found.append(int(folder))
    return found


# Its heap takes some time to walk.
LARGE = """
import pyexplore
things = [(i, str(i)) for i in range(200000)]
pyexplore.serve(port=None)
print("ready", flush=True)
input()
"""


def break_off(target, process):
    """Kills the children that walk the target until `process` says so."""
    def kill_the_child():
        for pid in snapshot_children(target.pid):
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                os.kill(pid, signal.SIGKILL)
        return select.select([process.stderr], [], [], 0)[0]

    wait_until(kill_the_child, "a snapshot to break off")


START, STEP = 1795230000, 20  # seconds


def series(tmp_path, *numbers, first=0, cycles=0):
    """A file for each number of connections, STEP seconds apart: 0.pxs, …"""
    return [make_pxs(tmp_path / ("%d.pxs" % i), "--connections", n,
                     "--cycles", cycles, "--time", START + i * STEP)
            for i, n in enumerate(numbers, first)]


def as_a_shell_sorts(tmp_path, *numbers):
    """The same from 8.pxs on, as *.pxs gives them: 10.pxs comes first."""
    files = sorted(series(tmp_path, *numbers, first=8), key=str)
    assert files[0].name == "10.pxs"
    return files
