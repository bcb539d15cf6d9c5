"""Healthy: functools.lru_cache that fills up to its bound, then turns over.

It grows with nearly every request until 1,000 results are in it, which is what
a cache is for, and which it says itself: cache_info().maxsize.

SPDX-License-Identifier: MIT
"""
import functools

import pyexplore
import traffic


class Rendered:
    def __init__(self, page, number):
        self.title = "%s #%d" % (page, number)
        self.lines = ["line %d" % i for i in range(number % 5)]


@functools.lru_cache(maxsize=1000)
def render(page, number):
    return Rendered(page, number)


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        render(request.page, request.number)
        render(request.page, max(1, request.number - 10))


if __name__ == "__main__":
    main()
