"""The explorer as a guest of the terminal: it comes, draws, and leaves it as
it was, however it ends and whatever the terminal can do.

SPDX-License-Identifier: MIT
"""
import os
import re
import signal
import subprocess

import pytest

from cli import environment
from harness import DEADLINE, REPOSITORY, TUI
from terminal import Terminal, outcome

CANNED = REPOSITORY / "tests" / "unit" / "golden" / "canned.pxs"


def explorer(*args, **how):
    return Terminal([TUI] + list(args) + [CANNED], **how)


def in_shell(command, **how):
    """A shell that runs command and then tells its status and stty."""
    script = ("before=$(stty -g); %s; status=$?; "
              "[ \"$before\" = \"$(stty -g)\" ] && echo tty=same "
              "|| echo tty=changed; echo status=$status; read x" % command)
    return Terminal(["/bin/sh", "-c", script], **how)


def test_types_stand_on_the_first_screen():
    with explorer() as t:
        t.wait_for("26 types")
        t.wait_for("1 of 26")
        assert t.alternate()
        assert "server.py  pid 4242" in t.lines()[0]
        assert t.lines()[2].split()[2:4] == ["rss", "96.0"]
        assert t.lines()[3].split()[:2] == ["TYPE", "COUNT"]
        assert "? help  q quit" in t.lines()[23]


def test_the_cursor_stands_on_the_selected_row():
    with explorer() as t:
        t.wait_for("1 of 26")
        for row in range(4, 9):
            assert t.lines()[row].startswith("▌")
            t.wait_until(lambda _: t.cursor() == (1, row), "the cursor")
            t.keys("j")
            t.wait_for("%d of 26" % (row - 2))


@pytest.mark.parametrize("key", ["q", "C-c", "Q", "F10"])
def test_leaves_the_terminal_as_it_was(key):
    with in_shell("%s %s" % (TUI, CANNED)) as t:
        t.wait_for("1 of 26")
        t.keys(key)
        t.wait_for("status=0")
        assert "tty=same" in t.screen()
        assert not t.alternate()
        assert "TYPE" not in t.screen()


@pytest.mark.parametrize("number, status", [
    (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGQUIT, 131),
    (signal.SIGINT, 0), (signal.SIGSEGV, 139), (signal.SIGABRT, 134),
])
def test_signals_restore_the_terminal(number, status, tmp_path):
    # exec: the shell's pid file is the program's pid
    pid_file = tmp_path / "pid"
    run = "sh -c 'echo $$ > %s; exec %s %s'" % (pid_file, TUI, CANNED)
    with in_shell(run) as t:
        t.wait_for("1 of 26")
        os.kill(int(pid_file.read_text()), number)
        t.wait_for("status=%d" % status)
        assert "tty=same" in t.screen()
        assert not t.alternate()


def test_suspends_and_comes_back():
    with Terminal(["/bin/bash", "--norc", "-i"], env={"PS1": "$ "}) as t:
        t.wait_for("$")
        t.type("%s %s\n" % (TUI, CANNED))
        t.wait_for("1 of 26")
        t.keys("j", "C-z")
        t.wait_for("Stopped")
        assert not t.alternate()
        t.type("fg\n")
        t.wait_for("2 of 26")
        assert t.alternate()
        t.keys("j")
        t.wait_for("3 of 26")
        t.keys("q")
        t.wait_gone("3 of 26")
        t.type("echo status=$?\n")
        t.wait_for("status=0")


@pytest.mark.parametrize("cols, rows", [(200, 50), (60, 20), (40, 10),
                                        (100, 24)])
def test_resize_keeps_the_row(cols, rows):
    with explorer() as t:
        t.wait_for("1 of 26")
        t.keys("j", "j", "j", "j", "j", "j", "j")
        t.wait_for("8 of 26")
        chosen = t.lines()[t.row_of("▌")].split()[0]
        t.resize(cols, rows)
        t.wait_until(lambda s: len(t.lines()) == rows
                     and t.lines()[-1].endswith("q quit"), "the new size")
        t.wait_for("8 of 26")
        assert t.lines()[t.row_of("▌")].split()[0] == chosen
        assert len(t.lines()[0]) <= cols


def test_too_small_says_so():
    with explorer() as t:
        t.wait_for("1 of 26")
        t.resize(20, 4)
        t.wait_for("too small")
        t.resize(80, 24)
        t.wait_for("1 of 26")


@pytest.mark.parametrize("name", ["vt100", "xterm", "linux", "ansi",
                                  "screen-256color", "no-such-terminal"])
def test_other_terminals(name):
    with explorer(env={"TERM": name}) as t:
        t.wait_for("1 of 26")
        t.keys("j", "Enter")
        t.wait_for("types ›")
        t.keys("q")
        assert t.wait_exit() == 0


def test_no_key_is_taken_for_its_letters():
    """What the terminal's description does not have: PgDn of a vt100; F13,
    reports and pastes that nobody asked for."""
    with explorer(env={"TERM": "vt100"}) as t:
        t.wait_for("1 of 26")
        t.raw(b"\x1b[6~")
        t.wait_for(r"^ 1\d of 26", regex=True)
        t.keys("G", "L")
        t.wait_for("Nothing was asked")
        t.raw(b"\x1b[25~\x1b[I\x1b[?1;2c\x1b[3~\x1b[200~\x1b[201~\x1bOw")
        t.type(":zz\n")
        t.wait_for("there is no command zz")
        assert t.lines()[1].split() == ["log"]
        t.raw(b"\x1b[")  # two keys
        t.wait_until(lambda _: t.lines()[1].split()[0] == "gc", "[: back")


def test_what_is_pasted_is_text():
    with explorer() as t:
        t.wait_for("1 of 26")
        t.raw(b"\x1b[200~quit\nq\x1b[201~")
        t.wait_for("what was pasted is no key")
        t.type("f")
        t.raw(b"\x1b[200~server.Conn\n\x1b[201~!Handler\r")
        t.wait_for("filter server.Conn !Handler hides 25")
        t.raw(b"\x1b[200~")  # one without an end
        t.keys("C-c")
        assert t.wait_exit() == 0


def test_no_color_is_honoured_and_still_reads():
    with explorer(env={"NO_COLOR": "1"}) as t:
        t.wait_for("1 of 26")
        ansi = t.ansi()
        assert "38;5" not in ansi and "48;5" not in ansi
        selected = [row for row in ansi.split("\n") if "▌" in row][0]
        assert re.search(r"\x1b\[(\d+;)*7m", selected), selected
    with explorer() as t:
        t.wait_for("1 of 26")
        assert "48;5" in t.ansi()
    with explorer("--color=never") as t:
        t.wait_for("1 of 26")
        assert "48;5" not in t.ansi()


@pytest.mark.parametrize("how", ["--ascii", "C"])
def test_ascii(how):
    args = [how] if how == "--ascii" else []
    env = {} if args else {"LANG": "C", "LC_ALL": "C"}
    with explorer(*args, env=env) as t:
        t.wait_for("1 of 26")
        t.keys("Enter", "Enter")
        t.wait_for("referred to by")
        assert t.screen().isascii()
        assert "|" in t.screen()


def test_mouse():
    # the one whose description asks for SGR reports, as Terminal.click sends
    with explorer(env={"TERM": "xterm-256color"}) as t:
        t.wait_for("1 of 26")
        t.click(10, 7)
        t.wait_for("4 of 26")
        t.click(2, 3)
        t.wait_for("TYPE▴")
        t.wait_for("9 of 26")  # the same row, dict, in its new place
        t.click(40, 6, button=65)  # the wheel, away from us
        t.wait_for("12 of 26")
        # at once: two processes of tmux may come too far apart
        t.raw(b"\x1b[<0;11;6M\x1b[<0;11;6m" * 2)
        t.wait_for("types ›")


def test_escape_is_quick():
    """Esc alone is Esc, not the begin of a key that never ends."""
    with explorer() as t:
        t.wait_for("1 of 26")
        t.type("fserver")
        t.wait_for("filter: server")
        t.raw(b"\x1b")
        t.wait_for("1 of 26", timeout=2)


def test_a_dumb_terminal_is_refused():
    status, screen = outcome([TUI, CANNED], env={"TERM": "dumb"})
    assert status == 2 and "pyexplore types" in screen


def run(*args, **how):
    how.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(TUI)] + [str(a) for a in args],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=60, **how)


def test_without_a_terminal_it_names_the_way():
    done = run(CANNED)
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert "--plain" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("args, status, words", [
    ([], 2, "TARGET is missing"),
    ([], 2, "One does after: import pyexplore; pyexplore.serve()"),
    (["--nothing"], 2, "no option"),
    (["a", "b"], 2, "one target"),
    (["--plain", "localhost:1"], 3, "nothing listens on"),
    (["--plain", "/nonexistent.pxs"], 3, "cannot open /nonexistent.pxs: "),
    (["--plain", __file__], 4, "is no snapshot"),
    (["--plain", "--theme=x", "a"], 2, "no theme"),
])
def test_errors_have_a_status_and_a_sentence(args, status, words):
    done = run(*args)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("pyexplore-tui: ")
    assert words in done.stderr


def test_a_locale_with_a_comma_in_numbers(tmp_path):
    source = tmp_path / "source"
    source.write_text('LC_NUMERIC\ndecimal_point ","\nthousands_sep ""\n'
                      'grouping -1\nEND LC_NUMERIC\n')
    subprocess.run(["localedef", "-c", "-i", str(source),
                    str(tmp_path / "comma")], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # says what is not in it
    env = dict(os.environ, LOCPATH=str(tmp_path), LC_NUMERIC="comma")
    env.pop("LC_ALL", None)
    point = subprocess.run(["locale", "decimal_point"], env=env,
                           stdout=subprocess.PIPE).stdout
    assert point == b",\n"
    done = run("--timeout=0.5", "--plain", "localhost:1", env=env)
    assert done.returncode == 3 and "nothing listens on" in done.stderr


def test_help_and_version():
    assert "TARGET" in run("--help").stdout
    assert run("--version").stdout.startswith("pyexplore-tui ")
    table = run("--keys-markdown").stdout
    assert "| `q`, `Q`, `C-c`, `F10` | `:quit` | leave |" in table
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(TUI), "--help"], stdout=full)
    assert done.returncode == 4


def plain(text, *args):
    done = run("--plain", *args, CANNED, stdin=None, input=text)
    assert done.stderr == "" and done.returncode == 0, done.stderr
    return done.stdout


def test_plain_tells_the_same_in_lines():
    out = plain("filter server.Connection !Handler\n1\n1\npath\nquit\n")
    assert "\x1b" not in out
    assert "TYPE server.Connection, COUNT 86" in out
    assert "types › server.Connection: 86 objects" in out
    assert "_CONNECTIONS" in out
    assert "-- referred to by" in out


def test_plain_refuses_and_goes_on():
    out = plain("nonsense\n99\nback\n\nholders\n")
    assert "there is no command nonsense" in out
    assert "there is no row of this number" in out
    assert "this is where you came in" in out


def test_plain_takes_whole_lines():
    out = plain("types " * 500 + "\nnonsense")
    assert out.count("this line is too long for a command") == 1
    assert "types takes nothing" not in out
    assert "there is no command nonsense" in out


def test_plain_ascii_and_place():
    out = plain("", "--ascii", "--goto", "path:server.Connection")
    assert out.isascii()
    assert "module server -> _CONNECTIONS[*]" in out


def test_it_sees_how_ssh_ends_where_children_go_unseen(tmp_path):
    """A parent that ignores SIGCHLD hands that down."""
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n")
    ssh.chmod(0o700)
    ran = subprocess.run(
        [str(TUI), "--plain", "--timeout", "10", "ssh://there/4711"],
        env=environment(PATH="%s:%s" % (tmp_path, os.environ["PATH"])),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=DEADLINE,
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert ran.returncode == 3
    assert b"it ended before it was connected" in ran.stderr
