"""The commands of `pyexplore` say about a snapshot file what is in it.

The file is make_pxs.py's, of known contents; shapes of --json and whole
screens are compared, at 80 and at 200 columns, in both layouts of instances.

SPDX-License-Identifier: MIT
"""
import os
import re
import unicodedata

import pytest

from cli import environment, make_pxs, ok, run
import pxs

ADDRESS = re.compile(r"^[0-9a-f]+$")


@pytest.fixture(scope="module", params=["inline", "dict"])
def snapshot(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli")
    return make_pxs(folder / "shop.pxs", "--layout", request.param)


@pytest.fixture(scope="module")
def inline(tmp_path_factory):
    return make_pxs(tmp_path_factory.mktemp("cli") / "shop.pxs")


@pytest.fixture(scope="module")
def first(inline):
    """The address of the first of the leaked connections."""
    rows = ok("instances", inline, "Connection", "--json", "-n", 1).json
    return rows["instances"][0]["address"]


# ---- types ----
def test_types_json_counts_what_the_file_has(snapshot):
    result = ok("types", snapshot, "--json").json
    assert list(result) == ["command", "target", "snapshot", "n_types",
                            "types"]
    assert result["command"] == "types"
    assert result["target"] == str(snapshot)
    assert list(result["snapshot"]) == [
        "pid", "command", "python", "time", "detail", "complete", "end",
        "objects", "edges", "types", "pause_ns",
        "interpreters_left_out", "threads_left_out"]
    assert result["snapshot"]["pid"] == 4242
    assert result["snapshot"]["command"] == ["python", "server.py"]
    assert result["snapshot"]["complete"] is True
    assert result["snapshot"]["end"] == "complete"
    expected = {}
    heap = pxs.read(str(snapshot))
    for node in heap.nodes.values():
        name = heap.type_name(node)
        expected[name] = expected.get(name, 0) + 1
    counts = {row["type"]: row["count"] for row in result["types"]}
    assert counts == expected
    assert result["n_types"] == len(expected)
    assert result["snapshot"]["objects"] == sum(expected.values())
    assert all(list(row) == ["type", "count", "bytes"]
               for row in result["types"])


def test_types_are_sorted_by_count_size_or_name(inline):
    by = {key: ok("types", inline, "--json", "--sort", key).json["types"]
          for key in ("count", "size", "name")}
    assert by["count"] == sorted(by["count"],
                                 key=lambda r: (-r["count"], r["type"]))
    assert by["size"] == sorted(by["size"],
                                key=lambda r: (-r["bytes"], r["type"]))
    assert by["name"] == sorted(by["name"], key=lambda r: r["type"])
    default = ok("types", inline, "--json").json["types"]
    assert default == by["count"] != by["size"]


def test_types_table(inline):
    ran = ok("types", inline, "-n", 3)
    assert ran.lines[0].split() == ["COUNT", "SIZE", "TYPE"]
    assert len(ran.lines) == 4
    rows = ok("types", inline, "--json", "-n", 3).json["types"]
    for line, row in zip(ran.lines[1:], rows):
        assert line.split()[0] == "{:,}".format(row["count"])
        assert line.split()[-1] == row["type"]
    assert "-n 0 shows all" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_a_table_shows_20_rows_and_n_0_all(inline):
    n_types = ok("types", inline, "--json").json["n_types"]
    assert n_types > 20
    assert len(ok("types", inline).lines) == 1 + 20
    assert len(ok("types", inline, "-n", 0).lines) == 1 + n_types


# ---- instances ----
def test_instances_json(snapshot):
    result = ok("instances", snapshot, "server.Connection", "--json").json
    assert result["type"] == "server.Connection"
    assert result["count"] == len(result["instances"]) == 1204 + 6 + 300
    held = [row["held_by"] for row in result["instances"]]
    assert held.count("root") == 1210 and held.count("cycle") == 300
    row = result["instances"][0]
    assert list(row) == ["address", "type", "bytes", "preview", "refcount",
                         "named", "outside", "generation", "flags", "root",
                         "held_by", "path"]
    assert ADDRESS.match(row["address"])
    assert row["type"] == "server.Connection"
    assert row["bytes"] == 48
    assert row["preview"] == "fd=100000"
    assert row["generation"] == "2"
    assert row["root"] == "module server"
    assert row["path"].endswith("_CONNECTIONS[0]")
    unreached = next(r for r in result["instances"] if r["root"] is None)
    assert unreached["path"] is None
    assert ".handler" in unreached["cycle"]
    assert ".connection" in unreached["cycle"]


def test_instances_are_sorted(inline):
    rows = ok("instances", inline, "bytes", "--json").json["instances"]
    assert rows == sorted(rows, key=lambda r: int(r["address"], 16))
    sizes = [r["bytes"] for r in ok("instances", inline, "bytes", "--json",
                                    "--sort", "size").json["instances"]]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]
    counts = [r["refcount"] for r in ok(
        "instances", inline, "str", "--json", "--sort",
        "refcount").json["instances"]]
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]


def test_many_rows_and_few_rows_say_the_same(snapshot):
    """Long lists count references in one pass, short ones object by object."""
    many = ok("instances", snapshot, "Connection", "--json").json["instances"]
    few = ok("instances", snapshot, "Connection", "--json", "-n",
             50).json["instances"]
    assert few == many[:50]
    assert {row["named"] for row in many} == {1, 2, 3}


def test_instances_takes_the_last_part_of_a_name(inline):
    short = ok("instances", inline, "Cursor", "--json", "-n", 1).json
    assert short["type"] == "db.Cursor" and short["count"] == 30


# ---- path ----
def test_path_of_a_type_groups_its_instances(snapshot):
    result = ok("path", snapshot, "Connection", "--json").json
    assert result["type"] == "server.Connection"
    assert result["count"] == 1510
    groups = result["groups"]
    assert result["n_groups"] == len(groups)
    assert sum(g["count"] for g in groups) == 1510
    assert [g["count"] for g in groups] == sorted(
        (g["count"] for g in groups), reverse=True)
    assert groups[0]["count"] == 1204
    assert groups[0]["root"] == "module server"
    assert groups[0]["held_by"] == "root"
    assert groups[0]["path"] == \
        "module server \u2192 _CONNECTIONS[*]"
    assert groups[1]["count"] == 300
    assert groups[1]["root"] is None
    assert groups[1]["held_by"] == "cycle"
    assert groups[1]["path"] is None
    assert ".handler" in groups[1]["cycle"]
    assert ".connection" in groups[1]["cycle"]
    threads = [g for g in groups if g["root"] == "thread worker-3"]
    assert sum(g["count"] for g in threads) == 6
    assert any("handle() server.py:88" in g["path"] and
               g["path"].endswith("conn") for g in threads)


def test_path_of_a_type_as_a_table(snapshot):
    lines = ok("path", snapshot, "Connection").lines
    assert lines[0] == ("1,204 of 1,510  module server \u2192 "
                        "_CONNECTIONS[*]")
    assert re.match(r" +300  held_by: cycle  \.(handler|connection) \u2192 "
                    r"\.(handler|connection)$", lines[1]), lines[1]
    assert any("thread worker-3 \u2192 " in line for line in lines[2:])


def test_path_says_held_by_c(snapshot):
    groups = ok("path", snapshot, "Cursor", "--json").json["groups"]
    assert [(g["count"], g["root"], g["held_by"]) for g in groups] == [
        (30, None, "c")]


def test_path_of_an_object_has_its_steps_and_the_culprit(snapshot):
    address = ok("instances", snapshot, "Connection", "--json", "-n",
                 1).json["instances"][0]["address"]
    result = ok("path", snapshot, address, "--json").json
    steps = result["steps"]
    assert steps[0]["step"] == "module server"
    assert steps[-1]["address"] == address == result["address"]
    assert steps[-1]["type"] == "server.Connection"
    assert all(list(s) == ["step", "times", "culprit", "address", "type",
                           "bytes", "preview"] for s in steps)
    assert [s["step"] for s in steps if s["culprit"]] == ["[0]"]
    lines = ok("path", snapshot, address).lines
    assert len(lines) == len(steps)
    marked = [line for line in lines if "\u25b6" in line]
    assert len(marked) == 1 and "[0]" in marked[0]
    assert "server.Connection" in marked[0]


def test_a_chain_is_folded(inline):
    nodes = ok("instances", inline, "Node", "--json").json["instances"]
    deepest = nodes[0]  # made first: the others refer to it
    assert deepest["path"] == "module registry \u2192 \u2026 \u2192 .next"
    assert deepest["root"] == "module registry"
    assert nodes[-1]["path"] == "module registry \u2192 head"
    steps = ok("path", inline, deepest["address"], "--json").json["steps"]
    assert len(steps) < 6
    assert max(s["times"] for s in steps) == 1040


def test_path_of_an_unreached_object(inline):
    row = next(r for r in ok("instances", inline, "Connection",
                             "--json").json["instances"]
               if r["held_by"] == "cycle")
    result = ok("path", inline, row["address"], "--json").json
    assert result["root"] is None and result["held_by"] == "cycle"
    assert result["steps"] == [] and ".handler" in result["cycle"]
    ran = ok("path", inline, row["address"])
    assert ran.out.startswith("held_by: cycle  ")
    assert "garbage that waits for the collector" in ran.err


# ---- show, referrers, referents ----
def test_show_json(inline, first):
    result = ok("show", inline, first, "--json").json
    assert list(result) == [
        "command", "target", "snapshot", "object", "n_referrers",
        "referrers", "n_referents", "referents"]
    thing = result["object"]
    assert thing["address"] == first
    assert thing["refcount"] == thing["named"] + thing["outside"]
    names = [r["edge"] for r in result["referents"]]
    assert names == ["class", ".fd", ".peer", ".headers", ".buffer",
                     ".handler"]
    assert all(list(r) == ["edge", "kind", "holds", "counts", "address",
                           "type", "bytes", "preview"]
               for r in result["referents"] + result["referrers"])
    assert result["n_referrers"] == len(result["referrers"])
    assert {r["edge"] for r in result["referrers"]} == {"[0]", ".connection"}


def test_a_dict_says_whose_it_is(tmp_path):
    """As 3.8 to 3.10 lay out instances: attributes are items of a dict."""
    path = make_pxs(tmp_path / "dict.pxs", "--layout", "dict")
    row = ok("instances", path, "Connection", "--json", "-n",
             2).json["instances"][1]
    back = ok("referrers", path, row["address"], "--json").json["referrers"]
    item = next(r for r in back if r["edge"] == "['connection']")
    assert item["type"] == "dict"
    assert item["owner"]["type"] == "server.ConnectionHandler"
    assert "__dict__ of server.ConnectionHandler %s" % \
        item["owner"]["address"] in ok("show", path, row["address"]).out


def test_an_instance_shows_its_attributes(snapshot):
    out = ok("instances", snapshot, "Connection", "-n", 2).lines[2]
    assert "fd=100001 peer=" in out


@pytest.mark.parametrize("prefix", ["", "0x", "0X"])
def test_addresses_are_taken_with_and_without_0x(inline, first, prefix):
    shown = ok("show", inline, prefix + first, "--json").json
    assert shown["object"]["address"] == first


def test_show_as_text(inline, first):
    out = ok("show", inline, first).out
    assert out.startswith("server.Connection  %s\n" % first)
    assert re.search(r"^  references +refcount \d+", out, re.M)
    assert re.search(r"^  size +48 B", out, re.M)
    assert re.search(r"^  generation +2$", out, re.M)
    assert re.search(r"^  held by +module server \u2192 _CONNECTIONS\[0\]$",
                     out, re.M)
    assert "referred to by 2\n" in out
    assert re.search(r"^\.peer +tuple ", out, re.M)


def test_show_counts_what_c_code_holds(inline):
    cursor = ok("instances", inline, "Cursor", "--json", "-n",
                1).json["instances"][0]
    assert cursor["outside"] == 1
    out = ok("show", inline, cursor["address"]).out
    assert "refcount 1 = 0 named + 1 held by C code or the running stack" \
        in out


def test_types_sum_what_c_code_holds(inline):
    """The figures are those of the file; what C code keeps in every process
    (texts, classes) comes after what it should have given back."""
    heap = pxs.read(str(inline))
    counts = heap.counted()
    expected = {}
    for node in heap.nodes.values():
        if node.flags & (pxs.IMMORTAL | pxs.SYNTHETIC | pxs.BAD):
            continue
        outside = node.refcount - counts.get(node.addr, 0)
        if outside > 0:
            row = expected.setdefault(heap.type_name(node), [0, 0])
            row[0] += 1
            row[1] += outside
    rows = ok("types", inline, "--json", "--sort", "held").json["types"]
    assert expected["db.Cursor"] == [30, 30]
    assert {r["type"]: [r["held_objects"], r["held_references"]]
            for r in rows if r["held_objects"]} == expected
    names = [r["type"] for r in rows]
    assert names[0] == "db.Cursor"
    assert names.index("module") < names.index("str")
    out = ok("types", inline, "--sort", "held", "-n", 1).out
    assert re.search(r"^ +30 +\S+ \S+ +30 +30 +db\.Cursor$", out, re.M), out


def test_referrers_and_referents_are_each_others_inverse(inline, first):
    out = ok("referents", inline, first, "--json").json
    assert out["count"] == len(out["referents"])
    handler = next(r for r in out["referents"] if r["edge"] == ".handler")
    back = ok("referrers", inline, handler["address"], "--json").json
    assert {"edge": ".handler", "address": first} in [
        {k: r[k] for k in ("edge", "address")} for r in back["referrers"]]
    table = ok("referrers", inline, handler["address"])
    assert table.lines[0].split() == ["NAME", "TYPE", "ADDRESS", "SIZE",
                                      "WHAT"]
    assert re.search(r"^\.handler +server\.Connection +%s " % first,
                     table.out, re.M)


def test_a_weak_reference_holds_nothing(inline):
    weak = ok("instances", inline, "ReferenceType", "--json",
              "-n", 1).json["instances"][0]["address"]
    edges = ok("referents", inline, weak, "--json").json["referents"]
    target = next(e for e in edges if e["kind"] == "weak")
    assert target["edge"].startswith("~")
    assert target["holds"] is False and target["counts"] is False


def test_secrets_are_not_shown(inline):
    assert "tok-" not in ok("instances", inline, "str", "-n", 0).out
    assert "<secret>" in ok("instances", inline, "str", "-n", 0).out


# ---- the look ----
@pytest.mark.parametrize("cols", [40, 80, 200])
@pytest.mark.parametrize("args", [
    ("types",), ("instances", "Connection"), ("instances", "str"),
    ("instances", "dict")])
def test_tables_fit_the_width(inline, cols, args):
    env = environment(COLUMNS=str(cols))
    ran = ok(args[0], inline, *args[1:], env=env)
    least = {"types": 40, "instances": 70}[args[0]]
    assert max(len(line) for line in ran.lines) <= max(cols, least)
    whole = ok(args[0], inline, *args[1:])
    cut = "\u2026" in ran.out.replace(whole.out, "")
    assert cut or all(len(line) <= cols for line in whole.lines)
    assert not any(line != line.rstrip() for line in ran.lines)


def test_width_counts_wide_characters_twice(inline):
    """A cell that is cut at 80 columns ends there, not 20 cells later."""
    ran = ok("instances", inline, "str", "-n", 0,
             env=environment(COLUMNS="80"))
    lines = [x for x in ran.lines if "\u65e5" in x]
    assert lines
    for line in lines:
        cells = sum(2 if unicodedata.east_asian_width(c) == "W" else 1
                    for c in line)
        assert len(line) < cells <= 80 and line.endswith("\u2026")


def test_nothing_from_the_target_moves_the_cursor(inline):
    """make_pxs puts escapes, bidi controls and line ends into names."""
    for args in (("instances", inline, "str", "-n", 0),
                 ("instances", inline, "bytes", "-n", 0),
                 ("types", inline, "-n", 0)):
        out = ok(*args).out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066]",
                             out)
        for line in ok(*args, "--json").json.values():
            pass  # and it parses


@pytest.mark.parametrize("args", [
    ("types",), ("path", "Connection"), ("instances", "Connection")])
def test_ascii_prints_ascii(inline, args):
    env = environment(COLUMNS="80")
    out = ok(args[0], inline, *args[1:], "--ascii", env=env).out
    assert out.isascii()
    assert out == ok(args[0], inline, *args[1:],
                     env=environment(COLUMNS="80", LC_ALL="C")).out
    if args[0] == "path":
        assert "1,204 of 1,510  module server -> _CONNECTIONS[*]" in out


def test_json_does_not_depend_on_locale_or_width(inline):
    usual = ok("path", inline, "Connection", "--json").out
    assert usual == ok("path", inline, "Connection", "--json",
                       env=environment(LC_ALL="C", COLUMNS="40")).out


def test_a_closed_type_name_with_no_instances_is_fine(tmp_path):
    """A known type without instances: status 0 and a sentence."""
    heap = pxs.Heap()
    heap.type("app.Idle", pxs.TYPE_HEAP | pxs.TYPE_GC | pxs.TYPE_PYTHON)
    heap.str("x")
    path = tmp_path / "idle.pxs"
    heap.finish(python="3.13.0", pid=1).write(str(path))
    ran = ok("path", path, "Idle")
    assert ran.out == "" and "app.Idle has no instances" in ran.err
    assert ok("path", path, "Idle", "--json").json["groups"] == []
    assert ok("instances", path, "Idle", "--json").json["instances"] == []


def test_help_names_every_command_and_option():
    out = ok("--help").out
    for name in ("ls", "types", "instances", "show", "referrers",
                 "referents", "path", "holders", "dominators", "diff",
                 "growth", "check", "gc", "snapshot"):
        assert re.search(r"^  %s +\S" % name, out, re.M), name
        text = ok(name, "--help").out
        assert text == ok("help", name).out
        assert text.startswith("usage: pyexplore %s " % name)
        assert "--json" in text and "\nExamples\n  pyexplore %s" % name in text
        assert max(len(line) for line in text.splitlines()) <= 80
    assert ok("types", "--help").out.count(
        "count|size|retained|held|name") == 1


def test_version():
    assert re.match(r"^pyexplore \d+\.\d+\.\d+\S*\n$", ok("--version").out)


def test_path_is_stable_over_runs(inline):
    assert len({ok("path", inline, "Connection", "--json").out
                for _ in range(3)}) == 1


def test_file_is_not_changed_by_reading(inline):
    before = os.stat(inline)
    ok("types", inline)
    after = os.stat(inline)
    assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns,
                                                    after.st_size)
    assert run("types", inline).status == 0


# ---- holders, diff ----
def test_holders_is_the_tree_of_all_paths(snapshot):
    result = ok("holders", snapshot, "Connection", "--json").json
    rows = result["rows"]
    assert result["count"] == 1510 and result["n_rows"] == len(rows)
    assert all(list(r) == ["depth", "step", "type", "count", "here",
                           "held_by", "example"] for r in rows)
    assert sum(r["count"] for r in rows if r["depth"] == 0) == 1510
    assert sum(r["here"] for r in rows) == 1510
    assert [(r["depth"], r["step"], r["count"]) for r in rows[:3]] == [
        (0, "module server", 1204), (1, "_CONNECTIONS", 1204),
        (2, "[*]", 1204)]
    assert any(r["held_by"] == "cycle" and r["count"] == 300 for r in rows)
    lines = ok("holders", snapshot, "Connection").lines
    assert re.match(r" *1,204 +79 %      \[\*\] +server\.Connection$",
                    lines[3])


def test_diff_counts_what_came_and_went(tmp_path):
    old = make_pxs(tmp_path / "old.pxs", "--connections", 1000)
    new = make_pxs(tmp_path / "new.pxs", "--connections", 1204)
    result = ok("diff", old, new, "--json").json
    assert result["before_target"] == str(old)
    assert result["target"] == str(new)
    assert result["before"]["objects"] < result["snapshot"]["objects"]
    row = next(r for r in result["types"] if r["type"] == "server.Connection")
    assert (row["count_before"], row["count_after"]) == (1306, 1510)
    assert row["new"] - row["gone"] == 204
    assert row["bytes_after"] - row["bytes_before"] == 204 * 48
    growth = [r["bytes_after"] - r["bytes_before"] for r in result["types"]]
    assert growth == sorted(growth, reverse=True)
    assert ok("diff", new, new, "--json").json["types"] == []
    assert "0 types changed" in ok("diff", new, new).err
    table = ok("diff", old, new, "--sort", "count", "-n", 1)
    assert table.lines[0].split() == ["BEFORE", "AFTER", "CHANGE", "NEW",
                                      "GONE", "SIZE", "TYPE"]
    assert table.lines[1].split()[-1] == "str"


def test_diff_lists_the_objects_that_came(tmp_path):
    """Exactly those of the type whose addresses the older one lacks; with the
    two exchanged those that are gone."""
    old = make_pxs(tmp_path / "old.pxs", "--connections", 1000)
    new = make_pxs(tmp_path / "new.pxs", "--connections", 1204)

    def addresses(*words):
        found = ok(*words, "Connection", "-n", 0, "--json").json
        assert found["count"] == len(found["instances"])
        return [one["address"] for one in found["instances"]]
    before, after = (set(addresses("instances", f)) for f in (old, new))
    came = addresses("diff", old, new)
    assert len(came) >= 204 and set(came) == after - before
    assert set(addresses("diff", new, old)) == before - after
    assert addresses("diff", new, new) == []
    table = ok("diff", old, new, "Connection", "-n", 1)
    assert table.lines[0].split()[:3] == ["ADDRESS", "REFS", "SIZE"]
    assert "_CONNECTIONS[1000]" in table.lines[1]
    assert run("diff", old, new, "Connexion").status == 5


def test_diff_of_two_processes_is_told(tmp_path, inline):
    heap = pxs.Heap()
    heap.str("x")
    path = tmp_path / "other.pxs"
    heap.finish(python="3.13.0", pid=1).write(str(path))
    assert "different processes" in ok("diff", path, inline).err


# ---- dominators ----
def test_one_is_no_plural(tmp_path):
    snap = make_pxs(tmp_path / "a.pxs", "--connections", 6, "--cycles", 1)
    address = ok("instances", snap, "ConnectionHandler", "--json"
                 ).json["instances"][0]["address"]
    groups = ok("path", snap, "Connection", "--json").json["n_groups"]
    rows = ok("holders", snap, "Connection", "--json").json["n_rows"]
    for args, note in (
            (["cycles"], "1 cycle of "),
            (["cycles"], " waits for the collector"),
            (["dominators", "Queue"], "1 queue.Queue retains "),
            (["referrers", address], "1 referrer of "),
            (["path", "Connection", "-n", groups - 1], "1 more group; "),
            (["holders", "Connection", "-n", rows - 1], "1 more row; ")):
        assert note in ok(args[0], snap, *args[1:]).err, args


def test_dominators_of_the_leak(snapshot):
    """The list holds its connections alone, so it retains them all."""
    top = ok("dominators", snapshot, "--json").json
    retained = [r["retained"] for r in top["objects"]]
    assert retained == sorted(retained, reverse=True)
    assert sum(retained) == top["bytes"]  # every byte hangs somewhere, once
    leak = ok("dominators", snapshot, "Connection", "--json").json
    assert leak["count"] == 1510
    # 300 are garbage already; each of the others has a buffer of 4 KiB
    assert leak["retained"] > 1210 * 4096
    assert leak["retained"] < leak["bytes"]
    one = leak["objects"][0]
    below = ok("dominators", snapshot, one["address"], "--json").json
    assert below["object"]["retained"] == one["retained"]
    assert one["retained"] == one["bytes"] + sum(
        r["retained"] for r in below["objects"])
    lines = ok("dominators", snapshot, "Connection", "-n", 2).lines
    assert lines[0].split() == ["RETAINED", "OF", "ALL", "ADDRESS", "TYPE",
                                "HELD", "BY"]
    assert len(lines) == 3 and one["address"] in lines[1]
