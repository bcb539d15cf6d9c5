"""The standard library alone: workers on a queue, dataclasses, enums, caches,
generators, weak references and an archive in memory.

SPDX-License-Identifier: MIT
"""
import collections
import dataclasses
import enum
import functools
import queue
import threading
import weakref
import xml.etree.ElementTree
import zipfile
from io import BytesIO
from typing import Dict, List, Optional

from rest import rest


class State(enum.Enum):
    WAITING = "waiting"
    DONE = "done"


@dataclasses.dataclass
class Job:
    n: int
    state: State = State.WAITING
    result: Optional[str] = None
    parents: List["Job"] = dataclasses.field(default_factory=list)

    def run(self):
        self.result = work(self.n % 10)
        self.state = State.DONE


@functools.lru_cache(maxsize=8)
def work(n):
    root = xml.etree.ElementTree.Element("job", n=str(n))
    xml.etree.ElementTree.SubElement(root, "item").text = "text %d" % n
    return xml.etree.ElementTree.tostring(root).decode()


class Board:
    def __init__(self):
        self.jobs: "queue.Queue[Job]" = queue.Queue()
        self.done: Dict[int, Job] = collections.OrderedDict()
        self.seen = weakref.WeakValueDictionary()
        self.counts = collections.Counter()
        self.threads = [threading.Thread(target=self.worker, daemon=True,
                                         name="worker-%d" % n)
                        for n in range(3)]
        for thread in self.threads:
            thread.start()

    def worker(self):
        while True:
            job = self.jobs.get()
            job.run()
            self.done[job.n] = job
            self.counts[job.state] += 1
            del job
            self.jobs.task_done()


def endless(board):
    for n in sorted(board.done):
        yield board.done[n]


def main():
    board = Board()
    last = []
    for n in range(200):
        job = Job(n, parents=last)
        board.seen[n] = job
        board.jobs.put(job)
        last = [job]
    board.jobs.join()
    assert board.counts[State.DONE] == len(board.seen) == 200
    walk = endless(board)
    assert next(walk).result == '<job n="0"><item>text 0</item></job>'
    archive = zipfile.ZipFile(BytesIO(), "w")
    archive.writestr("jobs.txt", "\n".join(
        job.result for job in board.done.values()))
    rest()


if __name__ == "__main__":
    main()
