"""Atoms that C code leaked are found, and the allocator's blocks explained.

SPDX-License-Identifier: MIT
"""
import collections
import json
import re
import subprocess
import sysconfig
import textwrap

import pxs
import pytest

from harness import CLI, child_environment

LEAKED = 30000
NEAR = LEAKED // 100

LEAK = """
    import ctypes
    leak = ctypes.pythonapi.Py_IncRef
    leak.argtypes = [ctypes.py_object]
    for i in range(%d):
        leak(b"leaked %%d" %% i)
        leak("leaked %%d" %% i)
        leak(i + 1000.25)
        leak(10 ** 12 + i)
""" % LEAKED

MODULES = """
    import argparse, asyncio, concurrent.futures, decimal, email.message
    import http.server, json, logging, multiprocessing, sqlite3, typing
    import unittest, xml.etree.ElementTree
"""

SNAPSHOT = """
    import gc, sys, pyexplore
    gc.collect()
    pyexplore.snapshot(sys.argv[1])
    print("done", flush=True)
"""


# Under the sanitizers the tests run with PYTHONMALLOC=malloc.
USUAL = {"PYTHONMALLOC": "pymalloc"}


def take(spawn, tmp_path, code, env=USUAL):
    path = tmp_path / "blocks.pxs"
    target = spawn(textwrap.dedent(code) + textwrap.dedent(SNAPSHOT),
                   str(path), env=env)
    assert target.line() == "done"
    return pxs.read(str(path))


def strays(snap):
    return collections.Counter(
        snap.type_name(node) for node in snap.nodes.values()
        if node.flags & pxs.STRAY)


def total(snap, column):
    return sum(row[column] for row in snap.blocks.values())


@pytest.mark.smoke
def test_leaked_atoms_are_found(spawn, tmp_path):
    """30,000 of each kind within one in a hundred, with what they say."""
    snap = take(spawn, tmp_path, LEAK)
    found = strays(snap)
    for kind in ("bytes", "str", "float", "int"):
        assert LEAKED <= found[kind] <= LEAKED + NEAR, found
    said = {snap.previews[a][1][1] for a, n in snap.nodes.items()
            if n.flags & pxs.STRAY and snap.type_name(n) == "bytes"}
    assert b"leaked 0" in said and b"leaked %d" % (LEAKED - 1) in said
    one = [n for n in snap.nodes.values()
           if n.flags & pxs.STRAY and snap.type_name(n) == "float"][0]
    assert one.refcount == 1 and one.addr not in snap.counted()


@pytest.mark.smoke
def test_what_only_a_struct_holds_is_no_stray(spawn, tmp_path):
    """The length of a range and the text that re.finditer() searches have no
    other holder, and tp_traverse visits neither."""
    snap = take(spawn, tmp_path, """
        import re
        ranges = [range(100000 + i) for i in range(1000)]
        found = [re.finditer("x", "a text to search %d" % i)
                 for i in range(1000)]
    """)
    assert strays(snap)["int"] < 100
    texts = [a for a, (form, value) in snap.previews.items()
             if form == pxs.PREVIEW["STR"] and value[1].startswith("a text to ")
             and value[1][-1:].isdigit()]
    assert len(texts) == 1000
    assert not any(snap.nodes[a].flags & pxs.STRAY for a in texts)


@pytest.mark.smoke
def test_a_clean_program_has_few_strays(spawn, tmp_path):
    """What is left belongs to CPython's own C code; 98 % are explained."""
    snap = take(spawn, tmp_path, MODULES)
    assert snap.blocks_state == pxs.BLOCKS_STATE["KNOWN"]
    found = strays(snap)
    assert sum(found.values()) <= NEAR, found
    assert sum(found[k] for k in ("bytes", "int", "float")) <= 20, found
    in_use, unknown = total(snap, "in_use"), total(snap, "unknown")
    assert in_use > 50000
    assert unknown <= in_use * 2 / 100, snap.blocks


def test_blocks_in_use_are_those_of_the_allocator(spawn, tmp_path):
    """By size, beside what sys._debugmallocstats says before and after: a
    snapshot of a moment between them."""
    path = tmp_path / "blocks.pxs"
    target = spawn(textwrap.dedent("""
        import gc, os, sys, pyexplore
        kept = [object() for _ in range(10000)]
        gc.collect()
        def stats():
            r, w = os.pipe()
            saved = os.dup(2)
            os.dup2(w, 2)
            os.close(w)
            sys._debugmallocstats()
            os.dup2(saved, 2)
            text = b""
            while True:
                part = os.read(r, 65536)
                text += part
                if len(part) < 65536:
                    break
            os.close(r)
            return text.decode()
        before = stats()
        pyexplore.snapshot(sys.argv[1])
        print(repr(before), flush=True)
    """), str(path), env=USUAL)
    said = {}
    for line in eval(target.line()).splitlines():
        row = re.match(r"\s*\d+\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+$", line)
        if row:
            size, pools, in_use = map(int, row.groups())
            said[size] = (pools, in_use)
    snap = pxs.read(str(path))
    assert set(snap.blocks) == set(said)
    for size, row in snap.blocks.items():
        assert abs(row["pools"] - said[size][0]) <= 2, (size, row, said[size])
        assert abs(row["in_use"] - said[size][1]) <= 60, (size, row,
                                                          said[size])


# 3.13 and later, unless built without it.
MIMALLOC = ([("mimalloc", "OTHER")]
            if sysconfig.get_config_var("WITH_MIMALLOC") else [])


@pytest.mark.parametrize("allocator, state", [
    ("malloc", "OTHER"), ("debug", "DEBUG"), ("pymalloc", "KNOWN")] + MIMALLOC)
def test_another_allocator_is_said(spawn, tmp_path, allocator, state):
    """Its blocks are left out, and nothing is made up."""
    snap = take(spawn, tmp_path, LEAK if state != "KNOWN" else "",
                env={"PYTHONMALLOC": allocator})
    assert snap.blocks_state == pxs.BLOCKS_STATE[state]
    if state != "KNOWN":
        assert not strays(snap)


def test_what_a_stray_holds_is_no_stray(spawn, tmp_path):
    """A leaked tuple of texts is one stray, and they hang on it."""
    snap = take(spawn, tmp_path, """
        import ctypes, gc
        leak = ctypes.pythonapi.Py_IncRef
        leak.argtypes = [ctypes.py_object]
        def one(i):
            pair = ("left %d" % i, 5.5 + i)
            gc.collect()        # which stops to track it
            leak(pair)
        for i in range(20):
            one(i)
    """)
    tuples = [n for n in snap.nodes.values() if n.flags & pxs.STRAY and
              snap.type_name(n) == "tuple" and
              any(snap.previews.get(e.target, (0, (0, "")))[1][1:] ==
                  ("left 7",) for e in n.edges
                  if isinstance(snap.previews.get(e.target, (0, 0))[1], tuple))]
    assert len(tuples) == 1
    for edge in tuples[0].edges:
        assert not snap.nodes[edge.target].flags & pxs.STRAY


@pytest.mark.smoke
def test_memory_says_what_nothing_refers_to(spawn, tmp_path):
    """The command's table and JSON have the type, the number and the rest."""
    path = tmp_path / "blocks.pxs"
    target = spawn(textwrap.dedent(LEAK) + textwrap.dedent(SNAPSHOT),
                   str(path), env=USUAL)
    assert target.line() == "done"

    def run(*options):
        return subprocess.check_output(
            (str(CLI), "memory", str(path)) + options,
            env=child_environment(), universal_newlines=True)
    data = json.loads(run("--json"))
    assert data["blocks"]["state"] == "known"
    by_type = {row["type"]: row for row in data["strays"]}
    assert LEAKED <= by_type["bytes"]["count"] <= LEAKED + NEAR
    rows = {row["bytes"]: row for row in data["blocks"]["classes"]}
    assert rows[48]["strays"] >= 2 * LEAKED
    text = run()
    assert re.search(r"STRAYS +SIZE +TYPE", text)
    assert re.search(r"30,\d{3} .* bytes .*b'leaked ", text), text
