"""`pyexplore check` says FAIL for what grows in every round, by its path, and
PASS for everything else, on files and on a running process.

SPDX-License-Identifier: MIT
"""
import os
import re
import shlex
import signal

import pytest

import leaks
from cli import CLI, environment, make_pxs, ok, run
from harness import wait_until
from terminal import Terminal

# Does one word of work for each line that it reads from a pipe, then answers.
WORKER = r"""if 1:
    import collections, gc, os, sys, pyexplore
    class Session: pass
    class Node: pass
    _SESSIONS = []
    _RECENT = collections.deque(maxlen=40)
    def leak():
        _SESSIONS.append(Session())
    def fill():
        for _ in range(30):
            _RECENT.append(Session())
    def cycle():
        a, b = Node(), Node()
        a.peer, b.peer = b, a
    pyexplore.serve(port=None)
    if sys.argv[3:] == ["gc-off"]:
        gc.disable()
    print("ready", flush=True)
    while True:
        with open(sys.argv[1]) as pipe:
            word = pipe.readline().strip()
        globals()[word]()
        with open(sys.argv[2], "w") as pipe:
            pipe.write("done\n")
"""


class Worker:
    def __init__(self, spawn, folder, *args):
        self.ask, self.answer = str(folder / "ask"), str(folder / "answer")
        os.mkfifo(self.ask)
        os.mkfifo(self.answer)
        self.target = spawn(WORKER, self.ask, self.answer, *args)
        assert self.target.line() == "ready"

    def check(self, word, *args):
        work = "echo %s > %s; read answer < %s" % (word, self.ask, self.answer)
        return run("check", self.target.pid, "--during", work, *args)


@pytest.fixture
def series(tmp_path):
    """series(10, 20, …): a file for each number of connections."""
    def make(*numbers):
        folder = tmp_path / "-".join(map(str, numbers))
        folder.mkdir()
        return leaks.series(folder, *numbers, cycles=10)
    return make


# ---- files ----
def test_what_grows_in_every_round_is_named_with_its_path(series):
    files = series(10, 20, 30, 40)
    ran = run("check", *(files + ["--json"]))
    assert ran.status == 1
    result = ran.json
    assert result["verdict"] == "fail" and result["rounds"] == 3
    first = result["findings"][0]
    assert first["type"] == "server.Connection"
    assert first["path"].endswith("_CONNECTIONS[*]")
    assert first["held_by"] == "root" and first["a_round"] == 10
    assert (first["count_before"], first["count_after"]) == (10, 40)
    assert first["below"] > 30 and first["bytes"] > 30 * 4096
    table = run("check", *files)
    assert table.status == 1
    assert table.lines[0].startswith("FAIL  ")
    assert re.search(r"\+10 +40 .*server\.Connection +module server",
                     table.out)


def test_what_paused_in_one_round_is_no_leak(series):
    for numbers in ((10, 20, 20, 30), (10, 20, 30, 30), (20, 10, 20, 30)):
        ran = ok("check", *series(*numbers))
        assert ran.lines == ["PASS  nothing grew in each of 3 rounds"]


def test_a_series_that_the_shell_sorted_gets_no_false_verdict(tmp_path):
    files = leaks.as_a_shell_sorts(tmp_path, 10, 20, 30)
    ran = run("check", *files)
    assert ran.status == 1 and ran.lines[0].startswith("FAIL"), ran
    assert "taken in the order of their times" in ran.err


def test_files_of_two_processes_get_no_verdict(series, tmp_path):
    other = make_pxs(tmp_path / "other.pxs", "--pid", 17)
    ran = run("check", *(series(10, 20) + [other]))
    assert ran.status == 2 and "pid 17 on shop-7" in ran.err
    ran = run("check", 1, 2)
    assert ran.status == 2 and "no rounds of one" in ran.err


def test_what_hangs_on_a_finding_is_part_of_it(series):
    findings = run("check", *(series(100, 200, 300)
                              + ["--json", "-n", 0])).json["findings"]
    paths = [f["path"] for f in findings if f["path"]]
    for path in paths:
        assert not [p for p in paths if p != path and p.startswith(path)
                    and p[len(path):].startswith((" \u2192", "[", "."))]


def test_growth_may_be_allowed(series):
    files = series(10, 20, 30)
    assert run("check", *(files + ["--max-growth", 9])).status == 1
    assert run("check", *(files + ["--max-growth", 10])).status == 0


@pytest.mark.parametrize("args, words", [
    (["1.pxs"], "two or more snapshot files"),
    (["1.pxs", "2.pxs", "--during", "true"], "needs one TARGET"),
    (["1.pxs", "--during", "true", "--rounds", "0"], "0 rounds"),
    (["1.pxs", "2.pxs", "--rounds", "3"], "are the files")])
def test_mistakes_are_usage(args, words):
    ran = run("check", *args)
    assert ran.status == 2 and words in ran.err


def test_a_cut_file_gets_no_verdict(series, tmp_path):
    old, new = series(10, 20)
    new.write_bytes(new.read_bytes()[:-200])
    ran = run("check", old, new)
    assert ran.status == 4 and "no verdict" in ran.err


# ---- a running process ----
def test_a_leaking_operation_fails(spawn, tmp_path):
    ran = Worker(spawn, tmp_path).check("leak", "--json")
    assert ran.status == 1
    found, = ran.json["findings"]
    assert found["type"] == "__main__.Session" and found["a_round"] == 1
    assert found["path"] == "module __main__ \u2192 _SESSIONS[*]"


def test_a_bounded_container_passes_once_it_is_full(spawn, tmp_path):
    ran = Worker(spawn, tmp_path).check("fill")
    assert ran.status == 0 and ran.lines[0].startswith("PASS"), ran


def test_cycles_fail_only_when_nobody_collects_them(spawn, tmp_path):
    worker = Worker(spawn, tmp_path)
    ran = worker.check("cycle")
    assert ran.status == 0 and "wait for the collector" in ran.err
    assert worker.check("cycle", "--collect").status == 0
    other = tmp_path / "other"
    other.mkdir()
    worker = Worker(spawn, other, "gc-off")
    ran = worker.check("cycle", "--json")
    assert ran.status == 1
    found = ran.json["findings"][0]
    assert found["type"] == "__main__.Node" and found["held_by"] == "cycle"
    assert found["path"] is None and ".peer" in found["cycle"]
    assert worker.check("cycle", "--collect").status == 0


def test_work_that_fails_ends_the_check(leak_server):
    pid = leak_server("list", 5).pid
    ran = run("check", pid, "--during", "echo out; exit 3",
              env=environment(PYEXPLORE_DIR=os.environ["PYEXPLORE_DIR"]))
    assert ran.status == 2 and ran.out == ""
    assert "out\n" in ran.err and "failed with status 3" in ran.err


def test_work_that_fails_is_seen_where_children_go_unseen(leak_server):
    """A parent that ignores SIGCHLD hands that down."""
    ran = run("check", leak_server("list", 5).pid, "--during", "exit 3",
              env=environment(PYEXPLORE_DIR=os.environ["PYEXPLORE_DIR"]),
              preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    assert ran.status == 2 and "failed with status 3" in ran.err, ran


def living(group):
    """The processes of a group, without those that only wait to be reaped."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                state, _, pgrp = file.read().rpartition(")")[2].split()[:3]
        except OSError:  # gone
            continue
        if int(pgrp) == group and state not in "ZX":
            found.append(pid)
    return found


@pytest.mark.parametrize("work", [
    "trap '' TERM; echo $$ > %s; sleep 100; true",
    "(trap '' TERM; echo $$ > %s; exec sleep 100) & wait"],
    ids=["shell", "child"])
def test_timeout_ends_work_that_does_not_listen(work, leak_server, tmp_path):
    """And what it started, also when the shell itself did listen. Where no
    terminal is."""
    file = tmp_path / "pid"
    ran = run("check", leak_server("list", 5).pid, "--timeout", 5, "--during",
              work % file, start_new_session=True,
              env=environment(PYEXPLORE_DIR=os.environ["PYEXPLORE_DIR"]))
    assert ran.status == 4 and "not done within 5 s" in ran.err, ran
    assert file.exists(), "the work never began: %r" % ran
    wait_until(lambda: not living(int(file.read_text())), "the end of sleep")


def test_work_may_ask_who_sits_at_the_terminal(leak_server):
    """A group of its own would be stopped for that."""
    command = [CLI, "check", leak_server("list", 5).pid, "--timeout", 100,
               "--warmup", 0, "--rounds", 1, "--during",
               "echo a word?; read word < /dev/tty; echo it is $word"]
    line = " ".join(shlex.quote(str(word)) for word in command)
    with Terminal(["sh", "-c", line + "; echo status $?; cat"]) as t:
        t.wait_for("a word?")
        t.keys("yes", "Enter")
        t.wait_for("it is yes")
        t.wait_for("status 0")
