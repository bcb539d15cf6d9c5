"""run.py: `make bench`: every figure of the design as a ratio in one run.

    make bench [PYTHON=python3.13] [T="--objects 1000000 --json FILE"]
    make bench T="--only second --scale 5000000"

The peers come from PyPI into a virtual environment of the bench; guppy3 needs
CPython 3.10 or newer.  Each peer gets a fresh target process with the same
heap, because some peers make the heap grow.  Prints one line a figure: what,
ours, theirs, ratio, what the design wants; exit status 1 when one falls short.
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "e2e"))
from terminal import Terminal  # noqa: E402

PATIENCE = 600


class Target:
    """A target.py process; ended by closing its stdin."""

    def __init__(self, args, kind, n_objects):
        env = dict(os.environ, PYTHONPATH=args.package)
        self.process = subprocess.Popen(
            [args.python, os.path.join(HERE, "target.py"), kind,
             str(n_objects)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=env, text=True)
        self.pid = self.process.pid
        self.ready = json.loads(self.process.stdout.readline())

    def ask(self, do, **request):
        self.process.stdin.write(json.dumps(dict(request, do=do)) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the target died in %r" % do)
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (do, answer["error"]))
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.stdin.close()
        self.process.wait()


class Report:
    """The table of figures; remembers whether one fell short."""

    def __init__(self):
        self.rows = []

    def add(self, what, ours, against, theirs, unit, at_most=None):
        ratio = ours / theirs if theirs else float("nan")
        fine = at_most is None or ratio <= at_most
        self.rows.append({"what": what, "ours": ours, "against": against,
                          "theirs": theirs, "unit": unit, "ratio": ratio,
                          "at_most": at_most, "ok": fine})
        print("%-4s %-46s %12s  vs %-28s %12s  ratio %-9s %s" % (
            "ok" if fine else "FAR", what, show(ours, unit), against,
            show(theirs, unit), "%.4g" % ratio,
            "" if at_most is None else "(reach <= %.4g)" % at_most),
            flush=True)

    def plain(self, what, ours, unit, at_most=None):
        fine = at_most is None or ours <= at_most
        self.rows.append({"what": what, "ours": ours, "unit": unit,
                          "at_most": at_most, "ok": fine})
        print("%-4s %-46s %12s  %s" % (
            "ok" if fine else "FAR", what, show(ours, unit),
            "" if at_most is None else "(reach <= %s)" % show(at_most, unit)),
            flush=True)

    def failed(self):
        return [row for row in self.rows if not row["ok"]]


def show(value, unit):
    if unit == "ns":
        for factor, name in ((1e9, "s"), (1e6, "ms"), (1e3, "us")):
            if abs(value) >= factor:
                return "%.4g %s" % (value / factor, name)
        return "%d ns" % value
    if unit == "bytes":
        for factor, name in ((1 << 30, "GiB"), (1 << 20, "MiB"),
                             (1 << 10, "KiB")):
            if abs(value) >= factor:
                return "%.4g %s" % (value / factor, name)
        return "%d B" % value
    return ("%.4g %s" % (value, unit)).strip()


PREVIEWS_KIND = 7
FOOTER_KIND = 8
FOOTER_TAGS = {2: "objects", 3: "edges", 4: "bad_objects", 8: "gil_wait_ns",
               9: "pause_ns", 10: "wall_ns", 11: "cpu_ns", 12: "raw_bytes",
               13: "dirty_pages"}  # snapshot.h: PX_FOOTER_LIST


def varints(data):
    value = shift = 0
    for byte in data:
        value |= (byte & 0x7f) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0


def preview_bytes(path):
    """What the previews alone take in a .pxs file."""
    total = 0
    with open(path, "rb") as file:
        file.seek(8)
        for head in iter(lambda: file.read(24), b""):
            kind, _, _, _, stored, _, _ = struct.unpack("<HBBIIIQ", head)
            file.seek(stored, os.SEEK_CUR)
            total += stored * (kind == PREVIEWS_KIND)
    return total


def read_footer(path):
    """The footer of a .pxs file; its last chunk, uncompressed."""
    with open(path, "rb") as file:
        file.seek(8)
        while True:
            head = file.read(24)
            kind, codec, _, _, stored, _, _ = struct.unpack("<HBBIIIQ", head)
            if kind == FOOTER_KIND:
                assert codec == 0
                numbers = list(varints(file.read(stored)))
                return {FOOTER_TAGS[tag]: value for tag, value
                        in zip(numbers[::2], numbers[1::2])
                        if tag in FOOTER_TAGS}
            file.seek(stored, os.SEEK_CUR)


def captures(target, folder, times, do="capture", **options):
    """Footers of `times` snapshots."""
    footers = []
    for _ in range(times):
        path = os.path.join(folder, "bench.pxs")
        answer = target.ask(do, path=path, **options)
        footers.append(dict(read_footer(path), gap_ns=answer.get("gap_ns")))
        os.unlink(path)
    return footers


def median(footers, key):
    return statistics.median(footer[key] for footer in footers)


def least(footers, key):
    """Of CPU time: what else runs on the machine only adds to it."""
    return min(footer[key] for footer in footers)


# On a shared machine a neighbour on the same core slows down what computes by
# 1.4 and what waits for memory by 1.2, for ten seconds on end: so many turns
# that some of them are without it.
TURNS = 25


def in_turn(target, folder, times):
    """Full and marking snapshots, one after the other: what the machine does
    meanwhile is the same for both."""
    full, mark = [], []
    for _ in range(times):
        full += captures(target, folder, 1)
        mark += captures(target, folder, 1, mark_only=True)
    return full, mark


def run_timed(command):
    start = time.perf_counter_ns()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter_ns() - start


def commands(args, pid):
    """From the key press to the last line of the three answers."""
    program = os.path.join(args.build, "pyexplore")

    def words(command, *more):
        return [program, command, pid, *more, "--json", "--yes"]

    first = json.loads(subprocess.run(
        words("instances", "heap.Session", "-n", "1"), check=True,
        stdout=subprocess.PIPE).stdout)
    address = first["instances"][0]["address"]
    return {"types_ns": run_timed(words("types")),
            "path_ns": run_timed(words("path", "heap.Session")),
            "referrers_ns": run_timed(words("referrers", address))}


def screens(args, pid):
    """From the start of the explorer until its screen has all types; and
    until it has, by the keys of a user and the time that a terminal takes for
    them, the referrers of an instance, and then its path."""
    start = time.perf_counter_ns()
    shown = {}
    with Terminal([os.path.join(args.build, "pyexplore-tui"), pid], cols=100,
                  rows=30) as terminal:
        def wait_for(name, pattern):
            terminal.wait_for(pattern, regex=True, timeout=PATIENCE)
            shown[name] = time.perf_counter_ns() - start

        wait_for("screen_types_ns", r"snapshot 1, \d+ s old")
        terminal.type(":goto instances:heap.Session\n")
        wait_for("screen_instances_ns", r"^▌[0-9a-f]+ ")
        terminal.keys("Enter")
        wait_for("screen_referrers_ns", r"referred to by +[\d,]+")
        terminal.keys("p")
        wait_for("screen_path_ns", r"› path *\n STEP .*\n▌(module|thread)")
        terminal.keys("q")
        terminal.wait_exit()
    return shown


def ours(args, report, folder):
    """All our own figures, in one target; returns what peers need."""
    library = os.path.join(folder, "clone.so")
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC",
                    "-o", library, os.path.join(HERE, "clone.c")], check=True)
    with Target(args, "mixed", args.objects) as target:
        captures(target, folder, 1)
        before = target.ask("state")
        clones, full, mark = [], [], []
        for _ in range(TURNS):
            clones += target.ask("clone", library=library,
                                 times=1)["clone_ns"]
            one, other = in_turn(target, folder, 1)
            full, mark = full + one, mark + other
        clone_ns = statistics.median(clones)
        names = captures(target, folder, 1, detail="names")[0]
        n_objects = full[0]["objects"]
        report.plain("objects in the snapshot", n_objects, "")
        report.plain("edges an object", full[0]["edges"] / n_objects, "")
        report.add("pause of the target", median(full, "pause_ns"),
                   "a bare clone", clone_ns, "ns", 1.3)
        report.add("child CPU, names + values + sizes",
                   least(full, "cpu_ns"), "the child marking only",
                   least(mark, "cpu_ns"), "ns", 2.5)
        asleep = captures(target, folder, 1, do="capture_asleep")[0]
        report.plain("pages of the target that the child dirties",
                     asleep["dirty_pages"], "pages", 64)
        report.plain("bytes an object, raw stream",
                     full[0]["raw_bytes"] / n_objects, "B")
        server = target.ask("serve")
        pid = str(target.pid)
        program = os.path.join(args.build, "pyexplore")
        asked = dict(commands(args, pid), **screens(args, pid))
        for detail in ("names", "values"):
            path = os.path.join(folder, detail + ".pxs")
            subprocess.run([program, "snapshot", pid, "-o", path, "--detail",
                            detail, "--yes"], check=True,
                           stdout=subprocess.DEVNULL)
            n_bytes = os.path.getsize(path)
            previews = preview_bytes(path)
            report.plain("file on disk at %s, an object" % detail,
                         n_bytes / n_objects, "B",
                         6 + previews / n_objects)
            if previews:
                report.plain("of that, previews", previews / n_objects, "B")
            os.unlink(path)
        for _ in range(4):  # its own list of all objects warms malloc up
            middle = target.ask("state")
        captures(target, folder, 100)
        after = target.ask("state")
        report.plain("tracked objects more after 100 snapshots",
                     after["tracked"] - middle["tracked"], "", 0)
        report.plain("rss growth over 100 snapshots",
                     after["rss"] - middle["rss"], "bytes", 1 << 20)
        report.plain("descriptors more after 100 snapshots",
                     after["fds"] - middle["fds"], "", 0)
        del server, before, names
        return dict(asked, pause_ns=median(full, "pause_ns"),
                    cpu_ns=least(full, "cpu_ns"))


# What a user waits for, each from nothing: with the snapshot it needs.
ANSWERS = (
    ("types_ns", "key press to types"),
    ("path_ns", "key press to all paths of a type"),
    ("referrers_ns", "key press to the referrers of an object"),
    ("screen_types_ns", "explorer opened to types"),
    ("screen_referrers_ns", "explorer opened, keys to referrers"),
    ("screen_path_ns", "explorer opened, keys to the path"),
)


def against_peers(args, report, figures):
    with Target(args, "mixed", args.objects) as target:
        guppy = target.ask("guppy")
    report.add("pause of the target", figures["pause_ns"],
               "guppy3 heap(), all along", guppy["wall_ns"], "ns", 1 / 200)
    report.add("child CPU", figures["cpu_ns"], "guppy3 heap()",
               guppy["wall_ns"], "ns", 1 / 5)
    for key, what in ANSWERS:
        report.add(what, figures[key], "guppy3 heap()", guppy["wall_ns"],
                   "ns", 1)
    report.plain("guppy3 heap(): the target grows", guppy["grew_bytes"],
                 "bytes")
    for peer, name in (("gc_get_objects", "gc.get_objects()"),
                       ("gc_collect", "gc.collect()"),
                       ("objgraph", "objgraph most_common_types")):
        with Target(args, "mixed", args.objects) as target:
            answer = target.ask(peer)
        report.add("pause of the target", figures["pause_ns"], name,
                   answer["wall_ns"], "ns")


def stress(args, report, folder):
    for kind in ("strings", "dict", "instances"):
        with Target(args, kind, args.objects) as target:
            captures(target, folder, 1)
            full, mark = in_turn(target, folder, 5)
            report.add("%s: child CPU" % kind, least(full, "cpu_ns"),
                       "marking only", least(mark, "cpu_ns"), "ns")
            report.plain("%s: raw bytes an object" % kind,
                         full[0]["raw_bytes"] / full[0]["objects"], "B")


# What a client does with a snapshot, and what a user waits for.
def analyses(args, report, folder, kind, n_objects):
    """Last byte to paths, dominators and retained sizes of everything."""
    label = "%s, %.3g M" % (kind, n_objects / 1e6)
    wanted = kind == "mixed"
    path = os.path.join(folder, "scale.pxs")
    with Target(args, kind, n_objects) as target:
        footers = []
        for _ in range(3):
            if os.path.exists(path):
                os.unlink(path)
            target.ask("snapshot", path=path)
            footers.append(read_footer(path))
        everything_ns = run_timed(
            [os.path.join(args.build, "pyexplore"), "dominators",
             serving(target), "--json", "--yes", "-n", "1"]) if wanted else 0
        guppy_ns = target.ask("guppy")["wall_ns"] if wanted else 0
    runs = [json.loads(subprocess.run(
        [os.path.join(args.build, "bench", "analyse"), path,
         str(int(median(footers, "wall_ns")))], check=True,
        stdout=subprocess.PIPE).stdout) for _ in range(3)]
    # as of the captures the one in the middle
    said = sorted(runs, key=lambda run: run["all"]["wall"])[1]
    nodes, edges = said["nodes"], said["edges"]
    peak = max(part["peak_bytes"] for part in said.values()
               if isinstance(part, dict))
    report.add(label + ": last byte to everything", said["all"]["wall"] * 1e9,
               "the capture itself", median(footers, "wall_ns"), "ns",
               1 if wanted else None)
    report.add(label + ": client memory at its peak", peak,
               "24 B an object + 12 B an edge", 24 * nodes + 12 * edges,
               "bytes", 1 if wanted else None)
    for part in ("add", "finish", "dominators", "paths"):
        report.plain("%s: %s, CPU" % (label, part), said[part]["cpu"] * 1e9,
                     "ns")
    report.plain(label + ": longest of one chunk, CPU",
                 said["longest_chunk"] * 1e9, "ns", 50e6 if wanted else None)
    report.plain(label + ": mapped beside it, an object",
                 said["mapped_bytes"] / nodes, "B")
    if wanted:
        report.add(label + ": key press to everything", everything_ns,
                   "guppy3 heap()", guppy_ns, "ns", 0.5)
        keys(args, report, label, path)
    os.unlink(path)


def serving(target):
    target.ask("serve")
    return str(target.pid)


def keys(args, report, label, path):
    answers = json.loads(subprocess.run(
        [sys.executable, os.path.join(HERE, "keys.py"),
         os.path.join(args.build, "pyexplore-tui"), path], check=True,
        stdout=subprocess.PIPE).stdout)
    silent = [name for name, ms in answers if ms is None]
    report.plain(label + ": keys without an answer", len(silent), "", 0)
    slowest = max((ms, name) for name, ms in answers if ms is not None)
    report.plain("%s: slowest key (%s)" % (label, slowest[1]),
                 slowest[0] * 1e6, "ns", 50e6)


def slow_peers(args, report, folder):
    """Tools that take minutes on the large heap: on a smaller one, with our
    own figures for the same."""
    n_objects = min(args.objects, args.peer_objects)
    with Target(args, "mixed", n_objects) as target:
        captures(target, folder, 1)
        pause_ns = median(captures(target, folder, 3), "pause_ns")
    for peer, name in (("objgraph_chain", "objgraph find_backref_chain"),
                       ("objgraph_growth", "objgraph growth"),
                       ("pympler", "Pympler summarize"),
                       ("guppy_domisize", "guppy3 domisize")):
        with Target(args, "mixed", n_objects) as target:
            answer = target.ask(peer)
        report.add("pause of the target, %.3g M" % (n_objects / 1e6),
                   pause_ns, name, answer["wall_ns"], "ns")


PEERS = ("guppy3==3.1.7", "objgraph==3.7.0", "Pympler==1.1")


def peers_python(build):
    """The interpreter of a virtual environment with the peers."""
    version = "%d.%d" % sys.version_info[:2]
    folder = os.path.join(build, "venv", "bench-" + version)
    python = os.path.join(folder, "bin", "python")
    mark = os.path.join(folder, "ready")
    wanted = "\n".join(PEERS) + "\n"
    if not os.path.exists(mark) or open(mark).read() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder],
                       check=True)
        subprocess.run([python, "-m", "pip", "install", "-q",
                        "--disable-pip-version-check", *PEERS], check=True)
        with open(mark, "w") as file:
            file.write(wanted)
    return python


def parse():
    parser = argparse.ArgumentParser(
        description="Measures pyexplore against its peers.")
    parser.add_argument("--objects", type=int, default=5000000)
    parser.add_argument("--scale", type=int, nargs="*",
                        default=[5000000, 20000000],
                        help="sizes for the analyses")
    parser.add_argument("--peer-objects", type=int, default=500000,
                        help="for peers that take minutes on more")
    parser.add_argument("--only", choices=("first", "second"),
                        help="only one part of the figures")
    parser.add_argument("--json", help="also write the figures to this file")
    args = parser.parse_args()
    args.build = os.environ.get("BUILD", "build")
    args.package = os.path.join(args.build,
                                "py%d.%d" % sys.version_info[:2])
    args.python = peers_python(args.build)
    return args


ROOM = 4 << 30  # bytes: the snapshots of the largest heap


def files_folder():
    """Where snapshots go: into memory if there is room. Writing gigabytes to
    a disk keeps the machine busy beside what is measured, for which the disk
    does not count."""
    try:
        room = os.statvfs("/dev/shm")
        is_roomy = room.f_bavail * room.f_frsize >= ROOM
    except OSError:
        is_roomy = False
    return "/dev/shm" if is_roomy and os.access("/dev/shm", os.W_OK) else None


def main():
    args = parse()
    report = Report()
    with tempfile.TemporaryDirectory(dir=files_folder()) as folder:
        if args.only != "second":
            figures = ours(args, report, folder)
            against_peers(args, report, figures)
            stress(args, report, folder)
        if args.only != "first":
            for n_objects in args.scale:
                analyses(args, report, folder, "mixed", n_objects)
            for kind in ("strings", "dict", "instances"):
                analyses(args, report, folder, kind, args.objects)
            slow_peers(args, report, folder)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(report.rows, file, indent=1)
    failed = report.failed()
    print("%d figures, %d fall short" % (len(report.rows), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
