"""Healthy: a connection pool under a load that comes and goes.

The pool opens a connection when all are taken, up to 40, and keeps what comes
back; the number in use swings, the number in the pool only grows, to its
bound.

SPDX-License-Identifier: MIT
"""
import math
import sqlite3

import pyexplore
import traffic


class Connection:
    def __init__(self, number):
        self.number = number
        self.database = sqlite3.connect(":memory:")
        self.used = 0

    def query(self, text):
        self.used += 1
        return self.database.execute("select upper(?)", (text,)).fetchone()[0]


class Pool:
    def __init__(self, most):
        self.most = most
        self.made = 0
        self.free = []

    def take(self):
        if self.free:
            return self.free.pop()
        if self.made == self.most:
            return None
        self.made += 1
        return Connection(self.made)

    def give_back(self, connection):
        self.free.append(connection)


def main():
    pyexplore.serve(port=None)
    pool, busy = Pool(40), []
    for request in traffic.requests():
        wanted = 20 + 30 * math.sin(request.number / 40)
        while len(busy) < wanted:
            connection = pool.take()
            if connection is None:
                break
            busy.append(connection)
        while busy and len(busy) > wanted:
            pool.give_back(busy.pop(0))
        for connection in busy[:2]:
            assert connection.query(request.page) == request.page.upper()


if __name__ == "__main__":
    main()
