"""fields.py: which object a field is, for edges that Python has no expression
for: words of C structs.

ASK says for (type, field) how the living object is asked for it: by a getter,
its reduction, or what tp_traverse visits when there is only one of a type.
LIKE says what the target must equal, where it belongs to the interpreter alone
and nothing leads to it. Where nothing tells, built.py makes an object of known
parts.

SPDX-License-Identifier: MIT
"""
import contextvars
import gc
import sys
import types


class All(list):
    """Several edges have this name; these are their targets."""


def only(o, kind, but=()):
    """What tp_traverse of `o` visits that is of type `kind` (or of a type
    with that name), as there is only one."""
    found = {id(r): r for r in gc.get_referents(o)
             if (type(r).__name__ == kind if isinstance(kind, str)
                 else type(r) is kind)
             and not any(r is x for x in but)}
    (one,) = found.values()
    return one


def mapping_of(proxy):
    return gc.get_referents(proxy)[0]


def class_dict(cls):
    return mapping_of(type.__dict__["__dict__"].__get__(cls))


def shared_keys(cls):
    """The names that instances have, which their class owns."""
    names = set(getattr(cls, "__static_attributes__", ()))  # 3.13+
    for o in gc.get_objects():
        if type(o) is cls:
            names.update(o.__dict__)
    return All(map(sys.intern, names))


def coroutines(task):
    """What waits for one another in it."""
    chain, at = [], task.get_coro()
    while isinstance(at, (types.CoroutineType, types.GeneratorType)):
        chain.append(at)
        at = (at.cr_await if isinstance(at, types.CoroutineType)
              else at.gi_yieldfrom)
    return chain


def cached_results(cache):
    """Its results by the addresses of their keys, by asking again."""
    found = {}
    for key in only(cache, dict, [cache.__dict__]):
        args = key if isinstance(key, (tuple, list)) else (key,)
        at = [i for i, x in enumerate(args) if type(x) is object] or [
            len(args)]  # what marks the beginning of keywords
        words = args[at[0] + 1:]
        found[id(key)] = cache(*args[:at[0]], **dict(
            zip(words[::2], words[1::2])))
    return found


# ---- asked of the object ----
ASK = {
    ("ABCMeta", "dict"): class_dict,
    ("EnumMeta", "dict"): class_dict,
    ("EnumMeta", "shared key"): shared_keys,
    ("EnumType", "shared key"): shared_keys,
    ("type", "shared key"): shared_keys,
    ("EnumType", "dict"): class_dict,
    ("Meta", "dict"): class_dict,
    ("type", "dict"): class_dict,
    ("type", "module"): lambda o: only(o, types.ModuleType),
    ("module", "state"): lambda o: All(
        r for r in gc.get_referents(o) if r is not vars(o)),
    ("CFunctionType", "thunk"): lambda o: only(o, "CThunkObject"),
    ("_FuncPtr", "converters"): lambda o: only(o, tuple),
    ("Context", "variables"): lambda o: only(o, "hamt"),
    ("Future", "callback"): lambda o: o._callbacks[0][0],
    ("Future", "callback context"): lambda o: o._callbacks[0][1],
    ("Task", "FRAME"): coroutines,
    ("Task", "context"): lambda o: only(o, contextvars.Context),
    ("SimpleQueue", "items"): lambda o: only(o, list),
    ("SlotsAgain", "x"): lambda o: type(o).__mro__[1].x.__get__(o),
    ("StringIO", "read newline"): lambda o: o.__getstate__()[1],
    ("TypeAliasType", "compute value"): lambda o: only(
        o, types.FunctionType),
    ("TypeVar", "default"): lambda o: o.__default__,
    ("ParamSpec", "default"): lambda o: o.__default__,
    ("ParamSpec", "dict"): lambda o: only(o, dict),
    ("TypeVar", "dict"): lambda o: only(o, dict),
    ("Pattern", "group index"): lambda o: mapping_of(o.groupindex),
    ("timezone", "offset"): lambda o: o.utcoffset(None),
    ("timezone", "name"): lambda o: o.tzname(None),
    ("_lru_cache_wrapper", "cache"): lambda o: only(
        o, dict, [o.__dict__]),
    ("_lru_cache_wrapper", "function"): lambda o: o.__wrapped__,
    ("_lru_cache_wrapper", "cache_info type"): lambda o: type(
        o.cache_info()),
    ("_lru_cache_wrapper", "keyword mark"): lambda o: only(o, object),
    ("_lru_cache_wrapper", "link type"): lambda o: only(
        o, type, [type(o), type(o.cache_info())]),
    ("_lru_cache_wrapper", "CACHED"): cached_results,
    ("_tee", "data"): lambda o: only(o, "_tee_dataobject"),
    ("async_generator", "code"): lambda o: o.ag_code,
    ("coroutine", "code"): lambda o: o.cr_code,
    ("generator", "code"): lambda o: o.gi_code,
    ("frame", "code"): lambda o: o.f_code,
    # its local `use` is a closure over the same cell
    ("generator", "shared"): lambda o:
        o.gi_frame.f_locals["use"].__closure__[0],
    ("async_generator_athrow", "args"): lambda o: only(o, tuple),
    ("attrgetter", "attributes"): lambda o: only(o, tuple),
    ("methodcaller", "name"): lambda o: o.__reduce__()[0].args[0],
    ("method-wrapper", "descriptor"): lambda o: vars(
        type(o.__self__))[o.__name__],
    ("function", "annotate"): lambda o: o.__annotate__,
    ("Union", "hashable args"): lambda o: only(o, frozenset),
    ("methodcaller", "kwargs"): lambda o: only(o, dict),
    # 3.8 gives it to iterators of keys as well
    ("odict_iterator", "result"): lambda o: only(o, tuple),
    ("cycle", "saved"): lambda o: only(o, list),
    ("dict_itemiterator", "result"): lambda o: only(o, tuple),
    ("enumerate", "result"): lambda o: only(o, tuple),
    ("pairwise", "result"): lambda o: only(o, tuple),
    ("product", "pools"): lambda o: only(o, tuple),
    ("map", "iterators"): lambda o: only(o, tuple),
    ("function", "annotations"): lambda o: only(
        o, tuple, [o.__defaults__, o.__closure__,
                   getattr(o, "__type_params__", None)]),
    ("memoryview", "buffer"): lambda o: only(o, "managedbuffer"),
    ("property", "name"): lambda o: sys.intern(o.fget.__name__),
    ("_local", "args"): lambda o: only(o, tuple),
    ("_local", "dicts"): lambda o: only(o, dict),
    ("_local", "watchers"): lambda o: only(o, set),
    ("_local", "dummies"): lambda o: only(o, dict, [vars(o)]),
    ("Local", "dicts"): lambda o: only(o, dict, [o.kwargs, vars(o)]),
    ("Local", "watchers"): lambda o: only(o, set),
    ("Local", "dummies"): lambda o: only(o, dict, [o.kwargs, vars(o)]),
    ("ThreadLocal", "args"): lambda o: only(o, tuple),
    ("ThreadLocal", "dicts"): lambda o: only(o, dict),
    ("ThreadLocal", "watchers"): lambda o: only(o, set),
    ("ThreadLocal", "dummies"): lambda o: only(o, dict, [vars(o)]),
}


# ---- known by what it equals: (object, target) ----
def names_of_variables(code):
    cells = [n for n in code.co_cellvars if n not in code.co_varnames]
    return code.co_varnames + tuple(cells) + code.co_freevars


def kinds_of_variables(code):
    """CO_FAST_LOCAL, _CELL and _FREE of Include/internal/pycore_code.h"""
    return [0x20 * (n in code.co_varnames) + 0x40 * (n in code.co_cellvars) +
            0x80 * (n in code.co_freevars) for n in names_of_variables(code)]


LIKE = {
    # 3.13 keeps the name before them
    ("methodcaller", "args"): lambda o, to: to in (
        o.__reduce__()[1], o.__reduce__()[0].args + o.__reduce__()[1]),
    ("methodcaller", "vectorcall args"): lambda o, to: all(
        any(x is y for y in to) for x in o.__reduce__()[1]),
    ("methodcaller", "vectorcall names"): lambda o, to: to == tuple(
        o.__reduce__()[0].keywords),
    # which one it is, of_functions() of built.py tells
    ("generator", "OPERAND"): lambda o, to: any(
        to is r for r in gc.get_referents(o)),
    ("range", "length"): lambda o, to: to == len(o),
    ("IncrementalNewlineDecoder", "errors"): lambda o, to: to == "strict",
    # its numbers are its own, unlike start and step
    ("longrange_iterator", "length"): lambda o, to: to in (
        o.__length_hint__(), len(o.__reduce__()[1][0])),
    ("longrange_iterator", "index"): lambda o, to: to == 0,
    # type_new() keeps the sorted tuple for type.__reduce_ex__ alone
    ("type", "slots"): lambda o, to: to == tuple(sorted(
        n for n, x in vars(o).items()
        if type(x) is types.MemberDescriptorType)),
    ("type", "subclasses"): lambda o, to: sorted(
        id(r()) for r in to.values() if r() is not None) == sorted(
            map(id, type.__subclasses__(o))),
    # a code object is not collected, and each getter makes a new tuple
    ("code", "localsplusnames"): lambda o, to: to == names_of_variables(o),
    ("code", "localspluskinds"): lambda o, to: [
        x & 0xe0 for x in to] == kinds_of_variables(o),
    ("Pattern", "index group"): lambda o, to: to == (None,) + tuple(
        sorted(o.groupindex, key=o.groupindex.get)),
    # from 3.12 on it is a number until it is asked for
    ("Task", "name"): lambda o, to: o.get_name() in (to, "Task-%s" % to),
    ("StringIO", "texts"): lambda o, to: "".join(to) == o.getvalue(),
}
