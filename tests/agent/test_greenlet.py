"""Greenlets that wait are roots, with the frames that wait in them: what only
these hold is found, and every reference of it is counted.

SPDX-License-Identifier: MIT
"""
import json
import sys
import textwrap

import pxs
import pytest

from harness import Target

pytestmark = pytest.mark.smoke

PROGRAM = textwrap.dedent("""
    import json, sys, greenlet, pyexplore

    class Kept: pass
    KEPT = []
    def keep():
        made = Kept()
        KEPT.append(id(made))
        return made

    def switch(kept):
        local = keep()
        greenlet.getcurrent().parent.switch()
        return kept, local

    def calls(first):
        second = keep()
        return switch(second), first

    def through_c(argument): # which map holds for the call
        return keep(), list(map(switch, [argument]))

    def generates():
        inside = keep()
        switch(keep())
        yield inside

    def through_generator():
        outside = keep()
        for item in generates():
            outside = item

    def closure():
        cell = keep()
        def inner():
            own = keep()
            return switch(own), cell
        inner()

    def deep(n):
        local = keep() if n % 100 == 0 else n
        return switch(local) if n == 0 else deep(n - 1), local

    def snapshots(kept):
        other = keep()
        pyexplore.snapshot(sys.argv[1])
        return kept, other

    def main():
        waiting = {
            "calls": (calls, (keep(),)), "through_c": (through_c, (keep,)),
            "through_generator": (through_generator, ()),
            "closure": (closure, ()), "deep": (deep, (600,))}
        ids = {}
        held = []
        for name in sorted(waiting):
            function, arguments = waiting.pop(name)
            new = greenlet.greenlet(function)
            new.switch(*arguments)
            del function, arguments
            held.append(new)
            ids[name] = id(new)
        ended = greenlet.greenlet(int)
        ended.switch()
        unbegun = greenlet.greenlet(calls)
        ids["main"] = id(greenlet.getcurrent())
        # its stack was taken back once, and is another one now
        resumed = greenlet.greenlet(lambda: (switch(keep()),
                                             snapshots(keep())))
        resumed.switch()
        resumed.switch()
        print(json.dumps([ids, KEPT]), flush=True)
        for each in held:
            while each:
                each.switch()
    sys.setrecursionlimit(5000)
    main()
""")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    path = tmp_path_factory.mktemp("greenlet") / "greenlets.pxs"
    target = Target([sys.executable, "-c", PROGRAM, str(path)])
    try:
        ids, kept = json.loads(target.line())
    finally:
        target.close()
    return pxs.read(str(path)), ids, kept


def frames_of(snap, address):
    edges = [e for e in snap.nodes[address].edges
             if e.kind == pxs.EDGE["FRAME"]]
    return [snap.labels[e.target].split("()")[0].rpartition(".")[2]
            for e in sorted(edges, key=lambda e: e.index)]


def test_those_that_wait_are_roots(shown):
    """Under the name of their function; not those that run, have ended or
    have not begun."""
    snap, ids, _ = shown
    roots = {name: address for root_class, address, name in snap.roots
             if root_class == pxs.ROOT["GREENLET"]}
    ids = dict(ids, **{"<module>": ids["main"]})
    del ids["main"]
    assert roots == ids


def test_their_frames(shown):
    snap, ids, _ = shown
    assert frames_of(snap, ids["calls"]) == ["calls", "switch"]
    assert frames_of(snap, ids["through_c"]) == ["through_c", "switch"]
    assert frames_of(snap, ids["closure"]) == ["closure", "inner", "switch"]
    assert frames_of(snap, ids["deep"]) == ["deep"] * 601 + ["switch"]
    assert frames_of(snap, ids["main"]) == ["<module>", "main"]
    frames = frames_of(snap, ids["through_generator"])
    assert [f for f in frames if f != "generates"] == [
        "through_generator", "switch"]
    (thread,) = [address for root_class, address, _ in snap.roots
                 if root_class == pxs.ROOT["THREAD"]]
    assert frames_of(snap, thread) == ["<lambda>", "snapshots"]


def test_every_reference_from_their_frames_counts(shown):
    """What only locals, cells and generators of greenlets hold is there, and
    has no more references than were seen; those on a stack whose depth is
    unknown may count less."""
    snap, _, kept = shown
    counted = snap.counted()
    assert len(kept) >= 20 and set(kept) <= set(snap.nodes)
    stack = {e.target for n in snap.nodes.values() for e in n.edges
             if e.kind == pxs.EDGE["STACK"]}
    for address in kept:
        more = snap.nodes[address].refcount - counted.get(address, 0)
        assert more == 0 or more > 0 and address in stack
