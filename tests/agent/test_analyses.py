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
ROOT, UNREACHED = 0, -1  # not addresses of objects
STACK = pxs.EDGE["STACK"]
# What src/graph/order.c folds: an object and its namespace or frame are one.
INNER = {(pxs.EDGE[kind], name) for kind in ("ATTR", "SLOT", "FIELD")
         for name in ("__dict__", "gi_frame", "cr_frame", "ag_frame")
         } | {(pxs.EDGE["FIELD"], "dict")}

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
class Empty: pass
far = Empty()
NEAR, FAR = [far.__dict__], [[[[far]]]]
near = Empty()
BESIDE, OWNER = [[near.__dict__]], [near]
del far, near
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


Row = collections.namedtuple(
    "Row", "reached dominator retained rank source length part")


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
                self.nodes[int(words[0], 16)] = Row(
                    words[1] == "1", address(words[2]), int(words[3]),
                    None if words[4] == "-" else int(words[4]),
                    address(words[5]), int(words[6]),
                    None if words[7] == "-" else int(words[7]))
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


def reach(graph, todo, closed=frozenset()):
    """All that these reach without a step through `closed`."""
    found, todo = set(), [addr for addr in todo if addr not in closed]
    while todo:
        addr = todo.pop()
        if addr not in found:
            found.add(addr)
            todo += [target for target in graph[addr]
                     if target not in found and target not in closed]
    return found


def hang_unreached(said, graph, reached):
    """Below UNREACHED, each part that nothing leads to: by one of its
    objects, whichever the program under test took. What is not reached does
    not count as a holder of what is."""
    unreached = set(graph) - reached
    graph.remove_edges_from([(source, target) for source in unreached
                             for target in graph[source] if target in reached])
    parts = networkx.condensation(graph.subgraph(unreached))
    for part, members in parts.nodes(data="members"):
        if parts.in_degree(part) == 0:
            tops = [a for a in members if said.nodes[a].dominator is None]
            assert len(tops) == 1, [hex(top) for top in tops]
            graph.add_edge(UNREACHED, tops[0])


def check_dominators(snap, said, graph):
    """Of every object, reached or not; returns the tree."""
    reached = reach(graph, said.ranks)
    assert reached == {a for a, row in said.nodes.items() if row.reached}
    graph = graph.copy()
    hang_unreached(said, graph, reached)
    graph.add_edges_from((ROOT, root) for root in said.ranks)
    graph.add_edge(ROOT, UNREACHED)
    parents = networkx.immediate_dominators(graph, ROOT)
    parents.pop(ROOT, None)  # as versions of networkx differ
    parents.pop(UNREACHED)
    assert set(parents) == set(said.nodes)
    children = collections.defaultdict(list)
    for addr, parent in parents.items():
        children[None if parent in (ROOT, UNREACHED) else parent].append(addr)
    retained = collections.Counter(
        {addr: size_of(snap, addr) for addr in parents})
    order = list(children[None])
    for addr in order:
        order += children[addr]
    for addr in reversed(order):
        retained[parents[addr]] += retained[addr]
    for parent, below in children.items():
        for addr in below:
            assert said.nodes[addr].dominator == parent, hex(addr)
            assert said.nodes[addr].retained == retained[addr], hex(addr)
    return reached, children


def bounds_of(snap, said, children):
    """By type's name, what its outermost instances in the tree retain."""
    bounds, open_types = collections.Counter(), collections.Counter()
    todo = [(addr, False) for addr in children[None]]
    while todo:
        addr, is_left = todo.pop()
        if addr not in snap.nodes:
            continue  # a target without a record
        name = snap.type_name(snap.nodes[addr])
        open_types[name] += -1 if is_left else 1
        if not is_left:
            if open_types[name] == 1:
                bounds[name] += said.nodes[addr].retained
            todo.append((addr, True))
            todo += [(below, False) for below in children.get(addr, ())]
    return bounds


def check_types(snap, said, graph, reached, children):
    """The bound of a type is what its outermost instances retain. Exactly,
    its instances retain what is not reached any more without them."""
    by_type = collections.defaultdict(set)
    for node in snap.nodes.values():
        by_type[snap.type_name(node)].add(node.addr)
    bounds = bounds_of(snap, said, children)
    names = collections.Counter(name for name, _ in said.types)
    checked = 0
    for name, (shallow, bound, exact, objects) in said.types:
        assert bound <= exact and shallow <= exact, name
        instances = by_type[name]
        if names[name] > 1 or not instances:
            continue
        assert bound == bounds[name], name
        if not instances <= reached or checked == 25:
            continue
        checked += 1
        gone = reached - reach(graph, said.ranks, instances)
        assert objects == len(gone), name
        assert exact == sum(size_of(snap, addr) for addr in gone), name
    assert checked > 5


def lengths_of(snap):
    """source -> target -> 0 for an edge that src/graph/paths.c folds, 1."""
    lengths = collections.defaultdict(dict)
    for node in snap.nodes.values():
        ways = lengths[node.addr]
        for kind, target, edge in snap.flat_edges(node):
            if not pxs.EDGE_FLAGS[kind] & pxs.HOLDS or kind == STACK:
                continue
            is_inner = (edge is not None and edge.name is not None and
                        (kind, snap.names[edge.name][1]) in INNER)
            ways[target] = min(ways.get(target, 1), 0 if is_inner else 1)
    return lengths


def shortest(said, lengths):
    """address -> (rank, length) of a shortest path from a root of the best
    rank: a search with edges of length 0 and 1, rank by rank."""
    best = {}
    for rank in sorted(set(said.ranks.values())):
        found = {root: 0 for root, its_rank in said.ranks.items()
                 if its_rank == rank and root not in best}
        todo, done = collections.deque(found), set()
        while todo:
            addr = todo.popleft()
            if addr in done:
                continue
            done.add(addr)
            for target, length in lengths[addr].items():
                length += found[addr]
                if target not in best and length < found.get(
                        target, length + 1):
                    found[target] = length
                    (todo.append if length > found[addr]
                     else todo.appendleft)(target)
        best.update((addr, (rank, n)) for addr, n in found.items())
    return best


def check_paths(snap, said):
    """Every path is one; its root is of the best rank that there is; and
    none is shorter."""
    lengths = lengths_of(snap)
    best, walked = shortest(said, lengths), {}
    for addr in sorted(best, key=lambda addr: said.nodes[addr].length):
        row = said.nodes[addr]
        if row.source is None:
            assert row.length == 0 and addr in said.ranks
            walked[addr] = 0
        else:
            assert said.nodes[row.source].length == row.length - 1
            walked[addr] = walked[row.source] + lengths[row.source][addr]
        assert (row.rank, walked[addr]) == best[addr], hex(addr)


def check_cycles(snap, said, graph):
    parts = [part for part in networkx.strongly_connected_components(graph)
             if len(part) > 1 or graph.has_edge(*list(part) * 2)]
    said_parts = collections.defaultdict(set)
    for addr, row in said.nodes.items():
        if row.part is not None:
            said_parts[row.part].add(addr)
    assert set(map(frozenset, said_parts.values())) == set(
        map(frozenset, parts))
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
    reached, children = check_dominators(snap, said, graph)
    if program == "garbage":
        assert len(graph) - len(reached) > 5000
    check_types(snap, said, graph, reached, children)
    check_paths(snap, said)
    check_cycles(snap, said, graph_of(snap, stack=False))


@pytest.mark.timeout(300)
def test_one_program(spawn, tmp_path):
    check_program(spawn, tmp_path, "garbage")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("program", sorted(set(PROGRAMS) - {"garbage"}))
def test_programs(spawn, tmp_path, program):
    check_program(spawn, tmp_path, program)
