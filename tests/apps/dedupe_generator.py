"""An event pipeline of generators: the stage that drops doubles never ends.

Written for files, where `seen` died with the last line. Now the pipeline reads
a stream, and the generator's local keeps every event.  The fix: a window.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class Event:
    def __init__(self, request):
        self.key = (request.user, request.page, request.number)
        self.size = len(request.body)


def events(requests):
    for request in requests:
        yield Event(request)


def without_doubles(source):
    seen = {}
    for event in source:
        if event.key not in seen:
            seen[event.key] = event
            yield event


def totals(source):
    total = 0
    for event in source:
        total += event.size
        yield total


def main():
    pyexplore.serve(port=None)
    for _ in totals(without_doubles(events(traffic.requests()))):
        pass


if __name__ == "__main__":
    main()
