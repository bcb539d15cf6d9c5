"""A snapshot never counts more references than an object has, and names of
attributes, which instances of a class share, are counted once.

SPDX-License-Identifier: MIT
"""
import json
import sys
import textwrap

import pytest

import pxs

pytestmark = pytest.mark.smoke

# Counted more often than they are references, and why.
KNOWN = {
    # The wrapper's tp_traverse visits the type of each of its links for them,
    # and they are objects with a class themselves.
    "class functools._lru_list_elem",
    # 3.11's deep-frozen code has them without a reference of its own.
    "bool" if sys.version_info[:2] == (3, 11) else None,
}

CLASSES = """
class Alike:
    def __init__(self):
        self.alike_first = [1]
        self.alike_second = [2]

class Unlike:
    "The class gives its shared names up (3.8-3.10)."
    def __init__(self, n):
        self.unlike_always = [n]
        if n % 2:
            self.unlike_odd = [n]
        self.unlike_then = [n]
        if n % 2 == 0:
            self.unlike_even = [n]
        if n % 7 == 0:
            del self.unlike_always

class Moved(Unlike):
    pass

class Moves(Unlike):
    pass
"""

# Its own source is read apart: while a script runs, the parser's memory still
# holds the names in it.
PROGRAM = """
    import argparse, asyncio, concurrent.futures, decimal, email.message, gc
    import http.server, json, logging, multiprocessing, sqlite3, sys, typing
    import unittest, xml.etree.ElementTree
    import pyexplore

    exec(sys.argv[2])
    alike = [Alike() for _ in range(100)]
    unlike = [Unlike(n) for n in range(100)]
    dicts = [o.__dict__ for o in alike[::2] + unlike[::2]]
    moved = [Moves(n) for n in range(50)]
    for o in moved[::2]:
        o.__class__ = Moved
    gc.collect()
    pyexplore.snapshot(sys.argv[1])
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def snap(tmp_path_factory):
    from harness import Target, child_environment
    folder = tmp_path_factory.mktemp("counts")
    target = Target([sys.executable, "-c", textwrap.dedent(PROGRAM),
                     str(folder / "counts.pxs"), CLASSES],
                    env=child_environment(PYEXPLORE_DIR=str(folder)))
    try:
        assert target.line() == "done"
    finally:
        target.close()
    return pxs.read(str(folder / "counts.pxs"))


def what(snap, node):
    types = {kind.addr: kind.full for kind in snap.types}
    if node.addr in types:
        return "class " + types[node.addr]
    return snap.type_name(node)


def test_nothing_is_counted_more_often_than_it_is_referred_to(snap):
    counts = snap.counted()
    over = {what(snap, node): snap.text_of(address)
            for address, node in snap.nodes.items()
            if not node.flags & (pxs.IMMORTAL | pxs.SYNTHETIC)
            and counts.get(address, 0) > node.refcount}
    assert set(over) <= KNOWN, over


def test_what_only_tp_traverse_knows_is_numbered(tmp_path):
    """A C type that no walker knows: each reference that it visits is there
    once, in the order of its tp_traverse; the same target twice is two."""
    from harness import Target, child_environment
    target = Target([sys.executable, "-c", textwrap.dedent("""
        import gc, json, sys, pyexplore
        from _elementtree import Element
        class Held(Element): pass
        parent, child = Element(("a tag",)), Held("child")
        parent.text = ["text"]
        parent.extend([child, Held("other"), child])
        del child
        referents = [id(o) for o in gc.get_referents(parent)
                     if o is not Element]
        pyexplore.snapshot(sys.argv[1])
        print(json.dumps([id(parent), referents]), flush=True)
    """), str(tmp_path / "c.pxs")],
                    env=child_environment(PYEXPLORE_DIR=str(tmp_path)))
    try:
        address, referents = json.loads(target.line())
    finally:
        target.close()
    shown = pxs.read(str(tmp_path / "c.pxs"))
    edges = [e for e in shown.nodes[address].edges
             if e.kind == pxs.EDGE["UNNAMED"]]
    assert len(referents) >= 5 and len(set(referents)) < len(referents)
    assert [e.target for e in edges] == referents
    assert [shown.show(e) for e in edges] == [
        "#%d" % i for i in range(len(referents))]
    held = shown.nodes[edges[-1].target]
    assert shown.counted()[held.addr] == held.refcount


def attribute_names(snap, start):
    return {snap.text_of(address): node for address, node in snap.nodes.items()
            if snap.type_name(node) == "str"
            and (snap.text_of(address) or "").startswith(start)}


def test_shared_names_of_attributes_are_counted_once(snap):
    """By the code that sets them and by the table of all instances. Before
    3.12 the interpreter's cache of attributes may have one more, which no
    object has."""
    names = attribute_names(snap, "alike_")
    assert set(names) == {"alike_first", "alike_second"}
    counts = snap.counted()
    for name, node in names.items():
        assert counts[node.addr] == 2, name
        assert node.flags & pxs.IMMORTAL or node.refcount in (2, 3), name


def test_dicts_still_have_their_keys(snap):
    """A dict of an instance names its values, whoever owns the names."""
    names = attribute_names(snap, "unlike_")
    assert len(names) == 4
    keys = {node.addr for node in names.values()}
    dicts = [node for node in snap.by_type("dict")
             if keys & {edge.key for edge in node.edges}]
    assert len(dicts) >= 50
    for node in dicts:
        assert {edge.key for edge in node.edges} <= keys
