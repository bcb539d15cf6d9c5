"""zoo.py: one object of every family that the walkers name.

animals() makes them all and returns {name: object}; whoever holds that dict
keeps them alive. Each is as plain as its family allows. Nothing here depends
on a particular Python: what a version lacks is left out by make().

SPDX-License-Identifier: MIT
"""
import _weakref
import abc
import array
import asyncio
import collections
import contextlib
import contextvars
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import io
import itertools
import operator
import os
import queue
import random
import re
import sys
import threading
import time
import types
import typing
import uuid
import weakref


class Plain:
    """An instance with values."""

    def __init__(self, **values):
        self.a = ["a"]
        self.b = {"b": 1}
        self.__dict__.update(values)

    def method(self):
        return self.a


class Values:
    """An instance whose __dict__ nobody has asked for."""

    def __init__(self):
        self.first = ["first"]
        self.second = ["second"]


class Many:
    """More attributes than shared keys hold."""

    def __init__(self):
        for i in range(40):
            setattr(self, "x%d" % i, [i])


class Slots:
    __slots__ = ("x", "y", "unset", "__private")

    def __init__(self):
        self.x = ["x"]
        self.y = ["y"]
        self.__private = ["private"]


class MoreSlots(Slots):
    __slots__ = ("z",)

    def __init__(self):
        super().__init__()
        self.z = ["z"]


class SlotsAgain(Slots):
    """A slot that hides one of its base."""

    __slots__ = ("x",)

    def __init__(self):
        Slots.x.__set__(self, ["hidden"])
        super().__init__()


class SlotsAndDict(Slots):
    def __init__(self):
        super().__init__()
        self.extra = ["extra"]


class SlotsAndWeak:
    __slots__ = ("x", "__weakref__")

    def __init__(self):
        self.x = ["x"]


class DictSlot:
    __slots__ = ("x", "__dict__")

    def __init__(self):
        self.x = ["x"]
        self.y = ["y"]


class ListWith(list):
    pass


class ListSlots(list):
    __slots__ = ("extra",)


class TupleWith(tuple):
    pass


class DictWith(dict):
    pass


class SetWith(set):
    pass


class FrozenWith(frozenset):
    pass


class IntWith(int):
    pass


class StrWith(str):
    pass


class BytesWith(bytes):
    pass


class FloatWith(float):
    pass


class PartialWith(functools.partial):
    pass


class DequeWith(collections.deque):
    pass


class WeakWith(weakref.ref):
    pass


class ThreadLocal(threading.local):
    pass


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    inside = ["inside"]


class Abstract(abc.ABC):
    @abc.abstractmethod
    def must(self):
        """Has to be there."""


class Generic(typing.Generic[typing.TypeVar("T")]):
    pass


class Colour(enum.Enum):
    RED = ["red"]
    BLUE = ["blue"]


class Flag(enum.Flag):
    A = 1
    B = 2


class Failure(Exception):
    def __init__(self, *args):
        super().__init__(*args)
        self.detail = ["detail"]


class Descriptor:
    def __get__(self, obj, owner=None):
        return self

    def __set_name__(self, owner, name):
        self.name = name


class Described:
    d = Descriptor()

    @property
    def prop(self):
        return 1

    @staticmethod
    def static(x=["default"]):
        return x

    @classmethod
    def klass(cls):
        return cls

    @functools.lru_cache(maxsize=None)
    def cached(self):
        return 1


@dataclasses.dataclass
class Data:
    x: list = dataclasses.field(default_factory=list)
    y: int = 1


Point = collections.namedtuple("Point", "x y")


class TypedPoint(typing.NamedTuple):
    x: list
    y: int = 2


class Struct(ctypes.Structure):
    _fields_ = [("n", ctypes.c_int), ("p", ctypes.py_object)]


def closure(value=("closed",)):
    other = ["other"]

    def inner(arg=["default"], *, key=["kwdefault"]) -> "note":
        return value, other, arg, key

    inner.attribute = ["attribute"]
    return inner


def reads_global():
    return zoo_global, len, sys.path


zoo_global = ["global"]


def hot(function):
    """Called so often that the interpreter keeps notes beside its code."""
    for _ in range(5000):
        function()
    return function


def annotated(x: int, y: str = "y") -> None:
    """Has a docstring."""


def generator(n):
    kept = ["kept by the generator"]
    for i in range(n):
        with contextlib.suppress(ValueError):
            yield i, kept


def delegating(inner):
    mine = ["mine"]
    yield from inner
    return mine


def cell_generator():
    shared = ["shared"]

    def use():
        return shared
    yield use


@types.coroutine
def pause():
    yield "paused"


async def coroutine(value):
    kept = [value]
    await pause()
    return kept


async def outer_coroutine(inner):
    await inner


async def async_generator():
    kept = ["kept"]
    yield kept
    await pause()
    yield kept


@contextlib.contextmanager
def manager():
    resource = ["resource"]
    yield resource


def started(gen, times=1):
    for _ in range(times):
        next(gen)
    return gen


def sent(coro):
    coro.send(None)
    return coro


def raised(factory, cause=None):
    """An exception with a traceback."""
    local = ["local of the traceback's frame"]
    try:
        raise factory() from cause
    except BaseException as e:
        return (e, local)[0]


def chained():
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError("second")
    except ValueError as e:
        return e


def frame_of_ended():
    local = ["frame local"]
    return (sys._getframe(), local)[0]


def lru(maxsize):
    @functools.lru_cache(maxsize=maxsize)
    def cached(*args, **kwargs):
        return [args]

    cached(1)
    cached("two", key=["unhashable is not a key"][0])
    cached(2.5, (1, 2))
    return cached


def with_dict(o):
    """Asks for the dict and keeps it."""
    o.__dict__
    return o


def deleted(o, name):
    delattr(o, name)
    return o


def replaced_dict(o):
    o.__dict__ = {"other": ["other"]}
    return o


def holes():
    d = {("key", i): [i] for i in range(20)}
    for i in range(0, 20, 3):
        del d["key", i]
    return d


def set_holes(kind=set):
    s = {("member", i) for i in range(20)}
    for i in range(0, 20, 3):
        s.discard(("member", i))
    return kind(s)


def ordered():
    d = collections.OrderedDict((("k", i), [i]) for i in range(5))
    d.move_to_end(("k", 0))
    return d


def counting_default():
    d = collections.defaultdict(list)
    d["x"].append(1)
    return d


def full_queue():
    q = queue.Queue()
    for i in range(3):
        q.put([i])
    return q


def context():
    var = contextvars.ContextVar("zoo", default=["default"])
    ctx = contextvars.copy_context()
    token = ctx.run(var.set, ["value"])
    return {"var": var, "context": ctx, "token": token}


def future(loop):
    f = loop.create_future()
    f.add_done_callback(functools.partial(print, "done"))
    return f


def done_future(loop):
    f = loop.create_future()
    f.set_result(["result"])
    return f


def cyclic():
    o = Plain()
    o.me = o
    return o


def weak_set():
    members = [Plain(), Plain()]
    return {"set": weakref.WeakSet(members), "members": members}


def weak_dicts():
    key = Plain()
    return {"by key": weakref.WeakKeyDictionary({key: ["value"]}),
            "by value": weakref.WeakValueDictionary({"k": key}), "key": key}


# name -> what makes it; several objects may come as a dict
ROWS = {
    # numbers, text, nothing
    "none": lambda: None,
    "true": lambda: True,
    "int": lambda: 1 << 20,
    "zero": lambda: 0,
    "negative": lambda: -(1 << 20),
    "bigint": lambda: 1 << 200,
    "int subclass": lambda: IntWith(77777),
    "big int subclass": lambda: IntWith(1 << 100),
    "float": lambda: 1.5,
    "float subclass": lambda: FloatWith(1.5),
    "complex": lambda: 1j,
    "str": lambda: "ascii text %d" % 1,
    "latin": lambda: "\xe9t\xe9 %d" % 1,
    "ucs2": lambda: "\u20ac %d" % 1,
    "ucs4": lambda: "\U0001f600 %d" % 1,
    "surrogate": lambda: "\ud800 lone %d" % 1,
    "str subclass": lambda: StrWith("text"),
    "wide str subclass": lambda: StrWith("\u20ac"),
    "bytes": lambda: b"bytes" * 10,
    "empty bytes": lambda: b"",
    "bytes subclass": lambda: BytesWith(b"x"),
    "bytearray": lambda: bytearray(b"x" * 100),
    "ellipsis": lambda: Ellipsis,
    "not implemented": lambda: NotImplemented,
    "decimal": lambda: decimal.Decimal("1.234567890123456789012345678901"),
    "decimal context": lambda: decimal.getcontext(),
    "fraction": lambda: fractions.Fraction(1, 3),
    "uuid": lambda: uuid.UUID(int=1),
    # containers
    "list": lambda: [[1], [2], [1]],
    "empty list": lambda: [],
    "popped list": lambda: [[i] for i in range(20)][:3],
    "list with itself": lambda: (lambda x: (x.append(x), x)[1])([1]),
    "list subclass": lambda: ListWith([[1]]),
    "list slots": lambda: (lambda x: (setattr(x, "extra", ["e"]), x)[1])(
        ListSlots([[1]])),
    "tuple": lambda: ([1], [2]),
    "tuple of the same": lambda: (lambda x: (x, x))([1]),
    "empty tuple": lambda: (),
    "tuple subclass": lambda: TupleWith([[1]]),
    "dict": lambda: {"a": [1], ("b", 1): [2], 3: [3]},
    "str dict": lambda: {"a": [1], "b": [2]},
    "empty dict": lambda: {},
    "dict with holes": holes,
    "cleared dict": lambda: (lambda d: (d.clear(), d)[1])({"a": 1}),
    "dict subclass": lambda: DictWith(a=[1]),
    "dict big": lambda: {i: [i] for i in range(3000)},
    "set": lambda: {("a", 1), ("b", 2)},
    "big set": lambda: {("m", i) for i in range(100)},
    "set with holes": set_holes,
    "empty set": lambda: set(),
    "set subclass": lambda: SetWith([("a", 1)]),
    "frozenset": lambda: frozenset([("a", 1)]),
    "frozenset subclass": lambda: FrozenWith([("a", 1)]),
    "dict keys": lambda: {("k", 1): [1]}.keys(),
    "dict values": lambda: {("k", 1): [1]}.values(),
    "dict items": lambda: {("k", 1): [1]}.items(),
    "ordered dict": ordered,
    "defaultdict": counting_default,
    "counter": lambda: collections.Counter("abca"),
    "chainmap": lambda: collections.ChainMap({"a": [1]}, {"b": [2]}),
    "deque": lambda: collections.deque([[1], [2]], maxlen=5),
    "long deque": lambda: collections.deque([i] for i in range(200)),
    "rotated deque": lambda: (lambda d: (d.rotate(77), d)[1])(
        collections.deque([i] for i in range(150))),
    "empty deque": lambda: collections.deque(),
    "deque subclass": lambda: DequeWith([[1]]),
    "user dict": lambda: collections.UserDict(a=[1]),
    "namedtuple": lambda: Point([1], [2]),
    "typed namedtuple": lambda: TypedPoint([1]),
    "struct sequence": lambda: sys.version_info,
    "stat result": lambda: os.stat(__file__),
    "struct time": lambda: time.localtime(),
    "mappingproxy": lambda: types.MappingProxyType({"a": [1]}),
    "array": lambda: array.array("d", [1.0] * 50),
    "range": lambda: range(10 ** 6, 10 ** 7, 10 ** 5),
    "slice": lambda: slice([1], [2], None),
    "queue": full_queue,
    "simple queue": lambda: queue.SimpleQueue(),
    "namespace": lambda: types.SimpleNamespace(a=[1], b=[2]),
    # instances
    "instance": lambda: Plain(),
    "instance with values": lambda: Values(),
    "instance with dict": lambda: with_dict(Values()),
    "instance without one": lambda: deleted(Values(), "first"),
    "instance with another dict": lambda: replaced_dict(Values()),
    "instance deleted after dict": lambda: deleted(
        with_dict(Values()), "second"),
    "instance of many": lambda: Many(),
    "cyclic instance": cyclic,
    "slots": lambda: Slots(),
    "more slots": lambda: MoreSlots(),
    "slots again": lambda: SlotsAgain(),
    "slots and dict": lambda: SlotsAndDict(),
    "slots and weak": lambda: SlotsAndWeak(),
    "dict slot": lambda: DictSlot(),
    "dataclass": lambda: Data([1]),
    "bare object": lambda: object(),
    "enum member": lambda: Colour.RED,
    "flag": lambda: Flag.A | Flag.B,
    "described": lambda: Described(),
    # code
    "function": lambda: annotated,
    "closure": lambda: closure(),
    "lambda": lambda: (lambda x=[1]: x),
    "cell": lambda: closure().__closure__[0],
    "empty cell": lambda: types.CellType(),
    "code": lambda: closure.__code__,
    "used code": lambda: (lambda c: (c.co_varnames, c.co_code, c)[2])(
        annotated.__code__),
    "hot code": lambda: hot(reads_global).__code__,
    "bound method": lambda: Plain().method,
    "builtin": lambda: len,
    "bound builtin": lambda: [].append,
    "class method of C": lambda: dict.fromkeys,
    "method descriptor": lambda: list.append,
    "slot wrapper": lambda: list.__len__,
    "method wrapper": lambda: [1].__len__,
    "getset": lambda: type.__dict__["__name__"],
    "member": lambda: Slots.x,
    "class method descriptor": lambda: dict.__dict__["fromkeys"],
    "property": lambda: Described.__dict__["prop"],
    "staticmethod": lambda: Described.__dict__["static"],
    "classmethod": lambda: Described.__dict__["klass"],
    "partial": lambda: functools.partial(print, [1], end=["e"]),
    "partial subclass": lambda: PartialWith(print, [1]),
    "partialmethod": lambda: functools.partialmethod(print, [1]),
    "cached property": lambda: functools.cached_property(annotated),
    "lru cache": lambda: lru(128),
    "unbounded cache": lambda: lru(None),
    "no cache": lambda: lru(0),
    "cached method": lambda: Described.__dict__["cached"],
    "cmp_to_key": lambda: functools.cmp_to_key(annotated)([1]),
    "attrgetter": lambda: operator.attrgetter("a", "b.c"),
    "itemgetter": lambda: operator.itemgetter(("i", 1)),
    "methodcaller": lambda: operator.methodcaller("m", [1], k=[2]),
    "module": lambda: types.ModuleType("zoo_module"),
    "C module": lambda: itertools,
    "module of Python": lambda: queue,
    # classes
    "class": lambda: Plain,
    "class with slots": lambda: Slots,
    "metaclass": lambda: Meta,
    "class of metaclass": lambda: WithMeta,
    "abstract class": lambda: Abstract,
    "generic class": lambda: Generic,
    "enum class": lambda: Colour,
    "static type": lambda: dict,
    "C type": lambda: collections.deque,
    "exception class": lambda: Failure,
    "namedtuple class": lambda: Point,
    "many bases": lambda: type("Many", (Plain, Values), {}),
    "super": lambda: super(Plain, Plain()),
    "generic alias": lambda: typing.List[int],
    "typevar": lambda: typing.TypeVar("T"),
    # what runs, or did
    "generator": lambda: started(generator(3)),
    "new generator": lambda: generator(3),
    "finished generator": lambda: (lambda g: (list(g), g)[1])(generator(2)),
    "delegating generator": lambda: started(delegating(generator(3))),
    "generator with cell": lambda: started(cell_generator()),
    "generator expression": lambda: started([i] for i in range(5)),
    "coroutine": lambda: sent(coroutine(["value"])),
    "awaiting coroutine": lambda: sent(outer_coroutine(coroutine(1))),
    "async generator": async_generator,
    "started async generator": lambda: (
        lambda g: {"gen": g, "anext": (lambda a: (sent_once(a), a)[1])(
            g.__anext__())})(async_generator()),
    "async generator throw": lambda: async_generator().athrow(
        Failure(["thrown"])),
    "context manager": lambda: (lambda m: (m.__enter__(), m)[1])(manager()),
    "frame": frame_of_ended,
    "traceback": lambda: raised(Failure).__traceback__,
    "traceback frame": lambda: raised(Failure).__traceback__.tb_frame,
    "exception": lambda: raised(Failure),
    "plain exception": lambda: ValueError("x", [1]),
    "chained exception": chained,
    "caused exception": lambda: raised(Failure, KeyError("cause")),
    "os error": lambda: OSError(2, "text", "name", None, "other name"),
    "stop iteration": lambda: StopIteration(["value"]),
    "system exit": lambda: SystemExit(["code"]),
    "import error": lambda: ImportError("m", name="n", path="p"),
    "syntax error": lambda: SyntaxError("m", ("f", 1, 2, "text")),
    "unicode error": lambda: UnicodeDecodeError("x", b"ab", 0, 1, "why"),
    "key error": lambda: KeyError([1]),
    # weak
    "weakref": lambda: (lambda o: {"o": o, "r": weakref.ref(o)})(Plain()),
    "weakref with callback": lambda: (
        lambda o: {"o": o, "r": weakref.ref(o, annotated)})(Plain()),
    "dead weakref": lambda: weakref.ref(Plain()),
    "weakref subclass": lambda: (lambda o: {"o": o, "r": WeakWith(o)})(
        Plain()),
    "proxy": lambda: (lambda o: {"o": o, "r": [weakref.proxy(o)]})(Plain()),
    "weak method": lambda: (
        lambda o: {"o": o, "r": weakref.WeakMethod(o.method)})(Plain()),
    "finalizer": lambda: (
        lambda o: {"o": o, "r": weakref.finalize(o, annotated, [1])})(
            Plain()),
    "weak set": weak_set,
    "weak dicts": weak_dicts,
    # iterators
    "list iterator": lambda: iter([[1]]),
    "reversed list": lambda: reversed([[1]]),
    "tuple iterator": lambda: iter(([1],)),
    "dict iterator": lambda: iter({"a": [1]}),
    "dict item iterator": lambda: iter({"a": [1]}.items()),
    "set iterator": lambda: iter({("a", 1)}),
    "range iterator": lambda: iter(range(10)),
    "str iterator": lambda: iter("abc"),
    "enumerate": lambda: enumerate([[1]]),
    "zip": lambda: zip([[1]], [[2]]),
    "map": lambda: map(annotated, [[1]]),
    "filter": lambda: filter(annotated, [[1]]),
    "reversed": lambda: reversed(Point([1], [2])),
    "chain": lambda: itertools.chain([[1]], [[2]]),
    "count": lambda: itertools.count(10 ** 10),
    "cycle": lambda: started(itertools.cycle([[1], [2]])),
    "repeat": lambda: itertools.repeat([1], 5),
    "islice": lambda: itertools.islice([[1]], 5),
    "tee": lambda: itertools.tee([[1], [2]])[0],
    "groupby": lambda: itertools.groupby([[1]], key=annotated),
    "product": lambda: itertools.product([[1]], [[2]]),
    "call iterator": lambda: iter(annotated, [1]),
    "deque iterator": lambda: iter(collections.deque([[1]])),
    # the library
    "date": lambda: datetime.date(2020, 1, 1),
    "datetime": lambda: datetime.datetime(2020, 1, 1),
    "aware datetime": lambda: datetime.datetime(
        2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
    "aware time": lambda: datetime.time(
        1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "name")),
    "timedelta": lambda: datetime.timedelta(1),
    "timezone": lambda: datetime.timezone(datetime.timedelta(hours=3), "n"),
    "pattern": lambda: re.compile("(?P<a>x)%d" % 7),
    "match": lambda: re.match("(?P<a>x)", "xy"),
    "scanner": lambda: re.compile("x").scanner("xyz"),
    "random": lambda: random.Random(1),
    "lock": lambda: threading.Lock(),
    "rlock": lambda: threading.RLock(),
    "condition": lambda: threading.Condition(),
    "event": lambda: threading.Event(),
    "thread local": lambda: (
        lambda t: (setattr(t, "x", ["x"]), t)[1])(ThreadLocal()),
    "plain thread local": lambda: (
        lambda t: (setattr(t, "x", ["x"]), t)[1])(threading.local()),
    "thread": lambda: threading.Thread(target=annotated, args=([1],)),
    "context": context,
    "bytes io": lambda: io.BytesIO(b"bytes"),
    "string io": lambda: io.StringIO("text"),
    "string io that is written": lambda: (
        lambda s: (s.write("ab"), s.write("cd"), s)[2])(io.StringIO()),
    "newline decoder": lambda: io.IncrementalNewlineDecoder(None, True),
    "text io": lambda: io.TextIOWrapper(io.BytesIO(b"bytes")),
    "buffered": lambda: io.BufferedReader(io.BytesIO(b"bytes")),
    "memoryview": lambda: memoryview(bytearray(b"abc")),
    "released memoryview": lambda: (lambda m: (m.release(), m)[1])(
        memoryview(b"abc")),
    "memoryview slice": lambda: memoryview(bytearray(b"abcdef"))[1:3],
    "c_int": lambda: ctypes.c_int(5),
    "py_object": lambda: ctypes.py_object([1]),
    "structure": lambda: Struct(1, [2]),
    "ctypes array": lambda: (ctypes.c_int * 5)(1, 2),
    "ctypes pointer": lambda: ctypes.pointer(ctypes.c_int(5)),
    "ctypes callback": lambda: ctypes.CFUNCTYPE(ctypes.c_int)(annotated),
    "exit stack": lambda: (lambda s: (s.callback(annotated, [1]), s)[1])(
        contextlib.ExitStack()),
    "signature": lambda: inspect.signature(annotated),
    "future": lambda loop: future(loop),
    "done future": lambda loop: done_future(loop),
    "task": lambda loop: loop.create_task(coroutine(["of a task"])),
    "started task": lambda loop: run_once(
        loop, loop.create_task(sleeper(loop))),
    "event loop": lambda loop: loop,
    "handle": lambda loop: loop.call_later(3600, annotated, [1]),
}


def sent_once(awaitable):
    try:
        awaitable.send(None)
    except StopIteration:
        pass


async def sleeper(loop):
    mine = ["local of a task"]
    await loop.create_future()
    return mine


def run_once(loop, task):
    loop.call_soon(loop.stop)
    loop.run_forever()
    return task


def modern(rows):
    """What only newer Pythons have."""
    if sys.version_info >= (3, 9):
        rows["list[int]"] = lambda: list[int]
    if sys.version_info >= (3, 10):
        rows["union"] = lambda: int | str
        rows["union with parameters"] = lambda: (
            lambda u: (u.__parameters__, u)[1])(
                list[typing.TypeVar("T")] | int)
        rows["slots dataclass"] = lambda: dataclasses.make_dataclass(
            "SlotsData", ["x"], slots=True)([1])
        rows["param spec"] = lambda: typing.ParamSpec("P", bound=Plain)
        rows["pairwise"] = lambda: started(itertools.pairwise([[1], [2]]))
    if sys.version_info >= (3, 11):
        rows["exception group"] = lambda: ExceptionGroup(
            "group", [ValueError([1])])
        rows["noted exception"] = lambda: (
            lambda e: (e.add_note("note"), e)[1])(ValueError([1]))
    if sys.version_info >= (3, 12):
        space = {}
        exec("def generic[T](x: T) -> T: return x\n"
             "type Alias[T] = list[T]\n"
             "class Box[T]: pass\n", space)
        rows["generic function"] = lambda: space["generic"]
        rows["type alias"] = lambda: space["Alias"]
        rows["class with parameters"] = lambda: space["Box"]
        rows["batched"] = lambda: itertools.batched([[1]], 2)
    if sys.version_info >= (3, 15):
        rows["frozendict"] = lambda: frozendict({("k", 1): [1], "b": [2]})
        rows["empty frozendict"] = lambda: frozendict()
        rows["frozendict subclass"] = lambda: type(
            "FrozenWith", (frozendict,), {})(a=[1])
    return rows


class Zoo(dict):
    """The animals, and what must be closed after them."""

    def close(self):
        loop = self["event loop"]
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.call_soon(loop.stop)
        loop.run_forever()
        for name in ("coroutine", "awaiting coroutine",
                     "async generator throw"):
            self[name].close()
        loop.close()


def animals():
    """Makes one of each; {name: object}, parts as "name/part"."""
    loop = asyncio.new_event_loop()
    zoo = Zoo()
    for name, make in modern(dict(ROWS)).items():
        wants_loop = "loop" in inspect.signature(make).parameters
        made = make(loop) if wants_loop else make()
        if type(made) is dict and name in PARTS:
            for part, o in made.items():
                zoo["%s/%s" % (name, part)] = o
        else:
            zoo[name] = made
    return zoo


# rows whose dict is not the animal
PARTS = {"started async generator", "weakref", "weakref with callback",
         "weakref subclass", "proxy", "weak method", "finalizer", "weak set",
         "weak dicts", "context"}
