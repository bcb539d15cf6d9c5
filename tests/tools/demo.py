"""demo.py: the main job, end to end: a leaking server, and the explorer on it.

Usage (by `make demo`): demo.py [list|cycle]

On a terminal it opens the explorer there.  Without one it drives the explorer
in a terminal of its own from the types to an instance of Connection, to one of
its referrers and to its path, prints every screen, and fails if a key leads
nowhere or if what holds the connection is not on the last one.  Either way it
then ends the server and looks whether anything was left behind: a process, a
socket, a key file, a port.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
os.environ.setdefault("PYEXPLORE_BUILD", os.environ.get("BUILD", "build"))

from harness import (LEAK_SERVER, TUI, Target, child_environment, children_of,
                     wait_until)
from terminal import Terminal, TerminalError, alive, frame

# What the last screen must say, by kind of leak.
PROOF = {"list": ["_CONNECTIONS"], "cycle": [".handler", ".connection"]}
# Which of those that refer to the instance is followed back, and its type:
# attributes stand in a dict before 3.11.
REFERRER = {"list": (r"▌\[\d+\] of list", "list"),
            "cycle": (r"▌(\.|\[')connection\b.* of (Connection|dict)",
                      "(ConnectionHandler|dict)")}
ENOUGH = 400  # connections before the first snapshot


def folders():
    """Where the agent may put sockets and keys (design, section 6)."""
    named = os.environ.get("PYEXPLORE_DIR")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    uid = os.getuid()
    found = [named, runtime and os.path.join(runtime, "pyexplore"),
             "/run/user/%d/pyexplore" % uid, "/tmp/pyexplore-%d" % uid]
    return [pathlib.Path(folder) for folder in found if folder]


def files():
    """What is in the folders now: they are shared with other processes, and
    with what those left behind that were killed."""
    return {str(folder / name) for folder in folders() if folder.is_dir()
            for name in os.listdir(str(folder))}


def leftovers(pids, address):
    """Sockets and keys of these processes."""
    names = ["%d.sock" % pid for pid in pids]
    if address:
        names.append("tcp-%s.key" % address.rpartition(":")[2])
    return sorted(path for path in files() if os.path.basename(path) in names)


def listens(address):
    """True while somebody listens on the loopback port of HOST:PORT."""
    wanted = ":%04X" % int(address.rpartition(":")[2])
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name) as f:
                rows = [line.split() for line in f][1:]
        except FileNotFoundError:
            continue
        if any(row[1].endswith(wanted) and row[3] == "0A" for row in rows):
            return True
    return False


class Walk:
    """Drives the explorer and prints each screen with what it shows."""

    def __init__(self, terminal):
        self.terminal = terminal
        self.number = 0
        self.shown = None

    def begin(self):
        """Until the first snapshot is whole and shown."""
        self.terminal.wait_for("snapshot 1, ", timeout=60)

    def show(self, title):
        screen = self.terminal.screen()
        self.number += 1
        print("\n%d. %s" % (self.number, title))
        print(frame(screen, self.terminal.cols), flush=True)
        body = screen.split("\n")[1:]  # the first row has a clock
        if body == self.shown:
            raise TerminalError("screen %d is the one before it" % self.number)
        self.shown = body

    def arrive(self, place, header):
        """Until the second row says where we are, to its end or to the
        figures at its right, and the third is the header of that view."""
        wanted = re.compile(r"^ types\b.*› %s(  |$)" % place)
        self.terminal.wait_until(
            lambda screen: wanted.search(screen.split("\n")[1])
            and re.search(header, screen.split("\n")[2]),
            "the view › %s with its header %s" % (place, header))

    def arrive_at_object(self, kind):
        self.arrive("%s › [0-9a-f]+" % kind, "^ held by .*│ %s " % kind)

    def path(self, proof):
        """Asks for the path and waits until all of the proof is in its view.
        What the view says is also on screens before it: the place counts."""
        self.terminal.keys("p")
        self.arrive("paths?", r"^ (STEP|COUNT)\b")
        self.terminal.wait_until(
            lambda screen: all(word in screen for word in proof),
            " and ".join(proof))

    def selected(self):
        """The row that the hardware cursor stands on."""
        return self.terminal.lines()[self.terminal.cursor()[1]]

    def choose(self, pattern):
        """Goes down to the first row of the pane that is right."""
        for _ in range(20):
            self.terminal.wait_for("▌")
            before = self.selected()
            if re.search(pattern, before):
                return
            self.terminal.keys("Down")
            self.terminal.wait_until(lambda screen: self.selected() != before,
                                     "the next row")
        raise TerminalError("no row %r" % pattern)

    def select(self, pattern):
        """Searches, and goes on to the next match until the row is right."""
        wanted = re.compile(pattern)
        self.terminal.keys("/")
        self.terminal.type("Connection")
        self.terminal.keys("Enter")
        for _ in range(20):
            try:
                self.terminal.wait_until(
                    lambda screen: wanted.search(self.selected()),
                    "the cursor on " + pattern, timeout=2)
                return
            except TerminalError:
                self.terminal.keys("n")
        raise TerminalError("no row %r on:\n%s" % (
            pattern, frame(self.terminal.screen(), self.terminal.cols)))


def drive(target, leak):
    """Types, instances, object, referrers, path; 0 if the proof is there."""
    with Terminal([str(TUI), target], cols=100, rows=30) as terminal:
        walk = Walk(terminal)
        walk.begin()
        walk.select(r"\bConnection\s")
        walk.show("types: Connection grows")
        terminal.keys("Enter")
        walk.arrive(r"\S*\bConnection", r"^ ADDRESS ")
        walk.show("its instances")
        terminal.keys("Enter")
        walk.arrive_at_object("Connection")
        walk.show("one instance: its chain, its referrers, its referents")
        row, kind = REFERRER[leak]
        walk.choose(row)
        terminal.keys("Enter")
        walk.arrive_at_object(kind)
        walk.show("one step back: what refers to it")
        terminal.keys("BSpace")
        walk.arrive_at_object("Connection")
        walk.path(PROOF[leak])
        walk.show("the path: what holds it")
        terminal.keys("q")
        return terminal.wait_exit()


def explore(target):
    """The explorer in this terminal; Ctrl-C is its business, not ours."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return subprocess.run(
            [str(TUI), target],
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        ).returncode
    finally:
        signal.signal(signal.SIGINT, before)


def complaints(pids, address, before):
    """What was left behind, one sentence each; gives the system a moment."""
    def left():
        found = ["process %d still runs" % pid for pid in pids if alive(pid)]
        found += [path + " was left" for path in leftovers(pids, address)
                  if path not in before]
        if address and listens(address):
            found.append("%s still listens" % address)
        return found

    try:
        wait_until(lambda: not left(), "the end of everything", timeout=5)
    except AssertionError:
        pass
    return left()


def leave(number, frame):
    sys.exit(128 + number)


def main(argv):
    leak = argv[0] if argv else "list"
    if leak not in PROOF:
        print("DEMO is list or cycle, not %r" % leak, file=sys.stderr)
        return 2
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    for number in (signal.SIGTERM, signal.SIGHUP):  # the terminal was closed
        signal.signal(number, leave)
    before = files()
    server = Target([sys.executable, LEAK_SERVER, leak, "--rate", "200",
                     "--tell", ENOUGH],
                    env=child_environment(), start_new_session=True)
    pids = [server.pid]
    serving = {}
    try:
        serving = server.event("serving")
        pids += children_of(server.pid)
        # a busy port 9999 is no reason to stop: the pid always works
        target = serving["address"] or str(server.pid)
        print("a server that leaks (%s) is process %d; the explorer opens on "
              "it:\n  pyexplore-tui %s" % (leak, server.pid, target),
              flush=True)
        server.event("leaked")
        status = explore(target) if interactive else drive(target, leak)
    except (TerminalError, AssertionError) as error:
        print(error, file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        status = 130
    finally:
        server.close()
    if server.stderr:
        print("the server said:\n" + "".join(server.stderr), file=sys.stderr)
    left = complaints(pids, serving.get("address"), before)
    for sentence in left:
        print("left behind: " + sentence, file=sys.stderr)
    if not interactive and status == 0 and not left:
        print("\nthe explorer named what holds the connections; nothing was "
              "left behind")
    return status or (1 if left else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
