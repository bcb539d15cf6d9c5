"""Healthy: cycles all the time, and a collector that does its work.

The same template engine as gc_disabled.py, with the collector as Python comes:
the number of elements saws up and down with its generations.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic
from elements import Element


def handle(request):
    page = Element("html")
    body = Element("body", page)
    for number in range(40):
        row = Element("tr", body)
        for name, value in request.headers.items():
            Element("td", row, "%s %s" % (name, value))
    return page.render()


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        assert request.id in handle(request)


if __name__ == "__main__":
    main()
