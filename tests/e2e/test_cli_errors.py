"""Every mistake and mishap ends `pyexplore` with a sentence, a way on, and
the exit status of its kind; with --json also as an object.

SPDX-License-Identifier: MIT
"""
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from cli import CLI, DEADLINE, environment, make_pxs, ok, run
from harness import TUI, Target
import leaks
import pxs
from terminal import Terminal


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return make_pxs(tmp_path_factory.mktemp("cli") / "shop.pxs")


@pytest.fixture
def folder(tmp_path):
    """An environment whose folder of sockets is empty."""
    home = tmp_path / "px"
    home.mkdir(mode=0o700)
    return environment(PYEXPLORE_DIR=str(home), XDG_RUNTIME_DIR=None)


def fails(status, message, hint, *args, **more):
    """Runs it twice: the sentence on stderr, and the object of --json."""
    ran = run(*args, **more)
    assert ran.status == status, ran
    assert ran.out == ""
    lines = ran.err.splitlines()
    assert re.match("pyexplore: " + message, lines[0]), ran
    if hint:
        assert len(lines) == 2 and re.match("  " + hint, lines[1]), ran
    as_json = run(*args, "--json", **more)
    assert as_json.status == status
    assert len(as_json.lines) == 1  # as `growth` prints lines
    error = as_json.json["error"]
    assert re.match(message, error["message"]), error
    assert error["exit_status"] == status
    assert "pyexplore: " + error["message"] == \
        as_json.err.splitlines()[0]
    return error


# ---- usage: 2 ----
def test_what_a_whole_snapshot_leaves_out_is_said(snapshot, tmp_path):
    """In the log and on the explorer's last line, too."""
    snap = pxs.read(str(snapshot))
    snap.footer[pxs.FOOTER["LEFT_OUT"]] = 2
    snap.footer[pxs.FOOTER["THREADS_LEFT_OUT"]] = 1
    path = str(tmp_path / "less.pxs")
    snap.write(path)
    ran = ok("types", path)
    assert ("without the objects of 2 interpreters (a GIL of its own, or too "
            "many of them), and without the frames of 1 thread") in ran.err
    head = ok("types", path, "--json").json["snapshot"]
    assert head["complete"] is True
    assert (head["interpreters_left_out"], head["threads_left_out"]) == (2, 1)
    head = ok("types", snapshot, "--json").json["snapshot"]
    assert (head["interpreters_left_out"], head["threads_left_out"]) == (0, 0)
    with Terminal([TUI, path], cols=200, rows=30) as t:
        t.wait_for("snapshot 1 is without the objects of 2 interpreters")
        t.type(":log")
        t.keys("Enter")
        t.wait_for("and without the frames of 1 thread")


def test_no_command_shows_the_help_and_fails():
    ran = run()
    assert ran.status == 2 and ran.out == ""
    assert ran.err.startswith("usage: pyexplore COMMAND")


@pytest.mark.parametrize("typed, meant", [
    ("type", "types"), ("instnaces", "instances"), ("referers", "referrers"),
    ("paths", "path"), ("snapshto", "snapshot"), ("lst", "ls")])
def test_a_mistyped_command(typed, meant):
    fails(2, "there is no command " + typed, "did you mean `pyexplore %s`"
          % meant, typed)


def test_an_unknown_command():
    fails(2, "there is no command frobnicate", "`pyexplore --help`",
          "frobnicate")


def test_a_mistyped_option(snapshot):
    fails(2, "`types` has no option --srot", "did you mean --sort", "types",
          snapshot, "--srot", "size")
    fails(2, "`ls` has no option --sort", "`pyexplore ls --help`", "ls",
          "--sort=size")


def test_arguments_are_counted(snapshot):
    fails(2, "`types` needs more arguments", "usage: pyexplore types TARGET",
          "types")
    fails(2, "`types` has too many arguments", "usage", "types", snapshot,
          "dict")


@pytest.mark.parametrize("args, message", [
    (("--sort", "colour"), "cannot sort by 'colour'"),
    (("-n", "many"), "--limit needs a number, not 'many'"),
    (("-n", "-3"), "--limit needs a number, not '-3'"),
    (("-n",), "--limit needs N"),
    (("--timeout", "soon"), "--timeout needs a number of seconds"),
    (("--timeout", "0"), "--timeout needs a number of seconds"),
    (("--detail", "all"), "there is no detail 'all'"),
    (("--yes=no",), "--yes takes no value")])
def test_bad_values_of_options(snapshot, args, message):
    ran = run("types", snapshot, *args)
    assert ran.status == 2 and ran.out == "", ran
    assert ran.err.startswith("pyexplore: " + message), ran


def test_two_dashes_end_the_options(snapshot):
    ran = run("instances", "--", snapshot, "--json")
    assert ran.status == 5 and "no type --json" in ran.err


# ---- no such type or object: 5 ----
def test_an_unknown_type_is_told_what_is_near(snapshot):
    error = fails(5, "this snapshot has no type Conection",
                  "did you mean .*server.Connection", "path", snapshot,
                  "Conection")
    assert "server.Connection" in error["candidates"]
    fails(5, "this snapshot has no type Zzyzx", "", "instances", snapshot,
          "Zzyzx")


def test_an_ambiguous_type_lists_its_meanings(tmp_path):
    heap = pxs.Heap()
    kept = []
    for name in ("app.db.Session", "app.web.Session", "app.web.Session"):
        kept.append(heap.new(name, 48, type_flags=pxs.TYPE_HEAP | pxs.TYPE_GC
                             | pxs.TYPE_PYTHON))
    path = tmp_path / "two.pxs"
    heap.finish(python="3.13.0", pid=1).write(str(path))
    error = fails(2, "2 types are called Session",
                  "say app.db.Session or app.web.Session", "path", path,
                  "Session")
    assert error["candidates"] == ["app.db.Session", "app.web.Session"]
    assert ok("instances", path, "web.Session", "--json").json["count"] == 2
    assert ok("instances", path, "app.db.Session", "--json").json["count"] == 1


def test_an_address_that_is_not_there(snapshot):
    for command in ("show", "referrers", "referents", "path"):
        fails(5, "this snapshot has no object at 10", "it may be gone",
              command, snapshot, "10")


def test_what_is_no_address(snapshot):
    fails(2, "'somewhere' is not an address", "an address is hexadecimal",
          "show", snapshot, "somewhere")


# ---- cannot connect: 3 ----
def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_nothing_listens(folder):
    port = free_port()
    fails(3, "nothing listens on localhost port %d" % port,
          "add these two lines", "types", "localhost:%d" % port, env=folder)


def test_a_port_by_another_address(folder):
    """A server listens on 127.0.0.1; what is written is the other loopback,
    or only the number."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        port = s.getsockname()[1]
        fails(3, "nothing listens on ::1 port %d" % port,
              "something listens there by another address: +localhost:%d"
              % port, "types", "[::1]:%d" % port, env=folder)
        if not os.path.exists("/proc/%d" % port):
            fails(3, "there is no process %d" % port,
                  "a number is a pid; for the port: +localhost:%d" % port,
                  "types", port, env=folder)


def test_a_process_that_does_not_serve_is_named(folder):
    target = Target([sys.executable, "-c", "print('up'); input()"])
    try:
        assert target.line() == "up"
        fails(3, r"process %d \(.*input.*\) does not serve" % target.pid,
              "add these two lines to it: +import pyexplore", "types",
              target.pid, env=folder)
    finally:
        target.close()


def test_a_process_that_is_not_there(folder):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    fails(3, "there is no process %d" % gone.pid, "`pyexplore ls`", "types",
          gone.pid, env=folder)


def test_a_port_of_another_program(folder):
    """It listens, accepts, and is no pyexplore server."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(8)
        fails(3, r"process %d \(.+\) does not serve" % os.getpid(),
              "add these two lines to it: +import pyexplore", "types",
              "localhost:%d" % s.getsockname()[1], env=folder)


def test_ls_without_servers(folder):
    ran = run("ls", env=folder)
    assert ran.status == 0
    rows = run("ls", "--json", env=folder).json
    assert list(rows) == ["command", "servers"]
    # root also sees what other tests serve at the same time
    if not rows["servers"] and ran.out == "":
        assert ran.err.startswith(
            "no process serves in %s; " % folder["PYEXPLORE_DIR"])
        assert "pyexplore.serve()" in ran.err
    else:
        assert os.geteuid() == 0, rows


# ---- files: 4 and 2 ----
def test_a_file_that_is_not_there(folder, tmp_path):
    fails(3, "cannot open .*none.pxs: No such file", "", "types",
          tmp_path / "none.pxs", env=folder)


def test_a_file_that_is_no_snapshot(tmp_path):
    path = tmp_path / "x.pxs"
    path.write_bytes(b"hello, world\n" * 99)
    fails(4, ".* is no pyexplore snapshot", "snapshots are", "types", path)


def test_a_cut_file_opens_as_far_as_it_is_whole(tmp_path):
    path = make_pxs(tmp_path / "cut.pxs", "--cut", 30000)
    ran = run("types", path, "--json")
    assert ran.status == 4, ran
    assert ran.json["snapshot"]["complete"] is False
    assert ran.json["snapshot"]["end"] == "cut"
    assert ran.json["snapshot"]["objects"] > 1000
    assert "pyexplore: warning: the snapshot is not whole: " in ran.err
    kept = run("types", path, "--json", "--keep-going")
    assert kept.status == 0 and kept.out == ran.out
    assert "not whole" in kept.err
    assert "\n  copy it again, or take another: " in ran.err


def test_a_file_without_a_whole_chunk(tmp_path):
    path = tmp_path / "cut.pxs"
    path.write_bytes(make_pxs(tmp_path / "whole.pxs").read_bytes()[:20])
    fails(4, ".* ends before its first chunk", "copy it again, or take ",
          "types", path)


def test_what_is_missing_accuses_nobody(tmp_path):
    """What holds an object may be in the part that a cut file has not: that
    is no sign of C code, nor of garbage."""
    whole = make_pxs(tmp_path / "whole.pxs", "--chunk", 4096)
    rows = ok("path", whole, "Connection", "--json").json["groups"]
    assert {"cycle", "root"} == {row["held_by"] for row in rows}
    data = whole.read_bytes()
    unknown = 0
    for n_bytes in (len(data) // 2, len(data) * 3 // 4, len(data) - 1):
        path = tmp_path / "cut.pxs"
        path.write_bytes(data[:n_bytes])
        ran = run("path", path, "Connection", "--json")
        assert ran.status == 4, ran
        held = [row["held_by"] for row in ran.json["groups"]]
        assert set(held) <= {"root", "unknown"}, ran
        unknown += held.count("unknown")
        some = run("instances", path, "Connection", "--json", "-n", 1)
        address = some.json["instances"][0]["address"]
        shown = run("show", path, address, "--json")
        assert shown.json["object"]["outside"] is None, shown
        assert "named in this part" in run("show", path, address).out
        assert "held_by: c" not in run("holders", path, "Connection").out
    assert unknown > 0


@pytest.mark.parametrize("what", ["gc", "snapshot"])
def test_live_commands_refuse_a_file(snapshot, tmp_path, what):
    more = ["-o", tmp_path / "o.pxs"] if what == "snapshot" else []
    ran = run(what, snapshot, *more)
    assert ran.status == 2 and "is a snapshot file" in ran.err, ran
    assert not (tmp_path / "o.pxs").exists()


def test_snapshot_needs_a_file_name(snapshot):
    fails(2, "`snapshot` needs the file to write", "usage", "snapshot",
          "localhost:9999")


# ---- gc: usage ----
@pytest.mark.parametrize("args, message, hint", [
    (("colect",), "`gc` has no action 'colect'", "did you mean `gc collect`"),
    (("xyzzy",), "`gc` has no action 'xyzzy'", "enable, disable, collect"),
    (("threshold", "1"), "`gc threshold` has too few", "usage"),
    (("enable", "now"), "`gc enable` has too many", "usage")])
def test_gc_usage(folder, args, message, hint):
    fails(2, message, hint, "gc", "localhost:%d" % free_port(), *args,
          env=folder)


# ---- the reader, the disk, the user ----
def test_head_ends_it_quietly(snapshot):
    """A reader that goes away is no error."""
    done = subprocess.run(
        "set -o pipefail; %s instances %s str -n 0 | head -1"
        % (CLI, snapshot), shell=True, executable="/bin/bash",
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=DEADLINE)
    assert done.stdout.startswith(b"ADDRESS")
    assert b"pyexplore:" not in done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("args", [
    ("types",), ("types", "--json"), ("path", "Connection"),
    ("instances", "str", "-n", "0"), ("--help",)])
def test_a_full_disk_is_told(snapshot, args):
    words = list(args)
    if words[0] != "--help":
        words.insert(1, snapshot)
    with open("/dev/full", "wb") as full:
        ran = run(*words, stdout=full)
    assert ran.status == 4, ran
    assert "cannot write the result: No space left on device" in ran.err


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    return leaks.series(tmp_path_factory.mktemp("leak"), 10, 30, 55, 80)


@pytest.mark.parametrize("more", [[], ["--json"]])
@pytest.mark.parametrize("command, status", [
    ("check", 1), ("suspects", 1), ("growth", 0)])
def test_the_verdict_is_there_without_a_reader(leaking, command, status, more):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as pipe:
        ran = run(command, *leaking, *more, stdout=pipe)
    assert ran.status == status and "pyexplore:" not in ran.err, ran
    with open("/dev/full", "wb") as full:
        ran = run(command, *leaking, *more, stdout=full)
    assert ran.status == 4, ran
    assert "cannot write the result: No space left on device" in ran.err


@pytest.fixture(scope="module")
def slow_reader(tmp_path_factory):
    """A file that takes a moment to read."""
    return make_pxs(tmp_path_factory.mktemp("cli") / "big.pxs",
                    "--connections", 15000)


def test_timeout_gives_up(slow_reader):
    ran = run("types", slow_reader, "--timeout", "0.001")
    assert ran.status == 4 and ran.out == "", ran
    assert "not done within 0.001 s: given up" in ran.err


def test_sigterm_cancels(slow_reader):
    process = subprocess.Popen(
        [str(CLI), "path", str(slow_reader), "Connection"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode in (4, -signal.SIGTERM), (out, err)
    assert out == b""


def test_no_argument_leads_to_a_crash(snapshot):
    """Odd arguments end with a status of the table, never by a signal."""
    for args in (["types", ""], ["path", snapshot, ""],
                 ["path", snapshot, "0x"], ["show", snapshot, "f" * 17],
                 ["instances", snapshot, "a" * 5000],
                 ["instances", snapshot, "\x1b[31m"],
                 ["types", "x" * 5000], ["-x"], ["types", "-"],
                 ["gc", snapshot, ""], ["help", "nothing"]):
        for more in ([], ["--json"]):
            ran = run(*args, *more)
            assert ran.status in (0, 2, 3, 4, 5), (args, ran)
            assert "\x1b" not in ran.err
