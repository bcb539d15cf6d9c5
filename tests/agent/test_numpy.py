"""What a numpy array of dtype object holds has a referrer and a name.

SPDX-License-Identifier: MIT
"""
import json
import textwrap

import pxs
import pytest

pytest.importorskip("numpy")


def test_object_arrays_hold_their_items(spawn, tmp_path):
    """Each item once, by its index in one dimension; a view leads to its
    base and counts nothing twice; numbers are no items."""
    path = tmp_path / "numpy.pxs"
    target = spawn(textwrap.dedent("""
        import sys, numpy, pyexplore
        class Held: pass
        line = numpy.array([Held(), Held(), None], dtype=object)
        grid = numpy.array([[Held(), 1], [2, 3]], dtype=object)
        view = line[1:]
        numbers = numpy.arange(1000)
        pyexplore.snapshot(sys.argv[1])
        print(id(line), id(grid), id(view), id(numbers), id(line[0]),
              id(line[1]), id(grid[0, 0]), flush=True)
    """), str(path))
    line, grid, view, numbers, first, second, deep = [
        int(word) for word in target.line().split()]
    snap = pxs.read(str(path))
    item, nodes = pxs.EDGE["ITEM"], snap.nodes
    items = {e.index: e.target for e in nodes[line].edges if e.kind == item}
    assert (items[0], items[1], len(items)) == (first, second, 3)
    assert deep in [e.target for e in nodes[grid].edges]
    assert line in [e.target for e in nodes[view].edges]
    assert second not in [e.target for e in nodes[view].edges]
    assert not [e for e in nodes[numbers].edges if e.kind == item]
    counted = snap.counted()
    for held in (first, second, deep):
        assert counted[held] == nodes[held].refcount


def test_sizes_are_those_of_getsizeof(spawn, tmp_path):
    """Data counts where it is the array's own; whatever the order of its
    items; a view, a scalar's buffer and a memory map take none. What numpy
    sizes in code of its own (scalars, dtypes) is flagged approximate."""
    path = tmp_path / "numpy.pxs"
    target = spawn(textwrap.dedent("""
        import json, sys, numpy as np, pyexplore
        class Mine(np.ndarray): pass
        line = np.zeros(1000)
        kept = {
            "line": line, "view": line[10:], "steps": line[::7],
            "grid": np.zeros((30, 40), dtype="i2"),
            "fortran": np.zeros((30, 40), order="F"),
            "turned": np.array(np.zeros((3, 4, 5)).transpose(1, 0, 2),
                               order="K"),
            "empty": np.zeros((0, 5)), "scalar": np.array(7.5),
            "single": np.zeros((1, 1), dtype="c16"),
            "records": np.zeros(3, dtype=[("a", "i1"), ("b", "f8")]),
            "texts": np.array(["abc", "d"]), "objects": np.array([None] * 9),
            "bools": np.zeros(7, dtype=bool), "broadcast":
            np.broadcast_to(line, (3, 1000)), "mine": np.zeros(9).view(Mine),
            "mine_own": Mine((3, 3)), "masked": np.ma.array([1, 2, 3]),
            "matrix": np.matrix("1 2; 3 4"),
            "item": np.float64(1.5), "dtype": np.dtype("f8"),
            # a static type whose class is none of CPython's (1.20+)
            "dtype class": type(np.dtype("f8")),
        }
        pyexplore.snapshot(sys.argv[1])
        print(json.dumps({k: [id(v), sys.getsizeof(v)]
                          for k, v in kept.items()}), flush=True)
    """), str(path))
    kept = json.loads(target.line())
    snap = pxs.read(str(path))
    approximate = set()
    for name, (address, size) in kept.items():
        node = snap.nodes[address]
        if node.flags & pxs.APPROXIMATE:
            approximate.add(name)
        else:
            assert node.size == size, name
    assert approximate <= {"item", "dtype"}
    assert "item" in approximate
