"""A service in which somebody left gc.set_debug(gc.DEBUG_SAVEALL) on.

It was switched on to look into another leak. Ever since, the collector puts
what it would free into gc.garbage.  The fix: gc.set_debug(0), and empty it.

SPDX-License-Identifier: MIT
"""
import gc

import pyexplore
import traffic


class Node:
    """Of a list that is linked both ways: each neighbour pair is a cycle."""

    def __init__(self, value, before):
        self.value = value
        self.before = before
        self.after = None
        if before is not None:
            before.after = self


def handle(request):
    last = None
    for letter in request.body:
        last = Node(letter, last)
    return last.value


def main():
    gc.set_debug(gc.DEBUG_SAVEALL)
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
