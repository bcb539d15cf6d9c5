"""The collector over the wire: asked, set, put back; nothing leaks out.

SPDX-License-Identifier: MIT
"""
import shlex
import subprocess
import time

import pytest

from harness import CLI, child_environment, wait_until
from served import Served
from wire import Refused

THRESHOLDS = "list(gc.get_threshold())"


@pytest.mark.smoke
def test_state(spawn):
    """GC_STATE is what the module gc says."""
    child = Served(spawn)
    child.run("gc.set_threshold(601, 11, 12); gc.set_debug(gc.DEBUG_SAVEALL);"
              "gc.freeze()")
    with child.wire() as wire:
        state = wire.ask("gc_state")
    assert state["enabled"] is True
    assert state["thresholds"][:2] == child.ask(THRESHOLDS)[:2] == [601, 11]
    assert state["debug"] == 32 and state["debug_names"] == ["SAVEALL"]
    assert state["frozen"] == child.ask("gc.get_freeze_count()") > 0
    assert state["garbage"] == 0 and state["changed"] is False
    assert len(state["counts"]) == 3
    assert [set(s) for s in state["stats"]] == [
        {"collections", "collected", "uncollectable"}] * 3
    assert state["stats"][0]["collections"] <= child.ask(
        "gc.get_stats()[0]['collections']")
    assert state["on_entry"]["thresholds"] == state["thresholds"]


@pytest.mark.smoke
def test_put_back_when_the_connection_ends(spawn):
    """Whatever a connection set is as before once it is gone."""
    child = Served(spawn)
    before = child.ask(THRESHOLDS)
    wire = child.wire()
    reply = wire.ask("gc_set", {"enabled": False, "thresholds": [5, 6, 7],
                                "debug": 4})
    assert reply["enabled"] is False and reply["changed"] is True
    assert reply["on_entry"] == {"enabled": True, "thresholds": before,
                                 "debug": 0}
    assert child.ask("gc.isenabled()") is False
    assert child.ask(THRESHOLDS)[:2] == [5, 6]
    assert child.ask("gc.get_debug()") == 4
    wire.ask("gc_set", {"thresholds": [8, 8, 8]})
    wire.close()
    wait_until(lambda: child.ask("gc.isenabled()"), "gc enabled again")
    assert child.ask(THRESHOLDS) == before
    assert child.ask("gc.get_debug()") == 0


def test_keep(spawn):
    """keep=true stays, and the reply has the command that undoes it."""
    child = Served(spawn)
    before = child.ask(THRESHOLDS)
    with child.wire() as wire:
        wire.ask("gc_set", {"debug": 2})
        reply = wire.ask("gc_set", {"enabled": False, "thresholds": [9, 9, 9],
                                    "keep": True})
    assert reply["undo"] == (
        "pyexplore gc %d enable && pyexplore gc %d threshold %d %d %d"
        % ((child.pid, child.pid) + tuple(before)))
    wait_until(lambda: child.ask("gc.get_debug()") == 0, "debug put back")
    assert child.ask("gc.isenabled()") is False
    assert child.ask(THRESHOLDS)[:2] == [9, 9]


def test_the_undo_command_works(spawn):
    """The printed commands, run in a shell, put everything back."""
    child = Served(spawn)
    child.run("gc.set_threshold(123, 4, 5); gc.set_debug(34); gc.disable()")
    with child.wire() as wire:
        undo = wire.ask("gc_set", {"enabled": True, "debug": 0,
                                   "thresholds": [1, 1, 1],
                                   "keep": True})["undo"]
    done = subprocess.run(
        undo.replace("pyexplore", shlex.quote(str(CLI))), shell=True,
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert child.ask("gc.get_debug()") == 34
    assert child.ask("gc.isenabled()") is False
    assert child.ask(THRESHOLDS)[:2] == [123, 4]


def test_restore(spawn):
    """GC_RESTORE puts back at once what this connection changed."""
    child = Served(spawn)
    with child.wire() as one, child.wire() as other:
        one.ask("gc_set", {"enabled": False})
        other.ask("gc_set", {"debug": 4})
        state = one.ask("gc_restore")
        assert state["enabled"] is True and state["changed"] is False
        assert state["debug"] == 4  # the other's
        assert child.ask("gc.isenabled()") is True


def test_pipelined_changes_remember_the_first(spawn):
    """Changes sent in one go, and a connection closed behind them."""
    child = Served(spawn)
    before = child.ask(THRESHOLDS)
    wire = child.wire()
    for i in range(20):
        last = wire.frame("gc_set", {"thresholds": [i + 1, 1, 1]})
    wire.reply(last)
    wire.close()
    wait_until(lambda: child.ask(THRESHOLDS) == before, "thresholds")
    for cut in range(400):  # at any moment of the first, second… change
        wire = child.wire()
        for i in range(cut % 4 + 1):
            wire.frame("gc_set", {"thresholds": [i + 1, 1, 1]})
        time.sleep(cut * 1e-6)
        wire.close()
        wait_until(lambda: child.ask(THRESHOLDS) == before, "thresholds")
    with child.wire() as again:
        assert again.ask("gc_state")["changed"] is False
    assert child.ask(THRESHOLDS) == before


def test_put_back_when_the_server_stops(spawn):
    """stop() with clients connected puts their settings back."""
    child = Served(spawn)
    wire = child.wire()
    wire.ask("gc_set", {"enabled": False, "debug": 4})
    child.run("pyexplore.stop()")
    assert child.ask("[gc.isenabled(), gc.get_debug()]") == [True, 0]
    assert wire.is_closed()


def test_readonly(spawn):
    """A read-only server answers what it is asked and changes nothing."""
    child = Served(spawn, readonly=True)
    with child.wire() as wire:
        for msg, body in (("gc_set", {"enabled": False}), ("gc_collect", {}),
                          ("gc_freeze", {"confirm": True}),
                          ("gc_unfreeze", {"confirm": True}),
                          ("gc_restore", {})):
            with pytest.raises(Refused, match="readonly=True") as refused:
                wire.ask(msg, body)
            assert refused.value.code == "not_allowed"
        assert wire.ask("gc_state")["enabled"] is True
        assert wire.ask("gc_garbage")["count"] == 0
        assert wire.snapshot()[1]["end"] == "complete"


CYCLES = """
class Parent: pass
class Child: pass
gc.disable(); gc.collect()
def leak(n):
    for _ in range(n):
        parent = Parent()
        parent.kids = [Child(), Child()]
        for kid in parent.kids:
            kid.parent = parent
leak(150)
"""


@pytest.mark.smoke
def test_collect_tells_what_was_freed(spawn):
    """GC_COLLECT: by type, with its time."""
    child = Served(spawn)
    child.run(CYCLES)
    with child.wire() as wire:
        reply = wire.ask("gc_collect", {"generation": 2})
        again = wire.ask("gc_collect", {})
    freed = {row["type"]: row["count"] for row in reply["freed"]}
    assert freed["__main__.Parent"] == 150
    assert freed["__main__.Child"] == 300
    counts = [row["count"] for row in reply["freed"]]
    assert counts == sorted(counts, reverse=True)
    assert reply["generation"] == 2 and reply["collected"] >= 600
    assert reply["uncollectable"] == 0 and reply["duration_ns"] > 0
    assert reply["rss_before_bytes"] > 0 and reply["rss_after_bytes"] > 0
    assert "__main__.Parent" not in {r["type"] for r in again["freed"]}
    assert again["generation"] == 2


def test_collect_frees_types_too(spawn):
    """A class that is itself garbage is told by name."""
    child = Served(spawn)
    child.run("gc.disable(); gc.collect()\n"
              "def make():\n"
              "    class Doomed: pass\n"
              "    d = [Doomed() for _ in range(7)]\n"
              "    d[0].all = d\n"
              "make()")
    with child.wire() as wire:
        freed = {row["type"]: row["count"]
                 for row in wire.ask("gc_collect")["freed"]}
    assert freed["__main__.make.<locals>.Doomed"] == 7


def test_collect_runs_finalizers_safely(spawn):
    """Finalizers that raise, import and use threads run on our thread; the
    target ends without a word more than Python's own about the raise."""
    child = Served(spawn)
    child.run("""
class Rude:
    def __del__(self):
        import threading, logging
        self.name = threading.current_thread().name
        seen.append(self.name)
        raise ValueError("rude")
seen = []
r = Rude(); r.me = r; del r
""")
    with child.wire() as wire:
        assert wire.ask("gc_collect")["collected"] > 0
    assert len(child.ask("seen")) == 1
    assert child.finish() == 0
    text = "".join(child.target.stderr)
    assert "ValueError: rude" in text
    assert "Assertion" not in text and "_shutdown" not in text


def test_collect_with_hostile_callbacks(spawn):
    """gc.callbacks that raise do not end up in the target or in us."""
    child = Served(spawn)
    child.run("def callback(phase, info): raise RuntimeError('callback')\n"
              "gc.callbacks.append(callback)")
    with child.wire() as wire:
        assert wire.ask("gc_collect")["generation"] == 2
    child.run("gc.callbacks.clear()")
    assert child.ask("1 + 1") == 2


def test_our_answers_never_set_off_a_collection(spawn):
    """With a threshold of 1, asking runs no collection: no user code runs."""
    child = Served(spawn)
    with child.wire() as wire:
        wire.ask("gc_state")
        child.run("runs = []\n"
                  "gc.callbacks.append(lambda phase, info: runs.append(phase))\n"
                  "def quiet(n):\n"
                  "    import time\n"
                  "    gc.set_threshold(1, 1, 1)\n"
                  "    before = len(runs)\n"
                  "    sys.stdin.readline()\n"
                  "    gc.set_threshold(0)\n"
                  "    return [before, len(runs)]")
        child.begin("ask", "quiet(1)")
        for _ in range(20):
            wire.ask("gc_state")
            wire.ask("status")
            wire.ask("gc_garbage")
            assert wire.snapshot()[1]["end"] == "complete"
        child.target.say("go")
        before, after = child.end()
    # readline() itself may allocate something that is tracked
    assert after - before <= 2


def test_garbage(spawn):
    """GC_GARBAGE lists address and type, at most `limit`."""
    child = Served(spawn)
    child.run("class Saved: pass\n"
              "gc.set_debug(gc.DEBUG_SAVEALL)\n"
              "for _ in range(5):\n"
              "    s = Saved(); s.me = s\n"
              "del s; gc.collect(); gc.set_debug(0)")
    with child.wire() as wire:
        everything = wire.ask("gc_garbage", {"limit": 1000})
        two = wire.ask("gc_garbage", {"limit": 2})
        with pytest.raises(Refused):
            wire.ask("gc_garbage", {"limit": 1001})
    want = {(hex(address), name) for address, name in child.ask(
        "[(id(o), type(o).__module__ + '.' + type(o).__qualname__) "
        "for o in gc.garbage]")}
    # types of builtins may come with or without their module
    got = {(o["address"], o["type"]) for o in everything["objects"]}
    assert {a for a, _ in got} == {a for a, _ in want}
    assert (5, "__main__.Saved") == (
        sum(t == "__main__.Saved" for _, t in got), "__main__.Saved")
    assert everything["count"] == child.ask("len(gc.garbage)")
    assert two["count"] == everything["count"] and len(two["objects"]) == 2


def test_freeze_asks_first(spawn):
    """freeze and unfreeze need confirm: true."""
    child = Served(spawn)
    at_start = child.ask("gc.get_freeze_count()")  # 3.12 freezes some itself
    with child.wire() as wire:
        for body in ({}, {"confirm": False}, {"confirm": 1}):
            with pytest.raises(Refused, match="cannot be undone"):
                wire.ask("gc_freeze", body)
        assert child.ask("gc.get_freeze_count()") == at_start
        assert wire.ask("gc_freeze", {"confirm": True})["frozen"] > 1000
        assert child.ask("gc.get_freeze_count()") > at_start + 1000
        assert wire.ask("gc_unfreeze", {"confirm": True})["frozen"] == 0
    assert child.ask("gc.get_freeze_count()") == 0


@pytest.mark.parametrize("body", [
    {}, {"enabled": 1}, {"enabled": None}, {"thresholds": [1, 2]},
    {"thresholds": [1, 2, -1]}, {"thresholds": [1, 2, 1 << 31]},
    {"thresholds": [1, 2, "3"]}, {"thresholds": 700}, {"debug": 64},
    {"debug": -1}, {"debug": "LEAK"}, {"enabled": True, "keep": "yes"}])
def test_wrong_settings(spawn, body):
    """Wrong values are refused as a whole."""
    child = Served(spawn)
    before = child.ask("[gc.isenabled(), gc.get_debug()] + " + THRESHOLDS)
    with child.wire() as wire:
        with pytest.raises(Refused) as refused:
            wire.ask("gc_set", body)
        assert refused.value.code == "bad_argument"
        for generation in (-1, 3, "2", 1.5):
            with pytest.raises(Refused):
                wire.ask("gc_collect", {"generation": generation})
    assert before == child.ask(
        "[gc.isenabled(), gc.get_debug()] + " + THRESHOLDS)


def test_replaced_gc_functions_are_not_called(spawn):
    """A program that replaces gc.* is asked through the originals."""
    child = Served(spawn)
    child.run("import gc\ncalls = []\n"
              "for name in ('collect', 'isenabled', 'get_threshold'):\n"
              "    setattr(gc, name, lambda *a, name=name: calls.append(name))")
    with child.wire() as wire:
        assert wire.ask("gc_state")["enabled"] is True
        assert wire.ask("gc_collect")["generation"] == 2
    assert child.ask("calls") == []
