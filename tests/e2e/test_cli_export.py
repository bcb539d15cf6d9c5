"""`pyexplore export` draws what the other commands say, for graphviz, for
flame graphs and as JSON, escaped for each and bounded.

SPDX-License-Identifier: MIT
"""
import json
import os
import re
import subprocess
import sys

import pytest

from cli import make_pxs, ok, run
from harness import child_environment
import pxs

NODE = re.compile(r'  n(\d+) \[label="((?:[^"\\]|\\.)*)"(.*)\];$')
EDGE = re.compile(r'  n(\d+) -> n(\d+) \[label="((?:[^"\\]|\\.)*)"(.*)\];$')


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    return make_pxs(tmp_path_factory.mktemp("export") / "shop.pxs",
                    "--connections", 100, "--cycles", 20)


@pytest.fixture(scope="module")
def first(snapshot):
    rows = ok("instances", snapshot, "Connection", "--json", "-n", 1).json
    return rows["instances"][0]["address"]


def drawing(text):
    """{number: label}, [(from, to, label)] of what --dot printed; each line
    must be one that we know."""
    lines = text.splitlines()
    assert lines[0] == "digraph pyexplore {" and lines[-1] == "}"
    nodes, edges = {}, []
    for line in lines[5:-1]:
        node, edge = NODE.match(line), EDGE.match(line)
        assert node or edge, line
        if node:
            nodes[int(node.group(1))] = node.group(2)
        else:
            edges.append((int(edge.group(1)), int(edge.group(2)),
                          edge.group(3)))
    return nodes, edges


def stacks(ran):
    """{stack: bytes} of what --folded printed."""
    found = {}
    for line in ran.lines:
        stack, n = line.rsplit(" ", 1)
        assert stack not in found
        found[stack] = int(n)
    return found


# ---- drawings ----
def test_the_path_of_an_object(snapshot, first):
    nodes, edges = drawing(ok("export", snapshot, "--dot", first).out)
    assert nodes[0] == "module server" and len(nodes) == 3
    assert first in nodes[2] and "server.Connection" in nodes[2]
    assert edges == [(0, 1, "_CONNECTIONS"), (1, 2, "[0]")]


def test_the_holders_of_a_type(snapshot):
    nodes, edges = drawing(ok("export", snapshot, "--dot", "Connection").out)
    labels = [(nodes[a], label, nodes[b]) for a, b, label in edges]
    assert ("module server\\n100 of them", "_CONNECTIONS",
            "list\\n100 of them") in labels
    assert any(text.startswith("held_by: cycle") and "20 of them" in text
               for text in nodes.values())


def test_json_says_what_the_drawing_says(snapshot, first):
    for what, of in (("path", first), ("path", "Connection"),
                     ("holders", "Connection"), ("referrers", first),
                     ("referents", first), ("referrers", "Connection")):
        args = ("export", snapshot, of, "--what", what)
        nodes, edges = drawing(ok(*(args + ("--dot",))).out)
        found = ok(*(args + ("--json",))).json
        assert found["what"] == what and found["of"] == of
        assert [node["id"] for node in found["nodes"]] == sorted(nodes)
        assert [(e["from"], e["to"]) for e in found["edges"]] == [
            (a, b) for a, b, _ in edges]
        assert any(node["start"] for node in found["nodes"])


def test_referrers_are_those_of_the_command(snapshot, first):
    found = ok("export", snapshot, first, "--json", "--what", "referrers",
               "--levels", 1).json
    start, = (n["id"] for n in found["nodes"] if n["start"])
    drawn = sorted((e["edge"], found["nodes"][e["from"]]["address"])
                   for e in found["edges"] if e["to"] == start)
    said = ok("referrers", snapshot, first, "--json").json["referrers"]
    assert drawn == sorted((e["edge"], e["address"]) for e in said)


def test_a_drawing_is_bounded_and_says_so(snapshot):
    module = next(
        row["address"]
        for row in ok("instances", snapshot, "module", "--json").json["instances"]
        if row["root"] == "module server")
    ran = ok("export", snapshot, "--dot", module, "--what", "referents",
             "-n", 30)
    nodes, _ = drawing(ran.out)
    assert len(nodes) == 30 and "not all is drawn" in ran.err
    assert any("more)" in label for label in nodes.values())


@pytest.fixture
def odd(tmp_path):
    """A snapshot whose names try to break out of every grammar."""
    heap = pxs.Heap()
    kind = heap.new('x.Odd"];\n}; <b>&amp;\\', 48,
                    type_flags=pxs.TYPE_HEAP | pxs.TYPE_GC | pxs.TYPE_PYTHON)
    assert kind
    path = tmp_path / "odd.pxs"
    heap.finish(python="3.13.0", pid=1).write(str(path))
    return path


def test_names_of_the_target_are_escaped(odd):
    name = ok("types", odd, "--json").json["types"]
    name = next(row["type"] for row in name if "Odd" in row["type"])
    nodes, edges = drawing(ok("export", odd, "--dot", name).out)
    assert len(nodes) == 1 and edges == []
    for form in (["--folded", "-n", 0], ["--json"]):
        ran = ok("export", odd, *form)
        assert "Odd" in ran.out and "\x1b" not in ran.out
        for line in ran.lines:
            if form == ["--json"]:
                json.loads(line)
            else:
                assert re.match(r".* \d+$", line)


@pytest.mark.parametrize("what", ["path", "holders", "referrers", "referents"])
def test_graphviz_draws_it(snapshot, odd, first, what):
    for target, of in ((snapshot, first), (snapshot, "Connection")):
        made = ok("export", target, "--dot", of, "--what", what)
        svg = subprocess.run(["dot", "-Tsvg"], input=made.out.encode(),
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert svg.returncode == 0 and svg.stderr == b"", svg.stderr
        nodes, edges = drawing(made.out)
        text = svg.stdout.decode()
        assert text.count('class="node"') == len(nodes)
        assert text.count('class="edge"') == len(edges)
    name = next(row["type"] for row in ok("types", odd, "--json").json["types"]
                if "Odd" in row["type"])
    svg = subprocess.run(
        ["dot", "-Tsvg"], stdout=subprocess.PIPE, check=True,
        input=ok("export", odd, "--dot", name).out.encode()).stdout.decode()
    assert "&lt;b&gt;&amp;amp;" in svg


# ---- flame graphs ----
def test_stacks_add_up_to_all_bytes(snapshot):
    assert ok("export", snapshot, "--folded", "--ascii").out.isascii()
    total = ok("dominators", snapshot, "--json", "-n", 1).json["bytes"]
    for more in ([], ["-n", 7], ["-n", 0]):
        assert sum(stacks(ok("export", snapshot, "--folded",
                             *more)).values()) == total
    found = stacks(ok("export", snapshot, "--folded"))
    assert found["module server;_CONNECTIONS → list;[*] → server.Connection"
                 ";.buffer → list;[*] → bytes"] > 100 * 1000


SCRIPT = """
import sys
import pyexplore


class Row:
    pass


KEPT = [Row() for _ in range(5000)]
pyexplore.snapshot(sys.argv[1])
"""


def test_stacks_of_a_script_begin_with_its_name(tmp_path):
    """Its frame holds the dict of __main__, too: that is no other root."""
    script, path = tmp_path / "app.py", tmp_path / "app.pxs"
    script.write_text(SCRIPT)
    subprocess.run([sys.executable, str(script), str(path)],
                   env=child_environment(), check=True)
    found = stacks(ok("export", path, "--folded", "-n", 0))
    assert found["module __main__;KEPT → list;[*] → __main__.Row"] > 5000 * 16
    assert not any("KEPT" in stack for stack in found
                   if not stack.startswith("module __main__;"))


def test_stacks_of_an_object_are_what_it_retains(snapshot, first):
    retained = ok("dominators", snapshot, first, "--json").json
    found = stacks(ok("export", snapshot, "--folded", first))
    assert sum(found.values()) == retained["object"]["retained"]
    assert all(stack.split(";")[0] == "server.Connection" for stack in found)
    rows = ok("dominators", snapshot, "Connection", "--json").json["objects"]
    found = stacks(ok("export", snapshot, "--folded", "Connection"))
    # those in cycles are retained by their handler, too
    assert sum(found.values()) == sum(row["retained"] for row in rows)


def test_attributes_read_alike_in_both_layouts(tmp_path):
    """An instance's __dict__ is no frame of its own."""
    found = []
    for layout in ("inline", "dict"):
        path = make_pxs(tmp_path / (layout + ".pxs"), "--layout", layout,
                        "--connections", 50)
        found.append(stacks(ok("export", path, "--folded", "-n", 0)))
    inline, separate = found
    assert set(inline) <= set(separate)
    more = set(separate) - set(inline)
    assert more and all(".__dict__ → dict" in stack for stack in more)


# ---- the whole graph ----
def test_every_object_is_a_line(snapshot):
    lines = ok("export", snapshot, "--json").lines
    head = json.loads(lines[0])
    assert head["snapshot"]["objects"] == len(lines) - 1
    heap = pxs.read(str(snapshot))
    seen = {}
    for line in lines[1:]:
        row = json.loads(line)
        seen[int(row["address"], 16)] = row
    assert set(seen) == set(heap.nodes)
    n_edges = 0
    for row in seen.values():
        for edge in row["edges"]:
            assert int(edge["to"], 16) in seen
        n_edges += len(row["edges"])
    assert n_edges == head["snapshot"]["edges"]
    assert any(row["root"] == "module server" for row in seen.values())


# ---- files and mistakes ----
def test_a_file_is_written_whole_or_not_at_all(snapshot, tmp_path):
    out = tmp_path / "c.dot"
    ran = ok("export", snapshot, "--dot", "Connection", "-o", out)
    assert ran.out == "" and os.stat(str(out)).st_mode & 0o777 == 0o600
    assert out.read_text(encoding="utf-8") == ok(
        "export", snapshot, "--dot", "Connection").out
    again = run("export", snapshot, "--dot", "Connection", "-o", out)
    assert again.status == 2 and "exists already" in again.err
    ok("export", snapshot, "--folded", "-o", out, "--force")
    assert out.read_text(encoding="utf-8").startswith(("held_by", "module"))
    failed = run("export", snapshot, "--dot", "Nothing", "-o",
                 tmp_path / "n.dot")
    assert failed.status == 5
    assert [name for name in os.listdir(str(tmp_path))
            if ".dot" in name] == ["c.dot"]


def test_mistakes_are_usage(snapshot):
    for args, words in (
            (["Connection"], "needs to know the form"),
            (["--dot", "--folded", "Connection"], "one form at a time"),
            (["--dot"], "one object, or those of a type"),
            (["--dot", "Connection", "--what", "all"], "called 'all'"),
            (["--folded", "Connection", "--what", "path"], "for a part"),
            (["--folded", "--levels", 2], "stacks of retained bytes"),
            (["--json", "--what", "path"], "ADDR or TYPE")):
        ran = run("export", snapshot, *args)
        assert ran.status == 2 and words in ran.err, ran
        assert ran.out == "" or list(ran.json) == ["error"]
    assert run("export", snapshot, "--dot", "Conection").status == 5
