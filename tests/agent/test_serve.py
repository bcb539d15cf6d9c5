"""pyexplore.serve(), stop() and snapshot() do what their docstrings say.

SPDX-License-Identifier: MIT
"""
import inspect
import os
import pathlib
import socket
import stat
import subprocess
import sys

import pytest

import pxs
from harness import child_environment
from served import ChildError, Served
from wire import Closed, Wire


def python(code, *args, env=None, executable=None):
    """Runs code to its end; (status, stdout, stderr)."""
    done = subprocess.run(
        [executable or sys.executable, "-c", code] + [str(a) for a in args],
        env=child_environment(**(env or {})), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


# ---- serve ----
@pytest.mark.smoke
def test_serve_listens_on_both(spawn, px_folder):
    """serve() has a Unix socket and a loopback port, files only we can use."""
    child = Served(spawn)
    assert child.address.startswith("127.0.0.1:")
    assert child.unix == str(px_folder / ("%d.sock" % child.pid))
    key = px_folder / ("tcp-%s.key" % child.address.rpartition(":")[2])
    assert stat.S_IMODE(os.stat(child.unix).st_mode) == 0o600
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stat().st_size == 32
    with Wire.unix(child.unix).hello() as by_unix:
        assert by_unix.server["pid"] == child.pid
    with Wire.tcp(child.address).hello() as by_tcp:
        assert by_tcp.server["pid"] == child.pid
    assert child.finish() == 0
    assert list(px_folder.iterdir()) == []
    assert child.target.stderr == []


def test_hello_says_who_serves(spawn):
    """HELLO names Python, the command line, uid, detail and readonly."""
    child = Served(spawn, detail="names", readonly=True)
    with child.wire() as wire:
        hello = wire.server
    assert hello["python"] == "%d.%d.%d" % sys.version_info[:3]
    assert hello["command"][1] == "-c"
    assert hello["uid"] == os.geteuid()
    assert hello["detail"] == "names" and hello["readonly"] is True
    assert hello["rss_bytes"] > 1 << 20
    assert hello["lowest"] <= 1 <= hello["highest"]


def test_serve_again_returns_the_same(spawn):
    """A second serve() is the running server; other options are an error."""
    child = Served(spawn)
    assert child.ask("pyexplore.serve(port=0) is server")
    with pytest.raises(ChildError, match="ValueError: .*other options"):
        child.run("pyexplore.serve(port=0, readonly=True)")
    child.run("pyexplore.stop(); pyexplore.stop()")
    assert child.ask("server.address is None and server.unix_path is None")
    child.run("server = pyexplore.serve(port=None, readonly=True)")
    assert child.ask("server.address") is None
    assert child.ask("server.unix_path") == child.unix


def test_serve_in_two_threads(spawn, px_folder):
    """While serve() runs an audit hook another thread is refused, so that no
    server is lost."""
    child = Served(spawn, serve=False)
    child.run("""
import threading
errors = []
def serve():
    try:
        pyexplore.serve(port=0)
    except RuntimeError as error:
        errors.append(str(error))
def hook(event, args):
    if event == "pyexplore.serve" and not other.ident:
        other.start()
        other.join()
other = threading.Thread(target=serve)
sys.addaudithook(hook)
""")
    child.run("server = pyexplore.serve(port=0)")
    assert child.ask("errors") == ["another thread is in pyexplore.serve()"]
    Wire.tcp(child.ask("server.address")).hello().close()
    child.run("pyexplore.stop()")
    assert list(px_folder.iterdir()) == []
    assert len(os.listdir("/proc/%d/task" % child.pid)) == 1


def test_server_is_a_context_manager(spawn, px_folder):
    """Leaving `with serve()` closes it and removes its files."""
    child = Served(spawn, serve=False)
    child.run("with pyexplore.serve(port=0) as s: files = os.listdir(%r)"
              % str(px_folder))
    assert len(child.ask("files")) == 2
    assert child.ask("s.address") is None
    assert child.ask("repr(s)") == "<pyexplore.Server closed>"
    assert list(px_folder.iterdir()) == []


def test_close_of_an_old_handle_is_harmless(spawn):
    """A handle of an earlier run neither closes nor describes the new one."""
    child = Served(spawn)
    child.run("old = server; old.close(); server = pyexplore.serve(port=0)")
    child.run("old.close()")
    assert child.ask("old.address") is None
    assert child.ask("server.address") is not None


@pytest.mark.parametrize("options, message", [
    ("port=-1", "port must be"), ("port=65536", "port must be"),
    ("port=True", "port must be an int"), ("port='9999'", "port must be"),
    ("port=10**30", "port must be"), ("detail='all'", "detail must be"),
    ("fork='on'", "fork must be 'off'"), ("spool_bytes=1", "at least"),
    ("spool_bytes='x'", "spool_bytes must be an int"),
    ("port=None, unix=False", "nothing to listen"),
    ("host='0.0.0.0'", "allow_remote=True"),
    ("host='0.0.0.0', allow_remote=True", "key_file="),
    ("host='no such host!'", "is not an address"),
])
def test_wrong_options(spawn, options, message):
    """Each wrong option is refused with what is allowed; nothing starts."""
    child = Served(spawn, serve=False)
    with pytest.raises(ChildError, match="(ValueError|TypeError).*" + message):
        child.run("pyexplore.serve(%s)" % options)
    assert child.ask("os.listdir('/proc/self/task')") == [str(child.pid)]


def test_explicit_port_taken(spawn, px_folder):
    """A port that was asked for and is taken: OSError with the owner's pid."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        child = Served(spawn, serve=False)
        with pytest.raises(ChildError, match=r"OSError: .*port %d is taken by "
                           r"process %d" % (port, os.getpid())):
            child.run("pyexplore.serve(%d)" % port)
    assert list(px_folder.iterdir()) == []
    child.run("server = pyexplore.serve(%d)" % port)
    assert child.ask("server.address") == "127.0.0.1:%d" % port


def test_owner_of_another_address_is_not_blamed(spawn):
    """Only who is in the way has the port: not who has it at another
    address, in whatever order the kernel lists them."""
    owner = Served(spawn, serve=False)
    others = []
    try:
        owner.run("import socket; s = socket.socket(); "
                  "s.bind(('127.0.0.1', 0)); s.listen(1)")
        port = owner.ask("s.getsockname()[1]")
        for i in range(2, 12):
            others.append(socket.socket())
            others[-1].bind(("127.0.0.%d" % i, port))
            others[-1].listen(1)
        child = Served(spawn, serve=False)
        with pytest.raises(ChildError, match="process %d" % owner.pid):
            child.run("pyexplore.serve(%d)" % port)
    finally:
        for other in others:
            other.close()


DEFAULT_PORT = """
import pyexplore, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    server = pyexplore.serve()
print(server.address, server.unix_path)
for w in caught:
    print(w.category.__name__, w.message, w.filename)
"""


@pytest.mark.smoke
def test_default_port_taken():
    """Two workers with the same line: the second boots, without TCP, and is
    warned once with the pid that has the port."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9999))
            taken.listen(1)
            owner = str(os.getpid())
        except OSError:  # somebody else's server: as good
            owner = ""
        status, out, err = python(DEFAULT_PORT)
    assert status == 0, err
    first, second = out.splitlines()
    assert first.startswith("None /")
    assert second.startswith("RuntimeWarning pyexplore: port 9999 is taken by")
    assert owner in second and second.endswith("<string>")


def test_default_port_taken_warnings_are_errors(px_folder):
    """With -W error the warning is raised and nothing keeps running."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 9999))
            taken.listen(1)
        except OSError:
            pass
        status, out, err = python("""
import os, pyexplore, warnings
warnings.simplefilter("error")
try:
    pyexplore.serve()
except RuntimeWarning as w:
    print("raised", os.listdir(os.environ["PYEXPLORE_DIR"]))
""")
    assert (status, out, err) == (0, "raised []\n", "")


SERVE_AND_NOTE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    server = pyexplore.serve(%s)
noted = [str(w.message) for w in caught]
"""


@pytest.mark.parametrize("is_abstract_taken", [False, True])
def test_boots_beside_a_container_with_our_pid(spawn, px_folder,
                                               is_abstract_taken):
    """Our socket's name is taken by a live process: by the abstract name; that
    one taken as well: by TCP; the default port too: nobody, and a warning."""
    child = Served(spawn, serve=False)
    abstract = "@pyexplore/%d/%d" % (os.geteuid(), child.pid)
    with socket.socket(socket.AF_UNIX) as other, \
            socket.socket(socket.AF_UNIX) as third, socket.socket() as tcp:
        other.bind(str(px_folder / ("%d.sock" % child.pid)))
        other.listen(1)
        if is_abstract_taken:
            third.bind("\0" + abstract[1:])
        try:
            tcp.bind(("127.0.0.1", 9999))
            tcp.listen(1)
        except OSError:  # somebody else's: as good
            pass
        child.run(SERVE_AND_NOTE % "")
        assert child.ask("[server.address, server.unix_path]") == [
            None, None if is_abstract_taken else abstract]
        end = ("nobody can connect to this process" if is_abstract_taken
               else "connect by pid: pyexplore-tui %d" % child.pid)
        noted, = child.ask("noted")
        assert "port 9999 is taken" in noted and noted.endswith("; " + end)
        child.run("pyexplore.stop()" + SERVE_AND_NOTE % "port=0")
        with Wire.tcp(child.ask("server.address")).hello() as wire:
            assert wire.server["pid"] == child.pid
        noted, = child.ask("noted")
        assert "%d.sock: Address already in use" % child.pid in noted


def test_where_it_does_not_listen_is_no_danger(spawn, tmp_path):
    """Without TCP nobody is warned of other machines."""
    child = Served(spawn, serve=False)
    with socket.socket() as tcp:
        try:
            tcp.bind(("0.0.0.0", 9999))
            tcp.listen(1)
        except OSError:  # somebody else's: as good
            pass
        child.run(SERVE_AND_NOTE % (
            "host='0.0.0.0', allow_remote=True, key_file=%r"
            % str(tmp_path / "key")))
    noted, = child.ask("noted")
    assert "port 9999 is taken" in noted


@pytest.mark.parametrize("options, unix", [
    ("ro", "@"), ("nr_inodes=1", "@"), ("nr_inodes=2", "/")])
def test_boots_where_nothing_can_be_written(tmp_path, options, unix):
    """The folder is read-only, or full when the socket or the key is made."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = "-m" if os.geteuid() == 0 else "-rm"
    done = subprocess.run(
        ["unshare", mount, "sh", "-c",
         'mount -t tmpfs -o mode=700,"$2" tmpfs "$1" && shift 2 && exec "$@"',
         "sh", str(disk), options, sys.executable, "-c", DEFAULT_PORT],
        env=child_environment(PYEXPLORE_DIR=str(disk)), timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("None " + unix)
    assert second.startswith("RuntimeWarning pyexplore: ")


def test_sockets_of_the_dead_are_removed(spawn, px_folder):
    """What killed workers left goes with the next server; a file that is
    young, or on which somebody listens whom we do not see, stays."""
    gone = []
    for _ in range(3):
        done = subprocess.Popen(["true"])
        done.wait()
        gone.append(px_folder / ("%d.sock" % done.pid))
    listeners = [socket.socket(socket.AF_UNIX) for _ in gone]
    for listener, path in zip(listeners, gone):
        listener.bind(str(path))
        listener.listen(1)
    dead, young, alive = gone
    listeners[0].close()
    listeners[1].close()
    for path in (dead, alive):
        os.utime(str(path), (0, 0))
    with listeners[2]:
        Served(spawn, port=None)
        assert not dead.exists()
        assert young.exists() and alive.exists()


def test_a_long_folder_is_served(spawn, tmp_path):
    """A socket's path may be longer than a socket's address."""
    folder = tmp_path / ("x" * 60) / ("y" * 70)
    folder.mkdir(mode=0o700, parents=True)
    child = Served(spawn, port=None, env={"PYEXPLORE_DIR": str(folder)})
    assert child.unix == str(folder / ("%d.sock" % child.pid))
    fd = os.open(str(folder), os.O_RDONLY)
    with Wire.unix("/proc/self/fd/%d/%d.sock" % (fd, child.pid)) as wire:
        assert wire.hello().server["pid"] == child.pid
    os.close(fd)
    assert child.finish() == 0 and list(folder.iterdir()) == []


def test_the_key_of_a_port_is_one_server_s(spawn, px_folder):
    """A second server with the port, on another address, leaves the key of
    the first alone; when that one was killed it has the key."""
    first, second = Served(spawn), Served(spawn, serve=False)
    port = int(first.address.rpartition(":")[2])
    key = px_folder / ("tcp-%d.key" % port)
    serve = "server = pyexplore.serve(%d, host='127.0.0.2')" % port
    with pytest.raises(ChildError, match="OSError: .*%s is the key of another "
                       "server.*pass key_file=" % key):
        second.run(serve)
    with Wire.tcp(first.address).hello() as wire:
        assert wire.server["pid"] == first.pid
    first.target.process.kill()
    first.target.wait()
    second.run(serve)
    with Wire.tcp("127.0.0.2:%d" % port).hello() as wire:
        assert wire.server["pid"] == second.pid
    assert second.finish() == 0 and not key.exists()


def test_disabled_by_environment(spawn, px_folder):
    """PYEXPLORE_DISABLE=1 makes serve() inert."""
    child = Served(spawn, env={"PYEXPLORE_DISABLE": "1"})
    assert child.address is None and child.unix is None
    assert list(px_folder.iterdir()) == []
    assert child.ask("os.listdir('/proc/self/task')") == [str(child.pid)]
    child.run("server.close()\nwith server: pass")


def test_key_file(spawn, tmp_path, px_folder):
    """key_file= is made if it is missing, used if it is there, and stays."""
    key = tmp_path / "the.key"
    child = Served(spawn, key_file=str(key), unix=False)
    assert child.unix is None and list(px_folder.iterdir()) == []
    first = key.read_bytes()
    assert len(first) == 32 and stat.S_IMODE(key.stat().st_mode) == 0o600
    Wire.tcp(child.address, key).hello().close()
    assert child.finish() == 0
    child = Served(spawn, key_file=str(key), unix=False)
    assert key.read_bytes() == first
    Wire.tcp(child.address, key).hello().close()


def test_key_file_open_to_others(spawn, tmp_path):
    """A key that others can read is refused."""
    key = tmp_path / "the.key"
    key.write_bytes(bytes(32))
    key.chmod(0o644)
    child = Served(spawn, serve=False)
    with pytest.raises(ChildError, match="PermissionError"):
        child.run("pyexplore.serve(port=0, key_file=%r)" % str(key))


def test_remote_host_warns(tmp_path):
    """allow_remote with a key works, and is warned about."""
    status, out, err = python("""
import pyexplore, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    s = pyexplore.serve(port=0, host="0.0.0.0", allow_remote=True,
                        key_file=sys.argv[1])
print(s.address)
print([str(w.message) for w in caught])
""", tmp_path / "k")
    assert status == 0, err
    assert out.startswith("0.0.0.0:") and "other machines" in out


def test_no_folder_means_abstract_socket(spawn, tmp_path):
    """Without a usable folder: the abstract socket, and no TCP."""
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o777)
    child = Served(spawn, port=None, env={"PYEXPLORE_DIR": str(folder)})
    assert child.unix == "@pyexplore/%d/%d" % (os.geteuid(), child.pid)
    with child.wire() as wire:
        assert wire.server["pid"] == child.pid
    child.run("server.close()")
    with pytest.raises(ChildError, match="PermissionError: .*PYEXPLORE_DIR"):
        child.run("pyexplore.serve(port=0)")


def test_audit_events():
    """serve and snapshot raise auditing events, and a hook can forbid them."""
    status, out, err = python("""
import sys, pyexplore
def hook(event, args):
    if event.startswith("pyexplore."):
        print(event, args)
        raise PermissionError("no")
sys.addaudithook(hook)
for call in (lambda: pyexplore.serve(0), lambda: pyexplore.snapshot("/x")):
    try:
        call()
    except PermissionError as error:
        print(error)
""")
    assert status == 0, err
    assert out.splitlines() == [
        "pyexplore.serve ('127.0.0.1', 0)", "no",
        "pyexplore.snapshot (b'/x',)", "no"]


def test_signatures_and_docs():
    """What help() shows: real signatures, numpydoc sections."""
    import pyexplore
    parameters = inspect.signature(pyexplore.serve).parameters
    assert list(parameters) == [
        "port", "host", "unix", "detail", "readonly", "allow_remote",
        "key_file", "fork", "spool_bytes"]
    assert parameters["port"].default == 9999
    assert parameters["host"].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(inspect.signature(pyexplore.snapshot).parameters) == [
        "path", "detail"]
    for function in (pyexplore.serve, pyexplore.snapshot):
        assert "Parameters\n----------" in function.__doc__
    for name in pyexplore.__all__:
        assert getattr(pyexplore, name)
    folder = pathlib.Path(pyexplore.__file__).parent
    assert (folder / "py.typed").exists() and (folder / "_agent.pyi").exists()
    with pytest.raises(TypeError, match="made by pyexplore.serve"):
        pyexplore.Server()


def test_subinterpreters(px_folder):
    """One that shares the GIL may serve, for the whole process; one with a GIL
    of its own (3.12+) gets an ImportError. When it has ended others serve."""
    status, out, err = python("""
import pyexplore, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = '''
import sys
try:
    import pyexplore
    with pyexplore.serve(port=None) as server:
        print("serves", server.unix_path is not None, flush=True)
except ImportError as error:
    print("refused:", error, flush=True)
'''
if sys.version_info >= (3, 13):
    new = interpreters.create("isolated")
elif sys.version_info >= (3, 12):
    new = interpreters.create(isolated=True)
else:
    new = interpreters.create()
interpreters.run_string(new, code)
interpreters.destroy(new)
with pyexplore.serve(port=None) as server:
    print("serves", server.unix_path is not None)
""")
    assert status == 0, err
    if sys.version_info >= (3, 12):
        assert "refused:" in out and out.endswith("serves True\n")
    else:
        assert out == 2 * "serves True\n"
    assert list(px_folder.iterdir()) == []


# ---- snapshot ----
@pytest.mark.smoke
def test_snapshot_writes_a_whole_file(tmp_path):
    """snapshot() writes what an independent reader takes for complete."""
    path = tmp_path / "a.pxs"
    status, out, err = python("""
import pyexplore, sys
class Leaky: pass
leaks = [Leaky() for _ in range(321)]
assert pyexplore.snapshot(sys.argv[1]) is None
""", path)
    assert (status, out, err) == (0, "", "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    snap = pxs.read(str(path))
    assert len(snap.by_type("__main__.Leaky")) == 321
    assert snap.header["detail"] == "values"
    assert snap.header["gc"]["enabled"] is True
    assert snap.header["threads"] == 1
    assert snap.header["estimate"]["objects"] > 1000


def test_snapshot_shows_the_caller_and_not_us(tmp_path):
    """The calling thread's frame is there; no pyexplore object is."""
    path = tmp_path / "a.pxs"
    status, _, err = python("""
import pyexplore, sys
server = pyexplore.serve(port=0)
def caller():
    held_by_caller = ["a value"]
    pyexplore.snapshot(sys.argv[1])
caller()
""", path)
    assert status == 0, err
    snap = pxs.read(str(path))
    names = {snap.type_name(node) for node in snap.nodes.values()}
    assert not [name for name in names if name.startswith("pyexplore")]
    shown = [snap.show(edge) for node in snap.nodes.values()
             for edge in node.edges if edge.kind == pxs.EDGE["LOCAL"]]
    assert "local held_by_caller" in shown
    assert [root for root in snap.roots if "pyexplore" in str(root)] == []


def test_snapshot_refuses_an_existing_file(tmp_path):
    """An existing file, also as a dangling link, is never written to."""
    path = tmp_path / "a.pxs"
    path.write_text("mine")
    link = tmp_path / "link.pxs"
    link.symlink_to(tmp_path / "elsewhere")
    code = "import pyexplore, sys\npyexplore.snapshot(sys.argv[1])"
    status, _, err = python(code, path)
    assert status == 1 and "FileExistsError" in err and str(path) in err
    assert path.read_text() == "mine"
    status, _, err = python(code, link)
    assert status == 1 and "FileExistsError" in err
    assert not (tmp_path / "elsewhere").exists()


def test_snapshot_on_a_full_disk(tmp_path):
    """A disk of 64 KiB: OSError, and nothing is left of the file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    code = """
import os, pyexplore, sys
try:
    pyexplore.snapshot(sys.argv[1])
except OSError as error:
    assert error.filename == sys.argv[1], error
    print(error.errno, os.listdir(os.path.dirname(sys.argv[1])))
"""
    # a mount of our own, which goes with the process
    options = "-m" if os.geteuid() == 0 else "-rm"
    done = subprocess.run(
        ["unshare", options, "sh", "-c",
         'mount -t tmpfs -o size=64k tmpfs "$1" && shift && exec "$@"', "sh",
         str(disk), sys.executable, "-c", code, str(disk / "a.pxs")],
        env=child_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "28 []\n"


def test_snapshot_that_cannot_be_spooled(tmp_path):
    """A limit on the size of files cuts the spool: an error, no file."""
    path = tmp_path / "a.pxs"
    status, out, err = python("""
import pyexplore, resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    pyexplore.snapshot(sys.argv[1])
except (OSError, RuntimeError) as error:
    print("refused")
""", path)
    assert (status, out, err) == (0, "refused\n", "")
    assert not path.exists()


def test_cancelled_snapshot_removes_its_own_file_only(tmp_path):
    """The process changes its folder meanwhile; there lies another app.pxs."""
    for name in "here", "there":
        (tmp_path / name).mkdir()
    (tmp_path / "there" / "app.pxs").write_text("precious")
    status, out, err = python("""
import os, pyexplore, signal, sys, threading
def leave():
    while not os.path.exists("app.pxs"):
        pass
    os.chdir(os.path.join(sys.argv[1], "there"))
    os.kill(os.getpid(), signal.SIGINT)
os.chdir(os.path.join(sys.argv[1], "here"))
things = [[i] for i in range(3000000)]
threading.Thread(target=leave).start()
try:
    pyexplore.snapshot("app.pxs")
except KeyboardInterrupt:
    print("cancelled")
""", tmp_path)
    assert (status, out, err) == (0, "cancelled\n", "")
    assert not (tmp_path / "here" / "app.pxs").exists()
    assert (tmp_path / "there" / "app.pxs").read_text() == "precious"


@pytest.mark.parametrize("bad, error", [
    ("1, 'values'", "TypeError"), ("'/no/such/folder/x'", "FileNotFoundError"),
    ("'/tmp/x', detail='all'", "ValueError"), ("'/tmp/a\\0b'", "ValueError"),
])
def test_snapshot_wrong_arguments(spawn, bad, error):
    """Wrong arguments raise what Python programmers expect."""
    child = Served(spawn, serve=False)
    with pytest.raises(ChildError, match=error):
        child.run("pyexplore.snapshot(%s)" % bad)


def test_snapshot_details(tmp_path):
    """types and names say less: no previews, no texts of data."""
    for detail in ("types", "names"):
        path = tmp_path / (detail + ".pxs")
        status, _, err = python(
            "import pyexplore, sys\nd = {'k': 'a private text'}\n"
            "pyexplore.snapshot(sys.argv[1], sys.argv[2])", path, detail)
        assert status == 0, err
        snap = pxs.read(str(path))
        assert snap.header["detail"] == detail
        assert not snap.previews


def test_snapshot_can_be_interrupted(tmp_path):
    """Ctrl-C ends the wait with KeyboardInterrupt and removes the file."""
    path = tmp_path / "a.pxs"
    status, out, err = python("""
import os, pyexplore, signal, sys, threading, time
heap = [[i] for i in range(2000000)]
def press():
    while not os.path.exists(sys.argv[1]):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=press).start()
try:
    pyexplore.snapshot(sys.argv[1])
    time.sleep(5)
except KeyboardInterrupt:
    print("interrupted", os.path.exists(sys.argv[1]))
""", path)
    # A fast walk may be over first: then sleep() is what was interrupted.
    assert status == 0, err
    assert out in ("interrupted False\n", "interrupted True\n")


def test_wrong_key_is_refused_without_a_word(spawn):
    """A client with another key gets the server's proof wrong and no more."""
    child = Served(spawn)
    wire = Wire.raw_tcp(child.address, b"x" * 32)
    with pytest.raises((AssertionError, Closed)):
        wire.handshake()
    wire.send(bytes(32))
    assert wire.is_closed()
