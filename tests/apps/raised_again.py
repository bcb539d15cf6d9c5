"""An exception made once and raised for each request: its traceback grows.

Making the exception once looked like a cheap constant. Each `raise` adds to
the same __traceback__, which keeps the frames, which keep their locals.  The
fix: raise a new one.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class NotFound(Exception):
    status = 404


_NOT_FOUND = NotFound("no such page")
_PAGES = {"/", "/login", "/basket"}


class Context:
    def __init__(self, request):
        self.request = request
        self.language = "en"


def find(context):
    if context.request.page not in _PAGES:
        raise _NOT_FOUND
    return 200


def handle(request):
    try:
        return find(Context(request))
    except NotFound as error:
        return error.status


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
