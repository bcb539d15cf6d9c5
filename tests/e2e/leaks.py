"""leaks.py: what grows, for the tests of `growth` and `suspects`: a service that
is run by `spawn`, and files of one process at several times.

SPDX-License-Identifier: MIT
"""
from cli import make_pxs

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


START, STEP = 1795230000, 20  # seconds


def series(tmp_path, *numbers):
    """A file for each number of connections, STEP seconds apart."""
    return [make_pxs(tmp_path / ("%d.pxs" % i), "--connections", n,
                     "--cycles", 0, "--time", START + i * STEP)
            for i, n in enumerate(numbers)]
