"""A template engine with parent links, and gc.disable() "for speed".

Elements know their parent and parents their children: each page is one big
cycle, and only the collector could free it.  The fix: gc.enable(), or weak
references to the parent.

SPDX-License-Identifier: MIT
"""
import gc

import pyexplore
import traffic
from elements import Element


def handle(request):
    page = Element("html")
    body = Element("body", page)
    Element("h1", body, request.page)
    rows = Element("ul", body)
    for name, value in sorted(request.headers.items()):
        Element("li", rows, "%s: %s" % (name, value))
    return page.render()


def main():
    gc.disable()
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
