"""cli.py: runs the program pyexplore for the tests of test_cli*.py.

SPDX-License-Identifier: MIT
"""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.join(HERE, os.pardir, "tools")
sys.path[:0] = [HERE, TOOLS]
from harness import CLI, DEADLINE, child_environment  # noqa: E402

MAKE_PXS = os.path.join(TOOLS, "make_pxs.py")


class Ran:
    """What a run printed and how it ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()

    def __repr__(self):
        return "status %s\nstdout:\n%s\nstderr:\n%s" % (
            self.status, self.out, self.err)


def environment(**changes):
    """As pinned for the terminal: no colours, no width, UTF-8."""
    env = child_environment(LC_ALL="C.UTF-8", TERM="xterm-256color",
                            COLUMNS=None, NO_COLOR=None, LD_PRELOAD=None,
                            PYTHONMALLOC=None, ASAN_OPTIONS=None)
    env.update(changes)
    return {name: value for name, value in env.items() if value is not None}


def run(*args, env=None, stdin=subprocess.DEVNULL, timeout=DEADLINE, **popen):
    """Runs `pyexplore ARGS`, both outputs on pipes."""
    done = subprocess.run(
        [str(CLI)] + [str(a) for a in args], env=env or environment(),
        stdin=stdin, stdout=popen.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE, timeout=timeout, **popen)
    return Ran(done.returncode, (done.stdout or b"").decode("utf-8"),
               done.stderr.decode("utf-8"))


def ok(*args, **more):
    """Runs it and expects success."""
    ran = run(*args, **more)
    assert ran.status == 0, ran
    return ran


def make_pxs(path, *args):
    subprocess.run([sys.executable, MAKE_PXS, str(path)]
                   + [str(a) for a in args], check=True)
    return path
