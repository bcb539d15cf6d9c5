"""What a numpy array of dtype object holds has a referrer and a name.

SPDX-License-Identifier: MIT
"""
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
