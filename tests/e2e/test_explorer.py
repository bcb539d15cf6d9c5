"""The explorer does its main job on a real target, in any terminal.

From the types to the line that holds a leaked Connection, at 80×24 and at
200×50, for both of the demo's leaks; then what terminals do to programs:
resize, no colour, no cursor addressing worth the name, no terminfo, signals.

SPDX-License-Identifier: MIT
"""
import os
import re
import signal

import pytest

from demo import Walk
from harness import TUI
from terminal import Terminal, outcome

SIZES = [(80, 24), (200, 50)]
COLOUR = re.compile(r"\x1b\[[0-9;]*\b(3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8;)")


def explorer(target, cols=80, rows=24, env=None, options=()):
    return Terminal([TUI] + list(options) + [str(target)], cols=cols,
                    rows=rows, env=env)


def to_path(terminal, proof):
    """Types → Connection → the paths of all; keys a user would press."""
    walk = Walk(terminal)
    walk.begin()
    walk.select(r"\bConnection\s")
    terminal.keys("Enter")
    terminal.wait_for(r"types › \S*Connection .*objects", regex=True)
    walk.path(proof)


@pytest.mark.parametrize("cols, rows", SIZES)
def test_names_the_list_that_holds_a_connection(leak_server, cols, rows):
    server = leak_server("list", 60)
    with explorer(server.pid, cols, rows) as terminal:
        to_path(terminal, ["__main__", "_CONNECTIONS"])
        terminal.keys("q")
        assert terminal.wait_exit() == 0
        terminal.wait_until(lambda screen: not terminal.alternate(),
                            "the normal screen")
    assert server.process.poll() is None


@pytest.mark.parametrize("cols, rows", SIZES)
def test_names_the_cycle_that_holds_a_connection(leak_server, cols, rows):
    server = leak_server("cycle", 60)
    with explorer(server.pid, cols, rows) as terminal:
        to_path(terminal, ["cycle", ".handler", ".connection"])


def test_dominators_begin_with_the_name_of_the_script(leak_server):
    """Frames hold the dict of __main__, too, so it is a row of its own."""
    server = leak_server("list", 1000)
    with explorer(server.pid) as terminal:
        terminal.wait_for("snapshot 1, ")
        terminal.type(":dominators\n")
        terminal.wait_for("module __main__ → dict ")
        terminal.keys("q")
        assert terminal.wait_exit() == 0


def test_connects_by_port_and_by_socket(leak_server):
    server = leak_server("list", 20)
    for target in (server.serving["address"], server.serving["unix_path"],
                   server.serving["address"].replace("127.0.0.1",
                                                     "localhost")):
        with explorer(target) as terminal:
            terminal.wait_for(r"snapshot 1, ", regex=True)
            terminal.keys("q")
            assert terminal.wait_exit() == 0


def test_back_comes_back_to_the_same_row(leak_server):
    server = leak_server("list", 60)
    with explorer(server.pid) as terminal:
        walk = Walk(terminal)
        walk.begin()
        walk.select(r"\bConnection\s")
        terminal.keys("Enter")
        terminal.wait_for("types ›")
        terminal.keys("BSpace")
        terminal.wait_gone("types ›")
        # its figures may have come in meanwhile
        terminal.wait_until(
            lambda screen: re.search(r"\bConnection\s", walk.selected()),
            "the cursor on the row it left")


def test_new_snapshot_sees_new_connections(leak_server):
    """r takes another one; the row stays selected and its count grows."""
    server = leak_server("list", 40)
    with explorer(server.pid) as terminal:
        walk = Walk(terminal)
        walk.begin()
        walk.select(r"\bConnection\s")
        assert re.search(r"\bConnection\s+40\b", walk.selected())
        terminal.keys("r")
        terminal.wait_for("snapshot 2, ")
        terminal.wait_until(
            lambda screen: re.search(r"\bConnection\s+40\b", walk.selected()),
            "the same row in snapshot 2")


def test_resize_keeps_what_is_selected(leak_server):
    server = leak_server("list", 60)
    with explorer(server.pid, 200, 50) as terminal:
        walk = Walk(terminal)
        walk.begin()
        walk.select(r"\bConnection\s")
        for cols, rows in ((80, 24), (40, 10), (132, 43), (20, 4), (80, 24)):
            terminal.resize(cols, rows)
            if rows > 5:
                terminal.wait_until(
                    lambda screen: "Connection" in walk.selected(),
                    "Connection selected at %d×%d" % (cols, rows))
                # the bar stands at the bottom: all of the screen is in use
                terminal.wait_until(
                    lambda screen: "help" in screen.split("\n")[rows - 1],
                    "the bar on the last of %d rows" % rows)
            assert all(len(line) <= cols for line in terminal.lines())
        terminal.keys("q")
        assert terminal.wait_exit() == 0


def test_no_color_means_none(leak_server):
    server = leak_server("list", 20)
    with explorer(server.pid, env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("snapshot 1, ")
        assert not COLOUR.search(terminal.ansi())
        # what is selected shows all the same
        assert "\x1b[" in terminal.ansi()
    with explorer(server.pid) as terminal:
        terminal.wait_for("snapshot 1, ")
        assert COLOUR.search(terminal.ansi())


@pytest.mark.parametrize("env", [
    {"TERM": "vt100"},
    {"TERM": "xterm-256color"},
    {"TERM": "screen"},
    {"TERM": "no-such-terminal"},
    {"TERM": "xterm", "TERMINFO": "/nonexistent",
     "TERMINFO_DIRS": "/nonexistent"},
    {"TERM": None},
    {"LANG": "C", "LC_ALL": "C"},
], ids=lambda env: "+".join("%s=%s" % item for item in env.items()))
def test_any_terminal_will_do(leak_server, env):
    server = leak_server("list", 20)
    with explorer(server.pid, env=env) as terminal:
        walk = Walk(terminal)
        walk.begin()
        walk.select(r"\bConnection\s")
        terminal.keys("Enter")
        terminal.wait_for("_CONNECTIONS")
        if env.get("LC_ALL") == "C":
            assert terminal.screen().isascii()
        terminal.keys("q")
        assert terminal.wait_exit() == 0


def test_a_dumb_terminal_is_refused_with_what_to_do(leak_server):
    server = leak_server("list", 5)
    status, screen = outcome([TUI, server.pid], env={"TERM": "dumb"})
    assert status == 2 and "pyexplore types" in screen


def test_without_a_terminal_it_is_refused(leak_server):
    import subprocess
    server = leak_server("list", 5)
    done = subprocess.run(
        [str(TUI), str(server.pid)], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr and b"\x1b" not in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP,
                                    signal.SIGINT])
def test_a_signal_gives_the_terminal_back(leak_server, number):
    server = leak_server("list", 5)
    with explorer(server.pid) as terminal:
        terminal.wait_for("snapshot 1, ")
        assert terminal.alternate()
        terminal.signal(number)
        terminal.wait_exit()
        terminal.wait_until(lambda screen: not terminal.alternate(),
                            "the normal screen")


def test_suspend_and_resume(leak_server):
    """Ctrl-Z gives the shell its terminal, fg the explorer its screen."""
    server = leak_server("list", 5)
    with Terminal(["bash", "--norc", "-i"], env={"PS1": "shell> "}) as terminal:
        terminal.wait_for("shell>")
        terminal.type("%s %d" % (TUI, server.pid))
        terminal.keys("Enter")
        terminal.wait_for("snapshot 1, ")
        terminal.keys("C-z")
        terminal.wait_until(lambda screen: not terminal.alternate()
                            and "Stopped" in screen, "the shell")
        terminal.type("fg")
        terminal.keys("Enter")
        terminal.wait_until(lambda screen: terminal.alternate()
                            and "snapshot 1, " in screen, "the explorer")
        terminal.keys("q")
        terminal.wait_until(lambda screen: "snapshot 1" not in screen
                            and "shell>" in screen, "the shell")


def test_the_target_ends_and_the_snapshot_stays(leak_server):
    server = leak_server("list", 40)
    with explorer(server.pid) as terminal:
        Walk(terminal).begin()
        server.close()
        terminal.wait_for("ended")
        walk = Walk(terminal)
        walk.select(r"\bConnection\s")
        terminal.keys("Enter")
        terminal.wait_for("_CONNECTIONS")
        terminal.keys("q")
        assert terminal.wait_exit() == 0


def test_gc_flags_are_given_back(spawn):
    """What the explorer switched off is on again when it is gone."""
    target = spawn("""if 1:
        import gc, pyexplore, sys
        with pyexplore.serve(port=None) as server:
            print(server.unix_path, flush=True)
            for line in sys.stdin:
                print(gc.isenabled(), gc.get_debug(), flush=True)
    """)
    path = target.line()
    with explorer(path) as terminal:
        terminal.wait_for("snapshot 1, ")
        terminal.keys("G")
        terminal.wait_for("threshold")
        terminal.keys("e")

        def state():
            target.say("")
            return target.line()

        terminal.wait_until(lambda screen: state().startswith("False"),
                            "the collector to be off")
        terminal.keys("q")
        assert terminal.wait_exit() == 0
    assert state() == "True 0"


def test_usage_and_version():
    status, screen = outcome([TUI])
    assert status == 2 and "TARGET" in screen
    status, screen = outcome([TUI, "--version"])
    assert status == 0 and re.search(r"^pyexplore-tui \d+\.\d+", screen, re.M)
    status, screen = outcome([TUI, "--help"], rows=60)
    assert status == 0 and "TARGET" in screen


def test_what_cannot_be_reached_ends_with_a_sentence(tmp_path):
    for target, sentence in (
            ("127.0.0.1:1", "nothing listens on 127.0.0.1 port 1"),
            (str(tmp_path / "none.pxs"), "none.pxs: No such file")):
        status, screen = outcome([TUI, target], cols=200)
        assert status == 3 and sentence in screen, screen


def test_wide_and_hostile_names_do_not_move_the_cursor(spawn):
    """Names from the target cannot speak to the terminal."""
    target = spawn("""if 1:
        import pyexplore, sys
        Evil = type("Evil\\x1b[2J\\u202e", (), {})
        Wide = type("\\u5bbd\\u5bbd\\u5bbd", (), {})
        kept = [Evil() for i in range(9000)] + [Wide() for i in range(9000)]
        with pyexplore.serve(port=None) as server:
            print(server.unix_path, flush=True)
            sys.stdin.read()
    """)
    path = target.line()
    with explorer(path) as terminal:
        terminal.wait_for("snapshot 1, ")
        terminal.wait_for(r"Evil\x1b[2J\u202e")
        terminal.wait_for("\u5bbd\u5bbd\u5bbd")
        # one look: the rows change places while figures come in
        lines = terminal.lines()
        row, other = (next(line for line in lines if name in line)
                      for name in ("\u5bbd", "Evil"))
        # three wide characters take six cells: the columns still stand
        assert row.index("9,000") + 3 == other.index("9,000")
