"""The snapshot child does the target no harm, whatever the target does.

SPDX-License-Identifier: MIT
"""
import pxs
import pytest

from child_tools import script, trap
from harness import RSS_SLACK, SHADOW_PAGES

HEAP = """
import gc, json, os, select, signal, sys, threading
import child_driver
from child_tools import capture, opened
class Thing:
    def __init__(self, n):
        self.number = n
        self.name = "thing %d" % n
        self.items = [n, (n, str(n)), {"key%d" % n: n, n: float(n)}]
        self.closure = lambda: (self, n)
things = [Thing(n) for n in range(2000)]
"""


def run(code, **kwargs):
    import textwrap
    return script(HEAP + textwrap.dedent(code), **kwargs)


def trapped(code):
    """Runs code with the traps loaded; (calls, name of the last one)."""
    return run("""
        import ctypes
        traps = ctypes.CDLL(None)
        traps.child_trap_last.restype = ctypes.c_char_p
        child_driver.watch_allocators()
        %s
        print(json.dumps([result.end, traps.child_trap_count(),
                          traps.child_trap_last().decode(),
                          child_driver.watched_calls()]))
    """ % code.replace("\n", "\n        "), LD_PRELOAD=str(trap()))


@pytest.mark.smoke
@pytest.mark.parametrize("options", [
    "", "codec=1", "detail=0", "mark_only=True", "count_dirty=True"])
def test_child_neither_allocates_nor_locks(options):
    end, n_calls, last, n_python = trapped("result = capture(%s)" % options)
    assert end == 0
    assert n_calls == 0, last
    assert n_python == 0


@pytest.mark.parametrize("evil, name", [
    ("mallocs", "free"), ("locks", "pthread_mutex_unlock")])
def test_the_traps_catch(evil, name):
    end, n_calls, last, n_python = trapped(
        "import child_badtypes\n"
        "bad = child_badtypes.%s(things)\n"
        "result = capture()" % evil)
    assert end == 0
    assert n_calls >= 1 and last == name
    assert (n_python >= 2) == (evil == "mallocs")


def test_few_pages_of_the_target_get_dirty():
    for options in ("", "codec=1", "mark_only=True"):
        pages = run("""
            more = [Thing(n) for n in range(20000)]
            results = [capture(asleep=True, count_dirty=True%s)
                       for _ in range(3)]
            print(json.dumps([[r.end, r.footer("DIRTY_PAGES")]
                              for r in results]))
        """ % (", " + options if options else ""))
        assert [end for end, _ in pages] == [0, 0, 0]
        assert all(0 < n <= 64 + SHADOW_PAGES
                   for _, n in pages), (options, pages)


def test_dirty_pages_are_counted():
    """A target that writes while the child lives gives it private pages."""
    pages = run("""
        block = bytearray(8 << 20)
        for i in range(0, len(block), 4096):
            block[i] = 1
        with opened(count_dirty=True, spool_bytes=1 << 20) as (
                capsule, spool, event, pid, pause):
            for i in range(0, len(block), 4096):
                block[i] = 2
            end = 0
            data = []
            while True:
                published, objects, ended, why = child_driver.poll(capsule)
                if published > end:
                    data.append(os.pread(spool, published - end, end))
                    end += len(data[-1])
                child_driver.release(capsule, end)
                if ended:
                    break
                select.select([event], [], [], 10)
        import pxs
        footer = pxs.read_bytes(b"".join(data)).footer
        print(json.dumps(footer[pxs.FOOTER["DIRTY_PAGES"]]))
    """)
    assert pages >= 2000


@pytest.mark.timeout(600)
def test_no_child_hangs_while_threads_hammer_malloc_and_dlopen():
    ends = script("""
        import json
        import child_hammer
        from child_tools import capture
        child_hammer.start(3)
        ends = [capture(codec=i % 2).end for i in range(200)]
        child_hammer.stop()
        print(json.dumps(ends))
    """, timeout=550, MALLOC_ARENA_MAX="1")
    assert ends == [0] * 200


@pytest.mark.smoke
def test_nobody_sees_the_child():
    result = run("""
        seen = []
        signal.signal(signal.SIGCHLD, lambda *a: seen.append(a[0]))
        try:
            os.waitpid(-1, os.WNOHANG)
            before = "children"
        except ChildProcessError:
            before = "none"
        with opened() as (capsule, spool, event, pid, pause):
            try:
                os.waitpid(-1, os.WNOHANG)
                during = "children"
            except ChildProcessError:
                during = "none"
            exists = os.path.exists("/proc/%d" % pid)
            child_driver.wait(capsule, 30000)
        gone = not os.path.exists("/proc/%d" % pid)
        print(json.dumps([before, during, exists, gone, seen]))
    """)
    assert result == ["none", "none", True, True, []]


def test_at_fork_handlers_do_not_run():
    ran = run("""
        ran = []
        os.register_at_fork(before=lambda: ran.append("before"),
                            after_in_parent=lambda: ran.append("parent"))
        capture()
        print(json.dumps(ran))
    """)
    assert ran == []


def test_child_keeps_no_descriptor_of_the_target():
    """A pipe whose write end only the child could hold gives end of file at
    once, while the child still waits for room in its spool."""
    result = run("""
        read, write = os.pipe()
        more = [Thing(n) for n in range(20000)]
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            os.close(write)
            ready, _, _ = select.select([read], [], [], 20)
            at_end = ready and os.read(read, 1) == b""
            # Full: all that it does at its start is long done.
            while child_driver.poll(capsule)[0] < 1 << 19:
                select.select([event], [], [], 10)
            alive = not child_driver.poll(capsule)[2]
            links = sorted(os.readlink("/proc/%d/fd/%s" % (pid, fd))
                           .split(":")[0]
                           for fd in os.listdir("/proc/%d/fd" % pid))
        print(json.dumps([bool(at_end), alive, links]))
    """)
    assert result[:2] == [True, True]
    assert len(result[2]) == 2 and result[2][1] == "pipe", result


def test_child_dies_with_its_target(tmp_path):
    """PDEATHSIG: no orphan goes on, even when it waits."""
    import os
    import time
    pid = script(HEAP + """
import os, json, sys
more = [Thing(n) for n in range(20000)]
context = opened(spool_bytes=1 << 20)
capsule, spool, event, pid, pause = context.__enter__()
while child_driver.poll(capsule)[0] < 1 << 19:
    select.select([event], [], [], 10)
print(json.dumps(pid), flush=True)
os._exit(0)
""")
    deadline = time.monotonic() + 20
    while os.path.exists("/proc/%d/stat" % pid):
        state = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < deadline, "the child outlived its target"
        time.sleep(0.01)


def test_signals_of_the_group_stay_the_targets():
    """A Ctrl-C to the process group must not run handlers in the child."""
    result = run("""
        import time
        os.setpgid(0, 0)
        seen = []
        read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, lambda *a: seen.append(os.getpid()))
        more = [Thing(n) for n in range(20000)]
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            os.killpg(0, signal.SIGINT)
            while not seen:
                time.sleep(0.001)
            child_driver.cancel(capsule)
            _, _, ended, end = child_driver.wait(capsule, 30000)
        os.set_blocking(read, False)
        print(json.dumps([seen == [os.getpid()], len(os.read(read, 100)),
                          ended, end]))
    """)
    assert result == [True, 1, True, 3]


@pytest.mark.smoke
def test_target_is_the_same_after_100_snapshots():
    before, after = run("""
        def state():
            gc.collect()
            return {"objects": len(gc.get_objects()),
                    "blocks": sys.getallocatedblocks(),
                    "fds": len(os.listdir("/proc/self/fd")),
                    "maps": sum(1 for _ in open("/proc/self/maps")),
                    "rss": int(open("/proc/self/statm").read().split()[1])}
        def one():
            with opened() as (capsule, *rest):
                child_driver.wait(capsule, 30000)
        for _ in range(5):
            one()
        state()
        before = state()
        for _ in range(100):
            one()
        print(json.dumps([before, state()]))
    """)
    assert after["fds"] == before["fds"]
    assert after["objects"] <= before["objects"] + 2
    assert after["blocks"] <= before["blocks"] + 50
    assert after["maps"] <= before["maps"] + 2
    grown = (after["rss"] - before["rss"]) * 4096
    assert grown < (1 << 20) + RSS_SLACK


def test_a_type_is_understood_once_however_many_there_are():
    """Else each object would take memory for what its type is."""
    ends = run("""
        import resource
        more = [type("T%d" % n, (), {})() for n in range(100)]
        names = ["slot%d" % n for n in range(200)]
        wide = [type("W%d" % n, (), {"__slots__": names}) for n in range(20)]
        more += [one() for one in wide for _ in range(2000)]
        first = capture().end
        pages = int(open("/proc/self/statm").read().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + (96 << 20),
                                                resource.RLIM_INFINITY))
        print(json.dumps([first, capture().end]))
    """)
    assert ends == [0, 0]


# ---- objects that cannot be read ----
def bad(kind, number=1, **kwargs):
    return run("""
        import pxs, child_badtypes, time
        marker = "what the bad one holds"
        bads = [child_badtypes.%s([marker, i]) for i in range(%d)]
        ids = [id(b) for b in bads]
        after = Thing(77)
        everything = [id(o) for o in gc.get_objects()]
        start = time.monotonic()
        result = capture()
        seconds = time.monotonic() - start
        snap = result.read()
        footer = {n: snap.footer.get(pxs.FOOTER[n]) for n in
                  ("END", "BAD", "BAD_TYPES", "OBJECTS")}
        flagged = [a for a in ids if snap.nodes[a].flags & 64]
        named = {snap.text_of(e.key) if e.key else snap.show(e)
                 for e in snap.nodes[id(after)].edges}
        missing = sum(1 for a in everything if a not in snap.nodes)
        print(json.dumps([footer, len(flagged), seconds,
                          len(snap.dangling()), missing]))
    """ % (kind, number), **kwargs)


def check_bad(result, number):
    footer, flagged, seconds, dangling, missing = result
    assert footer["END"] == 0
    assert footer["BAD"] == flagged == number
    assert footer["BAD_TYPES"] == 1
    assert dangling == 0
    assert missing < 10  # frames that had ended
    return seconds


@pytest.mark.smoke
def test_traverse_that_faults_is_left():
    check_bad(bad("crash", 50), 50)


def test_traverse_that_never_ends_is_left_after_a_second():
    seconds = check_bad(bad("loop", 3), 3)
    assert 0.9 < seconds < 20


def test_traverse_that_visits_for_ever_is_left():
    check_bad(bad("visits", 2), 2)


def test_traverse_that_waits_for_ever_is_left():
    seconds = check_bad(bad("blocks", 2), 2)
    assert 4 < seconds < 30


def test_item_that_is_no_object_does_not_spoil_its_list():
    result = run("""
        import pxs, child_badtypes
        broken = ["first", "second", "third"]
        gc.disable()
        hole = child_badtypes.broken_list(broken)
        result = capture()
        child_badtypes.mend_list(broken)
        snap = result.read()
        node = snap.nodes[id(broken)]
        items = [snap.text_of(e.target) for e in node.edges]
        print(json.dumps([node.flags & 64, len(node.edges), items,
                          snap.nodes[hole].flags & 64,
                          snap.type_name(snap.nodes[hole]),
                          snap.footer[pxs.FOOTER["BAD"]],
                          snap.footer.get(pxs.FOOTER["BAD_TYPES"]),
                          len(snap.dangling())]))
    """)
    assert result == [0, 3, ["first", None, "third"], 64, "<unreadable>", 1,
                      0, 0]


BROKEN = """
import child_badtypes, ctypes, pxs
capture()  # what is looked for once is found
gc.collect()
gc.disable()
def word(o, at):
    return ctypes.c_size_t.from_address(id(o) + 8 * at)
def broken(o, at, value):
    \"\"\"A snapshot while a word of `o` is wrong.\"\"\"
    right = word(o, at).value
    word(o, at).value = value
    result = capture()
    word(o, at).value = right
    return result
class Account(list):
    __slots__ = ("password",)
"""


@pytest.mark.smoke
def test_what_a_bad_object_held_is_no_stray():
    """Nor does it spoil the others of its class, which tell what is secret."""
    result = run(BROKEN + """
accounts = [Account([n]) for n in range(5)]
for n, account in enumerate(accounts):
    account.password = "hunter-%d" % n
held = [child_badtypes.crash("only-%d" % n) for n in range(20)]
result = broken(accounts[2], 3, 0x10)  # its items
snap = result.read()
print(json.dumps([
    any(b"hunter-%d" % n in result.data for n in range(5)),
    any(b"only-%d" % n in result.data for n in range(20)),
    sum(n.flags & pxs.STRAY != 0 for n in snap.nodes.values()),
    [snap.nodes[id(a)].flags & 64 for a in accounts],
    [id(a.password) in snap.nodes for a in accounts]]))
""")
    assert result == [False, False, 0, [0, 0, 64, 0, 0],
                      [True, True, False, True, True]]


@pytest.mark.smoke
def test_a_class_that_cannot_be_read_costs_its_objects_only():
    ends = run(BROKEN + """
class Victim: pass
victims, items = [Victim(), Victim()], [1, 2]
name = max(at for at in range(50, type.__basicsize__ // 8)
           if word(Victim, at).value == id(Victim.__qualname__))
seen = []
for o, at, bad in ((items, 1, [items]), (Victim, name, victims)):
    snap = broken(o, at, 0x10).read()
    seen.append([snap.footer[pxs.FOOTER["END"]],
                 snap.footer[pxs.FOOTER["BAD"]] >= len(bad),
                 [snap.type_name(snap.nodes[id(b)]) for b in bad],
                 len(snap.nodes) > 10000])
print(json.dumps(seen))
""")
    assert ends == [[0, True, ["<unreadable>"], True],
                    [0, True, ["<unreadable>"] * 2, True]]


@pytest.mark.smoke
def test_nothing_ends_a_walk_inside_of_the_targets_own_code():
    """A jump over the frames of a tp_traverse would leave its object borrowed
    for ever (PyO3), when it is the target itself that walks."""
    end, borrowed = run("""
        import pxs, child_badtypes
        gc.disable()
        one = child_badtypes.borrows("held")
        child_badtypes.arm(True)
        end = capture(stop_the_world=True).end
        print(json.dumps([end, child_badtypes.arm(False)]))
    """)
    assert (end, borrowed) == (pxs.END["FILE_LIMIT"], 0)


@pytest.mark.smoke
def test_a_name_of_the_interpreters_is_not_its_struct():
    """mypyc makes heap types whose tp_name is what the class is called."""
    edges, n_bad = run("""
        import pxs, child_badtypes
        made = [child_badtypes.foreign(name, words, is_heap)
                for is_heap in (False, True)
                for name, words in (("Token", 6), ("Context", 6), ("map", 4),
                                    ("ContextVar", 8), ("iterator", 4))]
        made += [child_badtypes.foreign(name, words, True) for name, words in (
            ("Struct", 7), ("hamt", 5), ("coroutine_wrapper", 3),
            ("method-wrapper", 4), ("BaseException", 9))]
        snap = capture().read()
        print(json.dumps([
            [snap.show(e) for o in made for e in snap.nodes[id(o)].edges
             if snap.show(e) != "class"], snap.footer[pxs.FOOTER["BAD"]]]))
    """)
    assert (edges, n_bad) == ([], 0)


def test_target_goes_on_while_the_child_reads():
    """Objects are made and freed all along; the snapshot is of one moment."""
    result = run("""
        import pxs
        stop = []
        pool = [Thing(n) for n in range(1000)]
        def churn():
            n = 0
            while not stop:
                n += 1
                pool[n % len(pool)] = Thing(n)
        threads = [threading.Thread(target=churn) for _ in range(2)]
        for thread in threads:
            thread.start()
        results = [capture() for _ in range(4)]
        stop.append(1)
        for thread in threads:
            thread.join()
        outcomes = []
        for result in results:
            snap = result.read()
            list_node = snap.nodes[id(pool)]
            ok = all(snap.type_name(snap.nodes[e.target]) == "__main__.Thing"
                     for e in list_node.edges)
            outcomes.append([result.end, snap.footer[pxs.FOOTER["BAD"]],
                             len(snap.dangling()), len(list_node.edges), ok])
        print(json.dumps(outcomes))
    """)
    assert result == [[0, 0, 0, 1000, True]] * 4
