"""The collector over the wire: asked, set, put back; nothing leaks out.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import shlex
import signal
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
    assert "frozen" not in state
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


SETTINGS = "[gc.isenabled(), list(gc.get_threshold()), gc.get_debug()]"
CHANGES = {
    "enabled": ("gc.isenabled()", [False, True, False]),
    "thresholds": (THRESHOLDS, [[5, 6, 7], [8, 9, 1], [2, 3, 4]]),
    "debug": ("gc.get_debug()", [4, 32, 36]),
}


def leave(wire, left):
    """Closes `wire`; returns when the target has seen that it went, so that
    what a peer of it asks next is done after what it left to be done."""
    wire.close()
    wait_until(lambda: left.ask("status")["peers"] == 1, "one peer left")


def is_set(child, expression, value):
    """3.12 and later have no third threshold."""
    now = child.ask(expression)
    return now[:2] == value[:2] if isinstance(value, list) else now == value


@pytest.mark.parametrize("key", sorted(CHANGES))
@pytest.mark.parametrize("first_leaves", [True, False])
def test_two_that_set_the_same(spawn, key, first_leaves):
    """What two connections set is put back when both are gone, whoever goes
    first; until then it is as the last of them set it."""
    child = Served(spawn)
    before = child.ask(SETTINGS)
    expression, (one_sets, other_sets, _) = CHANGES[key]
    one, other = child.wire(), child.wire()
    first = one.ask("gc_set", {key: one_sets})["on_entry"]
    seen = other.ask("gc_state")
    assert seen["changed"] is False and seen["on_entry"] == first
    reply = other.ask("gc_set", {key: other_sets})
    assert reply["changed"] is True and reply["on_entry"] == first
    gone, left = (one, other) if first_leaves else (other, one)
    leave(gone, left)
    assert left.ask("gc_state")[key] == reply[key]
    assert is_set(child, expression, other_sets)
    left.close()
    wait_until(lambda: child.ask(SETTINGS) == before, "all put back")


@pytest.mark.parametrize("leaving", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_three_that_set_the_same(spawn, leaving):
    """The same with three, while the program sets a field too: its last word
    on that field is what is left, and the rest is put back."""
    child = Served(spawn)
    before = child.ask(SETTINGS)
    before[1][:2] = [77, 7]
    wires = [child.wire() for _ in range(3)]
    watch = child.wire()
    for i, wire in enumerate(wires):
        wire.ask("gc_set", {key: CHANGES[key][1][i] for key in CHANGES})
        child.run("gc.set_threshold(77, 7, 7)")
    for n, i in enumerate(leaving):
        assert child.ask("gc.isenabled()") is False
        assert child.ask(THRESHOLDS)[0] == 77
        wires[i].close()
        wait_until(lambda: watch.ask("status")["peers"] == 3 - n, "one less")
    watch.ask("gc_state")  # behind the putting back
    after = child.ask(SETTINGS)
    after[1][2:] = before[1][2:]  # 3.12 and later have no third threshold
    assert after == before


@pytest.mark.parametrize("end", [
    "wire.close()", "wire.ask('gc_restore')", "child.run('pyexplore.stop()')"])
def test_what_the_program_sets_meanwhile_stays(spawn, end):
    """A program that ends its warm-up while a client looks on, before or
    after the client's own change."""
    child = Served(spawn)
    child.run("sets = [(5000, 20), (6000, 30)]\n"
              "put = lambda: gc.set_threshold(*sets.pop(0))")
    other = child.wire()
    wire = child.wire()
    wire.ask("gc_set", {"thresholds": [100, 5, 5], "debug": 4})
    child.run("put()")
    reply = wire.ask("gc_set", {"thresholds": [200, 5, 5]})
    assert reply["on_entry"]["thresholds"][:2] == [5000, 20]
    child.run("put()")
    assert wire.ask("gc_state")["on_entry"]["thresholds"][:2] == [6000, 30]
    eval(end)
    if "stop" not in end:
        wait_until(lambda: child.ask("gc.get_debug()") == 0, "put back")
        other.ask("gc_state")
    assert child.ask("[gc.get_debug()] + " + THRESHOLDS)[:3] == [0, 6000, 30]


@pytest.mark.parametrize("keeps", [0, 1])
@pytest.mark.parametrize("alone", [True, False])
def test_keep_by_one_of_two(spawn, keeps, alone):
    """What one of two keeps stays, whoever leaves first; what undoes it is
    what was there before both."""
    child = Served(spawn)
    before = child.ask(SETTINGS)
    wires = [child.wire(), child.wire()]
    wires[0].ask("gc_set", {"enabled": False, "debug": 4})
    wires[1].ask("gc_set", {"enabled": False, "thresholds": [5, 6, 7]})
    reply = wires[keeps].ask("gc_set", {"keep": True} if alone else
                             {"enabled": False, "keep": True})
    assert "pyexplore gc %d enable" % child.pid in reply["undo"]
    assert reply["kept"]["enabled"] is True
    assert reply["changed"] is not alone
    assert reply["on_entry"]["enabled"] is False
    leave(wires[0], wires[1])
    wires[1].close()
    kept_debug, kept_thresholds = (alone and keeps == 0, alone and keeps == 1)
    want = [False, [5, 6] if kept_thresholds else before[1][:2],
            4 if kept_debug else before[2]]

    def now():
        enabled, thresholds, debug = child.ask(SETTINGS)
        return [enabled, thresholds[:2], debug]
    wait_until(lambda: now() == want, "the rest put back")
    with child.wire() as third:  # and the next one to change it goes to it
        third.ask("gc_set", {"enabled": True})
    wait_until(lambda: now() == want, "what was kept is put back")
    with child.wire() as last:
        assert last.ask("gc_restore", {"kept": True})["kept"] == {}
    wait_until(lambda: child.ask(SETTINGS) == before, "as at the start")


def test_keep_alone_with_nothing_changed(spawn):
    """Nothing to keep is no fault, and takes over nobody's change."""
    child = Served(spawn)
    with child.wire() as one, child.wire() as other:
        one.ask("gc_set", {"enabled": False})
        reply = other.ask("gc_set", {"keep": True})
        assert reply["undo"] == "" and reply["kept"] == {}
        assert one.ask("gc_state")["changed"] is True
    wait_until(lambda: child.ask("gc.isenabled()"), "put back")


def test_keep_and_gone_at_once(spawn):
    """{keep: true}, and the connection closed behind it."""
    child = Served(spawn)
    wire = child.wire()
    wire.ask("gc_set", {"enabled": False})
    wire.frame("gc_set", {"keep": True})
    with child.wire() as other:
        leave(wire, other)
        assert other.ask("gc_state")["kept"] == {"enabled": True}
    assert child.ask("gc.isenabled()") is False


def test_restore_ends_the_change_for_all(spawn):
    """Restored by one of two: at once, and nothing is left to put back, so
    that what the program sets then stays."""
    child = Served(spawn)
    with child.wire() as one, child.wire() as other:
        one.ask("gc_set", {"enabled": False})
        other.ask("gc_set", {"enabled": False})
        assert one.ask("gc_restore")["enabled"] is True
        assert other.ask("gc_state")["changed"] is False
        child.run("gc.disable()")
        leave(one, other)
    assert child.ask("gc.isenabled()") is False


def test_restore_of_what_was_kept_is_not_undone(spawn):
    """Another connection that changed it since, leaving, does not bring back
    what had been kept."""
    child = Served(spawn)
    with child.wire() as command:
        command.ask("gc_set", {"debug": 4, "keep": True})
    with child.wire() as one, child.wire() as command:
        one.ask("gc_set", {"debug": 32})
        assert command.ask("gc_restore", {"kept": True})["debug"] == 0
        leave(one, command)
        assert command.ask("gc_state")["debug"] == 0
    assert child.ask("gc.get_debug()") == 0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_change_under_way_when_the_other_leaves(spawn, order):
    """Two connections, their changes cut off at any moment of each."""
    child = Served(spawn)
    before = child.ask(THRESHOLDS)
    for cut in range(100):
        wires = [child.wire(), child.wire()]
        for i, wire in enumerate(wires):
            wire.frame("gc_set", {"thresholds": [i + 1, 1, 1]})
        for i in order:
            time.sleep(cut * 1e-6)
            wires[i].close()
        wait_until(lambda: child.ask(THRESHOLDS) == before, "thresholds")
    with child.wire() as again:
        assert again.ask("gc_state")["kept"] == {}
    assert child.ask(THRESHOLDS) == before


def test_stop_puts_back_what_two_changed(spawn):
    """stop() with both connected: what was there before both."""
    child = Served(spawn)
    one, other = child.wire(), child.wire()
    one.ask("gc_set", {"enabled": False, "debug": 4})
    other.ask("gc_set", {"enabled": False, "debug": 32})
    child.run("pyexplore.stop()")
    assert child.ask("[gc.isenabled(), gc.get_debug()]") == [True, 0]
    assert one.is_closed() and other.is_closed()


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


COLLECTED = """
import signal, subprocess
def blocked():
    done = subprocess.run(["grep", "SigBlk", "/proc/self/status"],
                          stdout=subprocess.PIPE)
    return int(done.stdout.split()[1], 16)
class Starts:
    def __del__(self): seen.append(blocked())
seen = []
starts = Starts(); starts.me = starts; del starts
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
"""


def test_collect_starts_processes_with_the_programs_mask(spawn):
    """What a finalizer starts can be ended by SIGTERM, as ever: it blocks what
    the main thread does."""
    child = Served(spawn)
    child.run(COLLECTED)
    with child.wire() as wire:
        wire.ask("gc_collect")
    assert child.ask("seen == [blocked()] == [1 << signal.SIGUSR1 - 1]")


@pytest.mark.parametrize("wait", [
    "signal.sigwait({signal.SIGUSR1})",
    "libc.ppoll(None, 0, None, no_signals)",
    "libc.pselect(0, None, None, None, None, no_signals)",
    "libc.epoll_pwait(epoll.fileno(), no_signals, 1, -1, no_signals)"])
def test_collect_takes_no_signal_that_main_waits_for(spawn, wait):
    """While the main thread waits for a signal the kernel says that it does not
    block it; the next one must not end the process on our thread."""
    child = Served(spawn)
    child.run("""
import ctypes, select, signal
libc = ctypes.CDLL(None)
no_signals = bytes(128)
epoll = select.epoll()
signal.signal(signal.SIGUSR1, lambda number, frame: None)
""" + COLLECTED)
    child.begin("run", wait)
    wait_until(lambda: "SigBlk:\t" + 16 * "0" in pathlib.Path(
        "/proc/%d/status" % child.pid).read_text(), "sigwait")
    with child.wire() as wire:
        wire.ask("gc_collect")
    os.kill(child.pid, signal.SIGUSR1)
    child.end()
    assert child.ask("seen[0] >> signal.SIGUSR1 - 1 & 1") == 1


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
        wire.ask("gc_freeze", {"confirm": True})
        frozen = child.ask("gc.get_freeze_count()")
        assert frozen > at_start + 1000
        assert wire.ask("gc_state", {"frozen": True})["frozen"] == frozen
        wire.ask("gc_unfreeze", {"confirm": True})
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


COUNTING = """
import gc
def count(real=gc.get_freeze_count):
    gc.n_walks += 1
    return real()
gc.n_walks = 0
gc.get_freeze_count = count
"""


def test_frozen_objects_are_counted_only_when_asked(spawn, tmp_path):
    """To count them is to walk all of them while the target stands still: not
    for the state, a change, a snapshot, nor when a connection ends."""
    (tmp_path / "sitecustomize.py").write_text(COUNTING)
    env = child_environment()
    env["PYTHONPATH"] += os.pathsep + str(tmp_path)
    child = Served(spawn, env=env)
    with child.wire() as wire:
        wire.ask("gc_state")
        wire.ask("gc_set", {"enabled": False})
        wire.ask("gc_restore")
        wire.ask("gc_freeze", {"confirm": True})
        wire.ask("gc_unfreeze", {"confirm": True})
        wire.snapshot(detail="types")
        wire.ask("gc_set", {"enabled": False})
    wait_until(lambda: child.ask("gc.isenabled()"), "what was put back")
    assert child.ask("gc.n_walks") == 0
    with child.wire() as wire:
        assert wire.ask("gc_state", {"frozen": True})["frozen"] >= 0
    assert child.ask("gc.n_walks") == 1
