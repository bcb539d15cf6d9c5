"""test_wire.py: nobody who can connect can stop, slow, grow or crash it.

What test_session.py shows of single connections, here under abuse: bytes that
drip, requests that pour, replies that nobody reads, ends in the middle.

SPDX-License-Identifier: MIT
"""
import json
import os
import random
import socket
import time

import pytest

from harness import DEADLINE, RSS_SLACK, children_of, descriptors, wait_until
from served import Served
from wire import BULK, FIRST, HEAD, MESSAGES, REPLY, Closed, Refused, Wire, \
    proof


def rss_bytes(child):
    with open("/proc/%d/statm" % child.pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def frame_bytes(msg, body, request, flags=0):
    return HEAD.pack(len(body), MESSAGES[msg], flags, request) + body


def prove(wire):
    """The handshake's bytes, the client's proof not yet sent."""
    mine = os.urandom(32)
    wire.send(FIRST + mine)
    answer = wire.need(76)
    return proof(b"client", wire.key, answer[12:44], mine)


# ---- before HELLO ----
def test_dripping_bytes_do_not_prolong(spawn):
    """One right byte now and then: the five seconds are for the whole."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as wire:
        begin = time.monotonic()
        wire.sock.settimeout(0.4)
        closed = False
        for byte in FIRST + bytes(31):
            try:
                wire.send(bytes([byte]))
                closed = wire.sock.recv(1) == b""
                assert closed
                break
            except socket.timeout:
                continue
            except ConnectionError:
                closed = True
                break
        assert closed
        assert 4 < time.monotonic() - begin < 15


def test_silence_after_the_proof(spawn):
    """HELLO is due within the same time."""
    child = Served(spawn)
    with Wire.unix(child.unix) as wire:
        begin = time.monotonic()
        assert wire.is_closed(DEADLINE)
        assert time.monotonic() - begin > 4


def test_no_more_than_the_handshake_is_taken(spawn):
    """What follows a first message at once is the proof, and a wrong one."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as wire:
        wire.send(FIRST + bytes(32) + bytes(100000))
        try:
            wire.need(76)
            with pytest.raises(Closed):
                wire.need(1)
        except Closed:
            pass  # a reset may overtake the answer
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1


def test_everything_in_one_packet(spawn):
    """Proof, HELLO and requests together are answered one by one."""
    child = Served(spawn)
    with Wire.raw_unix(child.unix) as wire:
        hello = b'{"lowest":1,"highest":1}'
        wire.send(prove(wire) + frame_bytes("hello", hello, 1) +
                  frame_bytes("status", b"{}", 2) +
                  frame_bytes("gc_state", b"{}", 3))
        got = [wire.receive()[0:3] for _ in range(3)]
        assert got == [("hello", REPLY, 1), ("status", REPLY, 2),
                       ("gc_state", REPLY, 3)]


def test_crowd_at_the_door(spawn):
    """Hundreds that connect and wait: few are held, the rest is dropped, the
    other door stays open, and all descriptors come back."""
    child = Served(spawn)
    before = descriptors(child.pid)
    crowd = [Wire.raw_tcp(child.address) for _ in range(300)]
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1
        assert len(descriptors(child.pid)) < len(before) + 40
    for wire in crowd:
        wire.close()
    wait_until(lambda: descriptors(child.pid) == before, "closed descriptors")


# ---- after HELLO ----
def test_pipelined_requests(spawn):
    """2,000 requests before the first reply is read: each has its answer, and
    the queues stay bounded."""
    child = Served(spawn)
    with child.wire() as wire:
        before = rss_bytes(child)
        n = 2000
        data = b"".join(frame_bytes("status", b"{}", 10 + i)
                        for i in range(n))
        wire.sock.setblocking(False)
        seen = set()
        at = 0
        end = time.monotonic() + 60
        while len(seen) < n and time.monotonic() < end:
            try:
                at += wire.sock.send(data[at:at + 65536]) if at < len(data) \
                    else 0
            except BlockingIOError:
                pass
            if at < len(data):
                continue
            wire.sock.settimeout(60)
            msg, flags, request, _ = wire.receive()
            if flags & REPLY:  # else it tells that it waits for the GIL
                assert msg == "status"
                seen.add(request)
        assert seen == set(range(10, 10 + n))
        assert rss_bytes(child) - before < (8 << 20) + RSS_SLACK


def test_peer_that_never_reads(spawn):
    """It sends until nothing more is taken: the target does not grow, and
    others are served."""
    child = Served(spawn)
    with child.wire() as greedy, child.wire() as other:
        before = rss_bytes(child)
        request = frame_bytes("gc_garbage", b'{"limit":1000}', 5) * 100
        greedy.sock.settimeout(1)
        with pytest.raises(socket.timeout):
            for _ in range(20000):
                greedy.send(request)
        assert other.ask("status")["peers"] == 2
        assert rss_bytes(child) - before < (16 << 20) + RSS_SLACK
    with child.wire() as wire:
        assert wire.ask("status")["peers"] == 1


def test_odd_frames_are_answered_or_closed(spawn):
    """Messages that only a server sends, replies to nothing, odd ids."""
    child = Served(spawn)
    for msg, flags, request in (
            ("error", 0, 1), ("progress", 0, 1), ("chunk", 0, 1),
            ("hello", 0, 1), ("status", REPLY, 1), ("chunk", BULK, 1),
            ("status", 0, 0), ("status", 0, (1 << 64) - 1)):
        with child.wire() as wire:
            wire.send(frame_bytes(msg, b"{}", request, flags))
            try:
                assert wire.receive()[2] == request
            except Closed:
                pass
    with child.wire() as wire:
        for _ in range(2):  # the same id twice at once: two answers
            wire.send(frame_bytes("gc_state", b"{}", 77))
        assert [wire.receive()[2] for _ in range(2)] == [77, 77]


def test_end_in_the_middle_of_anything(spawn):
    """A connection that is cut after each of its bytes leaves nothing."""
    child = Served(spawn)
    before = descriptors(child.pid)
    tail = (frame_bytes("hello", b'{"lowest":1,"highest":1}', 1) +
            frame_bytes("gc_set", b'{"enabled":false}', 2) +
            frame_bytes("snapshot", b'{"detail":"values"}', 3))
    for n in range(0, 32 + len(tail) + 1, 3):
        with Wire.raw_unix(child.unix) as wire:
            wire.send((prove(wire) + tail)[:n])
    wait_until(lambda: child.ask("gc.isenabled()"), "the collector put back")
    wait_until(lambda: descriptors(child.pid) == before, "closed descriptors")
    assert children_of(child.pid) == []


def test_random_requests(spawn):
    """Any JSON in any request: an answer or an error for each, never silence,
    never a crash. The seed is in the message of a failure."""
    child = Served(spawn)
    seed = random.randrange(1 << 30)
    rng = random.Random(seed)
    names = [n for n in MESSAGES if n not in ("hello", "cancel", "snapshot",
                                              "gc_freeze")]
    keys = ["enabled", "thresholds", "debug", "keep", "generation", "limit",
            "confirm", "detail", "id", "", "x" * 300]
    values = [None, True, False, 0, -1, 1 << 62, 1.5, "", "names", "\u20ac",
              [], [1, 2, 3], [[]], {}, {"a": [None]}, [1] * 500]
    with child.wire() as wire:
        for i in range(300):
            body = {rng.choice(keys): rng.choice(values)
                    for _ in range(rng.randrange(4))}
            request = wire.frame(rng.choice(names), body)
            try:
                wire.reply(request)
            except Refused as refused:
                assert refused.message, "seed %d" % seed
            except Closed:
                pytest.fail("closed on %s, seed %d" % (json.dumps(body), seed))
    with child.wire() as wire:  # one in 400 ends with "off" and "keep"
        wire.ask("gc_restore", {"kept": True})
    wait_until(lambda: child.ask("gc.isenabled()"),
               "the collector put back, seed %d" % seed)
    assert child.ask("gc.get_threshold()[0]") > 0


def test_strangers_never_need_the_gil(spawn):
    """Whoever knocks and is turned away costs the target's threads nothing:
    the worker, which alone takes the GIL, is not even started."""
    child = Served(spawn)

    def threads():
        return len(os.listdir("/proc/%d/task" % child.pid))
    assert threads() == 2  # the main thread and the listener
    for _ in range(300):
        Wire.raw_unix(child.unix).close()
        with Wire.raw_tcp(child.address) as wire:
            wire.send(b"GET / HTTP/1.0\r\n\r\n")
            assert wire.is_closed()
        assert threads() == 2
    with child.wire() as wire:
        wire.ask("status")
        assert threads() == 3
