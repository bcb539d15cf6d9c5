"""A parser in C that forgets a decref: see c_parser_module.c.

parse() gives its caller a reference of its own and keeps one by mistake, so
that a message is never freed although nothing in Python holds it.  The fix is
one Py_DECREF.  `c_parser_module` is built by the test.

SPDX-License-Identifier: MIT
"""
import c_parser_module

import pyexplore
import traffic


class Message:
    """Made by the parser: Message(fields)."""

    def __init__(self, fields):
        self.fields = fields
        self.valid = "item" in fields


def handle(request):
    message = c_parser_module.parse(Message, request.body)
    return message.valid


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        assert handle(request)


if __name__ == "__main__":
    main()
