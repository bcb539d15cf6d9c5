"""Forked children have nothing of the server and remove nothing of it.

SPDX-License-Identifier: MIT
"""
import os
import subprocess
import sys
import threading

import pytest

from child_tools import preload
from harness import SANITIZED, child_environment, wait_until
from served import Served

# In the child: descriptors and threads beside the parent's own, as JSON.
LOOK = """
def kinds():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink("/proc/self/fd/" + fd))
        except OSError:
            pass  # listdir's own
    return found
plain = kinds()  # of pipes: stdin, stdout, stderr
def look():
    return {
        "ours": [kind for kind in kinds() if kind.startswith(
            ("socket:", "/memfd:", "anon_inode:", "pipe:"))
            and not (kind.startswith("pipe:") and kind in plain)
            and kind != os.readlink("/proc/self/fd/%d" % answer)],
        "threads": len(os.listdir("/proc/self/task")),
        "address": server.address, "unix": server.unix_path,
        "repr": repr(server)}
def in_child(act):
    import warnings
    warnings.simplefilter("ignore")  # 3.12+: fork with threads
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        global answer
        answer = write
        os.close(read)
        try:
            text = json.dumps(act())
        except BaseException as error:
            text = json.dumps(repr(error))
        os.write(write, text.encode())
        os.close(write)
        os._exit(0)
    os.close(write)
    text = b""
    while True:
        more = os.read(read, 65536)
        if not more:
            break
        text += more
    os.close(read)
    assert os.waitpid(pid, 0) == (pid, 0)
    return json.loads(text.decode())
"""


@pytest.mark.smoke
def test_fork_leaves_nothing_in_the_child(spawn, px_folder):
    """os.fork(), with peers connected and a snapshot running: the child has
    no descriptor and no thread of ours; the parent serves on."""
    child = Served(spawn, spool_bytes=4 << 20)
    child.run(LOOK)
    child.run("heap = [[str(i)] for i in range(300000)]")
    files = sorted(px_folder.iterdir())
    with child.wire() as wire, child.wire() as other:
        wire.frame("snapshot", {"codec": "none"})
        wait_until(lambda: child.ask("any('memfd:' in k for k in kinds())"),
                   "a spool")
        seen = child.ask("in_child(look)")
        assert seen["threads"] == 1
        assert seen["ours"] == []
        assert seen["address"] is None and seen["unix"] is None
        assert seen["repr"] == "<pyexplore.Server closed>"
        assert other.ask("status")["peers"] == 2
    assert sorted(px_folder.iterdir()) == files
    assert child.ask("server.address") == child.address


def test_child_that_ends_properly_removes_nothing(spawn, px_folder):
    """A forked child that runs atexit, or stop(), leaves the parent's files."""
    child = Served(spawn)
    child.run(LOOK)
    files = sorted(px_folder.iterdir())
    child.run("""
import warnings
warnings.simplefilter("ignore")
code = 'server.close(); pyexplore.stop()'
pid = os.fork()
if pid == 0:
    exec(code)
    import atexit
    atexit._run_exitfuncs()
    os._exit(7)
done = os.waitpid(pid, 0)[1] >> 8
""")
    assert child.ask("done") == 7
    assert sorted(px_folder.iterdir()) == files
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1


@pytest.mark.smoke
def test_child_may_serve_itself(spawn, px_folder):
    """serve() in a forked child makes a server of its own, and its end leaves
    the parent's."""
    child = Served(spawn)
    child.run(LOOK + """
def serve_again():
    mine = pyexplore.serve(port=0)
    assert mine is not server
    pyexplore.snapshot(os.environ["PYEXPLORE_DIR"] + "/x.pxs")
    os.unlink(os.environ["PYEXPLORE_DIR"] + "/x.pxs")
    files = os.listdir(os.environ["PYEXPLORE_DIR"])
    seen = [mine.unix_path.endswith("%d.sock" % os.getpid()), len(files)]
    pyexplore.stop()
    return seen + [len(os.listdir(os.environ["PYEXPLORE_DIR"]))]
""")
    assert child.ask("in_child(serve_again)") == [True, 4, 2]
    with child.wire() as wire:
        assert wire.server["pid"] == child.pid


def test_a_child_without_the_parents_exit_functions(spawn):
    """A worker that serves leaves nothing, although multiprocessing (3.13+)
    dropped in it what the parent had registered with atexit."""
    child = Served(spawn)
    child.run(LOOK + """
def serve_and_end():
    import atexit
    atexit._clear()
    pyexplore.serve(port=0)
    files = os.listdir(os.environ["PYEXPLORE_DIR"])
    atexit._run_exitfuncs()
    return [len(files), len(os.listdir(os.environ["PYEXPLORE_DIR"]))]
""")
    assert child.ask("in_child(serve_and_end)") == [4, 2]


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own locks are "
                    "not let go in a child that is forked beside threads")
def test_fork_while_peers_ask_for_facts(spawn):
    """300 forks while files of /proc are read for peers: no child has one."""
    child = Served(spawn)
    child.run(LOOK)
    child.run("def of_proc():\n"
              "    mine = '/proc/%d/' % os.getpid()  # listdir's own\n"
              "    return [kind for kind in kinds() if kind.startswith('/proc/')"
              " and not kind.startswith(mine)]")
    wires = [child.wire() for _ in range(4)]
    child.begin("ask", "sum([in_child(of_proc) for _ in range(300)], [])")
    stop = threading.Event()

    def ask(wire):
        while not stop.is_set():
            wire.ask("memory")
    peers = [threading.Thread(target=ask, args=(wire,)) for wire in wires]
    for peer in peers:
        peer.start()
    try:
        seen = child.end()
    finally:
        stop.set()
        for peer in peers:
            peer.join()
    assert seen == []


@pytest.mark.skipif(SANITIZED, reason="AddressSanitizer's own locks are "
                    "not let go in a child that is forked beside threads")
def test_fork_from_a_thread_while_peers_come_and_go(spawn):
    """200 forks against connecting peers: no child has a socket of ours."""
    child = Served(spawn)
    child.run(LOOK)
    child.begin("ask", "[in_child(look)['ours'] "
                       "for _ in range(200)]")
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            child.wire().close()
    peers = threading.Thread(target=come_and_go)
    peers.start()
    try:
        seen = child.end()
    finally:
        stop.set()
        peers.join()
    assert seen == [[]] * 200


@pytest.mark.skipif(SANITIZED, reason="a second LD_PRELOAD")
@pytest.mark.parametrize("call", ["close", "stat", "read", "wait"])
def test_fork_waits_for_no_slow_call(spawn, tmp_path, call):
    """os.fork() has the GIL: while the file is closed or looked at on a slow
    disk, the kernel's files are read, or the child of a snapshot is waited
    for, it must come back all the same, and the child has none of them."""
    child = Served(spawn, spool_bytes=4 << 20, env=child_environment(
        LD_PRELOAD=str(preload("hold_call")), HOLD=call,
        HOLD_FOLDER=str(tmp_path)))
    child.run(LOOK)
    if call == "wait":
        child.run("heap = [[str(i)] for i in range(300000)]")
        wire = child.wire()
        wire.frame("snapshot", {"codec": "none"})
        wait_until(lambda: wire.sock.recv(1), "the first bytes")
        slow = "pyexplore.stop"
    else:
        slow = "lambda: pyexplore.snapshot(%r)" % str(tmp_path / "x.pxs")
    child.run("import threading\n"
              "slow = threading.Thread(target=%s)\n"
              "slow.start()" % slow)
    wait_until((tmp_path / "held").exists, "the slow call")
    assert not [kind for kind in child.ask("in_child(kinds)")
                if "memfd" in kind or kind.endswith((".pxs", "/mountinfo"))]
    (tmp_path / "go").touch()
    child.run("slow.join()")


@pytest.mark.skipif(SANITIZED, reason="a second LD_PRELOAD")
@pytest.mark.parametrize("lock", [
    pytest.param("heads", marks=pytest.mark.skipif(
        sys.version_info >= (3, 12), reason="CPython's fork sees to it")),
    "linker"])
def test_a_child_finds_no_lock_taken(spawn, tmp_path, lock):
    """os.fork() while a thread of ours has a lock of CPython's or of the
    dynamic linker's, which nobody in the child would let go: it waits."""
    child = Served(spawn, env=child_environment(
        LD_PRELOAD=str(preload("hold_call")), HOLD=lock,
        HOLD_FOLDER=str(tmp_path)))
    child.run(LOOK)
    child.run("import ctypes\n"
              "def live():\n"
              "    return ctypes.CDLL('libanl.so.1')._name")
    wire = child.wire()
    wire.frame(*{"heads": ("gc_state", {}),
                 "linker": ("snapshot", {"codec": "none"})}[lock])
    wait_until((tmp_path / "held").exists, "the lock")
    assert child.ask("in_child(live)") == "libanl.so.1"


@pytest.mark.smoke
def test_fork_while_the_memory_for_a_thread_is_traced(spawn):
    """tracemalloc takes the GIL for the memory of a thread's state, which is
    asked for without it: a fork by who has the GIL meanwhile goes on."""
    child = Served(spawn)
    child.run("""
import ctypes, tracemalloc, warnings
warnings.simplefilter("ignore")  # 3.12+: fork with threads
with_gil = ctypes.PyDLL(None)
def keep_and_fork():
    line = b'{"event": "kept"}\\n'
    with_gil.write(1, line, len(line))
    with_gil.usleep(300000)
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1]
tracemalloc.start()
sys.setswitchinterval(1000)
""")
    wire = child.wire()
    child.begin("ask", "keep_and_fork()")
    child.target.event("kept")
    wire.frame("gc_state", {})
    assert child.end() == 0


MULTIPROCESSING = """
import json, multiprocessing, os, pyexplore, sys
def work(n):
    import pyexplore
    kinds = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            kinds.append(os.readlink("/proc/self/fd/" + fd))
        except OSError:
            pass
    listening = open("/proc/net/unix").read().count(
        "/%d.sock" % os.getpid())
    return [n * n, listening, sum("memfd:pyexplore" in k for k in kinds)]
if __name__ == "__main__":
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    server = pyexplore.serve(port=0)
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(3) as pool:
        got = pool.map(work, range(20))
    assert got == [[n * n, 0, 0] for n in range(20)], got
    process = context.Process(target=work, args=(1,))
    process.start(); process.join()
    assert process.exitcode == 0
    folder = os.environ["PYEXPLORE_DIR"]
    print(json.dumps({"event": "files", "files": sorted(os.listdir(folder))}),
          flush=True)
    assert os.path.exists(server.unix_path)
"""


SETTINGS = "[gc.isenabled(), list(gc.get_threshold()), gc.get_debug()]"


def test_child_has_the_collector_as_it_was(spawn):
    """What connections set for as long as they last is put back in a child,
    where nobody else would; what was kept, and the parent's, stays. A child
    that serves begins anew."""
    child = Served(spawn)
    child.run(LOOK)
    child.run("settings = lambda: %s\n"
              "def settings_when_serving():\n"
              "    pyexplore.serve(port=None)\n"
              "    pyexplore.stop()\n"
              "    return settings()" % SETTINGS)
    before = child.ask(SETTINGS)
    assert child.ask("in_child(settings)") == before
    with child.wire() as one, child.wire() as other:
        one.ask("gc_set", {"debug": 4, "keep": True})
        one.ask("gc_set", {"enabled": False, "thresholds": [5, 6, 7]})
        other.ask("gc_set", {"enabled": False, "debug": 32})
        changed = child.ask(SETTINGS)
        assert changed[0] is False and changed[2] == 32
        want = before[:2] + [4]
        assert child.ask("in_child(settings)") == want
        assert child.ask("in_child(lambda: in_child(settings))") == want
        assert child.ask("in_child(settings_when_serving)") == want
        assert child.ask(SETTINGS) == changed
        child.run("import multiprocessing\n"
                  "def put(queue): queue.put(settings())\n"
                  "fork = multiprocessing.get_context('fork')\n"
                  "def of_a_worker():\n"
                  "    queue = fork.SimpleQueue()\n"
                  "    worker = fork.Process(target=put, args=(queue,))\n"
                  "    worker.start()\n"
                  "    told = queue.get()\n"
                  "    worker.join()\n"
                  "    return told")
        assert child.ask("of_a_worker()") == want
        one.ask("gc_restore")
        assert child.ask("in_child(settings)") == want
    wait_until(lambda: child.ask(SETTINGS) == want, "all but what was kept")


def test_after_a_fork_only_the_program_sets_the_collector(spawn):
    """A child that has begun is left alone: what it sets itself stays, also
    when it was set at the fork, before ours is put back."""
    child = Served(spawn, serve=False)
    child.run(LOOK)
    child.run("os.register_at_fork(after_in_child=lambda: "
              "gc.set_threshold(4000, 40))\n"
              "server = pyexplore.serve(port=0)")
    child.unix = child.ask("server.unix_path")
    child.run("def own():\n"
              "    gc.disable()\n"
              "    return in_child(gc.isenabled)")
    with child.wire() as wire:
        wire.ask("gc_set", {"enabled": False, "thresholds": [9, 9, 9]})
        assert child.ask("in_child(own)") is False
        assert child.ask("in_child(gc.get_threshold)")[:2] == [4000, 40]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path, px_folder, method):
    """Pools of every kind work, end, and do not serve."""
    script = tmp_path / "main.py"
    script.write_text(MULTIPROCESSING)
    done = subprocess.run(
        [sys.executable, str(script), method], env=child_environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.listdir(str(px_folder)) == []


def test_subprocess_inherits_nothing(spawn):
    """A program started with close_fds=False has no descriptor of ours."""
    child = Served(spawn)
    with child.wire():
        out = child.ask(
            "__import__('subprocess').run(['ls', '-l', '/proc/self/fd'], "
            "close_fds=False, stdout=-1).stdout.decode()")
    assert "socket:" not in out and "eventfd" not in out
