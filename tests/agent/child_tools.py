"""child_tools.py: captures without agent and sockets, for tests of the child.

`extension(name)` compiles tests/agent/NAME.c for the running interpreter;
child_driver is linked with src/agent/heap. `script(code)` runs code in a fresh
interpreter that can import this module and the extensions, and returns the
JSON line that it printed last. In such a script: `capture(...)`.

SPDX-License-Identifier: MIT
"""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("PYEXPLORE_BUILD")
                     or REPOSITORY / "build").resolve()
TAG = "py%d.%d" % sys.version_info[:2]
FOLDER = BUILD / "child-tests" / TAG
HEADER = b'{"format":1}'
HEAP_SOURCES = sorted((REPOSITORY / "src/agent/heap").glob("*.c")) + [
    REPOSITORY / "src/proto/snapshot.c", REPOSITORY / "src/base/err.c",
    REPOSITORY / "src/base/fd.c", REPOSITORY / "src/base/memory.c"]


def _newest(paths):
    return max(path.stat().st_mtime for path in paths)


def _compile(target, sources, *flags):
    headers = list(REPOSITORY.glob("src/**/*.h")) + list(
        REPOSITORY.glob("include/pyexplore/*.h"))
    if target.exists() and target.stat().st_mtime > _newest(
            list(sources) + headers):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name("%s.%d" % (target.name, os.getpid()))
    command = [os.environ.get("CC", "gcc"), "-std=c11", "-D_GNU_SOURCE",
               "-O2", "-g", "-fPIC", "-fvisibility=hidden", "-shared",
               "-I%s" % (REPOSITORY / "include"),
               "-I%s" % (REPOSITORY / "src"),
               "-I%s" % sysconfig.get_paths()["include"],
               "-o", str(partial)]
    command += [str(source) for source in sources] + list(flags)
    subprocess.run(command, check=True)
    partial.replace(target)


def extension(name):
    """Path of the compiled extension."""
    target = FOLDER / (name + ".so")
    sources = [HERE / (name + ".c")]
    if name == "child_driver":
        _compile(target, sources + HEAP_SOURCES, "-DPX_PLANS_LOG2=3", "-llz4",
                 "-Wl,-z,now")
    else:
        _compile(target, sources, "-ldl", "-pthread")
    return target


def preload(name):
    """Path of tests/agent/NAME.c, compiled for LD_PRELOAD."""
    target = FOLDER / ("lib%s.so" % name)
    _compile(target, [HERE / (name + ".c")], "-fvisibility=default", "-ldl",
             "-pthread")
    return target


def trap():
    """What traps calls of the child."""
    return preload("child_trap")


def script(code, timeout=120, **environment):
    """Runs code; what it printed as its last line, decoded from JSON."""
    for name in ("child_driver", "child_badtypes", "child_hammer"):
        extension(name)
    env = dict(os.environ, PYTHONHASHSEED="0",
               PYTHONPATH=os.pathsep.join([str(HERE), str(FOLDER),
                                           str(HERE.parent / "tools")]))
    env.update(environment)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        universal_newlines=True)
    assert done.returncode == 0, "status %d\n%s\n%s" % (
        done.returncode, done.stdout[-2000:], done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


# ---- inside a target ----
class Result:
    """How a capture ended: bytes, objects, end (PX_END_*), pid, pause_ns."""

    def __init__(self, data, objects, end, pid, pause_ns):
        self.data = data
        self.objects = objects
        self.end = end
        self.pid = pid
        self.pause_ns = pause_ns

    def read(self, allow_cut=False):
        """The snapshot, decoded by the independent reader."""
        import pxs
        return pxs.read_bytes(self.data, allow_cut)

    def footer(self, name):
        """One value of the footer, without decoding all the rest."""
        import pxs
        *_, (kind, _, _, _, body) = pxs.split(self.data)
        reader = pxs.Reader()
        reader.add(kind, body)
        return reader.snap.footer.get(pxs.FOOTER[name])


@contextlib.contextmanager
def opened(**options):
    """A cloned capture: (capsule, spool_fd, event_fd, pid, pause_ns)."""
    import child_driver
    capsule = child_driver.new(**options)
    try:
        pause_ns = child_driver.clone(capsule, HEADER)
        yield (capsule,) + child_driver.fds(capsule) + (pause_ns,)
    finally:
        child_driver.free(capsule)


def capture(asleep=False, **options):
    """One whole snapshot of this process. asleep: nothing is read before the
    child has ended."""
    import select
    import child_driver
    with opened(**options) as (capsule, spool, event, pid, pause_ns):
        data, end = [], 0
        if asleep:
            child_driver.wait(capsule, 100000)
        while True:
            published, objects, ended, why = child_driver.poll(capsule)
            while end < published:
                piece = os.pread(spool, min(1 << 20, published - end), end)
                data.append(piece)
                end += len(piece)
            child_driver.release(capsule, end)
            if ended:
                return Result(b"".join(data), objects, why, pid, pause_ns)
            select.select([event], [], [], 10)
