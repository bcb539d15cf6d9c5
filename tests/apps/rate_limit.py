"""A rate limiter that remembers all attempts: a container of the class.

`attempts` was meant to hold the last minute of each user; the line that drops
what is older was lost in a refactoring.  The fix: prune before appending.

SPDX-License-Identifier: MIT
"""
import collections
import time

import pyexplore
import traffic


class Attempt:
    __slots__ = ("at", "page", "allowed")

    def __init__(self, at, page, allowed):
        self.at = at
        self.page = page
        self.allowed = allowed


class RateLimiter:
    """At most `limit` requests a minute for each user."""

    attempts = collections.defaultdict(list)

    def __init__(self, limit):
        self.limit = limit

    def allow(self, user, page):
        now = time.monotonic()
        mine = self.attempts[user]
        recent = sum(1 for attempt in mine[-self.limit:]
                     if attempt.at > now - 60)
        allowed = recent < self.limit
        mine.append(Attempt(now, page, allowed))
        return allowed


def handle(request):
    limiter = RateLimiter(600)
    if not limiter.allow(request.user, request.page):
        return "429 Too Many Requests"
    return "200 OK"


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
