"""A thumbnail service whose worker is slower than its customers.

The requests go into a queue.Queue without a bound; one thread takes them out,
and needs ten times as long for one as they take to arrive.  The fix:
Queue(maxsize=…) and a 503, or more workers.

SPDX-License-Identifier: MIT
"""
import queue
import threading
import time

import pyexplore
import traffic


class ThumbnailJob:
    def __init__(self, request, size):
        self.request = request
        self.size = size
        self.done = threading.Event()


class Thumbnailer:
    def __init__(self, seconds_each):
        self.seconds_each = seconds_each
        self.jobs = queue.Queue()
        self.finished = 0
        threading.Thread(target=self.work, name="thumbnailer",
                         daemon=True).start()

    def work(self):
        while True:
            job = self.jobs.get()
            time.sleep(self.seconds_each)  # the picture is scaled here
            self.finished += 1
            job.done.set()

    def ask(self, request):
        self.jobs.put(ThumbnailJob(request, (160, 120)))


def main():
    pyexplore.serve(port=None)
    thumbnailer = Thumbnailer(10 * traffic.period())
    for request in traffic.requests():
        thumbnailer.ask(request)


if __name__ == "__main__":
    main()
