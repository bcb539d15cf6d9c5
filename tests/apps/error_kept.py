"""A job runner whose jobs keep their last error, in a process without a gc.

`job.error = error` closes a cycle: the error's traceback has the frame of
run(), whose local is the job.  The collector would find it, but somebody has
raised its threshold to "never".  The fix: keep the formatted text instead.

SPDX-License-Identifier: MIT
"""
import gc

import pyexplore
import traffic


class JobFailed(Exception):
    pass


class Job:
    def __init__(self, request):
        self.id = request.id
        self.payload = request.body
        self.error = None
        self.tries = 0

    def work(self):
        if len(self.payload) % 2:
            raise JobFailed("odd length %d" % len(self.payload))


def run(job):
    while job.tries < 2:
        job.tries += 1
        try:
            job.work()
            return True
        except JobFailed as error:
            job.error = error
    return False


def main():
    gc.set_threshold(0)
    pyexplore.serve(port=None)
    failed = 0
    for request in traffic.requests():
        failed += not run(Job(request))


if __name__ == "__main__":
    main()
