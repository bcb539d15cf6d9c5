"""@lru_cache(maxsize=None) on a method: the cache keeps every `self`.

A report is made for each request and forgotten, but its total() is cached by
(self,), in a cache that belongs to the class.  The fix: cached_property.

SPDX-License-Identifier: MIT
"""
import functools

import pyexplore
import traffic


class Report:
    def __init__(self, request):
        self.title = "Visits of %s" % request.user
        self.rows = [(name, len(value))
                     for name, value in request.headers.items()]

    @functools.lru_cache(maxsize=None)
    def total(self):
        return sum(size for _, size in self.rows)

    def render(self):
        return "%s: %d, average %.1f" % (
            self.title, self.total(), self.total() / len(self.rows))


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        Report(request).render()


if __name__ == "__main__":
    main()
