"""expressions.py: evaluates the Python expression of an edge, as snapshot.h has
it and the explorer shows it.

SPDX-License-Identifier: MIT
"""
import weakref

import pxs

CODE = {pxs.EDGE_NAME[number]: compile(text, text, "eval")
        for number, text in pxs.EDGE_EXPRESSION.items() if text != "-"}


def evaluate(kind, src, **carried):
    """What the expression of edges of `kind` gives for `src` and what the
    edge carries of `name`, `i` and `key`."""
    return eval(CODE[kind], dict(carried, src=src, weakref=weakref))
