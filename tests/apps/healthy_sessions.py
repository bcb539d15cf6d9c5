"""Healthy: session_store.py done right: sessions that expire.

Each lives for 100 requests. All of them are replaced again and again, by
others at other addresses; beside them a ring of the last requests and counters
with a fixed number of keys.

SPDX-License-Identifier: MIT
"""
import collections
import hashlib

import pyexplore
import traffic

_SESSIONS = {}
_RECENT = collections.deque(maxlen=64)
_COUNTS = collections.Counter()
LIFE = 100


class Session:
    def __init__(self, request):
        self.token = hashlib.sha256(request.id.encode()).hexdigest()
        self.user = request.user
        self.until = request.number + LIFE
        self.basket = [request.body]


def expire(number):
    for token, session in list(_SESSIONS.items()):
        if session.until > number:
            break  # they are in the order of their age
        del _SESSIONS[token]


def handle(request):
    expire(request.number)
    session = Session(request)
    _SESSIONS[session.token] = session
    _RECENT.append(request)
    _COUNTS[request.user, request.page] += 1


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
