"""zoo_oracle.py: compares a snapshot with the living objects it shows.

What the interpreter itself says is noted before the snapshot, since asking
changes things: an expression may make a dict or a frame object. Afterwards
every edge of a named kind is evaluated and must give the target.

SPDX-License-Identifier: MIT
"""
import builtins
import collections
import gc
import sys

import expressions
import pxs

NAME = {v: k for k, v in pxs.EDGE.items()}
COUNTS = pxs.COUNTS
# frozendict came with 3.15 and is no dict
DICTS = (dict, getattr(builtins, "frozendict", dict))


class Oracle:
    """Notes `objects` ({name: object}), takes the snapshot, compares."""

    def __init__(self, objects, path, take):
        self.objects = objects
        self.ids = {name: id(o) for name, o in objects.items()}
        self.sizes = {n: sys.getsizeof(o) for n, o in objects.items()}
        self.referents = {
            n: collections.Counter(map(id, gc.get_referents(o)))
            for n, o in objects.items()}
        take(str(path))
        self.snap = pxs.read(str(path))

    def node(self, name):
        return self.snap.nodes.get(self.ids[name])

    def is_approximate(self, name):
        return bool(self.node(name).flags & pxs.APPROXIMATE)

    # -- edges against tp_traverse --
    def edge_differences(self, name):
        """(missing, extra): targets that only tp_traverse has, by count, and
        edges whose target it does not have."""
        o, node = self.objects[name], self.node(name)
        seen = collections.Counter(self.referents[name])
        # Before 3.9 C heap types do not visit the type, and static types
        # never do: the class edge has a rule of its own.
        ours = []
        for edge in node.edges:
            kind = NAME[edge.kind]
            if kind == "CLASS":
                seen[edge.target] -= seen[edge.target] > 0
                continue
            if not edge.flags & COUNTS:
                continue
            if edge.key is not None:
                ours.append((edge.key, edge))
            ours.append((edge.target, edge))
        missing = collections.Counter(seen)
        extra = []
        for target, edge in ours:
            if missing[target] > 0:
                missing[target] -= 1
            else:
                extra.append(edge)
        del o
        return +missing, extra

    # -- names --
    def evaluate(self, name, edge):
        """The object that the edge's expression gives."""
        o, kind, carried = self.objects[name], NAME[edge.kind], {}
        if edge.name is not None:
            carried["name"] = self.snap.names[edge.name][1]
        elif edge.index is not None:
            carried["i"] = edge.index
        elif edge.form == "PAIR" or kind == "DICT_KEY":
            key = edge.target if kind == "DICT_KEY" else edge.key
            keys = next(base.keys for base in DICTS if isinstance(o, base))
            carried["key"] = next(k for k in keys(o) if id(k) == key)
        return expressions.evaluate(kind, o, **carried)

    def is_named(self, edge):
        return pxs.EDGE_EXPRESSION[edge.kind] != "-"

    def wrong_names(self, name):
        """Edges whose expression gives another object, as text."""
        wrong = []
        for edge in self.node(name).edges:
            if not self.is_named(edge):
                continue
            try:
                value = self.evaluate(name, edge)
            except Exception as e:
                wrong.append("%s: %s %s" % (
                    name, self.snap.show(edge), repr(e)[:80]))
                continue
            if id(value) != edge.target:
                wrong.append("%s: %s is %s" % (
                    name, self.snap.show(edge), type(value).__name__))
        return wrong

    def unnamed(self, name):
        return [e for e in self.node(name).edges
                if NAME[e.kind] == "UNNAMED"]

    def shown(self, name):
        return ["%s %s" % (NAME[e.kind], self.snap.show(e))
                for e in self.node(name).edges]
