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


def test_objects_in_more_dimensions_have_a_flat_index(spawn, tmp_path):
    """.flat[i] is the item, whatever its order in memory."""
    path = tmp_path / "flat.pxs"
    target = spawn(textwrap.dedent("""
        import json, sys, numpy as np, pyexplore
        class Held: pass
        def fill(array):
            for i in range(array.size): array.flat[i] = Held()
            return array
        arrays = [fill(np.empty((3, 4), dtype=object)),
                  fill(np.empty((3, 4), dtype=object, order="F")),
                  fill(np.empty((2, 3, 4), dtype=object, order="F")),
                  fill(np.empty((), dtype=object))]
        pyexplore.snapshot(sys.argv[1])
        print(json.dumps([[id(a), [id(x) for x in a.flat]] for a in arrays]),
              flush=True)
    """), str(path))
    truth = json.loads(target.line())
    snap = pxs.read(str(path))
    counted = snap.counted()
    for address, items in truth:
        edges = {e.index: e.target for e in snap.nodes[address].edges
                 if e.kind == pxs.EDGE["FLAT"]}
        assert edges == dict(enumerate(items))
        assert all(snap.nodes[i].refcount == counted[i] for i in items)


def test_objects_in_fields_of_records(spawn, tmp_path):
    """At any offset and depth, once each, by the name of the field; so that
    nothing in a record passes for held by C code."""
    path = tmp_path / "fields.pxs"
    target = spawn(textwrap.dedent("""
        import json, sys, numpy as np, pyexplore
        class Held: pass
        inner = np.dtype([("x", "i1"), ("deep", "O")])
        packed = np.dtype([("n", "i1"), ("a", "O"), (("Title", "b"), "O"),
                           ("inner", inner), ("many", inner, (2, 2)),
                           ("row", "O", (3,)), ("last", "f8")])
        apart = np.dtype({"names": ["u", "v"], "formats": ["O", "i2"],
                          "offsets": [24, 3], "itemsize": 40})
        records = np.zeros((2, 2), dtype=packed)
        spread = np.zeros(3, dtype=apart, order="F")
        kept = {}
        def put(name):
            o = Held()
            kept.setdefault(name, []).append(id(o))
            return o
        for i in range(4):
            at = records.reshape(4)
            at["a"][i], at["b"][i] = put("a"), put("b")
            at["inner"]["deep"][i] = put("deep")
            for j in range(4):
                at["many"]["deep"][i].flat[j] = put("deep")
            for j in range(3):
                at["row"][i][j] = put("row")
        for i in range(3):
            spread["u"][i] = put("u")
        del at
        pyexplore.snapshot(sys.argv[1])
        print(json.dumps([id(records), id(spread), kept]), flush=True)
    """), str(path))
    *arrays, kept = json.loads(target.line())
    snap = pxs.read(str(path))
    found, counted = {}, snap.counted()
    for array in arrays:
        for e in snap.nodes[array].edges:
            if e.name is not None and snap.names[e.name][1] in kept and (
                    snap.type_name(snap.nodes[e.target]).endswith("Held")):
                found.setdefault(snap.names[e.name][1], []).append(e.target)
    assert {name: sorted(v) for name, v in found.items()} == {
        name: sorted(v) for name, v in kept.items()}
    assert all(snap.nodes[a].refcount == counted[a] == 1
               for v in kept.values() for a in v)


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
