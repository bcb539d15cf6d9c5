"""snapshots.py: what a snapshot of a real program says, in figures.

SPDX-License-Identifier: MIT
"""
import collections
import os
import sys
import sysconfig

import pxs

NAME = pxs.EDGE_NAME
WITHOUT_REFCOUNT = pxs.IMMORTAL | pxs.SYNTHETIC | pxs.BAD


def _stdlib():
    """Top-level modules of the standard library."""
    folder = sysconfig.get_path("stdlib")
    names = {name.split(".")[0] for name in os.listdir(folder)}
    return (names | set(sys.builtin_module_names)
            | set(getattr(sys, "stdlib_module_names", ())))


STDLIB = _stdlib()


def is_ours_to_name(kind):
    """An instance of a Python class, of builtins or of the standard library:
    what it refers to must have names. Other C types are their authors'."""
    return (bool(kind.flags & pxs.TYPE_PYTHON) or kind.module == ""
            or kind.module.split(".")[0] in STDLIB)


def unnamed(snap):
    """(edges, those without a name, a Counter of these by type); only edges
    from types that we must know."""
    edges, by_type = 0, collections.Counter()
    for node in snap.nodes.values():
        kind = snap.types[node.type]
        if not is_ours_to_name(kind) or node.flags & pxs.SYNTHETIC:
            continue
        for number, _, edge in snap.flat_edges(node):
            edges += 1
            if NAME[number] == "UNNAMED":
                by_type[kind.full] += 1
    return edges, sum(by_type.values()), by_type


def unaccounted(snap):
    """(pymalloc's blocks in use, those of which nothing is known, {bytes of a
    block: such blocks}, a Counter of strays by type: objects in blocks that
    only C code's own memory can hold)."""
    by_size = {size: row["unknown"] for size, row in snap.blocks.items()
               if row["unknown"]}
    strays = collections.Counter(
        snap.type_name(node) for node in snap.nodes.values()
        if node.flags & pxs.STRAY)
    return (sum(row["in_use"] for row in snap.blocks.values()),
            sum(by_size.values()), by_size, strays)


def held(snap, python_classes=True):
    """{address: references that no edge explains}, of nodes with a refcount;
    negative where more edges count than there are references."""
    counts = snap.counted()
    found = {}
    for node in snap.nodes.values():
        if node.flags & WITHOUT_REFCOUNT:
            continue
        if python_classes and not (
                snap.types[node.type].flags & pxs.TYPE_PYTHON):
            continue
        outside = node.refcount - counts.get(node.addr, 0)
        if outside:
            found[node.addr] = outside
    return found


def by_type(snap, addresses):
    return collections.Counter(
        snap.type_name(snap.nodes[a]) for a in addresses)


def c_held(snap):
    """A Counter of what C code holds: instances of Python classes, and such
    classes, with references that neither an edge nor a word of a running
    frame's stack explains."""
    maybe = collections.Counter(
        target for node in snap.nodes.values()
        for kind, target, _ in snap.flat_edges(node)
        if NAME[kind] == "STACK")
    return collections.Counter(
        name_of(snap, snap.nodes[address])
        for address, outside in held(snap).items()
        if outside > maybe[address])


def name_of(snap, node):
    """`class NAME` for a class, the name of its type for all else."""
    names = {snap.names[edge.name][1]: edge.target for edge in node.edges
             if edge.name is not None and NAME[edge.kind] == "ATTR"}
    if "__mro__" in names:
        return "class %s" % snap.text_of(names["__qualname__"])
    return snap.type_name(node)
