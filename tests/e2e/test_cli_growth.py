"""`pyexplore growth` tells which types grow, how fast, and in which process.

SPDX-License-Identifier: MIT
"""
import json
import re
import shlex
import signal
import subprocess
import time

import pytest

from cli import CLI, DEADLINE, environment, make_pxs, ok, run
from harness import SANITIZED, wait_until
from leaks import (LARGE, SERVICE, STEP, as_a_shell_sorts, break_off, series,
                   service)
from terminal import Terminal


def lines_of(ran):
    return [json.loads(line) for line in ran.lines]


def types_of(line):
    return {row["type"]: row for row in line["types"]}


def test_files_are_one_process_at_several_times(tmp_path):
    rounds = lines_of(ok("growth", *(series(tmp_path, 10, 30, 25)
                                     + ["--json"])))
    assert [line["round"] for line in rounds] == [0, 1, 2]
    assert rounds[0]["types"] == [] and rounds[0]["change"] == 0
    row = types_of(rounds[1])["server.Connection"]
    assert row["change"] == 20 and row["count"] - row["first"] == 20
    row = types_of(rounds[2])["server.Connection"]
    assert row["change"] == -5 and row["count"] - row["first"] == 15
    table = ok("growth", tmp_path / "0.pxs", tmp_path / "1.pxs")
    assert "server.Connection" in table.out and "+20" in table.out
    grown = rounds[1]["change"]
    assert grown > 20 and rounds[1]["seconds"] == STEP
    assert ("  round 1, 20.0 s: {:,} objects, +{:,}, +{:,} a minute".format(
        rounds[1]["objects"], grown, grown * 60 // STEP)) in table.out


def test_files_are_taken_in_the_order_of_their_times(tmp_path):
    files = as_a_shell_sorts(tmp_path, 10, 30, 55)
    rounds = lines_of(ok("growth", *(files + ["--json"])))
    assert [line["seconds"] for line in rounds] == [0, STEP, 2 * STEP]
    assert [types_of(line)["server.Connection"]["change"]
            for line in rounds[1:]] == [20, 25]
    ran = ok("growth", *files)
    assert re.search(r"order of their times: first \S*/8.pxs, last "
                     r"\S*/10.pxs\n", ran.err)
    assert ran.err.count("order of their times") == 1
    assert "order" not in ok("growth", *files[1:]).err


def test_files_of_two_processes_are_refused(tmp_path):
    files = series(tmp_path, 10, 30)
    files.append(make_pxs(tmp_path / "other.pxs", "--pid", 17))
    ran = run("growth", *files)
    assert ran.status == 2 and ran.out == ""
    assert "pid 4242 on shop-7" in ran.err and "pid 17 on" in ran.err


def test_the_worker_that_leaks_is_told_from_the_other(spawn):
    leaking, steady = service(spawn, "leak"), service(spawn, "steady")
    found = lines_of(ok("growth", leaking, steady, "--interval", 0.2,
                        "--rounds", 3, "--json"))
    assert [(int(line["target"]), line["round"]) for line in found] == [
        (pid, i) for i in range(4) for pid in (leaking, steady)]
    last = {int(line["target"]): line for line in found[-2:]}
    row = types_of(last[leaking])["__main__.Session"]
    assert row["change"] > 0 and row["a_minute"] > 0
    assert row["bytes"] > 0 and last[leaking]["seconds"] > 0
    assert "__main__.Session" not in types_of(last[steady])
    table = ok("growth", steady, leaking, "--interval", 0.2, "--rounds", 2)
    named = [line for line in table.lines if "grows most" in line]
    assert named and all(line.startswith("%d grows most: +" % leaking)
                         for line in named)


def test_until_ends_with_status_1_when_it_is_reached(spawn):
    pid = service(spawn, "leak")
    ran = run("growth", pid, "--interval", 0.05, "--until", "3x")
    assert ran.status == 1
    assert "times its objects" in ran.err
    ran = run("growth", service(spawn, "steady"), "--interval", 0.05,
              "--until", "3x", "--rounds", 2)
    assert ran.status == 0


def test_ctrl_c_ends_it_cleanly(spawn):
    process = subprocess.Popen(
        [str(CLI), "growth", str(service(spawn, "steady")), "--json"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    first = json.loads(process.stdout.readline().decode())
    assert first["round"] == 0
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out, err) == (0, b"", b"")


def test_a_worker_that_ends_is_left_out(spawn):
    pid = service(spawn, "steady")
    gone = spawn(SERVICE, "steady")
    assert gone.line() == "ready"
    process = subprocess.Popen(
        [str(CLI), "growth", str(gone.pid), str(pid), "--json", "--rounds",
         "1", "--interval", "1"], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)
    for _ in range(2):
        process.stdout.readline()
    gone.close()
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    line, = out.decode().splitlines()
    assert int(json.loads(line)["target"]) == pid
    assert "%d has ended, or serves no more; watching the others" % gone.pid \
        in err.decode()


def test_the_only_one_that_ends_is_the_last_line(spawn):
    """Who reads the lines learns why there are no more."""
    child = spawn(SERVICE, "steady")
    assert child.line() == "ready"
    process = watching(child.pid, "--json", "--interval", "0.2")
    process.stdout.readline()
    child.close()
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 4
    sentence = "%d has ended, or serves no more" % child.pid
    error = json.loads(out.decode().splitlines()[-1])["error"]
    assert error == {"code": "target_gone", "message": sentence, "hint": "",
                     "exit_status": 4}
    assert err.decode() == "pyexplore: %s\n" % sentence


def watching(*args, env=None, **popen):
    return subprocess.Popen(
        [str(CLI), "growth"] + [str(a) for a in args],
        env=env or environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **popen)


def test_it_ends_with_its_reader(spawn):
    process = watching(service(spawn, "steady"), "--interval", "0.1")
    try:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=DEADLINE) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()


def test_missed_rounds_are_not_made_up_for(spawn):
    process = watching(service(spawn, "steady"), "--interval", "0.5", "--json")
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() > stopped + 2, "four rounds")
    process.send_signal(signal.SIGCONT)
    process.stdout.readline()
    first = time.monotonic()
    for _ in range(2):
        process.stdout.readline()
    assert time.monotonic() - first > 0.5
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE)


def test_a_hangup_ends_it_but_not_below_nohup(spawn):
    pid = service(spawn, "steady")
    process = watching(pid, "--interval", "0.1", preexec_fn=lambda:
                       signal.signal(signal.SIGHUP, signal.SIG_DFL))
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    process = watching(pid, "--interval", "0.1", preexec_fn=lambda:
                       signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    for _ in range(3):
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0


def test_who_was_never_there_shows_in_the_status(spawn):
    gone = spawn("pass")
    gone.wait()
    ran = run("growth", service(spawn, "steady"), gone.pid, "--rounds", 1,
              "--interval", 0.1)
    assert ran.status == 3 and "watching the others" in ran.err, ran
    assert "round 1" in ran.out


def test_a_part_is_no_round_and_stops_no_other(spawn):
    """The child that walks the first target is killed in the middle."""
    large, steady = spawn(LARGE), service(spawn, "steady")
    assert large.line() == "ready"
    process = watching(large.pid, steady, "--interval", "0.1", "--json")
    try:
        whole = json.loads(process.stdout.readline().decode())
        assert whole["target"] == str(large.pid)
        break_off(large, process)
        rounds = []
        while len(rounds) < 4 or rounds[-4:] != [str(steady)] * 4:
            line = json.loads(process.stdout.readline().decode())
            rounds.append(line["target"])
            if line["target"] == whole["target"]:
                assert line["objects"] > whole["objects"] / 2
    finally:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 4
    assert b"is not whole" in err and b"watching the others" in err


def test_a_yes_is_said_once_for_each(spawn, px_folder):
    pids = [service(spawn, "steady") for _ in range(2)]
    line = ("%s growth %d %d --rounds 2 --interval 0.1 > /dev/null; "
            "echo status $?; cat" % (shlex.quote(str(CLI)), *pids))
    with Terminal(["sh", "-c", line], cols=100, env={
            "PYEXPLORE_ASK_OBJECTS": "1000"}) as t:
        for pid in pids:
            t.wait_for(r"^%d has .*Go on\? \[y/N\]" % pid, regex=True)
            t.keys("y", "Enter")
        t.wait_for("status 0")
        assert "\n".join(t.lines()).count("Go on?") == 2


# Has many more objects once it is told so.
GROWING = """
import pyexplore
pyexplore.serve(port=None)
print("ready", flush=True)
input()
things = [(i,) for i in range(200000)]
print("grown", flush=True)
input()
"""


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' memory is estimated")
def test_what_goes_wrong_in_a_later_round_shows_in_the_status(spawn):
    """One target gets too large to go on unasked."""
    growing, steady = spawn(GROWING), service(spawn, "steady")
    assert growing.line() == "ready"
    process = watching(growing.pid, steady, "--interval", "0.1", "--json",
                       env=environment(PYEXPLORE_ASK_OBJECTS="150000"))
    try:
        assert process.stdout.readline()
        growing.say("grow")
        assert growing.line() == "grown"
        targets = []
        while targets[-2:] != [str(steady)] * 2:
            line = json.loads(process.stdout.readline().decode())
            targets.append(line["target"])
    finally:
        process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=DEADLINE)[1]
    assert process.returncode == 2 and b"watching the others" in err, err


def test_mistakes_are_usage(tmp_path, spawn):
    files = series(tmp_path, 10, 20)
    for args, words in (
            (files[:1], "one file does not grow"),
            (files[:1] + [1], "do not go together"),
            (files + ["--until", "1x"], "is no growth"),
            (files + ["--until", "2y"], "is no growth")):
        ran = run("growth", *args)
        assert ran.status == 2 and words in ran.err, ran
