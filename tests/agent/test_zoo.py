"""Every object of the zoo is shown as the interpreter itself knows it.

SPDX-License-Identifier: MIT
"""
import json
import sys
import textwrap

import pyexplore
import pytest

import zoo
import zoo_oracle

pytestmark = pytest.mark.smoke

GC_TYPE = 1 << 14  # Py_TPFLAGS_HAVE_GC
HEAP_TYPE = 1 << 9

# Real references that tp_traverse does not visit: what owns them is no gc
# object, is static, or leaves out what cannot be part of a cycle.
BEYOND_TRAVERSE = {
    "type": {"<subclasses>", "<slots>", ".__name__", ".__qualname__",
             "<shared key>"},
    "method_descriptor": {".__name__"},
    "classmethod_descriptor": {".__name__"},
    "wrapper_descriptor": {".__name__"},
    "getset_descriptor": {".__name__"},
    "member_descriptor": {".__name__"},
    "methodcaller": {"<name>"},                    # 3.8, 3.9
    "BytesIO": {"<buffer>"},                       # 3.8-3.11
    "StringIO": {"<joined texts>", "<texts>", "<decoder>", "<read newline>",
                 "<write newline>"},               # 3.8-3.11
    "TypeVar": {".__name__"},                      # 3.12+
    "TypeAliasType": {".__name__"},
    "ParamSpec": {".__name__"},
    "coroutine": {".cr_origin"},
    "SRE_Scanner": {"<string>"},
}

# Outside the modules whose sizes are exact.
APPROXIMATE = {"product", "BytesIO", "BufferedReader", "Random",
               "SimpleQueue"}  # 3.15+


# What the walkers promise to name, and who shows it here. numpy's arrays are
# in test_numpy.py, threads and running frames in test_frames.py.
FAMILIES = {
    "attributes, slots": "instance, slots, more slots, slots again, dict slot",
    "dict and subclasses": "dict, str dict, dict with holes, dict subclass",
    "ordered and default dicts": "ordered dict, defaultdict, counter",
    "ChainMap, deque": "chainmap, deque, long deque, rotated deque",
    "sequences, sets": "list, tuple, set, set with holes, frozenset",
    "namedtuple": "namedtuple, typed namedtuple, struct sequence, "
                  "stat result, struct time",
    "dataclass": "dataclass" + (", slots dataclass"
                                if sys.version_info >= (3, 10) else ""),
    "enum": "enum member, enum class, flag",
    "descriptors": "property, staticmethod, classmethod, method descriptor, "
                   "slot wrapper, method wrapper, getset, member",
    "functools": "partial, partial subclass, lru cache, unbounded cache, "
                 "cached method, cached property",
    "mappingproxy, namespace": "mappingproxy, namespace",
    "weak": "weakref/, proxy/, weak set/, weak dicts/, finalizer/",
    "iterators": "list iterator, dict iterator, set iterator, enumerate, zip, "
                 "map, chain, tee, groupby, call iterator",
    "functions": "function, closure, lambda, cell, bound method, builtin",
    "what waits": "generator, delegating generator, coroutine, "
                  "awaiting coroutine, async generator, "
                  "started async generator/, async generator throw",
    "tracebacks, exceptions": "traceback, frame, exception, "
                              "chained exception, caused exception",
    "asyncio": "task, started task, future, done future, handle",
    "contextvars, thread locals": "context/, thread local, plain thread local",
    "ctypes": "c_int, py_object, structure, ctypes array, ctypes pointer, "
              "ctypes callback",
    "memoryview": "memoryview, memoryview slice, released memoryview",
    "types": "class, class with slots, metaclass, class of metaclass, "
             "static type, C type, many bases",
    "code": "code, used code, hot code",
    "datetime": "aware datetime, aware time, timezone, timedelta",
    "range, re": "range, slice, pattern, match",
}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    animals = zoo.animals()
    path = tmp_path_factory.mktemp("zoo") / "zoo.pxs"
    yield zoo_oracle.Oracle(animals, path, pyexplore.snapshot)
    animals.close()


def test_the_zoo_is_large(oracle):
    assert len(oracle.objects) >= 250
    assert len({type(o) for o in oracle.objects.values()}) >= 150


@pytest.mark.parametrize("family", list(FAMILIES))
def test_no_family_is_missing(oracle, family):
    for animal in FAMILIES[family].split(", "):
        shown = [name for name in oracle.objects
                 if name == animal or animal.endswith("/")
                 and name.startswith(animal)]
        assert shown, animal
        assert all(oracle.node(name) for name in shown)


def test_every_animal_is_shown(oracle):
    lost = [name for name in oracle.objects if oracle.node(name) is None]
    assert not lost
    assert not oracle.snap.dangling()
    types = {name: oracle.snap.types[oracle.node(name).type].addr
             for name in oracle.objects}
    assert types == {n: id(type(o)) for n, o in oracle.objects.items()}


def is_documented(oracle, name, edge):
    o = oracle.objects[name]
    kind = zoo_oracle.NAME[edge.kind]
    if not type(o).__flags__ & GC_TYPE:
        return True
    if isinstance(o, zoo_oracle.DICTS) and edge.key is not None:
        # A table of str keys: they cannot be part of a cycle.
        return True
    if issubclass(type(o), type):
        return (not o.__flags__ & HEAP_TYPE or
                oracle.snap.show(edge) in BEYOND_TRAVERSE["type"])
    if kind == "ATTR" and oracle.snap.show(edge) == ".__dict__":
        # 3.13+: PyObject_VisitManagedDict leaves it out while the instance
        # has the values.
        return sys.version_info >= (3, 13) and type(o).__flags__ & (1 << 2)
    return oracle.snap.show(edge) in BEYOND_TRAVERSE.get(
        type(o).__name__, ())


def test_no_reference_is_lost_or_doubled(oracle):
    problems = []
    for name in oracle.objects:
        missing, extra = oracle.edge_differences(name)
        if missing:
            problems.append("%s lacks %d" % (name, sum(missing.values())))
        problems += ["%s has %s" % (name, oracle.snap.show(edge))
                     for edge in extra
                     if not is_documented(oracle, name, edge)]
    assert not problems


def test_every_name_gives_its_target(oracle):
    wrong = []
    for name in oracle.objects:
        wrong += oracle.wrong_names(name)
    assert not wrong


def test_every_reference_has_a_name(oracle):
    unnamed = {name: len(oracle.unnamed(name)) for name in oracle.objects
               if oracle.unnamed(name)}
    assert not unnamed


def test_class_edge_of_heap_types_alone(oracle):
    wrong = []
    for name, o in oracle.objects.items():
        edges = [e for e in oracle.node(name).edges
                 if zoo_oracle.NAME[e.kind] == "CLASS"]
        if len(edges) != (1 if type(o).__flags__ & HEAP_TYPE else 0):
            wrong.append(name)
        elif edges and edges[0].target != id(type(o)):
            wrong.append(name)
    assert not wrong


def test_sizes_are_those_of_getsizeof(oracle):
    wrong = {name: (oracle.node(name).size, oracle.sizes[name])
             for name in oracle.objects if not oracle.is_approximate(name)
             and oracle.node(name).size != oracle.sizes[name]}
    assert not wrong


def test_approximate_sizes_are_flagged(oracle):
    flagged = {type(o).__name__ for name, o in oracle.objects.items()
               if oracle.is_approximate(name)}
    assert flagged <= APPROXIMATE


def test_every_living_object(spawn, tmp_path):
    """Of all that the collector tracks no reference is lost or doubled, and
    what is not flagged approximate has the size that sys.getsizeof says."""
    target = spawn(textwrap.dedent("""
        import asyncio, concurrent.futures, ctypes, csv, decimal, email
        import gc, http.server, json, logging.config, multiprocessing
        import sqlite3, ssl, subprocess, sys, tempfile, unittest, xml.sax
        import pyexplore
        gc.collect()
        gc.disable()
        objects = [o for o in gc.get_objects() if type(o) is not type(sys)]
        del objects[-5:]
        referents = {id(o): [id(r) for r in gc.get_referents(o)
                             if r is not type(o)] for o in objects}
        kept = [r for o in objects for r in gc.get_referents(o)]
        sizes = {id(r): sys.getsizeof(r) for r in kept}
        path = sys.argv[1]
        pyexplore.snapshot(path)
        skip = {id(objects), id(referents), id(sizes), id(kept),
                id(sys.modules["__main__"].__dict__)}
        with open(path + ".json", "w") as f:
            json.dump([[[id(o), r] for o, r in
                        zip(objects, referents.values())
                        if id(o) not in skip],
                       [s for s in sizes.items() if s[0] not in skip]], f)
        print("done", flush=True)
    """), str(tmp_path / "all.pxs"))
    assert target.line() == "done"
    import pxs
    snap = pxs.read(str(tmp_path / "all.pxs"))
    with open(str(tmp_path / "all.pxs.json")) as f:
        truth, sizes = json.load(f)
    assert len(truth) > 10000 and len(sizes) > 30000
    lost, doubled, hidden = [], [], []
    interned = snap.interned()  # owns nothing: test_roots.py
    for address, referents in truth:
        if address in interned:
            continue
        if address not in snap.nodes:  # pyexplore's own
            hidden.append(address)
            continue
        node = snap.nodes[address]
        have = {}
        for kind, to, _ in snap.flat_edges(node):
            if pxs.EDGE_FLAGS[kind] & pxs.COUNTS and kind != pxs.EDGE["CLASS"]:
                have[to] = have.get(to, 0) + 1
        want = {}
        for to in referents:
            want[to] = want.get(to, 0) + 1
        want = {to: n for to, n in want.items() if to in snap.nodes}
        name = snap.type_name(node)
        lost += [name for to, n in want.items() if have.get(to, 0) < n]
        # What is visited must not be there more often than that.
        doubled += [name for to, n in want.items() if have.get(to, 0) > n
                    and name not in ("dict", "type")]
    assert len(hidden) <= 64  # HEAP_OWN_MAX
    assert not lost
    assert not doubled
    wrong = {snap.type_name(snap.nodes[address]): (size, address)
             for address, size in sizes if address in snap.nodes
             and not snap.nodes[address].flags & pxs.APPROXIMATE
             and snap.nodes[address].size != size}
    assert not wrong
    assert snap.footer[pxs.FOOTER["BAD"]] == 0
