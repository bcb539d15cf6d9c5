"""`pyexplore growth` tells which types grow, how fast, and in which process.

SPDX-License-Identifier: MIT
"""
import json
import re
import signal
import subprocess

from cli import CLI, DEADLINE, environment, make_pxs, ok, run
from leaks import SERVICE, STEP, as_a_shell_sorts, series, service


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
    assert "watching the others" in err.decode()


def test_mistakes_are_usage(tmp_path, spawn):
    files = series(tmp_path, 10, 20)
    for args, words in (
            (files[:1], "one file does not grow"),
            (files[:1] + [1], "do not go together"),
            (files + ["--until", "1x"], "is no growth"),
            (files + ["--until", "2y"], "is no growth")):
        ran = run("growth", *args)
        assert ran.status == 2 and words in ran.err, ran
