"""A snapshot says what gc.get_objects() and gc.get_referents() say.

Types, generations, refcounts and every edge of tp_traverse, with its
multiplicity, for all collected objects of a process with much of the standard
library loaded. What the walkers add beyond tp_traverse is tested elsewhere.

SPDX-License-Identifier: MIT
"""
import pytest

from child_tools import script

CODE = """
import argparse, array, ast, asyncio, collections, contextvars, ctypes, csv
import dataclasses, datetime, decimal, enum, email.message, fractions
import functools, gc, http.client, io, itertools, json, logging, operator
import pickle, queue, random, re, sqlite3, ssl, string, struct, subprocess
import sys, tempfile, threading, types, typing, unittest, urllib.parse, uuid
import weakref, xml.dom.minidom, zlib
import pxs
from child_tools import capture

@dataclasses.dataclass
class Point:
    x: int
    y: int

class Slots:
    __slots__ = ("a", "b", "__weakref__")

class SubDict(dict):
    pass

class SubList(list):
    pass

class Colour(enum.Enum):
    RED = 1

def generator(n):
    local = [n]
    yield local
    yield n

def closure(x):
    def inner(y):
        return x, y
    return inner

async def coroutine():
    await asyncio.sleep(0)

def zoo():
    things = []
    slots = Slots(); slots.a = things; slots.b = slots
    plain = Point(1, things); plain.extra = plain
    dicted = Point(2, 3); dicted.__dict__["z"] = things
    changed = Point(4, 5); del changed.x
    sub = SubDict(a=things); sub.attribute = sub
    sublist = SubList([things, things]); sublist.own = sublist
    running = generator(5); next(running)
    coro = coroutine()
    try:
        raise ValueError(things)
    except ValueError as error:
        kept = error
    twice = (things, things, things)
    same = Point(Point, type(plain))
    same.kind = Point
    things += [slots, plain, dicted, changed, sub, sublist, running, coro,
               kept, twice, same, closure(things), functools.partial(zoo, 1),
               collections.deque([things] * 3), collections.OrderedDict(a=1),
               collections.defaultdict(list, a=[1]), weakref.ref(slots),
               weakref.WeakValueDictionary({1: slots}), {1, 2, (3,)},
               frozenset([things.append]), iter(things), enumerate(things),
               map(str, things), zip(things, things), range(5), slice(1, 2),
               itertools.chain(things, things), itertools.count(2),
               operator.itemgetter(1), threading.Lock(), threading.Event(),
               queue.Queue(), Colour.RED, type("Made", (Slots,), {}),
               contextvars.ContextVar("v"), memoryview(b"abc"),
               ctypes.c_int(5), array.array("i", [1, 2]), Point.__init__,
               things.append, classmethod(zoo), staticmethod(zoo),
               property(zoo), types.MappingProxyType({"a": things}),
               types.SimpleNamespace(a=things), datetime.datetime.now(),
               re.compile("a(b)"), decimal.Decimal("1.5"), uuid.uuid4(),
               io.BytesIO(b"x"), logging.getLogger("a.b"), random.Random(3)]
    table = {i: things for i in range(100)}
    for i in range(0, 100, 3):
        del table[i]
    things.append(table)
    return things

def compare(things, options):
    gc.collect()
    gc.disable()
    generations = [{id(o) for o in gc.get_objects(generation=g)}
                   for g in range(3)]
    objects = gc.get_objects()
    # What this function itself changes from here on cannot be compared.
    moving = {id(objects), id(generations), id(things)}
    moving.update(id(g) for g in generations)
    # What is compared is read before anything else runs: decoding fills the
    # caches of abc and the like.
    result = capture(**options)
    referents = [[id(x) for x in gc.get_referents(o)] for o in objects]
    counts = [sys.getrefcount(o) for o in objects]
    moving.update((id(referents), id(counts)))
    snap = result.read()
    moving.update(snap.interned())  # owns nothing: test_roots.py
    out = {"objects": 0, "missing": [], "types": [], "generations": [],
           "lost": [], "unnamed": [], "refcounts": 0, "edges": 0,
           "bad": snap.footer[pxs.FOOTER["BAD"]],
           "dangling": len(snap.dangling())}
    heap = 1 << 9
    # 2, but 1 where an argument is borrowed (3.14+)
    later = [sys.getrefcount(o) for o in [object()]][0] - 1
    frame = type(sys._getframe())
    for o, refers, count in zip(objects, referents, counts):
        if id(o) in moving or type(o) is frame:
            continue
        out["objects"] += 1
        node = snap.nodes.get(id(o))
        if node is None:
            out["missing"].append(repr(type(o)))
            continue
        if snap.types[node.type].addr != id(type(o)):
            out["types"].append(repr(type(o)))
        for g in range(3):
            if id(o) in generations[g] and node.flags & 7 != g:
                out["generations"].append([g, node.flags & 7])
        # The name o and getrefcount's argument came after the snapshot.
        if node.refcount is None or node.refcount == count - later:
            out["refcounts"] += 1
        expected = collections.Counter(refers)
        got = collections.Counter()
        unnamed = collections.Counter()
        for kind, target, edge in snap.flat_edges(node):
            if not pxs.EDGE_FLAGS[kind] & pxs.COUNTS:
                continue
            got[target] += 1
            if kind == pxs.EDGE["UNNAMED"]:
                unnamed[target] += 1
        out["edges"] += sum(got.values())
        if type(o).__flags__ & heap:
            # Exactly one class edge, whether or not tp_traverse visits it.
            n = sum(1 for e in node.edges if e.kind == pxs.EDGE["CLASS"])
            if n != 1:
                out["types"].append("%d class edges: %r" % (n, type(o)))
            expected[id(type(o))] = max(1, expected[id(type(o))])
        lost = expected - got
        if lost:
            out["lost"].append([repr(type(o)), sum(lost.values())])
        doubled = (got - expected) & unnamed
        if doubled:
            out["unnamed"].append([repr(type(o)), sum(doubled.values())])
    return out

things = zoo()
results = [compare(things, o) for o in OPTIONS]
for thing in things:
    if isinstance(thing, types.CoroutineType):
        thing.close()
print(json.dumps(results))
"""


@pytest.mark.smoke
@pytest.mark.parametrize("options", [
    "{}", "{'codec': 1, 'detail': 0}", "{'stop_the_world': True}"])
def test_snapshot_says_what_gc_says(options):
    (result,) = script(CODE.replace("OPTIONS", "[%s]" % options))
    assert result["objects"] > 15000
    assert result["bad"] == 0 and result["dangling"] == 0
    assert result["missing"] == []
    assert result["types"] == []
    assert result["generations"] == []
    assert result["lost"] == []
    assert result["unnamed"] == []
    # A few objects changed since: the ones that the comparison itself uses.
    assert result["refcounts"] > 0.995 * result["objects"]
    assert result["edges"] > 2 * result["objects"]
