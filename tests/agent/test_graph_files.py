"""What holds each object of a file, by the program and by plain Python.

For every type of a snapshot `pyexplore path FILE TYPE` says how many objects
a root reaches and how many are held by a cycle, by C or by nobody knows what.
Here the same is computed from pxs.py's reading with sets and loops, on canned
heaps in every codec and layout and on this interpreter's own.

SPDX-License-Identifier: MIT
"""
import collections
import json
import subprocess
import sys

import pytest

import pxs
from harness import CLI, DEADLINE, REPOSITORY, child_environment

MAKE_PXS = REPOSITORY / "tests" / "tools" / "make_pxs.py"


def groups_of(path, type_name):
    done = subprocess.run(
        [str(CLI), "path", str(path), type_name, "-n", "0", "--json"],
        stdout=subprocess.PIPE, timeout=DEADLINE, check=True)
    return json.loads(done.stdout.decode())["groups"]


def holding(snap):
    """address -> addresses of what it holds, with multiplicity."""
    held = {}
    for node in snap.nodes.values():
        held[node.addr] = [
            (target, pxs.EDGE_FLAGS[kind])
            for kind, target, _ in snap.flat_edges(node)]
    return held


def spread(held, start, into):
    """All of `into` that `start` reaches by holding edges; takes them out."""
    found, stack = set(), [a for a in start if a in into]
    while stack:
        addr = stack.pop()
        if addr in found:
            continue
        found.add(addr)
        stack.extend(t for t, flags in held[addr]
                     if flags & pxs.HOLDS and t in into and t not in found)
    into -= found
    return found


def held_by(snap):
    """address -> "root", "c", "unknown" or "cycle"."""
    held = holding(snap)
    rest = set(snap.nodes)
    answer = dict.fromkeys(
        spread(held, [addr for _, addr, _ in snap.roots], rest), "root")
    inside = collections.Counter(
        target for addr in rest for target, flags in held[addr]
        if flags & pxs.COUNTS)
    surplus, blind = [], []
    for addr in rest:
        node = snap.nodes[addr]
        if node.flags & (pxs.IMMORTAL | pxs.SYNTHETIC | pxs.BAD):
            blind.append(addr)
        elif node.refcount > inside[addr]:
            surplus.append(addr)
        elif node.refcount < inside[addr]:
            blind.append(addr)
    answer.update(dict.fromkeys(spread(held, surplus, rest), "c"))
    answer.update(dict.fromkeys(spread(held, blind, rest), "unknown"))
    answer.update(dict.fromkeys(rest, "cycle"))
    return answer


def check(path):
    snap = pxs.read(str(path))
    assert snap.dangling() == []
    answer = held_by(snap)
    expected = collections.defaultdict(collections.Counter)
    for addr, how in answer.items():
        expected[snap.type_name(snap.nodes[addr])][how] += 1
    names = collections.Counter(t.full for t in snap.types)
    seen = collections.Counter()
    for name, counts in expected.items():
        # one name, one type; the others are told apart by the C tests
        if names[name] > 1 or not name.isascii() or name.startswith("-"):
            continue
        found = collections.Counter()
        for group in groups_of(path, name):
            found[group["held_by"]] += group["count"]
        assert found == counts, name
        seen += found
    return seen


@pytest.mark.parametrize("layout", ["inline", "dict"])
@pytest.mark.parametrize("codec", ["none", "lz4", "zstd"])
def test_canned(tmp_path, codec, layout):
    path = tmp_path / "canned.pxs"
    subprocess.check_call([sys.executable, str(MAKE_PXS), str(path),
                           "--codec", codec, "--layout", layout,
                           "--connections", "200", "--cycles", "40"])
    seen = check(path)
    assert seen["root"] > 2000 and seen["cycle"] > 300 and seen["c"] >= 30
    lines = [(g["count"], g["held_by"], g["path"], g.get("cycle"))
             for g in groups_of(path, "server.Connection")]
    assert lines == [
        (200, "root", "module server → _CONNECTIONS[*]", None),
        (40, "cycle", None, ".handler → .connection"),
        (5, "root", "thread worker-3 → run() threading.py:953 → batch[*]",
         None),
        (1, "root", "thread worker-3 → handle() server.py:88 → conn", None)]
    assert groups_of(path, "registry.Node")[0]["path"] == (
        "module registry → head → .next ×*")


def test_this_interpreter(tmp_path):
    """A real heap, with garbage that waits for a collector that is off."""
    path = tmp_path / "real.pxs"
    code = """
import gc, json, logging, sys, threading, weakref
import pyexplore
class Half:
    pass
gc.collect()
gc.disable()
for _ in range(70):
    left, right = Half(), Half()
    left.right, right.left = right, left
del left, right
pyexplore.snapshot(sys.argv[1])
"""
    subprocess.run([sys.executable, "-c", code, str(path)], check=True,
                   env=child_environment(), timeout=DEADLINE)
    seen = check(path)
    assert seen["root"] > 5000
    assert seen["cycle"] >= 140
    groups = groups_of(path, "Half")
    assert [(g["count"], g["held_by"], g["cycle"]) for g in groups] == [
        (70, "cycle", ".left → .right"), (70, "cycle", ".right → .left")]
