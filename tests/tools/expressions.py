"""expressions.py: what the Python expression of an edge gives, for the kinds
that every oracle reads alike. How attributes, items and members are read is
for each to say: some ask a zoo's simple objects, some a library's classes.

SPDX-License-Identifier: MIT
"""
import inspect


def generator_locals(o):
    if inspect.isgenerator(o):
        return inspect.getgeneratorlocals(o)
    if inspect.iscoroutine(o):
        return inspect.getcoroutinelocals(o)
    return o.ag_frame.f_locals


# Edge kind: the object that (source, name) leads to.
PLAIN = {
    "CELL": lambda o, name: o.__closure__[o.__code__.co_freevars.index(name)],
    "CLASS": lambda o, name: type(o),
    "SELF": lambda o, name: o.__self__,
    "LOCAL": lambda o, name: o.f_locals[name],
    "BORROWED": lambda o, name: o.f_locals[name],
    "GEN_LOCAL": lambda o, name: generator_locals(o)[name],
    "TB_FRAME": lambda o, name: o.tb_frame,
}
