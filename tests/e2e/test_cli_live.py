"""The commands of `pyexplore` work on a running process, and leave it as it
was: the leaking server of the demo is asked by TCP, pid and socket.

SPDX-License-Identifier: MIT
"""
import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys

import pytest

from cli import CLI, DEADLINE, environment, ok, run
from harness import LEAK_SERVER, Target, child_environment, wait_until
from leaks import snapshot_children
from terminal import Terminal
from wire import Wire

CONNECTIONS = 60


class Server:
    """tests/apps/server_leak.py after it has leaked CONNECTIONS."""

    def __init__(self, folder, leak):
        folder.mkdir(mode=0o700)
        self.env = environment(PYEXPLORE_DIR=str(folder),
                               XDG_RUNTIME_DIR=None)
        self.target = Target(
            [sys.executable, LEAK_SERVER, leak, "--connections", CONNECTIONS,
             "--rate", "2000", "--port", "0"],
            env=child_environment(PYEXPLORE_DIR=str(folder),
                                  XDG_RUNTIME_DIR=None))
        serving = self.target.event("serving")
        self.pid, self.socket = serving["pid"], serving["unix_path"]
        self.port = int(re.search(r"(\d+)\D*$", serving["address"]).group(1))
        self.target.event("leaked")

    def ok(self, *args, **more):
        return ok(*args, env=self.env, **more)

    def run(self, *args, **more):
        return run(*args, env=self.env, **more)

    def gc(self, *args):
        return self.ok("gc", self.pid, *args, "--json").json


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("live") / "px", "list")
    yield made
    made.target.close()


@pytest.fixture(scope="module")
def cycles(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("live") / "px", "cycle")
    yield made
    made.target.close()


# ---- the answer that people come for ----
def test_the_list_is_found(server):
    groups = server.ok("path", server.pid, "Connection",
                       "--json").json["groups"]
    assert groups[0]["count"] == CONNECTIONS
    assert groups[0]["root"].startswith("module ")
    assert groups[0]["path"].endswith("\u2192 _CONNECTIONS[*]")
    table = server.ok("path", server.pid, "Connection").lines[0]
    assert re.match(r"60 of 60  module __main__ \u2192 _CONNECTIONS\[\*\]$",
                    table)


def test_the_cycle_is_found(cycles):
    groups = cycles.ok("path", cycles.pid, "Connection",
                       "--json").json["groups"]
    cycle = next(g for g in groups if g["held_by"] == "cycle")
    assert cycle["root"] is None
    assert cycle["count"] >= CONNECTIONS - 2
    assert ".handler" in cycle["cycle"] and ".connection" in cycle["cycle"]
    assert re.search(r"^ *(58|59|60) of \d+  held_by: cycle  ",
                     cycles.ok("path", cycles.pid, "Connection").out, re.M)


def test_steps_of_one_connection(server):
    address = server.ok("instances", server.pid, "Connection", "--json",
                        "-n", 1).json["instances"][0]["address"]
    steps = server.ok("path", server.pid, address, "--json").json["steps"]
    assert steps[0]["step"] == "module __main__"
    assert [s["step"] for s in steps if s["culprit"]]
    shown = server.ok("show", server.pid, address, "--json").json
    assert {".sock", ".peer", ".headers", ".handler"} <= {
        r["edge"] for r in shown["referents"]}


# ---- every way to name it ----
def test_every_target_leads_there(server):
    seen = set()
    for target in ("localhost:%d" % server.port, "127.0.0.1:%d" % server.port,
                   ":%d" % server.port, str(server.pid), server.socket):
        result = server.ok("types", target, "--json").json
        assert result["target"] == target
        seen.add(result["snapshot"]["pid"])
    assert seen == {server.pid}


def test_ls(server):
    rows = server.ok("ls", "--json").json["servers"]
    row = next(r for r in rows if r["pid"] == server.pid)
    assert row["parent"] == os.getpid()
    assert row["uid"] == os.geteuid()
    assert row["port"] == server.port
    assert row["socket"] == server.socket
    assert row["python"].startswith("%d.%d." % sys.version_info[:2])
    assert row["rss_bytes"] > 1 << 20
    assert "server_leak.py" in row["command"]
    line = next(x for x in server.ok("ls").lines if str(server.pid) in x)
    assert "server_leak.py" in line and str(server.port) in line


def test_a_wrong_key_is_refused(server, tmp_path):
    key = tmp_path / "other.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    ran = server.run("types", "localhost:%d" % server.port, "--key-file", key)
    assert ran.status == 3 and ran.out == "", ran
    assert "key refused" in ran.err


def test_no_key_is_told(server, tmp_path):
    empty = tmp_path / "px"
    empty.mkdir(mode=0o700)
    env = dict(server.env, PYEXPLORE_DIR=str(empty))
    ran = run("types", "localhost:%d" % server.port, env=env)
    assert ran.status == 3 and "no key" in ran.err, ran
    assert "--key-file" in ran.err


# ---- detail ----
def test_names_has_no_values(server):
    rows = server.ok("instances", server.pid, "str", "--detail", "values",
                     "--json").json["instances"]
    assert any("client/1" in r["preview"] for r in rows)
    for detail in ("names", "types"):
        out = server.ok("instances", server.pid, "str", "--detail", detail,
                        "--json").out
        assert "client/1." not in out
        assert json.loads(out)["snapshot"]["detail"] == detail


# ---- snapshot ----
def test_snapshot_file_says_what_the_target_says(server, tmp_path):
    path = tmp_path / "app.pxs"
    ran = server.ok("snapshot", server.pid, "-o", path)
    assert re.match(re.escape(str(path)) + r": [\d,]+ objects, .*; the target "
                    r"was paused for .+ of .+$", ran.lines[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    result = ok("path", path, "Connection", "--json").json
    assert result["snapshot"]["complete"] is True
    assert result["groups"][0]["count"] == CONNECTIONS
    assert result["groups"][0]["path"].endswith("_CONNECTIONS[*]")


def test_snapshot_does_not_overwrite_unasked(server, tmp_path):
    path = tmp_path / "app.pxs"
    path.write_text("precious")
    ran = server.run("snapshot", server.pid, "-o", path)
    assert ran.status in (2, 4) and path.read_text() == "precious", ran
    assert "--force" in ran.err
    result = server.ok("snapshot", server.pid, "-o", path, "--force",
                       "--json").json
    assert result["file_bytes"] == path.stat().st_size > 8
    assert result["result"]["end"] == "complete"


def test_snapshot_to_a_full_disk(server):
    """Through a mount that is always full; nothing is left behind."""
    ran = server.run("snapshot", server.pid, "-o", "/dev/full")
    assert ran.status != 0 and ran.out == "", ran
    assert os.path.exists("/dev/full")


def test_snapshot_into_no_folder(server, tmp_path):
    ran = server.run("snapshot", server.pid, "-o", tmp_path / "no" / "x.pxs")
    assert ran.status != 0 and "x.pxs" in ran.err, ran


# ---- many objects ----
def test_a_large_snapshot_is_announced(server, tmp_path):
    env = dict(server.env, PYEXPLORE_ASK_OBJECTS="1000")
    refused = run("types", server.pid, env=env)
    assert refused.status == 2 and refused.out == "", refused
    assert re.search(r"has about [\d,]+ objects, .* to transfer, some ",
                     refused.err)
    assert "say --yes" in refused.err
    assert run("types", server.pid, "--yes", env=env).status == 0
    path = tmp_path / "x.pxs"
    assert run("snapshot", server.pid, "-o", path, env=env).status == 2
    assert not path.exists()
    assert run("snapshot", server.pid, "-o", path, "-y", env=env).status == 0
    assert path.exists()
    assert run("types", path, env=env).status == 0  # files are not asked for


@pytest.mark.parametrize("answer, status", [("y", 0), ("n", 4)])
def test_a_large_snapshot_asks_on_a_terminal(server, answer, status):
    env = dict(PYEXPLORE_ASK_OBJECTS="1000", **{
        k: server.env[k] for k in ("PYEXPLORE_DIR",)})
    line = "%s types %d -n 3; echo status $?; cat" % (
        shlex.quote(str(CLI)), server.pid)
    with Terminal(["sh", "-c", line], cols=100, env=env) as t:
        t.wait_for("Go on? [y/N]")
        t.keys(answer, "Enter")
        t.wait_for("status %d" % status)
        screen = "\n".join(t.lines())
        assert ("COUNT" in screen) == (status == 0)
        assert ("not started, as you said" in screen) == (status != 0)


@pytest.mark.parametrize("command", ["types", "snapshot -o large.pxs"])
def test_nothing_waits_for_the_answer(spawn, tmp_path, command):
    """While the user thinks no child walks and no spool stands full: after
    10 s of that a snapshot is given up as slow_peer."""
    folder = tmp_path / "px"
    folder.mkdir(mode=0o700)
    target = spawn("""
import pyexplore
things = [(i, str(i) * 3) for i in range(300000)]
pyexplore.serve(port=None, spool_bytes=4 << 20)
print("serves", flush=True)
input()
""", env={"PYEXPLORE_DIR": str(folder), "XDG_RUNTIME_DIR": None})
    assert target.line() == "serves"
    name, *more = command.split()
    line = "cd %s; %s %s %d %s; echo status $?; cat" % (
        shlex.quote(str(tmp_path)), shlex.quote(str(CLI)), name, target.pid,
        " ".join(more))
    with Terminal(["sh", "-c", line], cols=100, env={
            "PYEXPLORE_ASK_OBJECTS": "1000",
            "PYEXPLORE_DIR": str(folder)}) as t:
        t.wait_for("Go on? [y/N]")
        wait_until(lambda: not snapshot_children(target.pid), "no child")
        t.keys("y", "Enter")
        t.wait_for("status 0")


# ---- gc ----
def test_gc_state(server):
    state = server.gc()["state"]
    assert state["enabled"] is True
    assert len(state["thresholds"]) == len(state["counts"]) == 3
    out = server.ok("gc", server.pid).out
    assert re.match(r"collector +on, thresholds \d+ \d+ \d+, debug 0\n", out)
    assert re.search(r"^GENERATION +COUNT +COLLECTIONS", out, re.M)


def undo(server, command):
    """Runs the printed command, which must be pyexplore's."""
    words = shlex.split(command)
    assert words[0] == "pyexplore"
    return server.ok(*words[1:])


@pytest.mark.parametrize("change, key", [
    (("disable",), "enabled"),
    (("threshold", "500", "7", "8"), "thresholds"),
    (("debug", "UNCOLLECTABLE"), "debug"),
    (("debug", "DEBUG_SAVEALL,uncollectable"), "debug")])
def test_gc_changes_stay_and_can_be_undone(server, change, key):
    before = server.gc()["state"]
    result = server.gc(*change)
    assert result["changed"] is True
    assert result["state"][key] != before[key]
    assert server.gc()["state"][key] == result["state"][key]  # it stays
    again = server.gc(*change)
    assert again["changed"] is False and again["undo"] is None
    undo(server, result["undo"])
    after = server.gc()["state"]
    for name in ("enabled", "thresholds", "debug"):
        assert after[name] == before[name]


def test_restore_undoes_what_earlier_commands_changed(server):
    def settings(state):
        return [state[k] for k in ("enabled", "thresholds", "debug")]

    server.gc("restore")
    before = server.gc()["state"]
    assert before["kept"] == {}
    assert server.gc("restore")["changed"] is False
    server.gc("disable")
    server.gc("threshold", "5", "6", "7")
    server.gc("threshold", "50", "60", "70")
    server.gc("debug", "SAVEALL")
    assert re.search(r"^before +on, thresholds %d %d %d, debug 0$" % tuple(
        before["thresholds"]), server.ok("gc", server.pid).out, re.M)
    result = server.gc("restore")
    assert result["changed"] is True
    assert settings(result["state"]) == settings(before)
    assert settings(server.gc()["state"]) == settings(before)
    assert server.gc()["state"]["kept"] == {}
    assert "nothing was changed" in server.ok("gc", server.pid,
                                              "restore").out


@pytest.mark.parametrize("change, body", [
    ("disable", {"enabled": False}),
    ("threshold 5 6 7", {"thresholds": [5, 6, 7]}),
    ("debug UNCOLLECTABLE", {"debug": 4})])
def test_gc_keeps_what_another_had_set_for_a_while(server, change, body):
    """Set already, but only until the other leaves: then it stays, and to
    undo it is what there was before the other."""
    key = list(body)[0]
    server.gc("restore")  # what other tests kept
    before = server.gc()["state"]
    with Wire.unix(server.socket).hello() as other, \
            Wire.unix(server.socket).hello() as watch:
        other.ask("gc_set", body)
        assert re.search("^lasting +on, thresholds .*, debug 0$",
                         server.ok("gc", server.pid).out, re.M)
        assert "another connection until that ends" in server.ok(
            "gc", server.pid, "restore").out
        result = server.gc(*change.split())
        assert result["changed"] is True
        other.close()
        wait_until(lambda: watch.ask("status")["peers"] == 1, "it left")
        watch.ask("gc_state")  # behind what would put it back
    after = server.gc()["state"]
    assert after[key] == result["state"][key] != before[key]
    undo(server, result["undo"])
    assert server.gc()["state"][key] == before[key]
    server.gc("restore")


def test_gc_overrules_what_another_had_set(server):
    """Nothing lasts but what was there before: that needs no undoing."""
    server.gc("restore")
    with Wire.unix(server.socket).hello() as other:
        other.ask("gc_set", {"enabled": False})
        assert server.ok("gc", server.pid, "disable").lines[0] == \
            "the collector was already off, until another connection ends"
        server.gc("restore")
        other.ask("gc_set", {"enabled": False})
        result = server.gc("enable")
        assert result["changed"] is True and result["undo"] is None
        assert other.ask("gc_state")["enabled"] is True
    assert server.gc()["state"]["enabled"] is True
    server.gc("restore")


def test_gc_says_what_it_did(server):
    ran = server.ok("gc", server.pid, "disable")
    assert ran.lines == [
        "the collector is now off",
        "it stays so; undo: pyexplore gc %d enable" % server.pid]
    assert server.ok("gc", server.pid, "enable").lines[0] == \
        "the collector is now on"
    assert server.ok("gc", server.pid, "enable").lines == \
        ["the collector was already on"]


def test_debug_flags_that_print_are_announced(server):
    ran = server.ok("gc", server.pid, "debug", "STATS")
    assert "warning: DEBUG_STATS" in ran.err
    assert "on the target's stderr" in ran.err
    server.ok("gc", server.pid, "debug", "0")
    assert server.run("gc", server.pid, "debug", "LOUD").status == 2


def test_gc_collect_frees_the_cycles(tmp_path):
    made = Server(tmp_path / "px", "cycle")
    try:
        result = made.gc("collect")["result"]
        freed = {re.sub(r".*\.", "", r["type"]): r["count"]
                 for r in result["freed"]}
        assert freed["Connection"] >= CONNECTIONS - 2
        assert freed["ConnectionHandler"] == freed["Connection"]
        # each has a list, tracked always; their dicts of strings may not be
        assert freed["list"] >= CONNECTIONS - 2
        assert not any(r["type"].startswith("builtins.")
                       for r in result["freed"])
        assert result["collected"] > 0 and result["duration_ns"] > 0
        out = made.ok("gc", made.pid, "collect", "2").out
        assert re.match(r"collect 2: \d+ collected, 0 uncollectable, ", out)
        left = made.ok("path", made.pid, "Connection", "--json").json
        assert left["count"] <= 2
        assert made.run("gc", made.pid, "collect", "3").status == 2
    finally:
        made.target.close()


def test_freeze_is_not_done_unasked(server):
    before = server.gc()["state"]["frozen"]  # 3.12 starts with some
    for action in ("freeze", "unfreeze"):
        ran = server.run("gc", server.pid, action)
        assert ran.status == 2 and "cannot be undone" in ran.err, ran
    assert server.gc()["state"]["frozen"] == before
    frozen = server.gc("freeze", "--yes")
    assert "frozen" not in frozen["state"] and frozen["undo"] is None
    assert server.gc()["state"]["frozen"] > before + 100
    assert server.gc("unfreeze", "--yes")["undo"] is None
    assert server.gc()["state"]["frozen"] == 0


def test_garbage(server):
    result = server.gc("garbage")["result"]
    assert result["count"] == len(result["objects"]) == 0
    assert "0 objects in gc.garbage" in server.ok("gc", server.pid,
                                                  "garbage").err


# ---- it ends ----
def test_a_stopped_target_times_out(tmp_path):
    made = Server(tmp_path / "px", "list")
    try:
        os.kill(made.pid, signal.SIGSTOP)
        ran = made.run("types", made.pid, "--timeout", "0.5")
        assert ran.status in (3, 4) and ran.out == "", ran
        ran = made.run("gc", made.pid, "--timeout", "0.5")
        assert ran.status in (3, 4) and ran.out == "", ran
    finally:
        os.kill(made.pid, signal.SIGCONT)
        made.target.close()


def test_a_target_that_is_gone(tmp_path):
    made = Server(tmp_path / "px", "list")
    made.target.close()
    ran = made.run("types", made.pid)
    assert ran.status == 3 and "there is no process" in ran.err, ran
    ran = made.run("types", "localhost:%d" % made.port)
    assert ran.status == 3 and "nothing listens" in ran.err, ran


def test_nothing_of_a_session_is_left(server):
    """Descriptors and children of the target, before and after."""
    def descriptors():
        return len(os.listdir("/proc/%d/fd" % server.pid))

    server.ok("types", server.pid)
    before = descriptors()
    for _ in range(5):
        server.ok("path", server.pid, "Connection")
        server.ok("gc", server.pid)
    wait_until(lambda: descriptors() <= before, "the descriptors to close")


HOLDS_THE_GIL = """
import ctypes, sys, pyexplore
server = pyexplore.serve(port=None)
print("up", flush=True)
for line in sys.stdin:
    print("asleep", flush=True)
    ctypes.PyDLL(None).sleep(int(line))
"""


@pytest.fixture
def busy(px_folder):
    """A target that is in C code for a minute and keeps the GIL."""
    target = Target([sys.executable, "-c", HOLDS_THE_GIL],
                    env=child_environment())
    assert target.line() == "up"
    target.say("60")
    assert target.line() == "asleep"
    yield target
    target.process.kill()
    target.close()


@pytest.mark.parametrize("command", ["types", "path", "snapshot", "gc"])
def test_ctrl_c_while_the_target_is_busy(busy, tmp_path, command):
    """Progress says what it waits for; Ctrl-C ends it with a sentence."""
    more = {"path": " dict", "snapshot": " -o %s" % shlex.quote(
        str(tmp_path / "x.pxs"))}.get(command, "")
    line = "trap : INT; %s %s %d%s; echo status $?; cat" % (
        shlex.quote(str(CLI)), command, busy.pid, more)
    with Terminal(["sh", "-c", line], cols=100) as t:
        t.wait_for("waiting for the target" if command == "gc"
                   else "waiting for the GIL for")
        t.keys("C-c")
        t.wait_for("status 4")
        shown = [x for x in t.lines() if x.strip() and "^C" not in x]
        assert shown == ["pyexplore: cancelled", "status 4"]
    assert not list(tmp_path.glob("*x.pxs*"))


def test_timeout_while_the_target_is_busy(busy):
    """1.9999999 s once were more microseconds than a second has."""
    for seconds, args in (("0.3", ("types", busy.pid)),
                          ("0.3", ("gc", busy.pid)),
                          ("1.9999999", ("gc", busy.pid))):
        ran = run(*args, "--timeout", seconds)
        assert ran.status == 4, ran
        assert ran.err == "pyexplore: not done within %g s: given up\n" % (
            float(seconds))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_while_a_child_walks(server, tmp_path, number):
    """A signal during a snapshot: a sentence, status 4, no file."""
    path = tmp_path / "x.pxs"
    process = subprocess.Popen(
        [str(CLI), "snapshot", str(server.pid), "-o", str(path)],
        env=server.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    wait_until(lambda: list(tmp_path.glob("*x.pxs*"))
               or process.poll() is not None, "the file to appear")
    process.send_signal(number)
    out, err = process.communicate(timeout=DEADLINE)
    if process.returncode != 0:  # it was quick enough otherwise
        assert process.returncode == 4, err
        assert b"cancelled" in err
        assert not list(tmp_path.glob("*x.pxs*"))
