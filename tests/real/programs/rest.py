"""rest.py: what every program of this folder ends in.

A program has done its work and rests: it serves pyexplore, says so in a line
of JSON and waits for the end of its stdin. Nothing here keeps anything alive
that the program does not.

SPDX-License-Identifier: MIT
"""
import json
import sys

import pyexplore


def say(event, **more):
    # pytest puts something else into sys.stdin and sys.stdout, and its dots
    # end in no line.
    sys.__stdout__.write("\n" + json.dumps(dict(more, event=event)) + "\n")
    sys.__stdout__.flush()


class Planted:
    """What C code leaks that forgets a decref."""


def plant(n):
    import ctypes

    for _ in range(n):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(Planted()))


def serve(**more):
    """Serves and says where; the program goes on."""
    if sys.argv[1:2] == ["plant"]:
        plant(int(sys.argv[2]))
    if sys.argv[1:2] == ["judge"]:
        from judge import judge

        say("judged", judged=judge(sys.argv[2]))
    server = pyexplore.serve(port=None)
    say("resting", unix_path=server.unix_path, **more)


def rest(**more):
    serve(**more)
    sys.__stdin__.read()
