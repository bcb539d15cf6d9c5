"""snapshot_on() writes files at a signal and at a size, no more often than it
may, and changes nothing else: handlers, forks and exits go as before.

SPDX-License-Identifier: MIT
"""
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

import pxs
from child_tools import preload
from harness import SANITIZED, child_environment, wait_until
from served import ChildError, Served

SLACK = 0.9  # of an interval of 1 s: clocks are read apart


@pytest.fixture
def child(spawn, tmp_path):
    child = Served(spawn, serve=False)
    child.run("import signal, time; os.chdir(%r)" % str(tmp_path))
    return child


def files(folder):
    return sorted(name for name in os.listdir(str(folder))
                  if name.endswith(".pxs"))


def header(path):
    with open(path, "rb") as stream:
        stream.seek(len(pxs.MAGIC))
        kind, codec, raw, _, body = next(pxs.split(stream.read()))
    assert kind == pxs.CHUNK["HEADER"]
    return json.loads(pxs._unpack(codec, body, raw).decode())


def taken(child, n):
    wait_until(lambda: child.ask("t.taken") >= n, "%d snapshots" % n)


def handles_usr1(pid):
    with open("/proc/%d/status" % pid) as status:
        caught = re.search(r"^SigCgt:\s*(\w+)", status.read(), re.M).group(1)
    return bool(int(caught, 16) >> (signal.SIGUSR1 - 1) & 1)


@pytest.mark.skipif(SANITIZED, reason="a second LD_PRELOAD")
@pytest.mark.parametrize("now", [
    0, 951782399, 951782400, 1709251199, 1735689599, 4107542399, 4107542400,
    253402300799])
def test_time_in_a_name(spawn, tmp_path, now):
    """UTC, on both sides of leap days and of years, as Python has it."""
    child = Served(spawn, serve=False, env=child_environment(
        LD_PRELOAD=str(preload("fixed_time")), FIXED_TIME=str(now)))
    child.run("import signal\nt = pyexplore.snapshot_on(%r, "
              "signal=signal.SIGUSR1)" % str(tmp_path / "{time}.pxs"))
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    assert files(tmp_path) == [
        time.strftime("%Y%m%dT%H%M%SZ.pxs", time.gmtime(now))]


@pytest.mark.smoke
def test_a_signal_makes_a_snapshot(child, tmp_path):
    """A whole file, of this user only, without pyexplore's own objects."""
    child.run("class Mark: pass\nmark = Mark()\n"
              "t = pyexplore.snapshot_on('a-{pid}-{time}.pxs', "
              "signal=signal.SIGUSR1)")
    assert child.ask("(t.taken, t.last_path, t.last_error)") == [0, None, None]
    os.chdir(str(tmp_path.parent))  # relative names are meant as of then
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    name, = files(tmp_path)
    assert re.match(r"a-%d-\d{8}T\d{6}Z\.pxs$" % child.pid, name)
    path = str(tmp_path / name)
    assert child.ask("t.last_path") == path
    assert os.stat(path).st_mode & 0o777 == 0o600
    heap = pxs.read(path)
    names = [heap.type_name(node) for node in heap.nodes.values()]
    assert names.count("__main__.Mark") == 1
    assert "pyexplore.SnapshotTrigger" not in names
    assert child.finish() == 0 and child.target.stderr == []


@pytest.mark.smoke
def test_handlers_that_were_there_are_called(child, tmp_path):
    """Python's handler runs as ever and is what getsignal says; closing
    leaves exactly it."""
    child.run("seen = []\nmine = lambda n, f: seen.append(n)\n"
              "signal.signal(signal.SIGUSR1, mine)\n"
              "t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)")
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    assert child.ask("seen == [signal.SIGUSR1]")
    assert child.ask("signal.getsignal(signal.SIGUSR1) is mine")
    child.run("t.close(); t.close()")
    os.kill(child.pid, signal.SIGUSR1)
    wait_until(lambda: child.ask("len(seen)") == 2, "the second call")
    assert child.ask("(t.taken, t.path, repr(t))") == [
        1, None, "<pyexplore.SnapshotTrigger closed>"]
    assert files(tmp_path) == ["1.pxs"]


def test_a_later_handler_replaces_ours_and_stays(child, tmp_path):
    child.run("seen = []\n"
              "t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)\n"
              "signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))")
    for n in (1, 2):
        os.kill(child.pid, signal.SIGUSR1)
        wait_until(lambda: child.ask("len(seen)") == n, "the handler")
        child.run("t.close()")
    assert child.ask("t.taken") == 0 and files(tmp_path) == []


def test_faulthandler_chains_to_it(child, tmp_path):
    """Who chains over the handler keeps it in the chain, also when it is
    closed; a new trigger of that signal is heard again."""
    child.run("import faulthandler\nlog = open('log', 'w+')\n"
              "t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)\n"
              "faulthandler.register(signal.SIGUSR1, log, chain=True)")
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    child.run("t.close()")
    os.kill(child.pid, signal.SIGUSR1)
    wait_until(lambda: (tmp_path / "log").read_text().count("most recent")
               >= 2, "two tracebacks")
    assert files(tmp_path) == ["1.pxs"]


def test_the_default_is_back_after_close(child):
    child.run("t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)")
    assert handles_usr1(child.pid)
    child.run("t.close()")
    assert not handles_usr1(child.pid)
    os.kill(child.pid, signal.SIGUSR1)
    assert child.target.wait() == -signal.SIGUSR1


def test_sooner_ones_wait_and_the_oldest_goes(child, tmp_path):
    """Signals within the interval are one snapshot after it; of more than
    `keep` files the oldest goes, but no file that is not ours."""
    child.run("t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1, "
              "interval=1, keep=2)")
    times = []
    for n in range(1, 4):
        os.kill(child.pid, signal.SIGUSR1)
        taken(child, n)
        times.append(header(child.ask("t.last_path"))["time"])
    assert all(b - a >= SLACK for a, b in zip(times, times[1:])), times
    wait_until(lambda: files(tmp_path) == ["2.pxs", "3.pxs"], "the first goes")
    (tmp_path / "2.pxs").unlink()
    (tmp_path / "2.pxs").write_text("somebody else's")
    for _ in range(5):
        os.kill(child.pid, signal.SIGUSR1)
    taken(child, 4)
    wait_until(lambda: (tmp_path / "4.pxs").exists(), "the fourth")
    after = child.ask("time.monotonic()") + 2.5
    wait_until(lambda: child.ask("time.monotonic()") > after, "two intervals")
    assert child.ask("t.taken") <= 5  # the first of the five, and the others
    assert (tmp_path / "2.pxs").read_text() == "somebody else's"


@pytest.mark.smoke
def test_a_size_makes_a_snapshot(child, tmp_path):
    """At the size, and again only when there is a tenth more: the size is
    near the end of what comes, as it may be passed while it still comes."""
    rss = ("(lambda: int(open('/proc/self/statm').read().split()[1])"
           " * os.sysconf('SC_PAGESIZE'))()")
    child.run("t = pyexplore.snapshot_on('{n}.pxs', rss=%s + (60 << 20), "
              "interval=1)" % rss)
    assert child.ask("t.taken") == 0
    child.run("a = b'x' * (64 << 20)")
    taken(child, 1)
    again = child.ask("time.monotonic()") + 2.5
    wait_until(lambda: child.ask("time.monotonic()") > again, "two looks")
    if not SANITIZED:  # whose own memory comes as well
        assert child.ask("t.taken") == 1 and files(tmp_path) == ["1.pxs"]
    child.run("b = b'x' * (64 << 20)")
    taken(child, 2)


@pytest.mark.smoke
def test_forked_children_have_none(child, tmp_path):
    """In the child the signal does nothing until it is handled; the parent's
    trigger still works, and nobody wrote for the child."""
    child.run("t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)\n"
              "import warnings; warnings.simplefilter('ignore')\n"
              "read, write = os.pipe()\n"
              "pid = os.fork()\n"
              "if pid == 0:\n"
              "    text = repr((t.path, t.taken, t.last_path))\n"
              "    t.close()\n"
              "    os.write(write, text.encode())\n"
              "    os.kill(os.getpid(), signal.SIGUSR1)\n"
              "    signal.signal(signal.SIGUSR1, lambda n, f: os._exit(9))\n"
              "    os.kill(os.getpid(), signal.SIGUSR1)\n"
              "    while True: pass\n"
              "said = os.read(read, 100).decode()\n"
              "status = os.waitpid(pid, 0)[1]")
    assert child.ask("said") == "(None, 0, None)"
    assert child.ask("status") == 9 << 8
    assert child.ask("t.taken") == 0 and files(tmp_path) == []
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)


def test_a_child_can_have_its_own(child, tmp_path):
    child.run("t = pyexplore.snapshot_on('{pid}-{n}.pxs', "
              "signal=signal.SIGUSR1)\n"
              "import warnings; warnings.simplefilter('ignore')\n"
              "pid = os.fork()\n"
              "if pid == 0:\n"
              "    t = pyexplore.snapshot_on('{pid}-{n}.pxs', "
              "signal=signal.SIGUSR1)\n"
              "    os.kill(os.getpid(), signal.SIGUSR1)\n"
              "    while t.taken == 0 and t.last_error is None:\n"
              "        time.sleep(0.01)\n"
              "    os._exit(t.taken)\n"
              "status = os.waitpid(pid, 0)[1]")
    assert child.ask("os.WEXITSTATUS(status)") == 1
    assert files(tmp_path) == ["%d-1.pxs" % child.ask("pid")]


@pytest.mark.parametrize("arguments, error", [
    ("", "ValueError: snapshot_on needs signal= or rss="),
    ("signal=signal.SIGKILL", "ValueError: signal 9 cannot ask"),
    ("signal=signal.SIGSEGV", "ValueError: signal 11 cannot ask"),
    ("signal=99999999999", "ValueError: signal 65536 cannot ask"),
    ("signal=signal.SIGTERM", "ValueError: signal 15 ends the process"),
    ("signal='USR1'", "TypeError: signal must be an int or None, not str"),
    ("rss=0", "ValueError: rss must be at least 1"),
    ("rss=1 << 80", "ValueError: rss must be at least 1"),
    ("rss=1, interval=0.5", "ValueError: interval must be at least 1"),
    ("rss=1, interval=float('nan')", "ValueError: interval must be at least"),
    ("rss=1, keep=0", "ValueError: keep must be at least 1"),
    ("rss=1, detail='all'", "ValueError: detail must be"),
    ("'a.pxs', rss=1", "ValueError: path would name every snapshot alike"),
    ("'{pid}.pxs', rss=1", "ValueError: path would name every snapshot"),
    ("'{n}{user}', rss=1", "ValueError: path has no field '{user}'"),
    ("'{n', rss=1", "ValueError: path has no field '{n'"),
    ("'n}', rss=1", "ValueError: path has no field '}'"),
    ("'/nowhere/{n}.pxs', rss=1", "FileNotFoundError"),
    ("'{n}' + 'x' * 5000, rss=1", "ValueError: path is too long")])
def test_mistakes_are_told_at_once(child, arguments, error):
    with pytest.raises(ChildError) as caught:
        child.run("pyexplore.snapshot_on(%s)" % arguments)
    assert str(caught.value).startswith(error), caught.value
    assert not handles_usr1(child.pid)


def test_a_signal_has_one_trigger(child):
    child.run("t = pyexplore.snapshot_on(signal=signal.SIGUSR1)")
    with pytest.raises(ChildError, match="signal 10 has a trigger already"):
        child.run("pyexplore.snapshot_on(signal=signal.SIGUSR1)")
    child.run("t.close()\n"
              "t = pyexplore.snapshot_on(signal=signal.SIGUSR1)\n"
              "more = [pyexplore.snapshot_on(rss=1 << 60) for _ in range(7)]")
    with pytest.raises(ChildError, match="8 triggers already"):
        child.run("pyexplore.snapshot_on(rss=1 << 60)")


def test_what_fails_is_kept_for_who_asks(child, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    child.run("t = pyexplore.snapshot_on('gone/{n}.pxs', "
              "signal=signal.SIGUSR1, interval=1)")
    folder.rmdir()
    os.kill(child.pid, signal.SIGUSR1)
    wait_until(lambda: child.ask("t.last_error"), "an error")
    assert "No such file" in child.ask("t.last_error")
    folder.mkdir()
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    assert child.ask("t.last_error") is None
    assert child.finish() == 0 and child.target.stderr == []


def test_disabled_it_is_inert(spawn):
    child = Served(spawn, serve=False, env={"PYEXPLORE_DISABLE": "1"})
    child.run("import signal\n"
              "t = pyexplore.snapshot_on(signal=signal.SIGUSR1)")
    assert child.ask("(t.path, t.taken)") == [None, 0]
    assert not handles_usr1(child.pid)
    assert child.ask("len(os.listdir('/proc/self/task'))") == 1


@pytest.mark.smoke
@pytest.mark.parametrize("end", [
    "", "t.close()", "os.kill(os.getpid(), signal.SIGUSR1)",
    "os.kill(os.getpid(), signal.SIGUSR1); time.sleep(0.02)",
    "os.kill(os.getpid(), signal.SIGUSR1); t.close()",
    "with t: pass", "del t"])
def test_every_end_is_quiet(end, tmp_path):
    """The interpreter ends with its status, without a word, and without half
    a file; in the middle of a snapshot too."""
    done = subprocess.run(
        [sys.executable, "-c",
         "import os, signal, sys, time, pyexplore\n"
         "heap = [[str(i)] for i in range(100000)]\n"
         "t = pyexplore.snapshot_on(%r, signal=signal.SIGUSR1, rss=1 << 50)\n"
         "%s\nsys.exit(3)" % (str(tmp_path / "{n}.pxs"), end)],
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, "")
    for name in files(tmp_path):
        pxs.read(str(tmp_path / name))


def test_a_signal_at_the_end_does_not_end_it(tmp_path):
    """Functions that run at exit after ours are not cut off by a signal that
    asked for a snapshot before."""
    done = subprocess.run(
        [sys.executable, "-c",
         "import atexit, os, signal\n"
         "atexit.register(print, 'flushed')\n"
         "atexit.register(os.kill, os.getpid(), signal.SIGUSR1)\n"
         "import pyexplore\n"
         "t = pyexplore.snapshot_on(%r, signal=signal.SIGUSR1)"
         % str(tmp_path / "{n}.pxs")],
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "flushed\n", "")
    assert files(tmp_path) == []


@pytest.mark.skipif(SANITIZED, reason="memory that was freed is not used again")
@pytest.mark.parametrize("make, other", [
    ("pyexplore.serve(port=None)", "complex(i, 1)"),
    ("pyexplore.snapshot_on(rss=1 << 60)", "bytes(size)")])
def test_what_follows_at_the_address_of_a_handle_is_seen(child, make, other):
    """An object that is where a closed handle was is the program's."""
    child.run("t = pyexplore.snapshot_on('{n}.pxs', signal=signal.SIGUSR1)\n"
              "handle = %s\n"
              "handle.close()\n"
              "address = id(handle)\n"
              "size = sys.getsizeof(handle) - sys.getsizeof(b'')\n"
              "del handle\n"
              "keep = [%s for i in range(2000)]" % (make, other))
    address = child.ask("address")
    assert child.ask("address in map(id, keep)")
    os.kill(child.pid, signal.SIGUSR1)
    taken(child, 1)
    assert address in pxs.read(child.ask("t.last_path")).nodes


def test_typed_as_it_is():
    """The stub says what the function takes."""
    import inspect
    import pyexplore
    stub = os.path.join(os.path.dirname(pyexplore.__file__), "_agent.pyi")
    with open(stub) as stream:
        text = re.search(r"def snapshot_on\((.*?)\) ->", stream.read(),
                         re.S).group(1)
    typed = re.findall(r"(\w+):[^=]*= ([^,]*),", text)
    told = inspect.signature(pyexplore.snapshot_on).parameters
    assert [(name, eval(value)) for name, value in typed] == [
        (name, p.default) for name, p in told.items()]
