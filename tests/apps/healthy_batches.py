"""Healthy: a batch worker whose memory swings.

Rows are collected until there are enough for a batch, then written and
forgotten. At any moment there may be none or thousands of them.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class Row:
    def __init__(self, request, name, value):
        self.id = request.id
        self.name = name
        self.value = value


class Batch:
    def __init__(self, most):
        self.most = most
        self.rows = []
        self.written = 0

    def add(self, row):
        self.rows.append(row)
        if len(self.rows) >= self.most:
            self.written += len("\n".join(
                "%s,%s,%s" % (row.id, row.name, row.value)
                for row in self.rows))
            self.rows.clear()


def main():
    pyexplore.serve(port=None)
    batch = Batch(4000)
    for request in traffic.requests():
        for i in range(20):
            for name, value in request.headers.items():
                batch.add(Row(request, "%s-%d" % (name, i), value))


if __name__ == "__main__":
    main()
