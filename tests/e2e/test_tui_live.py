"""The explorer on a living target: the whole way to the leak, the collector,
new snapshots, a busy target and one that ends.

SPDX-License-Identifier: MIT
"""
import os
import re
import signal
import subprocess
import time

import pytest

from demo import PROOF, Walk
from harness import TUI, descriptors, wait_until
from terminal import Terminal, outcome
from wire import Wire

# Serves, then does what it is told on stdin, one expression a line.
SERVE = """
import gc, json, sys, pyexplore
class Connection: pass
kept = [Connection() for _ in range(50)]
server = pyexplore.serve(port=None, %s)
print(json.dumps({"event": "serving", "path": server.unix_path}), flush=True)
for line in sys.stdin:
    print(json.dumps({"event": "said", "value": eval(line)}), flush=True)
"""
# PyDLL keeps the GIL: nobody else runs meanwhile
HOLD_GIL = ("[print(json.dumps({'event': 'begun'}), flush=True),"
            " __import__('ctypes').PyDLL(None).usleep(%d)] and 1")


@pytest.fixture
def target(spawn):
    """A target that evaluates what it is told; .ask(expression)."""
    def start(options=""):
        target = spawn(SERVE % options)
        target.path = target.event("serving")["path"]

        def ask(expression):
            target.say(expression)
            return target.event("said")["value"]
        target.ask = ask
        return target
    return start


def explorer(where, *args, **how):
    return Terminal([TUI] + list(args) + [where], **how)


@pytest.mark.parametrize("cols, rows", [(80, 24), (200, 50)])
@pytest.mark.parametrize("leak", ["list", "cycle"])
def test_from_types_to_the_holder(leak_server, leak, cols, rows):
    server = leak_server(leak, 60)
    with explorer(server.pid, cols=cols, rows=rows) as t:
        t.wait_for("snapshot 1,")
        t.type("f.Connection !Handler")
        t.keys("Enter")
        t.wait_for(r"^▌\S*\.Connection +60 ", regex=True)
        t.keys("Enter")
        t.wait_for(r"types › \S*Connection +60 objects", regex=True)
        t.keys("Enter")
        t.wait_for("referred to by")
        Walk(t).path(PROOF[leak])
        t.keys("BSpace")
        t.wait_for("referred to by")
        t.keys("H")
        t.wait_for("› holders")
        if leak == "list":
            t.wait_for(r"^▌▾ module __main__ .* 60 +100.0 %", regex=True)
            t.wait_for(r"▾ _CONNECTIONS → list +60 ", regex=True)
            t.keys("j", "Left")
            t.wait_for(r"^▌ +▸ _CONNECTIONS", regex=True)
            t.wait_gone("[*]")
        else:
            t.wait_for("only their cycle holds them")
            t.wait_for(r"\.handler → \.connection|\.connection → \.handler",
                       regex=True)
        t.keys("q")
        assert t.wait_exit() == 0
    server.process.poll()
    assert server.process.returncode is None, "the target lives on"


@pytest.mark.parametrize("when", [None, "objects", "snapshot 1,"])
def test_keys_typed_ahead_act_on_their_row(target, when):
    """Sent in one piece before anything, while rows come, and after."""
    served = target()
    served.ask("kept.extend((i, str(i)) for i in range(150000))")
    with explorer(served.pid) as t:
        if when is not None:
            t.wait_for(when)
        t.keys(*"/Connection", "Enter", "H")
        t.wait_for(r"types › \S*Connection › holders", regex=True)
        t.wait_for("snapshot 1,")
        t.keys("T", *"/nowhere", "Enter", "Enter")
        t.wait_for("no row has nowhere: 1 key after it is dropped")
        assert " types " in t.lines()[1]


def test_a_paste_is_one_search(target):
    """Ten thousand characters, each once searched for in all rows, took as
    long as ten thousand searches."""
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type("/" + "x" * 10000)
        t.wait_for("/…xxxxx")
        t.keys("Enter")
        t.wait_for("no row has xxxxx")
        t.type("/" + "y" * 10000)
        t.wait_for("/…yyyyy")
        t.keys("Escape")
        t.wait_gone("yyyyy")
        t.keys("L")
        t.wait_for("connected to")


def test_a_new_snapshot_is_followed(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type("fConnection")
        t.keys("Enter")
        t.wait_for(r"Connection +50 ", regex=True)
        served.ask("kept.extend(Connection() for _ in range(7))")
        t.keys("r")
        t.wait_for("snapshot 2,")
        t.wait_for(r"Connection +57 ", regex=True)
        t.wait_for("filter Connection")


def test_tab_completes_types_and_columns(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type(":goto instances:connec")
        t.wait_for("__main__.Connection")  # offered
        t.keys("Tab")
        t.wait_for(":goto instances:__main__.Connection")
        t.keys("Enter")
        t.wait_for("50 objects")
        t.type(":sort ")
        t.wait_for("ADDRESS  NEW  REFS  SIZE  RETAINED  HELD BY  WHAT")
        t.type("ained")
        t.keys("Tab", "Enter")
        t.wait_for("RETAINED▾")


def test_what_is_gone_stays_in_its_snapshot(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type(":goto instances:Connection\n")
        t.wait_for("50 objects")
        t.keys("Enter")
        t.wait_for("referred to by")
        served.ask("kept.clear()")
        t.keys("r")
        t.wait_for("still shown from snapshot 1")
        t.wait_for("referred to by")
        t.keys("T")
        t.wait_for("snapshot 2,")


def test_what_is_shown_stays_whatever_comes(target):
    """Its snapshot would be the oldest; the next one is asked for, and the
    target ends over it."""
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        for number in (2, 3, 4):
            if number == 4:
                t.type(":goto 2:instances:Connection\n")
                t.wait_for("50 objects")
            t.keys("r")
            t.wait_for("snapshot %d is here" % number)
        served.process.send_signal(signal.SIGSTOP)
        t.keys("r")
        t.wait_for("is the target stopped?")
        t.type("fq")
        t.wait_for("filter: q")
        served.process.kill()
        t.keys("Escape")
        t.wait_for("the target has ended; snapshot 4 stays open")
        t.wait_for("snapshot 2,")
        t.keys("Enter")
        t.wait_for("referred to by")
        t.keys("q")
        assert t.wait_exit() == 0


def test_the_collector(target):
    served = target()
    before = served.ask("[gc.isenabled(), gc.get_debug(), "
                        "list(gc.get_threshold())]")
    with explorer(served.pid, cols=120, rows=30) as t:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("automatic collection")
        t.keys("e")
        t.wait_for("changed from")
        assert served.ask("gc.isenabled()") != before[0]
        t.keys("3")
        t.wait_for(r"DEBUG_UNCOLLECTABLE +☑ on", regex=True)
        assert served.ask("gc.get_debug()") == 4
        t.keys("1")  # prints to the target's stderr: asks
        t.wait_for("to the target's stderr")
        t.keys("n")
        t.wait_for("not done")
        assert served.ask("gc.get_debug()") == 4
        t.keys("t")
        t.wait_for("thresholds: ")
        t.keys("C-u")
        t.type("1234 5 6\n")
        t.wait_for(r"thresholds +1234 5", regex=True)
        assert served.ask("gc.get_threshold()[0]") == 1234
        served.ask("(lambda x: x.append(x))([])")
        t.keys("c")
        t.wait_for(r"collect\(2\): .*freed", regex=True)
        t.wait_for(r"objects? in snapshot \d", regex=True)
        frozen = served.ask("gc.get_freeze_count()")
        t.keys("z")
        t.wait_for("y/n")
        t.keys("Escape")
        t.wait_for("not done")
        assert served.ask("gc.get_freeze_count()") == frozen
        t.keys("R")
        t.wait_for("restored")
        t.wait_gone("changed from")
        t.keys("e")
        t.wait_for("changed from")
        t.keys("q")
        t.wait_exit()
    # what was not restored by hand is when the connection ends
    end = time.monotonic() + 10
    now = None
    while now != before and time.monotonic() < end:
        now = served.ask("[gc.isenabled(), gc.get_debug(), "
                         "list(gc.get_threshold())]")
    assert now == before


def test_keys_before_the_answer_add_up(target):
    """Two flags, on; the collector, off and on again: no key is lost."""
    served = target()
    with explorer(served.pid, cols=120, rows=30) as t:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("automatic collection")
        os.kill(served.pid, signal.SIGSTOP)
        t.type("34ee?")
        t.wait_for("Here: gc")  # all were taken
        os.kill(served.pid, signal.SIGCONT)
        wait_until(lambda: served.ask("gc.get_debug()") == 36, "both flags")
        t.keys("BSpace")
        t.wait_for(r"DEBUG_SAVEALL +☑ on", regex=True)
        t.wait_for("collection on: done")
        assert served.ask("gc.isenabled()") is True
        t.type("Re3?")  # from what restoring gives
        t.wait_for("Here: gc")
        wait_until(lambda: served.ask("[gc.isenabled(), gc.get_debug()]")
                   == [False, 4], "what is set after restoring")
        t.keys("Q")
        t.wait_exit()


def test_who_names_no_target_is_told_what_there_is(target):
    served = target()
    done = subprocess.run([str(TUI)], stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=60)
    assert done.returncode == 2
    assert re.search(r"^    pyexplore-tui %d " % served.pid, done.stderr, re.M)


@pytest.mark.parametrize("keep", ["K", ":gc-keep", None])
def test_changes_are_kept_only_when_asked(target, keep):
    """K, or its command: what was switched stays when the explorer leaves."""
    served = target()
    with explorer(served.pid, cols=140, rows=30) as t, \
            Wire.unix(served.path).hello() as watch:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("automatic collection")
        if keep == "K":
            t.keys("K")
            t.wait_for("nothing was changed that could be kept")
        t.keys("e")
        t.wait_for("put back when the explorer leaves (K keeps it)")
        t.keys("3")
        t.wait_for(r"DEBUG_UNCOLLECTABLE +☑ on", regex=True)
        if keep == "K":
            t.keys("K")
        elif keep is not None:
            t.type(keep + "\n")
        if keep is not None:
            t.wait_for("kept; to undo it later: pyexplore gc %d enable"
                       % served.pid)
            t.wait_gone("changed from")
        t.keys("q")
        t.wait_exit()
        wait_until(lambda: watch.ask("status")["peers"] == 1, "it left")
        watch.ask("gc_state")  # behind what would put it back
    want = [True, 0] if keep is None else [False, 4]
    assert served.ask("[gc.isenabled(), gc.get_debug()]") == want


def test_what_another_connection_changed_is_said(target):
    served = target()
    with Wire.unix(served.path).hello() as other:
        other.ask("gc_set", {"enabled": False})
        with explorer(served.pid, cols=90, rows=30) as t:
            t.wait_for("snapshot 1,")
            t.keys("G")
            t.wait_for("others changed it from on, flags 0, ")
            t.keys("q")
            t.wait_exit()
        assert other.ask("gc_state")["enabled"] is False


def test_what_cannot_be_undone_is_not_promised(target):
    """Freezing and collecting, beside a change that is put back."""
    served = target()
    with explorer(served.pid, cols=140, rows=30) as t:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("automatic collection")
        t.keys("e")
        t.wait_for("put back when the explorer leaves")
        for key, said in (("z", "freeze"), ("Z", "unfreeze")):
            t.keys(key)
            t.wait_for("y/n")
            t.keys("y")
            t.wait_for(r"^ ?%s +\d+ of " % said, regex=True)
            assert "put back when the explorer leaves" not in t.screen()
        t.keys("c")
        t.wait_for(r"collect\(2\): .*(freed|unreachable)", regex=True)
        assert "put back when the explorer leaves" not in t.screen()
        t.keys("q")
        t.wait_exit()


def test_garbage_can_be_browsed(target):
    served = target()
    with explorer(served.pid, cols=100, rows=30) as t:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("automatic collection")
        t.keys("4")
        t.wait_for(r"DEBUG_SAVEALL +☑ on", regex=True)
        t.wait_for("garbage grows")
        served.ask("[a.append(a) for a in ([], [], [])]")
        t.keys("c")
        t.wait_for(r"collect\(2\)", regex=True)
        t.keys("g")
        t.wait_for("objects")
        t.wait_for("not in this snapshot")
        t.keys("r")
        t.wait_for("snapshot 2,")
        t.wait_gone("not in this snapshot")
        t.keys("Enter")
        t.wait_for("referred to by")
    served.ask("gc.garbage.clear()")


def test_readonly_refuses_changes(target):
    served = target("readonly=True")
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.keys("G")
        t.wait_for("readonly")
        t.keys("e")
        t.wait_for("its collector stays as it is")
    assert served.ask("gc.isenabled()") is True


def test_the_end_of_the_target_leaves_the_snapshot(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        served.process.kill()
        t.wait_for("the target has ended; snapshot 1 stays open")
        assert "ended" in t.lines()[0]
        t.keys("Enter")
        t.wait_for("types ›")
        t.keys("r")
        t.wait_for("the target has ended; snapshot 1 stays open")
        t.keys("q")
        assert t.wait_exit() == 0


def test_a_busy_target_is_named_and_keys_go_on(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        served.say(HOLD_GIL % 3000000)
        served.event("begun")
        t.keys("r")
        t.wait_for(r"waiting for the GIL for .* \(the target is in C code\)",
                   regex=True)
        before = t.cursor()[1]
        t.keys("j")
        t.wait_until(lambda _: t.cursor()[1] == before + 1,
                     "the cursor moves")
        assert "waiting for the GIL" in t.screen()
        t.wait_for("snapshot 2,")


def test_a_stopped_target_is_not_said_to_be_in_c_code(target):
    """It cannot answer, and keys go on; it is answered for when it can."""
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        served.process.send_signal(signal.SIGSTOP)
        t.keys("r")
        t.wait_for("is the target stopped?")
        assert "C code" not in t.screen()
        t.keys("j")
        assert "is the target stopped?" in t.screen()
        t.keys("Escape")
        t.wait_for("cancelling; waiting for an answer")
        served.process.send_signal(signal.SIGCONT)
        t.wait_for("snapshot cancelled")
        t.keys("r")
        t.wait_for("snapshot 3,")


def test_ctrl_c_ends_it_while_the_target_does_not_answer(target):
    served = target()
    served.process.send_signal(signal.SIGSTOP)
    with explorer(served.pid, "--timeout", "60") as t:
        def is_connected(_):
            return any(link.startswith("socket:")
                       for link in descriptors(t.pid))
        t.wait_until(is_connected, "it to connect")
        t.keys("C-c")
        assert t.wait_exit() == -signal.SIGINT
    served.process.send_signal(signal.SIGCONT)


def test_another_explorers_change_of_the_collector_is_seen(target):
    served = target()
    with explorer(served.pid) as t, explorer(served.pid) as other:
        for each in (t, other):
            each.wait_for("snapshot 1,")
            each.keys("G")
            each.wait_for(r"automatic collection +☑ on", regex=True)
        other.keys("e")
        other.wait_for(r"automatic collection +☐ off", regex=True)
        t.keys("r")
        t.wait_for(r"automatic collection +☐ off", regex=True)


def test_a_snapshot_can_be_cancelled(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        served.say(HOLD_GIL % 2000000)
        served.event("begun")
        t.keys("r")
        t.wait_for("waiting for the GIL")
        t.keys("Escape")
        t.wait_gone("waiting for the GIL")
        t.wait_for("cancelled")
        served.event("said")
        t.keys("r")
        t.wait_for(r"snapshot [23],", regex=True)
        assert t.lines()[0].find("snapshot 1,") < 0


def test_hostile_names_cannot_move_the_cursor(spawn):
    served = spawn(SERVE % "")
    served.event("serving")
    served.say("setattr(sys.modules['__main__'], 'evil', "
               "[type('A\\x1b[2J\\u202eB', (), {})() for _ in range(9)]) "
               "or 1")
    served.event("said")
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type("fx1b")
        t.keys("Enter")
        t.wait_for(r"A\\x1b\[2J\\u202eB", regex=True)
        t.keys("Enter", "Enter")
        t.wait_for("referred to by")
        assert "\u202e" not in t.screen()
        assert "? help  q quit" in t.lines()[23]


def test_the_log_tells_what_it_cost(target):
    served = target()
    with explorer(served.pid, cols=120, rows=30) as t:
        t.wait_for("snapshot 1,")
        t.keys("L")
        t.wait_for("GIL: longest wait")
        t.wait_for(r"snapshot 1: complete; waited .* paused the target",
                   regex=True)
        t.wait_for("connected to")


def test_a_place_can_be_given(target):
    served = target()
    with explorer(served.pid, "--goto", "path:Connection") as t:
        t.wait_for("paths of all")
        t.wait_for(r"50 +100.0 % +module __main__ → kept\[\*\]", regex=True)


def test_nothing_serves_there():
    status, screen = outcome([TUI, os.getpid()], cols=200)
    assert status == 3 and "does not serve" in screen, screen
    assert "add these two lines to it" in screen
    with Terminal([TUI, os.getpid()]) as t:
        assert t.wait_exit() == 3
        assert not t.alternate()


# A thread that sits three calls deep, and a task that awaits.
RUNNING = """
import asyncio, threading
def outer(request):
    inner(bytes(300000))
def inner(body):
    gate.wait()
async def fetch(address):
    await asyncio.sleep(3600)
async def main(queries):
    await fetch("shop:80")
def run_loop():
    loop = asyncio.new_event_loop()
    loop.create_task(main([1] * 100), name="poller")
    loop.call_soon(started.set)
    loop.run_forever()
gate, started = threading.Event(), threading.Event()
threading.Thread(target=outer, args=("GET /",), name="worker-1",
                 daemon=True).start()
threading.Thread(target=run_loop, name="loop", daemon=True).start()
started.wait()
"""


@pytest.mark.parametrize("cols, rows", [(80, 24), (200, 50)])
def test_threads_frames_and_locals(target, cols, rows):
    served = target()
    served.ask("exec(%r, globals())" % RUNNING)
    with explorer(served.pid, cols=cols, rows=rows) as t:
        t.wait_for("snapshot 1,")
        t.keys("F")
        t.wait_for("thread worker-1")
        t.wait_until(lambda screen: "…" not in screen.split("\n")[4],
                     "retained sizes")
        t.type("/local queries\n")
        t.wait_for(r"▌ +local queries → list", regex=True)
        # its coroutines one beside the other, innermost first
        t.keys("k")
        t.wait_for(r"▌ *▾ main\(\)", regex=True)
        t.keys("k")
        t.wait_for(r"▌ *local address → str 'shop:80'", regex=True)
        t.keys("k")
        t.wait_for(r"▌ *▾ fetch\(\)", regex=True)
        t.type("/local body\n")
        t.wait_for(r"▌ +local body → bytes .*293\.0 KiB", regex=True)
        # innermost first, as it waits in a call of a library
        screen = t.screen()
        assert screen.index("local body") < screen.index(" outer()")
        t.keys("Enter")
        t.wait_for("inner()")
        t.wait_for("referred to by")
    served.ask("gate.set()")


@pytest.mark.parametrize("cols, rows", [(80, 24), (200, 50)])
def test_cycles_and_where_to_cut(leak_server, cols, rows):
    server = leak_server("cycle", 60)
    with explorer(server.pid, cols=cols, rows=rows) as t:
        t.wait_for("snapshot 1,")
        t.keys("O")
        t.wait_for(r"\d+ cycles of .* wait for the collector", regex=True)
        t.wait_for(r"^▌▾ \S*Connection\S*  \.(handler|connection) → "
                   r"\.(handler|connection) +\d+ .*only themselves",
                   regex=True)
        t.wait_for("‹ cut here")
        t.keys("Left")
        t.wait_for(r"^▌▸ \S*Connection", regex=True)


def test_changes_since_the_mark(target):
    served = target()
    with explorer(served.pid, cols=110) as t:
        t.wait_for("snapshot 1,")
        t.wait_for("rss ")
        t.type("fConnection")
        t.keys("Enter")
        t.wait_for(r"Connection +50 ", regex=True)
        assert "+MARK" not in t.screen()
        served.ask("kept.extend(Connection() for _ in range(7))")
        t.keys("r")
        t.wait_for(r"Connection +57 +\+7 ", regex=True)
        t.wait_for("▁█")
        t.keys("m")
        t.wait_for("snapshot 2 is marked")
        served.ask("kept.extend(Connection() for _ in range(2))")
        t.keys("r")
        t.wait_for(r"Connection +59 +\+2 ", regex=True)
        t.keys("Enter")
        t.type(":sort new\n")
        t.wait_for(r"59 objects .* \+2 since the mark", regex=True)
        t.wait_for("sorted by NEW, largest first")
        assert [i for i, line in enumerate(t.lines()) if "●" in line] == [3, 4]
        t.keys("Enter")
        t.wait_for("new since mark")
        t.keys("BSpace")
        t.wait_for("NEW▾")
        t.keys("BSpace")
        served.ask("kept.clear()")
        t.keys("r")
        t.wait_for("snapshot 4,")
        t.wait_for("no row passes the filter")


def test_snapshots_by_themselves(target):
    served = target()
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.type(":auto 1\n")
        t.wait_for("auto 1 s")
        t.wait_for("snapshot 4,")
        t.keys("a")
        t.wait_for("snapshots by hand again")
        t.wait_gone("auto 1 s")
        t.type(":auto x\n")
        t.wait_for("auto takes seconds")
        t.type(":auto 1\n")
        t.wait_for("auto 1 s")
        served.process.kill()
        t.wait_for("the target has ended")
        t.wait_gone("auto 1 s")


def test_growth_over_the_snapshots(target):
    served = target()
    with explorer(served.pid, cols=110) as t:
        t.wait_for("snapshot 1,")
        t.keys("+")
        t.wait_for("Growth needs two snapshots or more")
        for number in (2, 3):
            served.ask("kept.extend(Connection() for _ in range(500))")
            t.keys("r")
            t.wait_for("snapshot %d," % number)
        t.wait_for("over snapshots 1, 2 and 3")
        t.wait_for(r"▾ Connection  __main__.kept\[\*\] +1,050 +\+1,000 ",
                   regex=True)
        t.wait_for(r"IN EACH ROUND.*\n.* \+500 \+500 ", regex=True)
        t.wait_for(r"▶ \[\*\] → Connection  ‹ at fault", regex=True)
        for number in (4, 5, 6):  # older ones go; the view goes on
            served.ask("kept.extend(Connection() for _ in range(500))")
            t.keys("r")
            t.wait_for("snapshot %d," % number)
        t.wait_for("over snapshots 1, 4, 5 and 6")
        served.ask("kept.clear()")
        t.keys("r")
        t.wait_for("over snapshots 1, 5, 6 and 7")
        t.wait_gone("kept[*]")


def test_suspects_on_the_first_screen(target):
    served = target()
    served.ask("__import__('threading').Thread(target=lambda: "
               "[kept.append(Connection()) or __import__('time').sleep(0.002)"
               " for _ in iter(int, 1)], daemon=True).start()")
    with explorer(served.pid) as t:
        t.wait_for("snapshot 1,")
        t.wait_for("a takes them by itself")
        t.type(":auto 1\n")
        t.wait_for(r"^ ● \S*Connection grows by [\d,]+ a minute", regex=True,
                   timeout=60)
        t.keys("a", "Tab", "Enter")
        t.wait_for(r"^▌▾ ● \S*Connection grows", regex=True)
        t.wait_for("▶ [*] → Connection  ‹ at fault")
        t.wait_for("take out what is done with")
        t.wait_for("fingerprint")
        t.keys("j", "j", "j", "Enter")
        t.wait_for("referred to by")


def plain(where, *args):
    return explorer(where, "--plain", *args, cols=120, rows=50)


def test_plain_goes_on_in_a_list_that_shrank(target):
    served = target()
    served.ask("kept.extend(type('Temp%d' % i, (), {})() for i in range(50))")
    with plain(served.pid) as t:
        t.type("filter Temp\n")
        t.wait_for("^30 more; an empty line goes on", regex=True)
        t.type("auto 1\n")
        t.wait_for("^a snapshot every 1 s", regex=True)
        t.keys("Enter")
        t.wait_for("^10 more; an empty line goes on", regex=True)
        t.keys("Enter", "Enter")
        t.wait_for("these were all")
        served.ask("kept.clear() or gc.collect() and 0")

        def is_empty(screen):
            t.keys("Enter")
            return "no row passes the filter" in screen
        t.wait_until(is_empty, "the next snapshot")
        t.type("quit\n")
        assert t.wait_exit() == 0


def test_plain_opens_the_row_that_was_printed(target):
    """Snapshots come by themselves, and the rows are in another order."""
    served = target()
    served.ask("kept.extend(type('Temp%d' % i, (), {})() for i in (1, 2, 2))")
    served.ask("kept.extend(type(kept[-1])() for i in range(9))")
    with plain(served.pid) as t, Wire.unix(served.path).hello() as watch:
        t.type("filter main__.Temp\n")
        t.wait_for(r"^1\. TYPE __main__.Temp2, COUNT 10", regex=True)
        t.type("auto 1\n")
        t.wait_for("^a snapshot every 1 s", regex=True)
        served.ask("kept.extend(type(kept[50])() for i in range(99))")
        count = watch.ask("status")["snapshots"] + 2
        wait_until(lambda: watch.ask("status")["snapshots"] >= count,
                   "all of a snapshot was taken in")
        t.type("1\n")
        t.wait_for("types › __main__.Temp2")
        t.type("quit\n")
        assert t.wait_exit() == 0


@pytest.mark.parametrize("number, status", [
    (signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 0)])
def test_plain_can_be_ended_while_it_waits(target, number, status):
    served = target()
    with plain(served.pid) as t:
        t.wait_for("A number opens its row")
        served.process.send_signal(signal.SIGSTOP)
        t.type("snapshot\n")
        t.wait_for("for a snapshot|for an answer", regex=True)
        t.signal(number)
        assert t.wait_exit() == status
    served.process.send_signal(signal.SIGCONT)


def test_plain_loses_no_line_while_a_command_runs(target):
    served = target()
    script = "snapshot\n" * 12 + "help\n" * 250 + "nonsense"
    done = subprocess.run([str(TUI), "--plain", str(served.pid)],
                          input=script, stdout=subprocess.PIPE,
                          universal_newlines=True, timeout=60)
    assert done.returncode == 0
    assert "snapshot 13 is here" in done.stdout
    assert "there is no command nonsense" in done.stdout
