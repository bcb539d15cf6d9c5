"""judge.py: a program judges a snapshot of itself. Every edge that has a
Python expression is evaluated on the living object, and must give the object
that the snapshot says; every reference that tp_traverse visits must be there.

Runs inside of the program that rests, so that it meets the objects of real
libraries. They may change while it runs (a thread, a cache): what is wrong
must be wrong again in another snapshot.

SPDX-License-Identifier: MIT
"""
import collections
import gc
import os
import sys
import types
import weakref

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                os.pardir, os.pardir, "tools"))
import expressions  # noqa: E402
import pxs  # noqa: E402

DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
TRIES = 3


def living():
    """Every object that can be found, by address."""
    found = {}
    new = gc.get_objects()
    while new:
        last, new = new, []
        for o in last:
            if id(o) in found:
                continue
            found[id(o)] = o
            new.append(type(o))
            new += gc.get_referents(o)
            if is_a(o, types.CodeType):
                new.append(o.co_consts)
            elif is_a(o, type):
                new += type.__subclasses__(o)
    return found


def is_a(o, base):
    """isinstance, but for what a proxy says of itself."""
    return issubclass(type(o), base)


def attribute(o, name):
    """getattr, but for what a library's class makes of it: C members and
    slots, the object's own dict, and only then the class."""
    for base in type(o).__mro__:
        names = type.__dict__["__dict__"].__get__(base)
        if name in names:
            if type(names[name]) in DESCRIPTORS:
                return names[name].__get__(o)
            break
    try:
        values = object.__getattribute__(o, "__dict__")
    except AttributeError:
        values = {}
    if type(values) is dict and name in values:
        return values[name]
    return getattr(o, name)


def item(o, index):
    for base in (tuple, list):
        if is_a(o, base):
            return base.__getitem__(o, index)
    return o[index]


def members(o):
    base = set if is_a(o, set) else frozenset
    return [id(x) for x in base.__iter__(o)]


def value_of(o, kind, text, edge):
    if kind in ("ATTR", "SLOT", "ALIAS"):
        return attribute(o, text)
    if kind == "ITEM":
        return item(o, edge.index)
    if kind == "FLAT":
        return o.flat[edge.index]
    if kind == "BASE":
        return type.__dict__["__bases__"].__get__(o)[edge.index]
    if kind == "WEAK":
        # A proxy cannot be called, but a method of what it stands for is bound.
        return (weakref.ref.__call__(o) if is_a(o, weakref.ref)
                else o.__repr__.__self__)
    return expressions.evaluate(kind, o, name=text)


class Judge:
    """One snapshot and the objects that it is about."""

    def __init__(self, snap, objects, own):
        self.snap, self.objects, self.own = snap, objects, own
        self.n_objects = self.n_edges = 0
        self.wrong = {}

    def complain(self, o, edge, why):
        kind = pxs.EDGE_NAME[edge.kind]
        if edge.form == "PLAIN" or edge.form == "PAIR":
            text = kind
        else:
            text = self.snap.show(edge)
        self.wrong[id(o), kind, text] = "%s.%s %s: %s" % (
            type(o).__module__, type(o).__qualname__, text, why)

    def pairs(self, o, edges):
        """Keys and values at once: a dict is not searched for each."""
        living = {}
        if is_a(o, dict):
            living = {id(k): id(v) for k, v in dict.items(o)}
        for edge in edges:
            if edge.key is None:  # an OrderedDict's list of keys
                good = edge.target in living
            else:
                good = living.get(edge.key) == edge.target
            if not good:
                self.complain(o, edge, "not in the dict")

    def object(self, o):
        node = self.snap.nodes[id(o)]
        pairs, found = [], None
        self.n_objects += 1
        for edge in node.edges:
            kind = pxs.EDGE_NAME[edge.kind]
            if pxs.EDGE_EXPRESSION[edge.kind] == "-":
                continue
            self.n_edges += 1
            if kind == "DICT_KEY" or edge.form == "PAIR":
                pairs.append(edge)
                continue
            try:
                if kind == "MEMBER":
                    found = members(o) if found is None else found
                    value = found[edge.index]
                else:
                    text = (self.snap.names[edge.name][1]
                            if edge.form == "NAME" else None)
                    value = id(value_of(o, kind, text, edge))
            except Exception as error:
                self.complain(o, edge, repr(error)[:80])
                continue
            if value != edge.target:
                self.complain(o, edge, "is another object")
        self.pairs(o, pairs)

    def traversed(self, o, referents):
        """What tp_traverse visited before and no counting edge leads to."""
        lost = collections.Counter(referents)
        for kind, target, _ in self.snap.flat_edges(self.snap.nodes[id(o)]):
            if pxs.EDGE_FLAGS[kind] & pxs.COUNTS:
                lost[target] -= 1
        lost[id(type(o))] = 0  # C types differ in who visits the class
        n = sum(n for target, n in lost.items()
                if n > 0 and target in self.snap.nodes
                and target not in self.own)
        if n:
            self.wrong[id(o), "lost", ""] = "%s.%s: %d lost references" % (
                type(o).__module__, type(o).__qualname__, n)


def is_ours(o):
    """A running frame of the judge or of what called it changes."""
    if not is_a(o, types.FrameType):
        return False
    frame = sys._getframe()
    while frame is not None and frame is not o:
        frame = frame.f_back
    return frame is not None


def once(path):
    import pyexplore

    gc.collect()
    objects = living()
    referents = {address: [id(r) for r in gc.get_referents(o)]
                 for address, o in objects.items() if gc.is_tracked(o)}
    own = {id(objects), id(referents)} | {id(r) for r in referents.values()}
    pyexplore.snapshot(path)
    snap = pxs.read(path)
    os.unlink(path)
    judge = Judge(snap, objects, own)
    for address, o in objects.items():
        if address in snap.nodes and address not in own and not is_ours(o):
            judge.object(o)
            if address in referents:
                judge.traversed(o, referents[address])
    return judge.n_objects, judge.n_edges, len(snap.nodes), judge.wrong


def judge(path):
    """{what was done, what was wrong every time}"""
    gc.disable()
    once(path)  # whatever is imported or cached on the way
    wrong = None
    for _ in range(TRIES):
        n_objects, n_edges, n_nodes, found = once(path)
        wrong = {key: text for key, text in found.items()
                 if wrong is None or key in wrong}
        if not wrong:
            break
    gc.enable()
    return {"objects": n_objects, "edges": n_edges, "nodes": n_nodes,
            "wrong": collections.Counter(wrong.values()).most_common(50)}
