"""`cycles`, `types --sort retained`, `memory`: the analyses as commands, on
the file of make_pxs.py, whose contents are known, and on live processes.

SPDX-License-Identifier: MIT
"""
import re
import subprocess

import pytest

from cli import make_pxs, ok
from harness import REPOSITORY, SANITIZED, wait_until
import pxs


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


# Cycles that wait, for each class of which one may have a __del__:
# class Leak(Base, Mixin), class Mixin(Above).
INHERITED = """if 1:
    import gc, pyexplore
    gc.disable()
    def leak(where):
        def new(name, *bases):
            members = {"__del__": lambda self: None} if name == where else {}
            return type(name + "_" + where, bases, members)
        mixin = new("Mixin", new("Above"))
        one = new("Leak", new("Base"), mixin)()
        one.me = one
    for where in ("Leak", "Base", "Mixin", "Above", "none"):
        leak(where)
    pyexplore.serve(port=None)
    print("ready", flush=True)
    input()
"""


def test_a_del_of_any_class_above(spawn):
    """In a snapshot of a process: only the tuples name all bases."""
    target = spawn(INHERITED)
    assert target.line() == "ready"
    groups = ok("cycles", target.pid, "--json", "-n", 0).json["groups"]
    found = {row["type"].partition("Leak_")[2]: row["has_del"]
             for row in groups if "Leak_" in row["type"]}
    assert found == {"Leak": True, "Base": True, "Mixin": True,
                     "Above": True, "none": False}


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
    compared = []
    for name in ("server.Connection", "registry.Node", "list"):
        row = next(row for row in rows if row["type"] == name)
        exact = ok("dominators", snapshot, name, "-n", 1,
                   "--json").json["retained"]
        reached = ok("path", snapshot, name, "--json").json["groups"]
        assert row["retained_at_least"] > row["bytes"]
        if all(group["held_by"] == "root" for group in reached):
            compared.append(name)
            assert row["retained_at_least"] <= exact
    assert compared


def test_retained_is_a_column_only_when_asked_for(snapshot):
    plain = ok("types", snapshot, "--sort", "size", "--json").json["types"]
    assert all("retained_at_least" not in row for row in plain)
    ran = ok("types", snapshot, "--sort", "retained", "-n", 3)
    assert ran.lines[0].split() == ["COUNT", "SIZE", "RETAINED", "TYPE"]
    assert all("\u2265 " in line for line in ran.lines[1:])
    ascii_only = ok("types", snapshot, "--sort", "retained", "-n", 3,
                    "--ascii")
    assert ascii_only.out.isascii()


# ---- memory ----
SHAPE = ["command", "target", "snapshot", "rss_bytes", "object_bytes",
         "file_bytes", "pool_free_bytes", "arenas", "allocated_blocks",
         "malloc", "other_bytes", "verdict", "sentence", "blocks", "strays"]

TARGET = """
import ctypes, json, sys
import pyexplore
server = pyexplore.serve(port=None)
kept = %s
print(json.dumps({"event": "serving", "path": server.unix_path,
                  "blocks": sys.getallocatedblocks()}), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def ask(spawn):
    """The process that keeps `text`, asked for its memory."""
    def start(text, *more, env=None):
        start.target = target = spawn(TARGET % text, env=env)
        serving = target.event("serving")
        return serving, ok("memory", serving["path"], "--json", *more).json
    return start


def test_memory_of_a_file_knows_no_malloc(snapshot):
    result = ok("memory", snapshot, "--json").json
    assert list(result) == SHAPE
    types = ok("types", snapshot, "--json").json["types"]
    assert result["rss_bytes"] == 96 << 20
    assert result["object_bytes"] == sum(row["bytes"] for row in types)
    assert result["malloc"] is None and result["allocated_blocks"] is None
    assert result["file_bytes"] == 20 << 20 and result["arenas"] is None
    assert result["other_bytes"] == (76 << 20) - result["object_bytes"]
    assert result["verdict"] == "native"
    assert "a file does not know" in result["sentence"]
    ran = ok("memory", snapshot)
    assert ran.lines[0].split() == ["SIZE", "OF", "RSS", "WHAT"]
    assert ran.lines[-1] == result["sentence"]
    assert "its arenas are not known" in ran.out
    assert "malloc: a file knows nothing of it" in ran.out
    assert ran.err == ""
    ran = ok("memory", snapshot, "--malloc", "--json")
    assert "a file knows nothing of malloc" in ran.err
    assert ran.json["malloc"] is None


def test_a_file_that_knows_no_mapped_files_accuses_nobody(snapshot, tmp_path):
    """As older versions wrote them."""
    snap = pxs.read(str(snapshot))
    del snap.header["rss_file"]
    snap.write(str(tmp_path / "old.pxs"))
    result = ok("memory", tmp_path / "old.pxs", "--json").json
    assert result["file_bytes"] is None and result["verdict"] == "unknown"
    assert "mapped files or native memory" in result["sentence"]


def test_a_file_gets_the_verdict_of_its_process(ask, tmp_path):
    """Of 150 MB of a mapped file, which is nobody's leak."""
    serving, live = ask(
        "[open('%s', 'w+b')]; f = kept[0]; f.truncate(150 << 20); "
        "import mmap; m = mmap.mmap(f.fileno(), 0); "
        "[m.__setitem__(i, 1) for i in range(0, len(m), 4096)]"
        % (tmp_path / "mapped"))
    path = tmp_path / "saved.pxs"
    ok("snapshot", serving["path"], "-o", path)
    saved = ok("memory", path, "--json").json
    assert saved["file_bytes"] > 150 << 20
    assert saved["file_bytes"] == pytest.approx(live["file_bytes"], rel=0.05)
    assert saved["verdict"] == live["verdict"]
    assert live["verdict"] == "small" or SANITIZED


def test_memory_in_python_objects(ask):
    serving, result = ask("[bytes(100000) + b'x' for i in range(1500)]")
    assert list(result) == SHAPE
    assert result["verdict"] == "python" or SANITIZED  # their own memory
    assert 150e6 < result["object_bytes"] < result["rss_bytes"]
    # PYTHONMALLOC=malloc, under the sanitizers, counts none
    assert (result["allocated_blocks"] or 0) == pytest.approx(
        serving["blocks"], rel=0.1)


def test_memory_in_native_code(ask):
    """200 MB of C, in chunks small enough for malloc's arenas."""
    _, result = ask(
        "None; libc = ctypes.CDLL(None); "
        "libc.malloc.restype = ctypes.c_void_p; "
        "[ctypes.memset(libc.malloc(100000), 1, 100000)"
        " for i in range(2000)]", "--malloc")
    assert result["verdict"] == "native"
    assert result["other_bytes"] > 150e6
    if result["malloc"] is not None and not SANITIZED:
        assert result["malloc"]["in_use_bytes"] >= 200e6


def test_a_malloc_that_cannot_be_asked_is_said(ask, tmp_path):
    """Who asked is not told to ask; the figures of the C library's malloc,
    which this process does not use, are no figures."""
    other = str(tmp_path / "libother.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", other,
                    str(REPOSITORY / "tests/agent/other_malloc.c")], check=True)
    _, result = ask("None; libc = ctypes.CDLL(None); "
                    "libc.malloc.restype = ctypes.c_void_p; "
                    "[ctypes.memset(libc.malloc(100000), 1, 100000)"
                    " for i in range(1000)]", "--malloc",
                    env={} if SANITIZED else {"LD_PRELOAD": other})
    assert result["malloc"] is None and result["verdict"] == "native"
    assert "free inside malloc, which cannot be asked" in result["sentence"]


def test_free_inside_malloc_is_told_to_who_asks(ask):
    """200 MB that malloc keeps: fragmentation, when it may be asked; it is
    not asked otherwise."""
    text = ("None; libc = ctypes.CDLL(None); "
            "libc.malloc.restype = ctypes.c_void_p; "
            "libc.free.argtypes = [ctypes.c_void_p]; "
            "kept = [libc.malloc(100000) for i in range(2000)]; "
            "[ctypes.memset(p, 1, 100000) for p in kept]; "
            "top = libc.malloc(100000); [libc.free(p) for p in kept]; kept = 0")
    result = ask(text)[1]
    assert result["malloc"] is None
    assert result["file_bytes"] > 1 << 20
    assert result["verdict"] == "native" and "--malloc" in result["sentence"]
    result = ask(text, "--malloc")[1]
    if result["malloc"] is not None and not SANITIZED:
        assert result["malloc"]["free_bytes"] > 150e6
        assert result["verdict"] == "fragmentation"


def test_free_inside_pools_is_what_python_says(ask):
    """Two million tuples, of which few stay and hold their pools: beside
    what sys._debugmallocstats prints."""
    _, result = ask("[(i,) for i in range(2000000)][::60]; "
                    "import gc; gc.collect(); sys._debugmallocstats()")
    if result["blocks"]["state"] != "known":
        assert SANITIZED and result["pool_free_bytes"] is None
        return
    wait_until(lambda: any("lost to quantization" in line
                           for line in ask.target.stderr), "its figures")
    said = "".join(ask.target.stderr)
    free = sum(int(re.search(text + r" += +([\d,]+)", said).group(1)
                   .replace(",", ""))
               for text in ("bytes in available blocks",
                            "bytes lost to pool headers",
                            "bytes lost to quantization"))
    assert result["pool_free_bytes"] == pytest.approx(free, rel=0.1)
    assert free > 50e6
    arenas = result["arenas"]
    assert arenas["count"] == pytest.approx(int(
        re.search(r"# arenas allocated current += +([\d,]+)", said).group(1)
        .replace(",", "")), abs=4)
    each = arenas["bytes"] // arenas["count"]
    assert each in (256 << 10, 1 << 20)
    # what is free in all pools that ever were in use, wholly free ones too
    unused = re.search(r"unused pools \* \d+ bytes += +([\d,]+)", said)
    assert result["pool_free_bytes"] <= arenas["free_bytes"] <= (
        1.1 * (free + int(unused.group(1).replace(",", ""))))
    assert result["verdict"] == "fragmentation"


def test_memory_of_a_small_process(ask):
    assert ask("None")[1]["verdict"] == "small" or SANITIZED
