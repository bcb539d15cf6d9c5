"""One capture from its start to each of its ends.

SPDX-License-Identifier: MIT
"""
import errno
import textwrap

import pytest

from child_tools import script

HEAP = """
import gc, json, os, select, signal, sys, time
import child_driver, pxs
from child_tools import capture, opened
class Thing:
    def __init__(self, n):
        self.number = n
        self.text = "thing %d" % n
def build(n):
    return [Thing(i) for i in range(n)]
def read(spool, published):
    return os.pread(spool, published, 0)
def end_of(data):
    snap = pxs.read_bytes(data)
    return snap.footer[pxs.FOOTER["END"]]
"""
COMPLETE, SLOW_PEER, NO_ROOM, CANCELED, TIME_LIMIT, FAULT = range(6)
KILLED = 8


def run(code, **kwargs):
    return script(HEAP + textwrap.dedent(code), **kwargs)


@pytest.mark.smoke
@pytest.mark.parametrize("options", ["", "codec=1", "stop_the_world=True"])
def test_snapshot_is_whole_and_decodes(options):
    result = run("""
        things = build(3000)
        things[7].itself = things[7]
        result = capture(%s)
        snap = result.read()
        node = snap.nodes[id(things)]
        first = snap.nodes[id(things[7])]
        print(json.dumps([result.end, snap.complete, len(node.edges),
                          [e.index for e in node.edges[:3]],
                          snap.type_name(first), len(snap.dangling()),
                          result.objects == snap.footer[pxs.FOOTER["OBJECTS"]],
                          sum(1 for n in snap.nodes.values()
                              if not n.flags & 32) == result.objects,
                          result.pid > 0]))
    """ % options)
    assert result == [0, True, 3000, [0, 1, 2], "__main__.Thing", 0, True,
                      True, "stop" not in options]


@pytest.mark.smoke
def test_objects_larger_than_a_chunk_continue():
    """A list of 300,000, a dict of 50,000 pairs: each node once, its edges
    in order over many chunks."""
    result = run("""
        items = [object() for _ in range(5000)] * 60
        table = {i + 1000000: str(i) for i in range(50000)}
        result = capture(detail=1)
        snap = result.read()
        edges = snap.nodes[id(items)].edges
        pairs = snap.nodes[id(table)].edges
        print(json.dumps([
            [e.index for e in edges] == list(range(300000)),
            [e.target for e in edges] == [id(x) for x in items],
            [(e.key, e.target) for e in pairs] == [
                (id(k), id(v)) for k, v in table.items()],
            len(snap.dangling())]))
    """, timeout=300)
    assert result == [True, True, True, 0]


def test_peer_that_does_not_read_ends_the_child():
    result = run("""
        things = build(20000)
        start = time.monotonic()
        with opened(spool_bytes=1 << 20, slow_peer_ms=700) as (
                capsule, spool, event, pid, pause):
            state = child_driver.wait(capsule, 60000)
            data = read(spool, state[0])
        seconds = time.monotonic() - start
        print(json.dumps([state, end_of(data), seconds, len(data)]))
    """)
    (published, _, ended, end), footer_end, seconds, n_bytes = result
    assert ended and end == footer_end == SLOW_PEER
    assert 0.7 <= seconds < 30
    assert n_bytes == published <= (1 << 20) + 4096


def test_slow_peer_that_reads_gets_everything():
    """Each release within the patience lets the child go on."""
    result = run("""
        things = build(20000)
        with opened(spool_bytes=1 << 20, slow_peer_ms=2000) as (
                capsule, spool, event, pid, pause):
            data, end, most = [], 0, 0
            while True:
                published, _, ended, why = child_driver.poll(capsule)
                most = max(most, published - end)
                if published > end:
                    piece = os.pread(spool, 100000, end)
                    data.append(piece)
                    end += len(piece)
                    child_driver.release(capsule, end)
                    blocks = os.fstat(spool).st_blocks
                elif ended:
                    break
                else:
                    select.select([event], [], [], 10)
        print(json.dumps([why, end_of(b"".join(data)), end, most, blocks]))
    """)
    why, footer_end, n_bytes, most, blocks = result
    assert why == footer_end == COMPLETE
    assert n_bytes > 1 << 20 and most <= (1 << 20) + 4096
    assert blocks * 512 <= 1 << 20  # what was read is freed


def test_cancel_while_it_walks_and_while_it_waits():
    for options in ("", "spool_bytes=1 << 20"):
        result = run("""
            things = build(40000)
            with opened(%s) as (capsule, spool, event, pid, pause):
                while child_driver.poll(capsule)[0] < 1 << 19:
                    select.select([event], [], [], 10)
                child_driver.cancel(capsule)
                state = child_driver.wait(capsule, 30000)
                data = read(spool, state[0])
            print(json.dumps([state, end_of(data)]))
        """ % options)
        (_, _, ended, end), footer_end = result
        assert ended and end == footer_end == CANCELED


def test_child_killed_by_a_signal_gets_its_footer_from_the_agent():
    result = run("""
        things = build(40000)
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            while child_driver.poll(capsule)[0] < 1 << 19:
                select.select([event], [], [], 10)
            os.kill(pid, signal.SIGKILL)
            state = child_driver.wait(capsule, 30000)
            snap = pxs.read_bytes(read(spool, state[0]))
        print(json.dumps([state, snap.footer[pxs.FOOTER["END"]],
                          len(snap.nodes)]))
    """)
    (_, objects, ended, end), footer_end, n_nodes = result
    assert ended and end == footer_end == KILLED
    assert n_nodes > 1000


def test_event_fd_tells_that_the_child_is_gone():
    result = run("""
        things = build(40000)
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            before = 0
            while True:  # until the spool is full and the pipe is quiet
                state = child_driver.poll(capsule)
                if not select.select([event], [], [], 0.5)[0]:
                    break
            os.kill(pid, signal.SIGKILL)
            ready, _, _ = select.select([event], [], [], 20)
            print(json.dumps([state[2], bool(ready),
                              child_driver.poll(capsule)[2]]))
    """)
    assert result == [False, True, True]


def test_freeing_kills_a_child_that_still_runs():
    result = run("""
        things = build(40000)
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            alive = os.path.exists("/proc/%d" % pid)
        print(json.dumps([alive, os.path.exists("/proc/%d" % pid)]))
    """)
    assert result == [True, False]


@pytest.mark.parametrize("inside", [False, True])
def test_time_limit(inside):
    result = run("""
        things = build(100000)
        start = time.monotonic()
        result = capture(time_limit_ms=5, stop_the_world=%s)
        seconds = time.monotonic() - start
        snap = result.read()
        print(json.dumps([result.end, snap.footer[pxs.FOOTER["END"]],
                          snap.complete, seconds, len(snap.nodes),
                          result.objects]))
    """ % inside)
    assert result[:3] == [TIME_LIMIT, TIME_LIMIT, True]
    assert result[3] < 20
    assert result[4] >= result[5]  # what was walked by then is there


def test_own_objects_are_left_out():
    result = run("""
        own = Thing(1)
        holder = [own, "beside"]
        child_driver.set_own(own, own.__dict__)
        snap = capture().read()
        child_driver.set_own()
        node = snap.nodes[id(holder)]
        print(json.dumps([id(own) in snap.nodes,
                          [e.index for e in node.edges],
                          any(t == id(own) for n in snap.nodes.values()
                              for _, t, _ in snap.flat_edges(n))]))
    """)
    assert result == [False, [1], False]


def test_secret_names_hide_values():
    result = run("""
        class Account:
            pass
        account = Account()
        # Made at run time: the compiler keeps the source of literals.
        account.password = "".join(["hun", "ter2 hun", "ter2"])
        account.user = "alice the user"
        table = {"api_key": bytes(range(48, 58)) * 2, "plain": b"shown bytes"}
        result = capture()
        names_only = capture(detail=1)
        snap = result.read()
        form = lambda o: snap.previews[id(o)][0]
        print(json.dumps([form(account.password), form(account.user),
                          form(table["api_key"]), form(table["plain"]),
                          bytes(reversed(b"2retnuh")) in result.data,
                          bytes(reversed(b"109876543210")) in result.data,
                          len(names_only.read().previews)]))
    """)
    assert result == [8, 1, 8, 2, False, False, 0]


# ---- refusals ----
@pytest.mark.parametrize("number, reason", [
    (errno.ENOMEM, "overcommit"), (errno.EAGAIN, "pids.max"),
    (errno.EPERM, "seccomp")])
def test_clone_that_fails_is_refused_with_the_reason(number, reason):
    result = run("""
        import platform
        clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
        before = len(os.listdir("/proc/self/fd"))
        child_driver.forbid(clone, %d, False)
        try:
            capture()
            said = ""
        except RuntimeError as error:
            said = str(error)
        inside = capture(stop_the_world=True)
        print(json.dumps([said, len(os.listdir("/proc/self/fd")) - before,
                          inside.end]))
    """ % number)
    said, n_fds, end = result
    assert said.startswith("limit_exceeded: making the snapshot child")
    assert reason in said and "--stop-the-world" in said
    assert n_fds == 0 and end == COMPLETE


def test_a_filter_that_kills_for_setpriority():
    """systemd's SystemCallFilter=~@resources does."""
    result = run("""
        import platform
        number = {"x86_64": 141, "aarch64": 140}[platform.machine()]
        child_driver.forbid(number, 0, True)
        print(json.dumps(capture().end))
    """)
    assert result == COMPLETE


def test_a_filter_that_kills_is_named():
    result = run("""
        import platform
        number = {"x86_64": 38, "aarch64": 103}[platform.machine()]
        child_driver.forbid(number, 0, True)  # setitimer
        print(json.dumps(capture().end))
    """)
    assert result == KILLED


@pytest.mark.parametrize("nice", [0, 3, 17])
def test_the_child_stands_behind_its_target(nice):
    result = run("""
        before = os.nice(max(0, %d - os.nice(0)))
        things = build(40000)
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            while child_driver.poll(capsule)[0] < 1 << 19:
                select.select([event], [], [], 10)
            nice = os.getpriority(os.PRIO_PROCESS, pid)
        print(json.dumps([nice, before]))
    """ % nice)
    assert result[0] == min(19, result[1] + 5)


def test_a_filter_that_kills_for_a_memory_file():
    """SystemCallFilter=~memfd_create: the snapshot is refused, the target goes
    on."""
    result = run("""
        import platform
        number = {"x86_64": 319, "aarch64": 279}[platform.machine()]
        child_driver.forbid(number, 0, True)
        try:
            capture()
            said = ""
        except RuntimeError as error:
            said = str(error)
        print(json.dumps(said))
    """)
    assert "seccomp filter would end the process" in result


def test_memory_files_must_not_be_executable():
    """As with vm.memfd_noexec=2: without MFD_NOEXEC_SEAL no file."""
    result = run("""
        import platform
        number = {"x86_64": 319, "aarch64": 279}[platform.machine()]
        child_driver.forbid_without(number, %d, 8)
        print(json.dumps(capture().end))
    """ % errno.EACCES)
    assert result == COMPLETE


@pytest.mark.parametrize("number", [errno.ENOSYS, 0])
def test_without_close_range(number):
    """Kernels before 5.9, or filters of systemd's before 247, which kill for
    it: descriptors are closed one by one, those that there are."""
    result = run("""
        child_driver.forbid(436, %d, True)
        things = build(40000)
        with opened(spool_bytes=1 << 20) as (capsule, spool, event, pid, _):
            while child_driver.poll(capsule)[0] < 1 << 19:
                select.select([event], [], [], 10)
            fds = os.listdir("/proc/%%d/fd" %% pid)
        print(json.dumps(len(fds)))
    """ % number)
    assert result == 2


@pytest.mark.parametrize("is_v1", [False, True])
def test_room_in_a_cgroup(tmp_path, is_v1):
    names = (["memory.limit_in_bytes", "memory.usage_in_bytes"] if is_v1
             else ["memory.max", "memory.current"])
    stat = "anon 1\n%sinactive_file %d\nslab 3\n"

    def look(limit, used, cached, rss=1 << 30):
        (tmp_path / names[0]).write_text("%s\n" % limit)
        (tmp_path / names[1]).write_text("%d\n" % used)
        (tmp_path / "memory.stat").write_text(
            stat % ("total_" if is_v1 else "", cached))
        return run("""
            print(json.dumps(child_driver.room_at(%r, %r, %d)))
        """ % (str(tmp_path), is_v1, rss))

    mib = 1 << 20
    assert look(900 * mib, 700 * mib, 0) == [200 * mib, None]
    free, said, hint = look(900 * mib, 850 * mib, 0)
    assert free == 50 * mib
    assert "50 MiB are free" in said and "102 MiB" in said
    assert str(tmp_path)[:60] in said and "1024 MiB" in said
    assert "--stop-the-world" in hint
    # File pages that the kernel takes back do not count as used.
    assert look(900 * mib, 850 * mib, 100 * mib) == [150 * mib, None]
    no_limit = "9223372036854771712" if is_v1 else "max"
    assert look(no_limit, 850 * mib, 0)[1] is None
    if not is_v1:
        (tmp_path / "memory.high").write_text("%d\n" % (860 * mib))
        assert look(900 * mib, 850 * mib, 0)[0] == 10 * mib
