"""`cycles`, `types --sort retained`: the analyses as commands, on the file of
make_pxs.py, whose contents are known.

SPDX-License-Identifier: MIT
"""
import pytest

from cli import make_pxs, ok


@pytest.fixture(scope="module", params=["inline", "dict"])
def snapshot(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    return make_pxs(folder / "shop.pxs", "--layout", request.param)


# ---- cycles ----
def test_cycles_that_wait_for_the_collector_come_first(snapshot):
    result = ok("cycles", snapshot, "--json").json
    assert result["command"] == "cycles"
    assert result["n_groups"] == len(result["groups"])
    row = result["groups"][0]
    assert list(row) == ["cycles", "objects", "bytes", "held_by", "has_del",
                         "type", "cycle", "cut", "example"]
    assert row["cycles"] == 300 and row["held_by"] == "cycle"
    assert row["objects"] in (600, 1200)   # with their dicts
    assert row["has_del"] is False
    assert sorted(row["cycle"].split(" \u2192 ")) == [".connection",
                                                      ".handler"]
    held = [group["held_by"] for group in result["groups"]]
    assert held == sorted(held, key="cycle".__ne__)


def test_the_cut_closes_the_cycle(snapshot):
    row = ok("cycles", snapshot, "--json").json["groups"][0]
    last = row["cycle"].split(" \u2192 ")[-1]
    assert row["cut"]["edge"] in (last, "['%s']" % last[1:])
    assert row["cut"]["holds"] is True
    referents = ok("referents", snapshot, row["cut"]["address"],
                   "--json").json["referents"]
    assert row["example"] in [edge["address"] for edge in referents]


def test_cycles_table(snapshot):
    ran = ok("cycles", snapshot, "-n", 1)
    assert ran.lines[0].split() == ["CYCLES", "OBJECTS", "SIZE", "HELD", "BY",
                                    "__DEL__", "TYPE", "CYCLE", "CUT"]
    assert len(ran.lines) == 2
    assert ran.lines[1].split()[0] == "300"
    assert "server.ConnectionHandler" in ran.lines[1]
    assert "300 cycles of " in ran.err
    assert "wait for the collector, 0 of them with a __del__" in ran.err


# ---- types --sort retained ----
def test_types_by_what_they_retain(snapshot):
    rows = ok("types", snapshot, "--sort", "retained", "--json").json["types"]
    retained = [row["retained_at_least"] for row in rows]
    assert retained == sorted(retained, reverse=True)
    for name in ("server.Connection", "registry.Node", "list"):
        row = next(row for row in rows if row["type"] == name)
        exact = ok("dominators", snapshot, name, "-n", 1,
                   "--json").json["retained"]
        reached = ok("path", snapshot, name, "--json").json["groups"]
        assert row["retained_at_least"] > row["bytes"]
        if all(group["held_by"] == "root" for group in reached):
            assert row["retained_at_least"] <= exact


def test_retained_is_a_column_only_when_asked_for(snapshot):
    plain = ok("types", snapshot, "--sort", "size", "--json").json["types"]
    assert all("retained_at_least" not in row for row in plain)
    ran = ok("types", snapshot, "--sort", "retained", "-n", 3)
    assert ran.lines[0].split() == ["COUNT", "SIZE", "RETAINED", "TYPE"]
    assert all("\u2265 " in line for line in ran.lines[1:])
    ascii_only = ok("types", snapshot, "--sort", "retained", "-n", 3,
                    "--ascii")
    assert ascii_only.out.isascii()
