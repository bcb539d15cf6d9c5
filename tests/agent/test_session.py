"""A connection: handshake, limits, requests, snapshots, cancel.

SPDX-License-Identifier: MIT
"""
import os
import socket
import struct
import threading
import time

import pytest

import pxs
from child_tools import preload
from harness import (DEADLINE, SANITIZED, child_environment, children_of,
                     wait_until)
from served import Served
from wire import FIRST, HEAD, MAGIC, MESSAGES, Closed, Refused, Wire

# Functions of a PyDLL keep the GIL: it is not let go between the line that
# says so and the end of the sleep.
HOLD_GIL = """
import ctypes
libc = ctypes.PyDLL(None)
libc.write(2, b"", 0); libc.usleep(1)  # resolved
def hold(us):
    sys.stdout.flush()
    line = b'{"event": "holding"}\\n'
    libc.write(1, line, len(line))
    libc.usleep(us)
"""


def hold_gil(child, seconds):
    """Returns when the child has begun to hold it; child.end() waits."""
    child.run(HOLD_GIL)
    child.begin("run", "hold(%d)" % (seconds * 1e6))
    child.target.event("holding")


def threads(child):
    return len(os.listdir("/proc/%d/task" % child.pid))


def descriptors(child):
    return sorted(os.listdir("/proc/%d/fd" % child.pid))


# ---- handshake ----
def test_silence_before_the_magic(spawn):
    """Until the client's first message is whole and right: not a byte."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as wire:
        wire.send(FIRST + bytes(31))
        assert not wire.is_closed(0.2) and wire.buffer == b""
        wire.send(b"\0")
        assert wire.need(76)[:8] == MAGIC


@pytest.mark.parametrize("data", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x89PYX\r\n\x1a\x0b", MAGIC + b"\x02\0\0\0",
    b"\0", b"\x89PNG\r\n\x1a\n", MAGIC + b"\x01\0\0\x01"])
def test_closed_on_anything_else(spawn, data):
    """Other bytes close the connection without a word."""
    child = Served(spawn)
    for wire in (Wire.raw_unix(child.unix), Wire.raw_tcp(child.address)):
        with wire:
            wire.send(data)
            assert wire.is_closed()


def test_proof_must_come_in_time(spawn):
    """A client that says nothing is closed after about 5 seconds."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as silent, \
            Wire.raw_unix(child.unix) as slow:
        slow.send(FIRST[:5])
        begin = time.monotonic()
        assert silent.is_closed(DEADLINE) and slow.is_closed(DEADLINE)
        assert time.monotonic() - begin > 4


def test_wrong_proof(spawn):
    """A wrong proof closes; the right one with another key too."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as wire:
        wire.send(FIRST + bytes(32))
        wire.need(76)
        wire.send(bytes(32))
        assert wire.is_closed()


def test_first_frame_must_be_hello(spawn):
    """Anything but HELLO right after the proof closes."""
    child = Served(spawn)
    with Wire.unix(child.unix) as wire:
        wire.frame("status", {})
        assert wire.is_closed()


@pytest.mark.parametrize("lowest, highest, hint", [
    (2, 3, "upgrade pyexplore in the process"), (0, 0, "upgrade the client")])
def test_no_common_version(spawn, lowest, highest, hint):
    """No overlap of versions: a sentence that says which side to upgrade."""
    child = Served(spawn)
    with Wire.unix(child.unix) as wire:
        with pytest.raises(Refused, match=hint) as refused:
            wire.hello(lowest, highest)
        assert refused.value.code == "version_mismatch"
        assert wire.is_closed()


# ---- frames ----
@pytest.mark.smoke
def test_requests_byte_by_byte_and_in_one(spawn):
    """Frames may come in any pieces; many requests may come at once."""
    child = Served(spawn)
    with child.wire() as wire:
        body = b'{"unknown": [1, {"field": null}]}'
        for byte in HEAD.pack(len(body), MESSAGES["status"], 0, 77) + body:
            wire.send(bytes([byte]))
        assert wire.reply(77)["peers"] == 1
        wire.send(b"".join(
            HEAD.pack(2, MESSAGES["gc_state"], 0, 100 + i) + b"{}"
            for i in range(500)))
        assert [wire.reply(100 + i)["enabled"] for i in range(500)] == \
            [True] * 500


@pytest.mark.parametrize("body, code", [
    (b"", "bad_data"), (b"{", "bad_data"), (b"[]", "bad_data"),
    (b"7", "bad_data"), (b"{}x", "bad_data"), (b'{"a":"\xff"}', "bad_data"),
    (b'{"a":1,"a":2}', "bad_data"), (b'{"a":"\\u0000"}', "bad_data"),
    (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", "limit_exceeded"),
    (b'{"a":' + b"[" * 30000, "limit_exceeded")])
def test_bad_json(spawn, body, code):
    """Bodies that are not a flat enough object: an error, and life goes on."""
    child = Served(spawn)
    with child.wire() as wire:
        with pytest.raises(Refused) as refused:
            wire.reply(wire.frame("gc_state", body))
        assert refused.value.code == code
        assert wire.ask("gc_state")["enabled"] is True


def test_brackets_in_strings_are_not_depth(spawn):
    """Depth counts brackets outside strings only."""
    child = Served(spawn)
    with child.wire() as wire:
        body = b'{"x": "' + b"[" * 50 + b'\\"' + b"{" * 50 + b'"}'
        assert wire.reply(wire.frame("gc_state", body))["enabled"] is True


def test_unknown_message(spawn):
    """An unknown message gets a polite error."""
    child = Served(spawn)
    with child.wire() as wire:
        with pytest.raises(Refused, match="does not know message 4242") as e:
            wire.ask(4242)
        assert e.value.code == "not_available"
        assert wire.ask("status")["peers"] == 1


@pytest.mark.parametrize("head", [
    HEAD.pack((64 << 10) + 1, 5, 0, 1), HEAD.pack(0xffffffff, 5, 0, 1),
    HEAD.pack(2, 5, 2, 1), HEAD.pack(2, 5, 0x8000, 1)])
def test_bad_frames_close(spawn, head):
    """Too long, bulk or unknown flags: closed at the head."""
    child = Served(spawn)
    with child.wire() as wire:
        wire.send(head)
        assert wire.is_closed()


def test_largest_request(spawn):
    """A body of exactly 64 KiB is taken."""
    child = Served(spawn)
    with child.wire() as wire:
        body = b'{"x": "' + b"y" * ((64 << 10) - 9) + b'"}'
        assert len(body) == 64 << 10
        assert wire.reply(wire.frame("gc_state", body))["enabled"] is True


# ---- peers ----
def test_eight_peers(spawn):
    """The ninth is told so; when one leaves there is room again."""
    child = Served(spawn)
    peers = [child.wire() for _ in range(8)]
    with Wire.unix(child.unix) as ninth:
        with pytest.raises(Refused, match="8 clients") as refused:
            ninth.hello()
        assert refused.value.code == "busy"
        assert ninth.is_closed()
    assert peers[0].ask("status")["peers"] == 8
    peers[3].close()

    def admitted():
        try:
            with child.wire():
                return True
        except Refused:
            return False
    wait_until(admitted, "room for another peer")
    for peer in peers:
        peer.close()


def test_strangers_cannot_lock_out_the_socket(spawn):
    """A crowd of silent TCP connections leaves the Unix socket usable."""
    child = Served(spawn)
    crowd = [Wire.raw_tcp(child.address) for _ in range(60)]
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1
    for wire in crowd:
        wire.close()


def test_thousand_connections(spawn):
    """1,000 connects and closes leave no descriptor and no thread."""
    child = Served(spawn)
    before = descriptors(child)
    for i in range(1000):
        Wire.raw_unix(child.unix).close()
    wait_until(lambda: descriptors(child) == before, "closed descriptors")
    assert threads(child) == 2


# ---- the GIL ----
@pytest.mark.smoke
def test_progress_while_the_gil_is_held(spawn):
    """C code that keeps the GIL does not keep the server from speaking."""
    child = Served(spawn)
    with child.wire() as wire:
        hold_gil(child, 1.2)
        others = []
        reply = wire.ask("gc_state", others=others)
        child.end()
    waits = [body for msg, _, _, body in others if msg == "progress"]
    assert reply["enabled"] is True
    assert len(waits) >= 5
    assert {wait["state"] for wait in waits} == {"waiting_gil"}
    assert waits[-1]["waited_ms"] >= 500


def test_cancel_while_waiting(spawn):
    """CANCEL ends a request, or a snapshot, that waits for the GIL."""
    child = Served(spawn)
    with child.wire() as wire:
        hold_gil(child, 1.5)
        state = wire.frame("gc_state", {})
        snapshot = wire.frame("snapshot", {})
        assert wire.ask("cancel", {"id": snapshot}) == {}
        reply = wire.reply(snapshot)
        assert reply["end"] == "cancelled"
        assert wire.ask("cancel", {"id": state}) == {}
        with pytest.raises(Refused) as refused:
            wire.reply(state)
        assert refused.value.code == "cancelled"
        child.end()
        chunks, reply, _ = wire.snapshot()
        assert reply["end"] == "complete"


def test_status(spawn):
    """STATUS counts peers and snapshots and tells the longest waits."""
    child = Served(spawn)
    with child.wire() as wire, child.wire():
        wire.snapshot()
        status = wire.ask("status")
    assert status["peers"] == 2 and status["snapshots"] == 1
    assert status["last_pause_ns"] > 0 and status["uptime_s"] > 0
    # PYTHONMALLOC=malloc, under the sanitizers, counts none
    assert status["allocated_blocks"] == pytest.approx(
        child.ask("sys.getallocatedblocks()"), rel=0.1)
    assert status["gil_hold_max_ns"] >= status["last_pause_ns"]


NO_THREAD = """
import resource
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (6 << 20)  # less than a stack
resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
"""


@pytest.mark.skipif(SANITIZED, reason="their shadow needs address space")
def test_no_room_for_a_thread(spawn):
    """Where no thread can be started all that is asked is refused, each by a
    sentence; when there is room again the same connection is answered."""
    child = Served(spawn)
    with child.wire() as wire:
        child.run(NO_THREAD)
        for request in [wire.frame(msg, {}) for msg in
                        ("status", "gc_state", "memory") * 5]:
            with pytest.raises(Refused, match="start a thread"):
                wire.reply(request)
        with pytest.raises(Refused):
            wire.ask("snapshot")
        child.run("resource.setrlimit(resource.RLIMIT_AS, (hard, hard))")
        assert wire.ask("status")["peers"] == 1


@pytest.mark.smoke
def test_memory(spawn):
    """MEMORY tells what the kernel, Python and malloc count."""
    child = Served(spawn)
    with child.wire() as wire:
        memory = wire.ask("memory", {"malloc": True})
        # malloc holds its locks for an answer: only for who asks
        assert wire.ask("memory")["malloc"] is None
    assert memory["rss_bytes"] > 4 << 20
    assert 1 << 20 < memory["file_bytes"] < memory["rss_bytes"]
    assert memory["allocated_blocks"] == pytest.approx(
        child.ask("sys.getallocatedblocks()"), rel=0.1)
    assert memory["malloc"] is None or set(memory["malloc"]) == {
        "in_use_bytes", "free_bytes"}


@pytest.mark.skipif(SANITIZED, reason="a second LD_PRELOAD")
def test_memory_of_another_malloc(spawn):
    """What the C library's malloc has is not told where another is used."""
    child = Served(spawn, env=child_environment(
        LD_PRELOAD=str(preload("other_malloc"))))
    with child.wire() as wire:
        assert wire.ask("memory", {"malloc": True})["malloc"] is None


def test_idle_server_rests(spawn):
    """With nobody connected: one thread more, no timer, no CPU."""
    child = Served(spawn)
    before = descriptors(child)
    with child.wire() as wire:
        wire.snapshot()
        assert threads(child) == 3
    wait_until(lambda: descriptors(child) == before, "closed descriptors")
    wait_until(lambda: threads(child) == 2, "the worker to rest")
    tid = [t for t in os.listdir("/proc/%d/task" % child.pid)
           if int(t) != child.pid][0]

    def switches():
        with open("/proc/%d/task/%s/status" % (child.pid, tid)) as status:
            return [line for line in status if "ctxt_switches" in line]
    wait_until(lambda: threads(child) == 2, "the worker to rest")
    time.sleep(0.01)  # the thread's way back into poll
    before = switches()
    time.sleep(1)
    assert switches() == before


# ---- snapshots ----
@pytest.mark.smoke
def test_snapshot_over_both_sockets(spawn, tmp_path):
    """An independent reader takes what comes for complete and right."""
    child = Served(spawn)
    child.run("class Leaky: pass\nleaks = [Leaky() for _ in range(432)]")
    for name, wire in (("unix", child.wire()),
                       ("tcp", Wire.tcp(child.address).hello())):
        for codec in ("none", "lz4"):
            with_codec = tmp_path / (name + codec)
            reply = wire.save(str(with_codec), codec=codec)
            snap = pxs.read(str(with_codec))
            assert len(snap.by_type("__main__.Leaky")) == 432
            assert reply["end"] == "complete" and reply["shared"] is False
            assert reply["objects"] == len(
                [n for n in snap.nodes.values()
                 if not n.flags & pxs.SYNTHETIC]) or reply["objects"] > 0
            assert reply["pause_ns"] > 0 and reply["wall_ns"] > 0
            assert snap.header["pid"] == child.pid
        wire.close()


def test_snapshot_options_are_checked(spawn):
    """Unknown names are errors; more detail than allowed is lowered."""
    child = Served(spawn, detail="types")
    with child.wire() as wire:
        for options in ({"detail": "all"}, {"codec": "zstd"}, {"codec": 1},
                        {"stop_the_world": 1}):
            with pytest.raises(Refused) as refused:
                wire.snapshot(**options)
            assert refused.value.code == "bad_argument"
        chunks, _, _ = wire.snapshot(detail="values")
        snap = pxs.read_bytes(b"".join(chunks))
        assert snap.header["detail"] == "types" and not snap.previews


def test_stop_the_world(spawn):
    """The other way gives the same kind of stream and says so."""
    child = Served(spawn)
    child.run("class Leaky: pass\nleaks = [Leaky() for _ in range(99)]")
    with child.wire() as wire:
        chunks, reply, _ = wire.snapshot(stop_the_world=True)
    snap = pxs.read_bytes(b"".join(chunks))
    assert snap.header["stop_the_world"] is True
    assert len(snap.by_type("__main__.Leaky")) == 99
    assert reply["end"] == "complete"


def spool_of(child):
    """The file of a snapshot of which something is written already."""
    for fd in descriptors(child):
        path = "/proc/%d/fd/%s" % (child.pid, fd)
        try:
            if "pyexplore-spool" in os.readlink(path) and \
                    os.stat(path).st_size > 0:
                return open(path, "rb")
        except FileNotFoundError:
            pass
    return None


def test_stop_the_world_is_cancelled(spawn):
    """CANCEL ends a walk that stops the target: less is written than in all.
    It may come too late; not each time."""
    child = big_child(spawn)
    options = {"codec": "none", "stop_the_world": True}
    with child.wire() as wire:
        whole = sum(map(len, wire.snapshot(**options)[0]))
        for _ in range(5):
            wait_until(lambda: not spool_of(child), "the end of the last one")
            request = wire.frame("snapshot", options)
            with wait_until(lambda: spool_of(child), "the walk") as spool:
                wire.frame("cancel", {"id": request})
                assert wire.reply(request)["end"] == "cancelled"
                wire.ask("gc_state")  # the walk is over
                if os.fstat(spool.fileno()).st_size < 0.9 * whole:
                    return
    pytest.fail("five walks went on to their ends")


def test_peers_share_one_child(spawn):
    """Peers that ask while the GIL is waited for get the same snapshot."""
    child = Served(spawn)
    with child.wire() as one, child.wire() as two, child.wire() as other:
        hold_gil(child, 0.6)
        first = one.frame("snapshot", {})
        second = two.frame("snapshot", {})
        different = other.frame("snapshot", {"detail": "types"})
        got = {}
        for wire, request in ((one, first), (two, second),
                              (other, different)):
            others = []
            got[wire] = (wire.reply(request, others),
                         [o[3] for o in others if o[0] == "chunk"])
        child.end()
        assert got[one][1] == got[two][1] != got[other][1]
        assert [got[w][0]["shared"] for w in (one, two, other)] == \
            [False, True, False]
        assert one.ask("status")["snapshots"] == 2


def test_second_snapshot_of_one_connection(spawn):
    """One at a time on a connection; the next one is a new one."""
    child = Served(spawn)
    with child.wire() as wire:
        hold_gil(child, 0.3)
        first = wire.frame("snapshot", {})
        with pytest.raises(Refused, match="already"):
            wire.ask("snapshot")
        assert wire.reply(first)["end"] == "complete"
        child.end()
        assert wire.snapshot()[1]["end"] == "complete"


def big_child(spawn, **options):
    child = Served(spawn, **options)
    child.run("heap = [[str(i)] for i in range(400000)]")
    return child


def state_of(pid):
    """R runs, S sleeps, …"""
    with open("/proc/%d/stat" % pid) as stat:
        return stat.read().rpartition(")")[2].split()[0]


def read_some(wire):
    """Takes chunks until one of nodes has come; then reads no more."""
    while True:
        msg, _, _, body = wire.receive()
        if msg == "chunk" and struct.unpack_from("<H", body)[0] == \
                pxs.CHUNK["NODES"]:
            return


def test_cancel_in_the_middle(spawn):
    """CANCEL in mid-stream: the frame ends, the reply says cancelled, the
    child is gone, and the connection goes on."""
    child = big_child(spawn, spool_bytes=4 << 20)
    with child.wire() as wire:
        request = wire.frame("snapshot", {"codec": "none"})
        read_some(wire)
        wire.frame("cancel", {"id": request})
        reply = wire.reply(request)
        assert reply["end"] == "cancelled"
        wait_until(lambda: children_of(child.pid) == [], "the child's end")
        assert wire.snapshot()[1]["end"] == "complete"


def test_peer_gone_in_the_middle(spawn):
    """A peer that vanishes takes its child and its descriptors along."""
    child = big_child(spawn, spool_bytes=4 << 20)
    before = descriptors(child)
    for how in ("close", "reset"):
        wire = Wire.tcp(child.address).hello()
        wire.frame("snapshot", {"codec": "none"})
        read_some(wire)
        if how == "reset":
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        wire.close()
        wait_until(lambda: children_of(child.pid) == [], "the child's end")
        wait_until(lambda: descriptors(child) == before, "descriptors")
    assert child.ask("len(heap)") == 400000


def test_slow_peer_does_not_hold_up_a_fast_one(spawn):
    """While one peer takes nothing, others are answered."""
    child = big_child(spawn, spool_bytes=4 << 20)
    with child.wire() as slow, child.wire() as fast:
        slow.frame("snapshot", {"codec": "none"})
        read_some(slow)
        for _ in range(20):
            # the slow one is still there: nobody waited for its end
            assert fast.ask("status")["peers"] == 2
        assert fast.snapshot(detail="types")[1]["end"] == "complete"


def test_a_slow_peer_that_leaves_lets_the_others_go_on(spawn):
    """When the slowest reader of a full spool is gone, its room is free: the
    fast one, that has all there is, gets the rest."""
    child = big_child(spawn, spool_bytes=4 << 20)
    slow, fast = child.wire(), child.wire()
    slow.frame("snapshot", {"codec": "none"})
    request = fast.frame("snapshot", {"codec": "none"})
    got, told = 0, -1
    while got != told or state_of(children_of(child.pid)[0]) != "S":
        msg, _, _, body = fast.receive()
        if msg == "chunk":
            got += len(body)
        elif msg == "progress":
            told = body["raw_bytes"]
    slow.close()
    assert fast.reply(request)["end"] == "complete"
    fast.close()


def test_too_slow_a_peer_gets_a_footer(spawn):
    """A spool that stays full for 10 s ends with `slow_peer`, whole."""
    child = big_child(spawn, spool_bytes=4 << 20)
    with child.wire() as wire:
        wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        request = wire.frame("snapshot", {"codec": "none"})
        wait_until(lambda: children_of(child.pid), "the child")
        wait_until(lambda: children_of(child.pid) == [], "its end")
        others = []
        reply = wire.reply(request, others)
    chunks = [body for msg, _, _, body in others if msg == "chunk"]
    assert reply["end"] == "slow_peer"
    assert struct.unpack_from("<H", chunks[-1])[0] == pxs.CHUNK["FOOTER"]


def test_progress_of_a_long_walk(spawn):
    """PROGRESS counts objects upwards while the child walks."""
    child = big_child(spawn, spool_bytes=4 << 20)
    with child.wire() as wire:
        request = wire.frame("snapshot", {"codec": "none"})
        read_some(wire)
        seen = []
        while len(seen) < 3:
            msg, _, got, body = wire.receive()
            if msg == "progress" and got == request:
                seen.append(body)
            time.sleep(0.01)
        assert all(body["state"] == "walking" for body in seen)
        assert seen[0]["objects"] <= seen[-1]["objects"]
        assert seen[-1]["pause_ns"] > 0


def test_hammer(spawn):
    """Threads that connect, ask, take snapshots and vanish at random."""
    child = Served(spawn)
    failed = []

    def client(number):
        try:
            for i in range(12):
                with child.wire() as wire:
                    if (i + number) % 3 == 0:
                        wire.frame("snapshot", {})
                        continue
                    assert wire.ask("gc_state")["enabled"] is True
                    assert wire.snapshot()[1]["end"] == "complete"
        except (AssertionError, Closed) as error:
            failed.append(error)
    crowd = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join(100)
    assert not failed
    wait_until(lambda: children_of(child.pid) == [], "no child left")
    wait_until(lambda: threads(child) == 2, "the worker to rest")
    assert child.finish() == 0
    assert child.target.stderr == []


LIMIT_FILES = """
import resource
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (%s, %s))
kept = [[i] for i in range(200000)]
"""


def test_a_soft_limit_on_files_is_no_limit(spawn):
    """RLIMIT_FSIZE counts for the spool too: the child lifts its own."""
    child = Served(spawn)
    child.run(LIMIT_FILES % (65536, "hard"))
    with child.wire() as wire:
        _, reply, _ = wire.snapshot(codec="none")
    assert reply["end"] == "complete"
    assert child.ask("resource.getrlimit(resource.RLIMIT_FSIZE)[0]") == 65536


def test_a_hard_limit_on_files_is_named(spawn):
    """Where it cannot be lifted, the end of the stream says what to do."""
    child = Served(spawn)
    child.run(LIMIT_FILES % (65536, 65536))
    with child.wire() as wire:
        _, reply, _ = wire.snapshot(codec="none")
        assert reply["end"] == "file_limit"
    assert child.ask("len(kept)") == 200000


def test_tcp_peers_that_vanish_are_noticed(spawn):
    """The kernel asks a silent TCP peer after a minute whether it lives."""
    child = Served(spawn)
    child.run("""
import socket
def options():
    for fd in os.listdir("/proc/self/fd"):
        try:
            peer = socket.socket(fileno=os.dup(int(fd)))
            peer.getpeername()
        except OSError:
            continue
        if peer.family == socket.AF_INET:
            return [peer.getsockopt(level, option) for level, option in (
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                (socket.IPPROTO_TCP, socket.TCP_NODELAY),
                (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
                (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
                (socket.IPPROTO_TCP, socket.TCP_KEEPCNT))]
""")
    with Wire.tcp(child.address).hello():
        assert child.ask("options()") == [1, 1, 60, 15, 4]
