"""target.py: the process that `make bench` measures in.

Builds one heap of heap.py, then obeys one JSON request a line on stdin and
answers each with one JSON line.  Every request is one measurement *inside*
the target: what its own threads feel.
"""
import ctypes
import gc
import json
import os
import sys
import threading
import time

import heap as heaps


def rss_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Ticker:
    """The longest time that another Python thread stood still, in ns."""

    def __enter__(self):
        self.gap, self.stop = 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def run(self):
        last = time.perf_counter_ns()
        while not self.stop:
            time.sleep(0.0001)
            now = time.perf_counter_ns()
            self.gap = max(self.gap, now - last)
            last = now

    def __exit__(self, *exc):
        self.stop = True
        self.thread.join()


def timed(work):
    rss = rss_bytes()
    with Ticker() as ticker:
        start = time.perf_counter_ns()
        result = work()
        wall = time.perf_counter_ns() - start
    return {"wall_ns": wall, "gap_ns": ticker.gap,
            "grew_bytes": rss_bytes() - rss, "result": result}


def bare_clone(library, times):
    function = ctypes.PyDLL(library).bare_clone_ns
    function.restype = ctypes.c_int64
    return sorted(function() for _ in range(times))


def do_clone(request):
    return {"clone_ns": bare_clone(request["library"], request["times"])}


def do_capture(request):
    """Snapshots to a file, without a server."""
    from pyexplore import _agent
    options = {key: request[key] for key in ("detail", "mark_only",
                                             "count_dirty") if key in request}
    return timed(lambda: _agent._measure(request["path"], **options))


def do_capture_asleep(request):
    """The same without the ticker: the target sleeps while the child
    reads, so that pages dirtied are the child's own doing."""
    from pyexplore import _agent
    return {"result": _agent._measure(request["path"], count_dirty=True)}


def do_serve(request):
    import pyexplore
    server = pyexplore.serve(port=None)
    return {"unix": server.unix_path}


def do_state(request):
    return {"rss": rss_bytes(), "blocks": sys.getallocatedblocks(),
            "tracked": len(gc.get_objects()),
            "fds": len(os.listdir("/proc/self/fd"))}


def do_gc_get_objects(request):
    return timed(lambda: len(gc.get_objects()))


def do_gc_collect(request):
    return timed(gc.collect)


def do_guppy(request):
    from guppy import hpy
    return timed(lambda: hpy().heap().size)


def do_objgraph(request):
    import objgraph
    return timed(lambda: len(objgraph.most_common_types(20)))


def do_objgraph_chain(request):
    import objgraph
    last = HEAP[-1]
    return timed(lambda: len(objgraph.find_backref_chain(
        last, objgraph.is_proper_module)))


def do_objgraph_growth(request):
    import objgraph
    objgraph.growth()
    return timed(lambda: len(objgraph.growth()))


def do_pympler(request):
    from pympler import muppy, summary
    return timed(lambda: len(summary.summarize(muppy.get_objects())))


def do_guppy_domisize(request):
    from guppy import hpy
    heapy = hpy()
    return timed(lambda: heapy.iso(HEAP).domisize)


def do_snapshot(request):
    """As a user's: compressed as on the wire."""
    import pyexplore
    return timed(lambda: pyexplore.snapshot(request["path"]))


HEAP = None


def main():
    global HEAP
    HEAP = heaps.build(sys.argv[1], int(sys.argv[2]))
    print(json.dumps({"ready": sys.getallocatedblocks()}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = globals()["do_" + request["do"]](request)
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
