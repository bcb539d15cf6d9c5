"""pyexplore.check and its pytest plugin: FAIL for what leaks, with type, count
and path; PASS for what only warms up, fills to its bound or swings.

Each program runs in an interpreter of its own, since what this process keeps
is no business of the test.

SPDX-License-Identifier: MIT
"""
import json
import os
import re
import subprocess
import sys

import pytest

from harness import DEADLINE, child_environment

# Defines operations; then checks those named on the command line.
OPERATIONS = r"""if 1:
    import collections, functools, gc, json, sys, threading
    import pyexplore

    class Connection:
        def __init__(self):
            self.headers = {"host": ["a", "b"]}
    class Node: pass

    _CONNECTIONS, _HOOKS, _REGISTRY = [], [], {}
    _LOCAL = threading.local()
    _LOCAL.items = []
    _RECENT = collections.deque(maxlen=50)
    _CALLS = [0]

    # ---- these leak ----
    def list_leak():
        _CONNECTIONS.append(Connection())
    def cycle_without_collector():
        a, b = Node(), Node()
        a.peer, b.peer = b, a
    def closure_registry():
        connection = Connection()
        _HOOKS.append(lambda: connection)
    def registry_by_name():
        _REGISTRY[sys.intern("handler_%d" % len(_REGISTRY))] = Connection()
    def thread_local():
        _LOCAL.items.append(Connection())
    def endless_threads(started=[]):
        event, ready = threading.Event(), threading.Event()
        def serve():
            connection = Connection()
            ready.set()
            event.wait()
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        ready.wait()

    # ---- these do not ----
    def churn():
        return [Connection() for _ in range(20)]
    def free_lists():
        for n in range(50):
            [float(n), (n, n), {n: n}, [n], lambda: n, iter(())]
    @functools.lru_cache(maxsize=64)
    def remember(number):
        return [number]
    def bounded_cache():
        for _ in range(40):
            _CALLS[0] += 1
            remember(_CALLS[0])
    def bounded_deque():
        for _ in range(30):
            _RECENT.append(Connection())
    def interned():
        for n in range(100):
            sys.intern("a word %d" % n)
    def lazy_imports():
        import fractions, statistics, textwrap
        fractions.Fraction(1, 3)
    def cycle_with_collector():
        cycle_without_collector()
    def swinging():
        _CALLS[0] += 1
        if _CALLS[0] % 4 == 0:
            _RECENT.clear()
        else:
            _RECENT.append(Connection())
    def finished_threads():
        thread = threading.Thread(target=churn)
        thread.start()
        thread.join()

    def verdict(name, **options):
        if name == "cycle_without_collector":
            gc.disable()
        try:
            pyexplore.check(**options)(globals()[name])()
            return {"verdict": "pass"}
        except pyexplore.LeakError as error:
            return {"verdict": "fail", "text": str(error),
                    "findings": error.findings, "rounds": error.rounds}
        finally:
            gc.enable()
    name, times, options = sys.argv[1:]
    for _ in range(int(times)):
        print(json.dumps(verdict(name, **json.loads(options))))
"""


def run(code, *args, **more):
    done = subprocess.run(
        [sys.executable, "-c", code] + [str(a) for a in args],
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True,
        timeout=more.get("timeout", 2 * DEADLINE))
    assert done.returncode == 0, done.stderr
    return done.stdout


def verdicts(name, times=1, **options):
    out = run(OPERATIONS, name, times, json.dumps(options), timeout=1200)
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("name, kind, path", [
    ("list_leak", "__main__.Connection", r"module __main__ \S+ _CONNECTIONS"),
    ("cycle_without_collector", "__main__.Node", None),
    ("closure_registry", "function", r"module __main__ \S+ _HOOKS"),
    ("registry_by_name", "__main__.Connection",
     r"module __main__ \S+ _REGISTRY\[\*\]"),
    ("thread_local", "__main__.Connection", r"\['items'\]\[\*\]"),
    ("endless_threads", None, None)])
def test_what_leaks_fails_with_type_and_path(name, kind, path):
    found, = verdicts(name)
    assert found["verdict"] == "fail" and found["rounds"] == 5
    findings = found["findings"]
    if kind:
        finding = next(f for f in findings if f["type"] == kind)
        assert finding["a_round"] >= 1
        assert finding["count_after"] - finding["count_before"] >= 5
        assert kind in found["text"] and "a round" in found["text"]
        if path:
            assert re.search(path, finding["path"])
            assert finding["path"] in found["text"]
        else:
            assert finding["held_by"] == "cycle"
    else:
        assert re.search("thread|Connection|Thread", found["text"])


@pytest.mark.parametrize("name", [
    "churn", "free_lists", "bounded_cache", "bounded_deque", "interned",
    "lazy_imports", "cycle_with_collector", "swinging", "finished_threads"])
def test_what_does_not_leak_passes(name):
    assert verdicts(name) == [{"verdict": "pass"}]


def test_collect_is_an_option_and_nothing_is_collected_without():
    assert verdicts("cycle_without_collector", collect=True) == [
        {"verdict": "pass"}]
    assert run("""if 1:
        import gc, pyexplore
        before = [s["collections"] for s in gc.get_stats()][2]
        pyexplore.check(rounds=3, warmup=1)(lambda: None)()
        print([s["collections"] for s in gc.get_stats()][2] - before)
    """) == "0\n"


def test_growth_can_be_allowed_and_ignored():
    assert verdicts("list_leak", max_growth=1)[0]["verdict"] == "pass"
    assert verdicts("list_leak", ignore=["*.Connection"])[0][
        "verdict"] == "pass"
    assert verdicts("list_leak", ignore=["*_CONNECTIONS*"])[0][
        "verdict"] == "pass"
    assert verdicts("list_leak", ignore=["*.Other"])[0]["verdict"] == "fail"


@pytest.mark.parametrize("name, expected", [
    ("churn", "pass"), ("list_leak", "fail")])
def test_twenty_repeats_give_one_verdict(name, expected):
    found = verdicts(name, 20, rounds=3, warmup=1)
    assert [f["verdict"] for f in found] == [expected] * 20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name, expected", [
    ("churn", "pass"), ("finished_threads", "pass"), ("list_leak", "fail"),
    ("closure_registry", "fail")])
def test_two_hundred_repeats_give_one_verdict(name, expected):
    found = verdicts(name, 200, rounds=3, warmup=1)
    assert [f["verdict"] for f in found] == [expected] * 200


# ---- the forms ----
def test_a_block_compares_before_and_after():
    assert run("""if 1:
        import pyexplore
        class Thing: pass
        kept = []
        with pyexplore.check():
            [Thing() for _ in range(9)]
        try:
            with pyexplore.check():
                kept.append(Thing())
            print("missed")
        except pyexplore.LeakError as error:
            print(error.findings[0]["type"], error.rounds, len(error.findings))
        with pyexplore.check(max_growth=1):
            kept.append(Thing())
    """) == "__main__.Thing 1 1\n"


def test_a_loop_and_a_coroutine_are_repeated():
    assert run("""if 1:
        import asyncio, pyexplore
        kept, calls = [], []
        with pyexplore.check(rounds=3, warmup=1) as rounds:
            for _ in rounds:
                calls[:] = [len(calls) and calls[0] + 1]
        @pyexplore.check(rounds=3, warmup=1)
        async def work():
            kept.append(object())
            await asyncio.sleep(0)
        try:
            asyncio.run(work())
        except pyexplore.LeakError:
            print(calls, len(kept), work.__name__)
    """) == "[3] 4 work\n"


def test_an_exception_of_the_work_is_what_one_sees():
    assert run("""if 1:
        import os, pyexplore, tempfile
        @pyexplore.check()
        def work():
            1 / 0
        try:
            work()
        except ZeroDivisionError:
            print([n for n in os.listdir(tempfile.gettempdir())
                   if n.startswith("pyexplore-check-%d" % os.getpid())])
    """) == "[]\n"


def test_mistakes_are_told_at_once():
    assert run("""if 1:
        import pyexplore
        for make in (lambda: pyexplore.check(print),
                     lambda: pyexplore.check(rounds=0),
                     lambda: pyexplore.check(max_growth=-1),
                     lambda: pyexplore.check(ignore="x"),
                     lambda: iter(pyexplore.check()).__next__()):
            try:
                make()
                print("accepted")
            except (TypeError, ValueError, RuntimeError) as error:
                print(type(error).__name__)
    """).split() == ["TypeError", "ValueError", "ValueError", "TypeError",
                     "RuntimeError"]


def test_serving_loads_nothing_of_it():
    assert run("""if 1:
        import sys, pyexplore
        with pyexplore.serve(port=None):
            print([n for n in ("pyexplore._check", "subprocess", "inspect",
                               "importlib.metadata", "tempfile", "typing")
                   if n in sys.modules])
        assert "check" in pyexplore.__all__
        try:
            pyexplore.nothing
        except AttributeError as error:
            print(error)
    """) == "[]\nmodule 'pyexplore' has no attribute 'nothing'\n"


# ---- the plugin ----
TESTS = """
import logging, warnings, pytest
KEPT = []

@pytest.mark.leakcheck(rounds=3, warmup=1)
def test_leaking():
    KEPT.append({"a": [1]})

@pytest.mark.leakcheck(1, rounds=2, warmup=1)
def test_allowed():
    KEPT.append([])

@pytest.mark.leakcheck(rounds=3)
def test_clean(tmp_path):
    (tmp_path / "x").write_text("y")
    logging.getLogger("a").warning("a record that pytest keeps")
    warnings.warn("a warning that pytest keeps", DeprecationWarning)

@pytest.mark.leakcheck(False)
def test_left_out():
    KEPT.append([])

def test_unmarked():
    KEPT.append([])
"""


def pytest_run(folder, *args):
    (folder / "test_it.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pyexplore.pytest_plugin",
         "-p", "no:cacheprovider", "-p", "no:xdist", "-rA", "--strict-markers",
         "test_it.py"] + list(args), cwd=str(folder),
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, universal_newlines=True,
        timeout=4 * DEADLINE)
    return {name: word for word, name in re.findall(
        r"^(PASSED|FAILED) \S+::(\w+)", done.stdout, re.M)}, done.stdout


def test_the_marker_fails_a_test_that_leaks(tmp_path):
    told, text = pytest_run(tmp_path)
    assert told == {"test_leaking": "FAILED", "test_allowed": "PASSED",
                    "test_clean": "PASSED", "test_left_out": "PASSED",
                    "test_unmarked": "PASSED"}, text
    assert re.search(r"LeakError: 1 path grew in each of 3 rounds", text)
    assert re.search(r"dict: \+1 a round.*\n.*module test_it \S+ KEPT\[\*\]",
                     text)


def test_the_option_checks_every_test(tmp_path):
    told, text = pytest_run(tmp_path, "--leakcheck")
    assert told == {"test_leaking": "FAILED", "test_allowed": "PASSED",
                    "test_clean": "PASSED", "test_left_out": "PASSED",
                    "test_unmarked": "FAILED"}, text
