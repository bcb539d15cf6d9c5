"""Threads and their frames are shown as sys._current_frames() has them.

SPDX-License-Identifier: MIT
"""
import json
import sys
import textwrap

import pxs
import pytest

pytestmark = pytest.mark.smoke

PROGRAM = textwrap.dedent("""
    import inspect, json, sys, threading, types
    import pyexplore

    started, release = threading.Semaphore(0), threading.Event()

    def wait():
        started.release()
        release.wait()

    class Worker:
        def method(self, argument):
            kept = ["kept by the method"]
            unset = None
            del unset
            self.deeper(3)
            return kept, argument

        def deeper(self, n):
            local = ["depth", n]
            if n:
                self.deeper(n - 1)
            else:
                wait()
            return local

    def with_closure():
        shared = ["in a cell"]
        def inner(own):
            also = shared
            wait()
            return own, shared
        inner(["own"])

    def generator():
        inside = ["of the running generator"]
        wait()
        yield inside

    def runs_generator():
        for item in generator():
            pass

    def class_body():
        class Body:
            attribute = ["of the class body"]
            wait()

    def operands():
        # a list that is only on the evaluation stack while wait() runs
        return len([["only on the stack"], wait()])

    def handles():
        try:
            raise KeyError(["handled"])
        except KeyError:
            wait()

    TARGETS = {
        "named thread": lambda: Worker().method(["argument"]),
        "closure": with_closure, "generator": runs_generator,
        "class": class_body, "operands": operands, "handles": handles,
    }
    threads = [threading.Thread(target=t, name=n) for n, t in TARGETS.items()]
    import _thread
    for t in threads:
        t.start()
    # one that threading does not know
    bare = _thread.start_new_thread(wait, ())
    for _ in range(len(threads) + 1):
        started.acquire()

    pyexplore.snapshot(sys.argv[1])

    def line_of(frame):
        return frame.f_lineno

    truth = {}
    for ident, frame in sys._current_frames().items():
        if ident == threading.get_ident():
            continue
        frames = []
        while frame is not None:
            code = frame.f_code
            is_class = not code.co_flags & inspect.CO_NEWLOCALS or (
                code.co_flags & inspect.CO_OPTIMIZED) == 0
            values = {} if is_class else {
                name: id(value) for name, value in frame.f_locals.items()}
            frames.append({
                "name": getattr(code, "co_qualname", code.co_name),
                "file": code.co_filename.rpartition("/")[2],
                "line": line_of(frame), "locals": values,
                "cells": list(code.co_cellvars + code.co_freevars)})
            frame = frame.f_back
        names = {t.ident: t.name for t in threads}
        truth[names.get(ident, "thread %d" % ident)] = frames[::-1]
    with open(sys.argv[1] + ".json", "w") as f:
        json.dump(truth, f)
    print("ready", flush=True)
    release.set()
""")


class Shown:
    """A snapshot with threads, and what sys._current_frames() said."""

    def __init__(self, path):
        self.snap = pxs.read(str(path))
        with open(str(path) + ".json") as f:
            self.truth = json.load(f)
        self.threads = {}
        for root_class, address, name in self.snap.roots:
            if root_class == pxs.ROOT["THREAD"]:
                self.threads[name] = self.snap.nodes[address]

    def frames(self, thread):
        edges = [e for e in self.threads[thread].edges
                 if e.kind == pxs.EDGE["FRAME"]]
        edges.sort(key=lambda e: e.index)
        assert [e.index for e in edges] == list(range(len(edges)))
        return [self.snap.nodes[e.target] for e in edges]

    def named(self, node, *kinds):
        kinds = {pxs.EDGE[k] for k in kinds}
        return {self.snap.names[e.name][1]: e.target for e in node.edges
                if e.kind in kinds}

    def reaches_text(self, node, kinds, text):
        """An edge of one of these kinds leads to a list of this str."""
        for edge in node.edges:
            if edge.kind not in {pxs.EDGE[k] for k in kinds}:
                continue
            for inner in self.snap.nodes[edge.target].edges:
                if self.snap.text_of(inner.target) == text:
                    return True
        return False


@pytest.fixture
def shown(spawn, tmp_path):
    target = spawn(PROGRAM, str(tmp_path / "frames.pxs"))
    assert target.line() == "ready"
    return Shown(tmp_path / "frames.pxs")


def test_threads_and_frames(shown):
    """Names, order, functions, lines and locals are those of the frames."""
    assert set(shown.truth) <= set(shown.threads)
    for thread, truth in shown.truth.items():
        frames = shown.frames(thread)
        assert len(frames) == len(truth)
        for node, frame in zip(frames, truth):
            label = shown.snap.labels[node.addr]
            assert label == "%s() %s:%d" % (
                frame["name"], frame["file"], frame["line"])
            values = shown.named(node, "LOCAL", "GEN_LOCAL", "BORROWED")
            assert values == {n: a for n, a in frame["locals"].items()
                              if n not in frame["cells"]}


def test_cells_of_frames(shown):
    """A variable in a cell: the frame has the cell, the cell the value."""
    n_cells = 0
    for thread, truth in shown.truth.items():
        for node, frame in zip(shown.frames(thread), truth):
            fields = shown.named(node, "FIELD")
            for name in frame["cells"]:
                if name not in frame["locals"]:
                    continue
                cell = shown.snap.nodes[fields[name]]
                assert shown.snap.type_name(cell) == "cell"
                assert (shown.named(cell, "ATTR")["cell_contents"] ==
                        frame["locals"][name])
                n_cells += 1
    assert n_cells >= 2


def test_stack(shown):
    """What lies only on the evaluation stack is held by the frame whose stack
    it is, and by no other."""
    holders = [
        shown.snap.labels[node.addr].split("()")[0]
        for node in [shown.threads["operands"]] + shown.frames("operands")
        if shown.reaches_text(node, ("STACK", "OPERAND"), "only on the stack")]
    assert holders == ["operands"]


def test_stack_of_a_running_generator(spawn, tmp_path):
    """It belongs to the generator, not to the thread that runs it."""
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        class Kept: pass
        def take(kept, done): return id(kept)
        def generator():
            yield take(Kept(), pyexplore.snapshot(sys.argv[1]))
        running = generator()
        print(next(running), id(running), flush=True)
    """), str(tmp_path / "stack.pxs"))
    kept, running = [int(x) for x in target.line().split()]
    snap = pxs.read(str(tmp_path / "stack.pxs"))
    holders = [node for node in snap.nodes.values() for e in node.edges
               if e.target == kept and
               e.kind in (pxs.EDGE["STACK"], pxs.EDGE["OPERAND"])]
    assert [snap.labels[node.addr].split("()")[0] for node in holders] == [
        "generator"]
    if sys.version_info >= (3, 11):
        assert holders[0].addr == running


def test_stack_of_a_suspended_generator(spawn, tmp_path):
    """Its depth is known: each entry is a reference that counts, and what it
    awaits has that name."""
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        class Kept:
            def __await__(self): yield
        def take(*given): return given
        def gives():
            yield take(Kept(), (yield from delegates()))
        def delegates():
            yield take(Kept(), (yield))
        async def waits():
            return take(Kept(), await Kept())
        generator, coroutine = gives(), waits()
        next(generator); coroutine.send(None)
        pyexplore.snapshot(sys.argv[1])
        print(id(generator), id(generator.gi_yieldfrom), id(coroutine),
              id(coroutine.cr_await), flush=True)
        coroutine.close()
    """), str(tmp_path / "stack.pxs"))
    gives, delegates, waits, iterator = [
        int(x) for x in target.line().split()]
    snap = pxs.read(str(tmp_path / "stack.pxs"))
    counted = snap.counted()
    for address, name, awaited in [
            (gives, "gi_yieldfrom", delegates), (delegates, None, None),
            (waits, "cr_await", iterator)]:
        node = snap.nodes[address]
        named = {snap.names[e.name][1]: e.target for e in node.edges
                 if e.name is not None}
        assert named.get(name) == awaited
        if sys.version_info < (3, 11):  # its frame is an object, and has it
            node = snap.nodes[named["cr_frame" if name == "cr_await" else
                                    "gi_frame"]]
        stack = [snap.nodes[e.target] for e in node.edges
                 if e.kind == pxs.EDGE["OPERAND"]]
        kept = [n for n in stack if snap.type_name(n) == "__main__.Kept"]
        assert len(kept) == 1
        assert counted[kept[0].addr] == kept[0].refcount == 1


def test_class_body(shown):
    """The namespace of a class body that runs is held by its frame."""
    nodes = shown.frames("class")
    spaces = [shown.named(n, "FIELD").get("locals") for n in nodes]
    texts = {shown.snap.text_of(e.key) for a in spaces if a
             for e in shown.snap.nodes[a].edges if e.key}
    assert "attribute" in texts


def test_handled_exception(shown):
    """The exception that a thread handles is held by its state."""
    fields = shown.named(shown.threads["handles"], "FIELD")
    handled = shown.snap.nodes[fields["handled exception"]]
    assert shown.snap.type_name(handled) == "KeyError"


def test_locals_count_once(shown):
    """Each local is one reference of its frame: counted, never twice."""
    for thread in shown.truth:
        for node in shown.frames(thread):
            names = [shown.snap.names[e.name][1] for e in node.edges
                     if e.kind in (pxs.EDGE["LOCAL"], pxs.EDGE["GEN_LOCAL"])]
            assert len(names) == len(set(names))


def test_suspended_generators(spawn, tmp_path):
    """Locals of what waits in a yield are held by the generator itself."""
    target = spawn(textwrap.dedent("""
        import asyncio, sys, pyexplore
        def generator():
            mine = ["of a generator"]
            yield 1
            return mine
        async def coroutine(future):
            mine = ["of a coroutine"]
            await future
            return mine
        async def agen():
            mine = ["of an async generator"]
            yield 1
        g = generator(); next(g)
        loop = asyncio.new_event_loop()
        c = coroutine(loop.create_future()); c.send(None)
        a = agen()
        try: a.asend(None).send(None)
        except StopIteration: pass
        pyexplore.snapshot(sys.argv[1])
        print(id(g), id(c), id(a), flush=True)
        c.close()
    """), str(tmp_path / "gen.pxs"))
    addresses = [int(x) for x in target.line().split()]
    snap = pxs.read(str(tmp_path / "gen.pxs"))
    for address, text in zip(addresses, (
            "of a generator", "of a coroutine", "of an async generator")):
        node = snap.nodes[address]
        # before 3.11 the frame object has them
        holders = [node] + [
            snap.nodes[e.target] for e in node.edges
            if e.name is not None and
            snap.names[e.name][1] in ("gi_frame", "cr_frame", "ag_frame")]
        values = {snap.names[e.name][1]: snap.nodes[e.target]
                  for h in holders for e in h.edges
                  if e.kind in (pxs.EDGE["LOCAL"], pxs.EDGE["GEN_LOCAL"])}
        assert [snap.text_of(e.target) for e in values["mine"].edges] == [text]


def test_a_task_that_runs_is_labelled_once(spawn, tmp_path):
    """Its coroutines are frames of its thread and of its task: one label."""
    target = spawn(textwrap.dedent("""
        import asyncio, sys, pyexplore
        async def inner(deep):
            if deep:
                return await inner(deep - 1)
            await asyncio.sleep(0)
            pyexplore.snapshot(sys.argv[1])
        async def outer():
            await inner(2)
        asyncio.run(outer())
        print("done", flush=True)
    """), str(tmp_path / "task.pxs"))
    assert target.line() == "done"
    snap = pxs.read(str(tmp_path / "task.pxs"))  # refuses two labels of one
    tasks = [address for number, address, _ in snap.roots
             if number == pxs.ROOT["TASK"]]
    chains = [[snap.labels[e.target] for e in snap.nodes[task].edges
               if e.kind == pxs.EDGE["FRAME"]] for task in tasks]
    assert [chain[0].split()[0] for chain in chains] == ["outer()"]


def test_deep_recursion(spawn, tmp_path):
    """A thread five thousand frames deep is shown whole."""
    target = spawn(textwrap.dedent("""
        import sys, threading, pyexplore
        sys.setrecursionlimit(20000)
        threading.stack_size(512 << 20)
        def recurse(n):
            if n: return recurse(n - 1)
            pyexplore.snapshot(sys.argv[1])
            return 0
        t = threading.Thread(target=recurse, args=(5000,), name="deep")
        t.start(); t.join()
        print("done", flush=True)
    """), str(tmp_path / "deep.pxs"))
    assert target.line() == "done"
    snap = pxs.read(str(tmp_path / "deep.pxs"))
    address = next(a for c, a, n in snap.roots
                   if c == pxs.ROOT["THREAD"] and n == "deep")
    labels = [snap.labels[e.target] for e in snap.nodes[address].edges
              if e.kind == pxs.EDGE["FRAME"]]
    assert sum(label.startswith("recurse() ") for label in labels) == 5001


def test_what_a_frame_borrows_is_counted_once(spawn, tmp_path):
    """An argument that its caller lends (3.14+) is a local of both frames
    and one reference: refcount is what is named."""
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        class Kept: pass
        def inner(argument):
            pyexplore.snapshot(sys.argv[1])
            return argument
        def middle(argument, other):
            inner(argument)
            return other
        def outer():
            first, second = Kept(), Kept()
            middle(first, second)
            print(id(first), id(second), flush=True)
        outer()
    """), str(tmp_path / "borrowed.pxs"))
    addresses = [int(x) for x in target.line().split()]
    snap = pxs.read(str(tmp_path / "borrowed.pxs"))
    counted = snap.counted()
    # before 3.11 the caller's stack has one more, whose depth is unknown
    more = 1 if sys.version_info < (3, 11) else 0
    for address in addresses:
        assert snap.nodes[address].refcount - counted[address] <= 2 * more
    named = {}
    for node in snap.nodes.values():
        for e in node.edges:
            if e.kind in (pxs.EDGE["LOCAL"], pxs.EDGE["BORROWED"]) and (
                    e.target == addresses[0]):
                label = snap.labels[node.addr].split("()")[0]
                named[label] = snap.names[e.name][1]
    assert named == {"outer": "first", "middle": "argument",
                     "inner": "argument"}
