"""An SQLAlchemy engine for each request, and a finalizer that keeps it.

`weakref.finalize(engine, engine.dispose)` was to dispose of engines that are
forgotten. Its callback is a bound method of the very engine, so that none is
ever forgotten.  The fix: one engine for the process.

SPDX-License-Identifier: MIT
"""
import weakref

import sqlalchemy

import pyexplore
import traffic


class Repository:
    def __init__(self):
        self.engine = sqlalchemy.create_engine("sqlite://")
        weakref.finalize(self.engine, self.engine.dispose)

    def count(self, text):
        with self.engine.connect() as connection:
            return connection.execute(
                sqlalchemy.text("select length(:text)"),
                {"text": text}).scalar()


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        assert Repository().count(request.page) == len(request.page)


if __name__ == "__main__":
    main()
