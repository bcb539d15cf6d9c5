"""`pyexplore duplicates` finds equal strings, what they waste and who holds
most of them; an independent count over the file agrees.

SPDX-License-Identifier: MIT
"""
import collections

import pytest

from cli import make_pxs, ok
import pxs

SERVICE = r"""if 1:
    import pyexplore, sys
    rows = [{"id": i, "state": "".join(["wait", "ing-", sys.argv[1]])}
            for i in range(500)]
    kept = ["".join(["wait", "ing-", sys.argv[1]]) for i in range(20)]
    buffers = [bytearray(b"wait") * 200 for i in range(100)]
    longs = [b"".join([b"v" * 5000, str(i % 2).encode()]) for i in range(10)]
    pyexplore.serve(port=None)
    print("ready", flush=True)
    sys.stdin.read()
"""


def values_of(ran):
    return ran.json["values"]


@pytest.mark.parametrize("layout", ["inline", "dict"])
def test_the_counts_are_those_of_the_file(tmp_path, layout):
    path = make_pxs(tmp_path / "shop.pxs", "--layout", layout)
    heap = pxs.read(str(path))
    expected = collections.Counter()
    for addr, item in heap.previews.items():
        if item[0] in (pxs.PREVIEW["STR"], pxs.PREVIEW["BYTES"]):
            node = heap.nodes[addr]
            expected[(heap.type_name(node), node.size, item)] += 1
    expected = {key: n for key, n in expected.items() if n > 1}
    assert len(expected) > 5
    found = ok("duplicates", path, "--json").json
    assert found["n_values"] == len(expected) == len(found["values"])
    assert found["count"] == sum(expected.values())
    assert found["wasted_bytes"] == sum(
        (n - 1) * size for (_, size, _), n in expected.items())
    assert sorted((row["example"]["type"], row["example"]["bytes"],
                   row["count"]) for row in found["values"]) == sorted(
        (name, size, n) for (name, size, _), n in expected.items())
    wasted = [row["wasted_bytes"] for row in found["values"]]
    assert wasted == sorted(wasted, reverse=True)


def test_who_holds_most_of_them(spawn):
    target = spawn(SERVICE, "for-the-queue")
    assert target.line() == "ready"
    row = next(row for row in values_of(ok("duplicates", target.pid, "--json"))
               if row["example"]["preview"] == "'waiting-for-the-queue'")
    assert row["count"] == 520 and row["held_count"] == 500
    assert row["path"] == "module __main__ → rows[*]['state']"
    assert row["held_by"] == "root" and row["whole"] is True
    assert row["all_bytes"] == 520 * row["example"]["bytes"]
    assert row["wasted_bytes"] == 519 * row["example"]["bytes"]
    table = ok("duplicates", target.pid)
    assert "500: module __main__ → rows[*]['state']" in table.out


def test_long_ones_are_equal_as_far_as_seen(spawn):
    """Two values that differ in their last byte are taken for one, and said
    to be compared by their beginnings only."""
    target = spawn(SERVICE, "x")
    assert target.line() == "ready"
    row = next(row for row in values_of(ok("duplicates", target.pid, "--json"))
               if row["example"]["bytes"] > 5000)
    assert row["count"] == 10 and row["whole"] is False
    assert "as far as they are seen" in ok("duplicates", target.pid).err


def test_what_can_change_is_no_duplicate(spawn):
    """Equal bytearrays are buffers, and there is nothing to intern."""
    target = spawn(SERVICE, "x")
    assert target.line() == "ready"
    found = ok("duplicates", target.pid, "-n", 0, "--json").json
    assert {row["example"]["type"] for row in found["values"]} == {
        "str", "bytes"}


def test_without_values_there_is_nothing_to_compare(spawn):
    target = spawn(SERVICE, "x")
    assert target.line() == "ready"
    ran = ok("duplicates", target.pid, "--detail", "names")
    assert "no values to compare" in ran.err
    assert values_of(ok("duplicates", target.pid, "--detail", "names",
                        "--json")) == []
