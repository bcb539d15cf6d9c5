"""Dominators, retained sizes, paths and cycles of real snapshots equal what
networkx and plain searches find in the same file, read by another decoder.

SPDX-License-Identifier: MIT
"""
import collections
import subprocess

import networkx
import pytest

import pxs
from harness import BUILD

DUMP = BUILD / "tools" / "dump"
ROOT = 0
STACK = pxs.EDGE["STACK"]

BASE = r'''
import sys, pyexplore
%s
pyexplore.snapshot(sys.argv[1])
'''
# What live programs hold: registries, cycles, threads, garbage, closures.
PROGRAMS = {
    "idle": "",
    "registry": r'''
import argparse, collections, decimal, fractions, inspect
class Item:
    def __init__(self, n):
        self.n, self.peers, self.name = n, [], "item-%d" % n
ITEMS = {n: Item(n) for n in range(2000)}
for item in ITEMS.values():
    item.peers += [ITEMS[item.n * k % 2000] for k in (3, 7)]
''',
    "garbage": r'''
import gc
gc.disable()
class Pair: pass
for n in range(1500):
    a, b = Pair(), Pair()
    a.other, b.other, a.data = b, a, [n, str(n)]
    shared = a.data
    if n % 3 == 0:
        b.extra = {"shared": shared, n: (a, b)}
''',
    "threads": r'''
import asyncio, functools, queue, threading
READY = threading.Barrier(4)
JOBS = queue.Queue()
def work(number):
    backlog = [object() for _ in range(500)]
    handlers = [functools.partial(print, x) for x in backlog]
    def close():
        return backlog, handlers
    READY.wait()
    JOBS.get()
for i in range(3):
    threading.Thread(target=work, args=(i,), daemon=True).start()
READY.wait()
def walk(tree):
    if tree:
        yield from walk(tree[0])
        yield tree[1]
        yield from walk(tree[2])
TREE = None
for i in range(60):
    TREE = (TREE, i, None)
GENERATORS = [walk(TREE) for _ in range(5)]
for g in GENERATORS:
    next(g)
LAST = None
for i in range(150):
    LAST = {"previous": LAST, "value": [i]}
''',
}


class Said:
    """What the program under test says, from tests/tools/dump.c."""

    def __init__(self, path):
        text = subprocess.run([str(DUMP), str(path)], check=True,
                              stdout=subprocess.PIPE).stdout.decode()
        self.ranks, self.nodes, self.types, self.cycles = {}, {}, [], None
        for line in text.splitlines():
            kind, _, rest = line.partition(" ")
            words = rest.split(" ")
            if kind == "O":
                addr, rank = int(words[0], 16), int(words[1])
                self.ranks[addr] = min(rank, self.ranks.get(addr, rank))
            elif kind == "N":
                self.nodes[int(words[0], 16)] = (
                    words[1] == "1", address(words[2]), int(words[3]),
                    None if words[4] == "-" else int(words[4]),
                    address(words[5]), int(words[6]))
            elif kind == "T":
                *figures, name = rest.split(" ", 4)
                self.types.append((name, [int(f) for f in figures]))
            elif kind == "C":
                self.cycles = [int(word) for word in words]


def address(word):
    return None if word == "-" else int(word, 16)


def edges_of(snap, stack=True):
    """(source, target) of every edge that holds."""
    for node in snap.nodes.values():
        for kind, target, _ in snap.flat_edges(node):
            if pxs.EDGE_FLAGS[kind] & pxs.HOLDS and (stack or kind != STACK):
                yield node.addr, target


def graph_of(snap, stack=True):
    graph = networkx.DiGraph()
    graph.add_nodes_from(snap.nodes)
    graph.add_edges_from(edges_of(snap, stack))
    return graph


def size_of(snap, addr):
    node = snap.nodes.get(addr)
    return 0 if node is None else node.size


def check_dominators(snap, said, graph):
    graph = graph.copy()
    graph.add_edges_from((ROOT, root) for root in said.ranks)
    parents = networkx.immediate_dominators(graph, ROOT)
    parents.pop(ROOT, None)  # as versions of networkx differ
    assert set(parents) == {a for a, n in said.nodes.items() if n[0]}
    retained = {addr: size_of(snap, addr) for addr in parents}
    children = collections.defaultdict(list)
    for addr, parent in parents.items():
        children[parent].append(addr)
    order = [ROOT]
    for addr in order:
        order += children[addr]
    for addr in reversed(order[1:]):
        if parents[addr] != ROOT:
            retained[parents[addr]] += retained[addr]
    for addr, parent in parents.items():
        _, dominator, size, _, _, _ = said.nodes[addr]
        assert dominator == (None if parent == ROOT else parent), hex(addr)
        assert size == retained[addr], hex(addr)
    return set(parents)


def check_types(snap, said, graph, reached):
    """The bound of a type never exceeds what its instances retain, and this
    is what is not reached any more without them."""
    by_type = collections.defaultdict(set)
    for node in snap.nodes.values():
        by_type[snap.types[node.type].full].add(node.addr)
    names = collections.Counter(name for name, _ in said.types)
    checked = 0
    for name, (shallow, bound, exact, objects) in said.types:
        assert bound <= exact and shallow <= exact, name
        instances = by_type[name]
        if (not instances or names[name] > 1 or not instances <= reached
                or checked == 25):
            continue
        checked += 1
        left, todo = set(), [r for r in said.ranks if r not in instances]
        while todo:
            addr = todo.pop()
            if addr not in left:
                left.add(addr)
                todo += [t for t in graph[addr]
                         if t not in left and t not in instances]
        gone = reached - left
        assert objects == len(gone), name
        assert exact == sum(size_of(snap, addr) for addr in gone), name
    assert checked > 5


def check_paths(said, graph):
    """Every path is one; its root is of the best rank that there is; and it
    is no longer than a shortest one, whose edges to a __dict__ or frame may
    count or not."""
    best, steps = {}, {}
    for rank in sorted(set(said.ranks.values())):
        layer = [r for r in said.ranks
                 if said.ranks[r] == rank and r not in best]
        for addr in layer:
            best[addr], steps[addr] = rank, 0
        for addr in layer:
            for target in graph[addr]:
                if target not in best:
                    best[target] = rank
                    steps[target] = steps[addr] + 1
                    layer.append(target)
    for addr, rank in best.items():
        _, _, _, said_rank, source, length = said.nodes[addr]
        assert said_rank == rank, hex(addr)
        assert steps[addr] <= length <= 2 * steps[addr] + 1, hex(addr)
        if source is None:
            assert length == 0 and addr in said.ranks
        else:
            assert graph.has_edge(source, addr)
            assert said.nodes[source][5] == length - 1


def check_cycles(snap, said, graph):
    parts = [part for part in networkx.strongly_connected_components(graph)
             if len(part) > 1 or graph.has_edge(*list(part) * 2)]
    assert said.cycles == [
        len(parts), sum(map(len, parts)),
        sum(size_of(snap, addr) for part in parts for addr in part)]


def check_program(spawn, tmp_path, program):
    path = tmp_path / "snapshot.pxs"
    target = spawn(BASE % PROGRAMS[program], str(path))
    assert target.wait() == 0
    snap, said = pxs.read(str(path)), Said(path)
    graph = graph_of(snap)
    assert set(said.nodes) == set(graph)
    assert graph.number_of_edges() > 5000
    reached = check_dominators(snap, said, graph)
    check_types(snap, said, graph, reached)
    quiet = graph_of(snap, stack=False)
    check_paths(said, quiet)
    check_cycles(snap, said, quiet)


@pytest.mark.timeout(300)
def test_one_program(spawn, tmp_path):
    check_program(spawn, tmp_path, "garbage")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("program", sorted(set(PROGRAMS) - {"garbage"}))
def test_programs(spawn, tmp_path, program):
    check_program(spawn, tmp_path, program)
