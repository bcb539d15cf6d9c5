"""built.py: objects made of known parts, and which part is which field, for the
fields of C structs that Python cannot ask the object for.

Fields that an object has without being given them (a tuple for results, an
encoder) are known by the collector: tp_traverse visits no other of their type.

SPDX-License-Identifier: MIT
"""
import codecs
import collections
import contextvars
import ctypes
import datetime
import functools
import gc
import io
import itertools
import operator
import re
import struct
import sys
import threading
import types
import weakref

from fields import only


def function(*args):
    return None


def other_function(*args):
    return None


def ended():
    return sys._getframe()


def iterators():
    """(object, {field: part})"""
    it, other, part = iter([[1], [2]]), iter([[3]]), ["part"]
    items, pair, text = [[1]], ([1], [2]), "some text"
    yield iter(items), {"sequence": items}
    yield reversed(items), {"sequence": items}
    yield iter(pair), {"sequence": pair}
    yield iter(text), {"sequence": text}
    sequence = collections.namedtuple("Pair", "x y")([1], [2])
    yield reversed(sequence), {"sequence": sequence}
    table, members = {"a": [1]}, {"a", "b"}
    for view in (table.keys(), table.values(), table.items()):
        yield view, {"dict": table}
        yield iter(view), {"dict": table}
    yield iter(members), {"set": members}
    rows = collections.deque([[1]])
    yield iter(rows), {"deque": rows}
    yield reversed(rows), {"deque": rows}
    key = "key of an ordered dict %d" % 1
    rows = collections.OrderedDict([(key, [1])])
    yield iter(rows), {"dict": rows, "current key": key}
    made = iter(rows.items())
    yield made, {"dict": rows, "current key": key,
                 "result": only(made, tuple)}
    yield iter(function, part), {"function": function, "sentinel": part}
    yield enumerate(it), {"iterator": it}
    yield filter(function, it), {"function": function, "iterator": it}
    made = map(function, it, other)
    yield made, {"function": function, "iterators": only(made, tuple)}
    made = zip(it, other)
    both = [r for r in gc.get_referents(made) if type(r) is tuple]
    both.sort(key=lambda r: r[0] is not it)
    yield made, {"iterators": both[0], "result": both[1]}
    start, step = 2 ** 70, 2 ** 65
    yield iter(range(start, 2 ** 80, step)), {"start": start, "step": step}


def of_itertools():
    """(object, {field: part}) of Modules/itertoolsmodule.c"""
    it, other, part = iter([[1], [2]]), iter([[3]]), ["part"]
    inner, pool = iter([[4]]), ([5], [6])
    chain_of = iter([inner])
    made = itertools.chain.from_iterable(chain_of)
    next(made)
    yield made, {"iterables": chain_of, "active": inner}
    for name in ("starmap", "takewhile", "dropwhile", "filterfalse"):
        yield (getattr(itertools, name)(function, it),
               {"function": function, "iterator": it})
    yield itertools.accumulate(it, function, initial=part), {
        "function": function, "iterator": it, "initial": part}
    values = iter([part, [7]])
    made = itertools.accumulate(values, function)
    next(made)
    yield made, {"total": part, "iterator": values, "function": function}
    yield itertools.compress(it, other), {"data": it, "selectors": other}
    made = itertools.zip_longest(it, other, fillvalue=part)
    both = [r for r in gc.get_referents(made) if type(r) is tuple]
    both.sort(key=lambda r: r[0] is not it)
    yield made, {"iterators": both[0], "result": both[1], "fill value": part}
    big, step = 10 ** 30, 10 ** 31
    yield itertools.count(big, step), {"count": big, "step": step}
    yield itertools.count(1.5, step), {"step": step}
    yield itertools.repeat(part, 3), {"element": part}
    yield itertools.islice(it, 4), {"iterator": it}
    yield itertools.cycle(it), {"iterator": it}
    for name in ("combinations", "combinations_with_replacement",
                 "permutations"):
        made = getattr(itertools, name)(pool, 1)
        result = next(made)
        yield made, {"pool": pool, "result": result}
    made = itertools.product(pool, [8])
    result = next(made)
    pools = [r for r in gc.get_referents(made) if type(r) is tuple
             and r is not result]
    yield made, {"pools": pools[0], "result": result}
    key, next_key, first, second = ["k"], ["l"], [9], [10]
    keys = {id(first): key, id(second): next_key}
    values = iter([first, second])

    def key_of(value):
        return keys[id(value)]

    made = itertools.groupby(values, key_of)
    _, group = next(made)
    yield group, {"parent": made, "target key": key}
    list(group)
    yield made, {"iterator": values, "key function": key_of,
                 "target key": key, "current key": next_key,
                 "current value": second}
    values = iter([first, second])
    made = next(r for r in gc.get_referents(itertools.tee(values)[0])
                if type(r).__name__ == "_tee_dataobject")
    yield made, {"iterator": values}
    if sys.version_info >= (3, 10):
        values = iter([first, second])
        made = itertools.pairwise(values)
        next(made)
        yield made, {"iterator": values, "old": second}
    if sys.version_info >= (3, 12):
        yield itertools.batched(it, 2), {"iterator": it}


def of_functions():
    """(object, {field: part}) of functools, operator, weakref, generators"""
    part = ("part", 1)
    yield functools.cmp_to_key(function), {"comparison": function}
    yield functools.cmp_to_key(function)(part), {"comparison": function}
    yield operator.itemgetter(part), {"item": part}
    table = {"a": [1]}
    yield types.MappingProxyType(table), {"mapping": table}
    yield weakref.proxy(function, other_function), {
        "callback": other_function}
    exporter = bytearray(b"abc")
    made = memoryview(exporter)
    buffer, = gc.get_referents(made)
    yield made, {"buffer": buffer}
    yield buffer, {"exporter": exporter}
    outer, inner = iter([[1]]), iter([[2]])

    def nested(first, second):
        for x in first:
            for y in second:
                yield x, y

    made = nested(outer, inner)
    next(made)
    if sys.version_info >= (3, 11):
        # from 3.15 on each iterator has an index beside it
        yield made, dict(
            {"OPERAND": [outer, inner]} if sys.version_info < (3, 15) else {},
            function=nested)

    def handler(error):
        try:
            raise error
        except KeyError:
            yield

    error = KeyError("handled")
    made = handler(error)
    next(made)
    yield made, dict({"handled exception": error}, **(
        {"function": handler} if sys.version_info >= (3, 11) else
        {"handled exception type": KeyError,
         "handled traceback": error.__traceback__}))

    async def coroutine():
        yield

    made, value = coroutine(), ["value"]
    if sys.version_info >= (3, 11):
        yield made, {"function": coroutine}
        yield ended(), {"function": ended}
    for step, parts in ((made.asend(value), {"value": value}),
                        (made.__anext__(), {}),
                        (made.athrow(error), {"type": error} if
                         sys.version_info >= (3, 15) else {})):
        yield step, dict(parts, generator=made)


def of_coroutines(loop):
    """(object, {field: part}) of contextvars and asyncio"""
    part = ["part"]
    variable = contextvars.ContextVar("variable", default=part)
    yield variable, {"default": part}
    context, value = contextvars.copy_context(), ["value"]
    yield context.run(variable.set, part), {"context": context}
    made = context.run(variable.set, value)
    yield made, {"context": context, "old value": part}
    made = loop.create_future()
    made.add_done_callback(function, context=context)
    yield made, {"callback": function, "callback context": context}
    yield made.__await__(), {"future": made}
    if sys.version_info >= (3, 10):
        made = loop.create_future()
        try:
            raise KeyError("of a future")
        except KeyError as error:
            made.set_exception(error)
            made.exception()
            yield made, {"exception traceback": error.__traceback__}

    async def sleeper(loop):
        await loop.create_future()

    coroutine = sleeper(loop)
    coroutine.send(None)
    yield coroutine, ({"function": sleeper} if sys.version_info >= (3, 11)
                      else {})
    yield coroutine.__await__(), {"coroutine": coroutine}
    name = "the name of a task"
    task = loop.create_task(sleeper(loop), name=name)
    yield task, {"name": name, "context": only(task, contextvars.Context)}
    yield loop._ready[-1]._callback, {"task": task}


def of_library():
    """(object, {field: part}) of io, ctypes, datetime, re, struct"""
    data = b"bytes of a buffer"
    yield io.BytesIO(data), {"buffer": data}
    decoder = codecs.getincrementaldecoder("utf-8")()
    yield io.IncrementalNewlineDecoder(decoder, True), {"decoder": decoder}
    encoder = codecs.getincrementalencoder("utf-8")()
    codecs.register({"fields_py": codecs.CodecInfo(
        None, None, name="fields_py", incrementalencoder=lambda _: encoder,
        incrementaldecoder=lambda _: decoder)}.get)
    yield io.TextIOWrapper(io.BytesIO(), "fields_py", newline="\n"), {
        "encoder": encoder, "decoder": decoder, "read newline": chr(10)}
    text, exporter = "text that is searched", bytearray(b"bytes")
    yield re.compile("x").scanner(text), {"string": text}
    yield re.compile(b"x").scanner(exporter), {
        "string": exporter, "exporter": exporter}
    if sys.version_info < (3, 15):  # its attribute then
        layout = b"<iq"
        yield struct.Struct(layout), {"format": layout}
    offset, name = datetime.timedelta(hours=3), "a zone's name"
    yield datetime.timezone(offset, name), {"offset": offset, "name": name}
    made = ctypes.CFUNCTYPE(ctypes.c_int)(function)
    yield made, {"callable": function, "thunk": only(made, "CThunkObject")}
    made = ctypes.CDLL(None).getpid
    made.argtypes, made.restype = [ctypes.c_int], ctypes.c_long
    made.errcheck = function
    yield made, {"argtypes": made.argtypes, "restype": ctypes.c_long,
                 "errcheck": function, "callable": made}


def of_threads():
    """(object, {field: part}) of threading.local and queue"""
    class Local(threading.local):
        def __init__(self, *args, **kwargs):
            self.args, self.kwargs = args, kwargs

    part = ["part"]
    made = Local(part, word=part)
    args, = [r for r in gc.get_referents(made) if r == (part,)]
    kwargs, = [r for r in gc.get_referents(made) if r == {"word": part}]
    yield made, {"args": args, "kwargs": kwargs}


def make_all(loop):
    """[(object, {field: part})]; the loop has tasks then."""
    makers = (iterators(), of_itertools(), of_functions(), of_library(),
              of_threads(), of_coroutines(loop))
    return [case for maker in makers for case in maker]
