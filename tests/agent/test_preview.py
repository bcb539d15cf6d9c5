"""Previews show values of builtin types, and nobody's code runs for them.

SPDX-License-Identifier: MIT
"""
import json
import subprocess
import textwrap

import pxs
import pytest

from harness import CLI, child_environment

pytestmark = pytest.mark.smoke

PROGRAM = textwrap.dedent("""
    import collections, enum, functools, json, os, sys, pyexplore

    def evil(*args): raise SystemExit("code of the target ran")
    class Evil:
        __repr__ = __str__ = __len__ = __sizeof__ = __hash__ = evil
        __eq__ = __getattribute__ = __bool__ = __iter__ = evil
    class EvilStr(str):
        __str__ = __repr__ = __len__ = evil
    class EvilList(list):
        __len__ = __iter__ = __repr__ = __getattribute__ = evil
    class EvilSet(frozenset):
        __len__ = __iter__ = __repr__ = __getattribute__ = evil
    Point = collections.namedtuple("Point", "x y")

    def function(a, b=1):
        return a

    @functools.lru_cache(maxsize=500)
    def cached(a):
        return a
    for i in range(7):
        cached(i)

    objects = {
        "text": "text" * 1, "long": "x" * 1000, "euro": "\\u20ac" * 40,
        "lone": "a\\ud800b", "control": "a\\x1b[31m\\u202eb",
        "path": "/a" + "b" * 30 + "/" + "c" * 53 + "/d/main.py",
        "nul": "a\\0b", "empty": "",
        "bytes": b"by\\xfftes", "bytearray": bytearray(b"z" * 100),
        "zero": 0, "one": 1, "minus": -1, "billion": 10 ** 9 + 7,
        "62 bits": 2 ** 62 - 1, "minus 62 bits": -(2 ** 62 - 1),
        "big": 2 ** 100, "minus big": -(2 ** 64),
        "float": 1.5, "inf": float("-inf"), "small": 5e-324,
        "true": True, "false": False, "none": None,
        "list": [1, 2, 3], "tuple": (1, 2), "dict": {1: 2}, "set": {1, 2},
        "frozenset": frozenset([7]), "no list": [],
        "evil list": EvilList("ab"), "evil set": EvilSet("ab"),
        "default": collections.defaultdict(int, a=1),
        "ordered": collections.OrderedDict(a=1, b=2),
        "deque": collections.deque([1, 2, 3]),
        "point": Point(1, "y"), "os": os.stat_result(range(10)),
        "function": function, "code": function.__code__,
        "ring": collections.deque("abcdef", maxlen=4), "cached": cached,
        "memo": functools.lru_cache(maxsize=None)(function),
        "evil": Evil(), "evil str": EvilStr("x"),
    }
    pyexplore.snapshot(sys.argv[1])
    print(json.dumps({name: id(o) for name, o in objects.items()}),
          flush=True)
""")


@pytest.fixture
def preview(spawn, tmp_path):
    path = tmp_path / "preview.pxs"
    target = spawn(PROGRAM, str(path))
    addresses = json.loads(target.line())
    snap = pxs.read(str(path))
    names = {v: k for k, v in pxs.PREVIEW.items()}

    def get(name):
        form, value = snap.previews[addresses[name]]
        return names[form], value
    get.has = lambda name: addresses[name] in snap.previews
    return get


def test_text_and_bytes(preview):
    assert preview("text") == ("STR", (4, "text"))
    assert preview("long") == ("STR", (1000, "x" * 64))
    assert preview("path") == ("PATH", (96, "/" + "c" * 53 + "/d/main.py"))
    assert preview("euro") == ("STR", (40, "\u20ac" * 21))
    assert preview("lone") == ("STR", (3, "a\ud800b"))
    assert preview("nul") == ("STR", (3, "a\0b"))
    assert preview("empty") == ("STR", (0, ""))
    assert preview("bytes") == ("BYTES", (6, b"by\xfftes"))
    assert preview("bytearray") == ("BYTES", (100, b"z" * 64))


def test_numbers(preview):
    assert preview("zero") == ("INT", 0)
    assert preview("one") == ("INT", 1)
    assert preview("minus") == ("INT", -1)
    assert preview("billion") == ("INT", 10 ** 9 + 7)
    assert preview("big") == ("BIGINT", (101, 0))
    assert preview("minus big") == ("BIGINT", (65, 1))
    for sign, name in ((1, "62 bits"), (-1, "minus 62 bits")):
        form, value = preview(name)
        assert (form, value) in (("INT", sign * (2 ** 62 - 1)),
                                 ("BIGINT", (62, int(sign < 0))))
    assert preview("float") == ("FLOAT", 1.5)
    assert preview("inf") == ("FLOAT", float("-inf"))
    assert preview("small") == ("FLOAT", 5e-324)


def test_constants(preview):
    assert preview("true") == ("TEXT", "True")
    assert preview("false") == ("TEXT", "False")
    assert preview("none") == ("TEXT", "None")


def test_lengths(preview):
    for name, n in (("list", 3), ("tuple", 2), ("dict", 1), ("set", 2),
                    ("frozenset", 1), ("no list", 0), ("evil list", 2),
                    ("evil set", 2), ("default", 1), ("ordered", 2),
                    ("deque", 3), ("point", 2), ("os", 10)):
        assert preview(name) == ("LEN", n)


def test_bounds(preview):
    assert preview("ring") == ("BOUNDED", (4, 4))
    assert preview("cached") == ("BOUNDED", (7, 500))
    assert not preview.has("memo")


def test_functions_say_where_they_are(preview):
    form, text = preview("function")
    assert form == "TEXT"
    assert text.startswith("function() <string>:")
    assert preview("code") == (form, text)


def test_nobodys_code_runs(preview):
    """Reaching this at all shows it; of subclasses only the number of items
    is told."""
    assert not preview.has("evil str") and not preview.has("evil")


SHOWN = textwrap.dedent("""
    import collections, enum, json, sys, pyexplore

    class Registry(dict):
        pass
    class Stack(list):
        pass
    Point = collections.namedtuple("Point", "x y")
    Login = collections.namedtuple("Login", "user password")
    class Color(enum.Enum):
        RED = 1
        GREEN = "grass"
    class Level(enum.IntEnum):
        HIGH = 9
    class Mode(enum.Flag):
        R = 1
        W = 2
    both = Mode.R | Mode.W
    class Peer:
        def __init__(self):
            self.fd = 118203
            self.peer = ("10.0.0.7", 40123)
            self.color = Color.RED
            self.items = [1, 2, 3]
            self.title = "a\\x1b[31m\\u202eb"
            self.password = ("hunter2", 7)
    class Holder:
        def __init__(self):
            self.one = {1}
            self.none = {}
            self.deque = collections.deque([1, 2])
            self.point = Point(1, "up")
            self.login = Login("ann", "hunter2")
            self.stack = Stack([1, 2])
    peer = Peer()
    holder = Holder()
    registry = Registry(a=1, b=2)
    registry.owner = "ops"
    function = lambda: 0
    pyexplore.snapshot(sys.argv[1])
    print(json.dumps({"function": id(function)}), flush=True)
""")


def test_lines_say_what_an_object_is(spawn, tmp_path):
    """Composed where they are shown: attributes, tuples, Enum members; what
    could steer a terminal is escaped, what has a secret name hidden."""
    path = tmp_path / "shown.pxs"
    target = spawn(SHOWN, str(path))
    function = json.loads(target.line())["function"]

    def run(*words):
        return subprocess.check_output(
            [str(CLI), words[0], str(path)] + list(words[1:]),
            env=child_environment(COLUMNS="400"), universal_newlines=True)
    peer = run("instances", "Peer")
    for words in ("fd=118203", "peer=('10.0.0.7', 40123)", "color=Color.RED",
                  "items=[…3 items]", "title='a\\x1b[31m\\u202eb'",
                  "password=<secret>"):
        assert words in peer, peer
    holder = run("instances", "Holder")
    # each by itself: a class of 3.14 has its attributes in an order of its own
    for words in ("one={…1 item}", "none={}", "deque=[…2 items]",
                  "point=(x=1, y='up')", "login=(user='ann', password=<secret>)",
                  "stack=[…2 items]"):
        assert words in holder, holder
    assert "\x1b[31m" not in peer and "\u202e" not in peer
    assert "hunter2" not in peer
    assert "{…2 items} owner='ops'" in run("instances", "Registry")
    assert "Color.RED" in run("instances", "Color")
    assert "Color.GREEN" in run("instances", "Color")
    assert "Level.HIGH" in run("instances", "Level")
    modes = run("instances", "Mode")
    # combined ones have had a name since 3.11
    assert "Mode.R|W" in modes or "Mode(3)" in modes
    assert {"Mode.R", "Mode.W"} <= set(modes.split())
    assert "<lambda>() <string>:" in run("show", hex(function))


# C0, DEL, C1, the bidi marks and controls, line separators, lone surrogates
ODD = [*range(1, 0x20), *range(0x7f, 0xa0), 0x61c, 0x200e, 0x200f, 0x2028,
       0x2029, *range(0x202a, 0x202f), *range(0x2066, 0x206a), 0xd800, 0xdfff]
ODD_PROGRAM = textwrap.dedent("""
    import sys, threading, types, pyexplore
    codes = [int(word) for word in sys.argv[2].split()]
    class Odd:
        pass
    odd = []
    for code in codes:
        text = "a" + chr(code) + "b"
        one = Odd()
        one.value = text
        one.data = text.encode("utf-8", "surrogatepass")
        one.keys = {text: [text]}
        setattr(one, text, (text, 1))
        one.kind = type("C" + chr(code if code < 0xd800 else 1), (), {})()
        one.call = types.FunctionType((lambda: 0).__code__, {}, "f")
        if code < 0xd800:
            one.call.__qualname__ = one.call.__name__ = text
            sys.modules["m" + chr(code)] = types.ModuleType("m" + chr(code))
            sys.modules["m" + chr(code)].one = one.call
        odd.append(one)
    pyexplore.snapshot(sys.argv[1])
    print("done", flush=True)
""")


def test_nothing_shown_can_steer_a_terminal(spawn, tmp_path):
    """Each of them in a value, key, attribute, type, module and function:
    no line of any command has one as it is."""
    path = tmp_path / "odd.pxs"
    assert spawn(ODD_PROGRAM, str(path), " ".join(map(str, ODD))
                 ).line() == "done"
    bad = {chr(code) for code in ODD} - {"\n"}
    for words in (["types", "-n", "0"], ["instances", "Odd", "-n", "0"],
                  ["path", "Odd"], ["holders", "Odd"], ["path", "C\\u202e"],
                  ["types", "--json"], ["instances", "Odd", "--json"],
                  ["export", "--dot", "Odd", "--what", "path"],
                  ["export", "--folded", "-n", "0"], ["export", "--json"]):
        raw = subprocess.check_output(
            [str(CLI), words[0], str(path)] + words[1:],
            env=child_environment(COLUMNS="400"))
        text = raw.decode("utf-8")
        assert not bad & set(text), (words, bad & set(text))
        if words == ["instances", "Odd", "-n", "0"]:
            for code in set(ODD) - {9, 10, 13}:  # those have short forms
                assert ("\\x%02x" if code < 0x80 else "\\u%04x"
                        ) % code in text, hex(code)
