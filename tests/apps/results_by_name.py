"""A job runner that keeps each result as an attribute of one object.

Reports read `results.job_17`, which is shorter than a dict, and nobody ever
deletes an attribute.  The fix: a dict with a bound, or delattr when read.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic


class Results:
    pass


class Result:
    def __init__(self, request):
        self.user = request.user
        self.lines = [request.page] * 3


results = Results()


def run(request):
    name = "job_%d" % request.number
    setattr(results, name, Result(request))
    return getattr(results, name).lines


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        run(request)


if __name__ == "__main__":
    main()
