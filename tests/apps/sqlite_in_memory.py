"""Statistics in an SQLite database in memory, from which nobody deletes.

One connection, one cursor, a handful of Python objects: all that grows is
inside SQLite.  The fix: delete what is older than a day, or a file.

SPDX-License-Identifier: MIT
"""
import sqlite3

import pyexplore
import traffic


class Statistics:
    def __init__(self):
        self.database = sqlite3.connect(":memory:")
        self.database.execute(
            "create table visit (id text, user text, page text, body blob)")

    def add(self, request):
        self.database.executemany(
            "insert into visit values (?, ?, ?, zeroblob(?))",
            [(request.id, request.user, name, 100 * len(request.body) + 30000)
             for name in request.headers])
        self.database.commit()

    def total(self):
        return self.database.execute(
            "select count(*) from visit").fetchone()[0]


def main():
    pyexplore.serve(port=None)
    statistics = Statistics()
    for request in traffic.requests():
        statistics.add(request)
        assert statistics.total() >= request.number


if __name__ == "__main__":
    main()
