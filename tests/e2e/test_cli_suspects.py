"""`pyexplore suspects` says what leaks, why, and which reference is at fault.

The leaking programs of tests/apps have a test of their own; here are the
command, its files and its JSON.

SPDX-License-Identifier: MIT
"""
import json
import re
import signal
import subprocess

import pytest

import pxs
from cli import CLI, DEADLINE, environment, make_pxs, ok, run
from leaks import LARGE, as_a_shell_sorts, break_off, series, service
import pxs


def test_files_are_one_process_at_several_times(tmp_path):
    files = series(tmp_path, 10, 30, 55, 80)
    ran = run("suspects", *(files + ["--json"]))
    assert ran.status == 1, ran
    found = json.loads(ran.out)
    assert found["rounds"] == 3 and found["n_findings"] == 1
    first = found["findings"][0]
    assert first["cause"] == 1 and first["kind"] == "container"
    assert first["type"] == "server.Connection" and first["count"] == 80
    assert first["series"] == [10, 30, 55, 80] and first["unit"] == "objects"
    assert first["path"] == "module server \u2192 _CONNECTIONS[*]"
    assert first["holder"] == "module server \u2192 _CONNECTIONS"
    assert [step["culprit"] for step in first["steps"]] == [
        False, False, True]
    assert first["retained_at_least"] > 0 and first["evidence"]
    assert len(found["memory"]) == 4
    assert found["process"] == {
        name: value for name, value in ok("memory", files[-1],
                                          "--json").json.items()
        if name in found["process"]}


def test_files_are_taken_in_the_order_of_their_times(tmp_path):
    files = as_a_shell_sorts(tmp_path, 10, 30, 55)
    ran = run("suspects", *(files + ["--json"]))
    assert ran.status == 1, ran
    assert ran.json["findings"][0]["series"] == [10, 30, 55]
    assert ran.json["target"] == str(files[0]) and ran.json["seconds"] == 40
    files.append(make_pxs(tmp_path / "other.pxs", "--pid", 17))
    ran = run("suspects", *files)
    assert ran.status == 2 and "pid 17 on" in ran.err


def test_the_finding_reads_as_a_sentence_with_the_reference_marked(tmp_path):
    ran = run("suspects", *series(tmp_path, 10, 30, 55))
    assert ran.status == 1, ran
    assert "server.Connection grows by " in ran.out
    assert "\u25b6 [*] \u2192 server.Connection" in ran.out
    assert "container: a container that only grows" in ran.out
    plain = run("suspects", *(series(tmp_path, 10, 30, 55) + ["--ascii"]))
    assert plain.out.isascii()
    assert "> [*] -> server.Connection" in plain.out


def test_the_header_is_escaped(tmp_path):
    heap = pxs.Heap()
    heap.new("x.Y", 48, type_flags=pxs.TYPE_HEAP | pxs.TYPE_GC)
    path = tmp_path / "odd.pxs"
    heap.finish(python="3.13\x1b[31m", pid=1).write(str(path))
    ran = run("suspects", path)
    assert "Python 3.13\\x1b[31m" in ran.out, ran


def test_what_levels_off_or_shrinks_is_none(tmp_path):
    for numbers in ((60, 60, 60), (60, 90, 70), (80, 60, 40)):
        ran = ok("suspects", *(series(tmp_path, *numbers) + ["--json"]))
        assert ran.json["n_findings"] == 0


def test_the_head_says_whether_it_is_python_memory_at_all(spawn):
    """Beside rss and objects: arenas, blocks, what is free, malloc."""
    pid = service(spawn, "idle")
    args = ["suspects", pid, "--rounds", 1, "--interval", 0.1]
    lines = ok(*args).lines
    assert re.match(r"rss \S+ \w+ \(.* Python's objects .* mapped files "
                    r"[\d.]+ \w+  other ", lines[1])
    assert re.match(r"Python's allocator: ([\d,]+ arenas, [\d.]+ \w+, [\d.]+ "
                    r"\w+ free in them, [\d,]+ blocks in use|its arenas)",
                    lines[2])
    assert lines[3] == "malloc: not asked (--malloc)"
    assert re.match(r"(small|python): the Python objects are ", lines[4])
    lines = ok(*(args + ["--malloc"])).lines
    assert re.match(r"malloc: (.* in use, .* free|the target's cannot)",
                    lines[3])


def test_the_same_fingerprint_in_the_next_run(tmp_path):
    marks = set()
    for numbers in ((10, 30, 55), (7, 11, 15, 19)):
        ran = run("suspects", *(series(tmp_path, *numbers) + ["--json"]))
        marks.add(ran.json["findings"][0]["fingerprint"])
    assert len(marks) == 1 and len(marks.pop()) == 16


def test_the_worker_that_leaks_is_told_from_the_other(spawn):
    pids = [service(spawn, kind) for kind in ("leak", "idle")]
    ran = run("suspects", *(pids + ["--interval", "0.5", "--json"]))
    assert ran.status == 1, ran
    by_pid = {line["snapshot"]["pid"]: line
              for line in map(json.loads, ran.lines)}
    leaking, idle = by_pid[pids[0]], by_pid[pids[1]]
    assert idle["n_findings"] == 0, idle
    first = leaking["findings"][0]
    assert first["type"] == "__main__.Session"
    assert "_SESSIONS" in first["holder"]
    # most of them came while it looked: it looked longer than it was asked
    assert 3 < leaking["rounds"] <= 9


def test_ctrl_c_ends_it_with_one_sentence(spawn):
    pid = service(spawn, "leak")
    process = subprocess.Popen(
        [str(CLI), "suspects", str(pid), "--interval", "300"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        process.communicate(timeout=1)
    except subprocess.TimeoutExpired:
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE)
    assert process.returncode == 4 and b"cancelled" in err
    assert out == b""


def test_a_part_is_no_round_and_stops_no_other(spawn):
    large, steady = spawn(LARGE), service(spawn, "steady")
    assert large.line() == "ready"
    process = subprocess.Popen(
        [str(CLI), "suspects", str(large.pid), str(steady), "--rounds", "1",
         "--interval", "0.5", "--json"], env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    break_off(large, process)
    out, err = process.communicate(timeout=DEADLINE)
    line, = out.decode().splitlines()
    assert json.loads(line)["target"] == str(steady)
    assert process.returncode == 4 and b"looking at the others" in err


def test_wrong_usage(tmp_path, spawn):
    file = make_pxs(tmp_path / "a.pxs")
    for args, word in (
            ((file, "--rounds", "3"), "files"),
            ((file, service(spawn, "idle")), "do not go together"),
            ((1, "--rounds", "0"), "0 rounds")):
        ran = run("suspects", *args)
        assert ran.status == 2 and word in ran.err, ran


def kind_of_growth(tmp_path, list_name, folder, library="/lib/python3.13",
                   row="app.Row", **numbers):
    """What `suspects` calls a list of that name in a module of that folder."""
    for i in range(4):
        heap = pxs.Heap()
        kept = [heap.new(row, 56, type_flags=pxs.TYPE_HEAP |
                         pxs.TYPE_GC | pxs.TYPE_PYTHON)
                for _ in range(10 + 20 * i)]
        for name, file, items in (
                ("os", library + "/os.py", []),
                ("app", folder + "/app.py", kept)):
            module = heap.new("module", 72, type_flags=pxs.TYPE_GC)
            heap.edge(module, "ATTR", heap.named_dict(
                __file__=heap.str(file), **{list_name: heap.list(items)},
                **{name: heap.int(value) for name, value in numbers.items()}),
                "__dict__")
            heap.snap.roots.append((pxs.ROOT["MODULE"], module, name))
        heap.finish(python="3.13.0", pid=1, time=1000 + 20 * i).write(
            tmp_path / ("%d.pxs" % i))
    ran = run("suspects", *sorted(tmp_path.glob("*.pxs")), "--json")
    for first in ran.json["findings"]:
        assert first["type"] == row
        return first["kind"]
    return None


@pytest.mark.parametrize("folder, library, kind", [
    ("/tmp/o'brien", "/lib/python3.13", "container"),
    ("/o'brien/site-packages", "/lib/python3.13", "registry"),
    ("/o'lib/python3.13", "/o'lib/python3.13", "registry"),
])
def test_whose_code_it_is_in_a_folder_with_an_apostrophe(
        folder, library, kind, tmp_path):
    assert kind_of_growth(tmp_path, "STORE", folder, library) == kind


@pytest.mark.parametrize("name, kind", [
    ("_MEMORY", "container"), ("_memo", "registry"),
    ("MEMOIZED", "registry")])
def test_a_memory_is_no_memo(name, kind, tmp_path):
    assert kind_of_growth(tmp_path, name, "/srv") == kind


@pytest.mark.parametrize("most, kind", [
    (1000, None), (2 ** 31 - 1, "container")])
def test_a_bound_that_nothing_reaches_is_none(most, kind, tmp_path):
    """SEM_VALUE_MAX is the maxsize of each multiprocessing.Queue."""
    assert kind_of_growth(tmp_path, "STORE", "/srv", maxsize=most) == kind


def test_timers_that_pile_up_are_callbacks(tmp_path):
    assert kind_of_growth(tmp_path, "_scheduled", "/srv",
                          row="asyncio.events.TimerHandle") == "registry"


def test_one_snapshot_tells_of_garbage_that_nobody_collects(tmp_path):
    ran = run("suspects", make_pxs(tmp_path / "a.pxs"), "--json")
    assert ran.status == 1 and ran.json["rounds"] == 0
    first, = ran.json["findings"]
    assert first["cause"] == 2 and first["held_by"] == "cycle"
    assert ".handler" in first["path"] and first["count"] == 300
    assert [step["culprit"] for step in first["steps"]] == [False, True]
    assert " \u2192 ".join(step["step"] for step in first["steps"]) == \
        first["path"]
    assert first["steps"][-1]["address"] == first["example"]
    shown = run("suspects", tmp_path / "a.pxs").out.splitlines()
    assert sum(line.startswith("    \u25b6 .") for line in shown) == 1, shown
    ran = ok("suspects", make_pxs(tmp_path / "b.pxs", "--cycles", 0), "--json")
    assert ran.json["findings"] == []
    ran = ok("suspects", tmp_path / "b.pxs")
    assert ran.lines[-1].startswith("no garbage waits"), ran
    assert "nothing grows" not in ran.out


@pytest.mark.parametrize("each, kinds", [(4, ["frame"]), (9, ["frame", "c"])])
def test_what_is_on_the_stack_of_each_thread_is_not_lost_by_c_code(
        each, kinds, tmp_path):
    for i in range(4):
        heap = pxs.Heap()
        for number in range(10 + 4 * i):
            thread = heap.new("<thread>", 0, flags=pxs.SYNTHETIC,
                              type_flags=pxs.TYPE_SYNTHETIC)
            heap.snap.roots.append((pxs.ROOT["THREAD"], thread,
                                    "Thread-%d" % number))
        for _ in range(20 + each * i):
            heap.extra[heap.new("dict", 64, type_flags=pxs.TYPE_GC)] = 1
        heap.finish(python="3.11.0", pid=1, time=1000 + 20 * i).write(
            tmp_path / ("%d.pxs" % i))
    ran = run("suspects", *sorted(tmp_path.glob("*.pxs")), "--json")
    assert sorted(f["kind"] for f in ran.json["findings"]) == sorted(kinds)
