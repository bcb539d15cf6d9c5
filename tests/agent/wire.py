"""wire.py: pyexplore's protocol in Python, written from proto.h alone.

A second implementation beside the C client: it speaks in blocking steps,
shows every byte, and can be made to misbehave. Nothing here calls our C code.

    with Wire.unix(path) as wire:
        wire.hello()
        reply = wire.ask("gc_state", {})
        chunks, reply, progress = wire.snapshot(detail="names")

SPDX-License-Identifier: MIT
"""
import hashlib
import json
import os
import pathlib
import re
import socket
import struct
import time

from harness import DEADLINE, REPOSITORY

MAGIC = b"\x89PYX\r\n\x1a\n"
FIRST = MAGIC + b"\x01\x00\x00\x00"
REPLY, BULK = 1, 2
HEAD = struct.Struct("<IHHQ")


def _messages():
    text = (REPOSITORY / "include/pyexplore/proto.h").read_text()
    return {name: int(number) for number, name in re.findall(
        r"X\((\d+), [A-Z_]+, \"(\w+)\", [RW]\)", text)}


MESSAGES = _messages()
NAMES = {number: name for name, number in MESSAGES.items()}


class Closed(Exception):
    """The server closed the connection."""


class Refused(Exception):
    """An ERROR reply."""

    def __init__(self, body):
        super().__init__("%(code)s: %(message)s (%(hint)s)" % body)
        self.code = body["code"]
        self.message = body["message"]
        self.hint = body["hint"]


def proof(role, key, first_nonce, second_nonce):
    """H(key, "pyexplore ROLE 1" nonce nonce)"""
    text = b"pyexplore %s 1" % role
    return hashlib.blake2b(text + first_nonce + second_nonce, key=key,
                           digest_size=32).digest()


class Wire:
    """One connection."""

    def __init__(self, sock, key=bytes(32)):
        self.sock = sock
        self.key = key
        self.buffer = b""
        self.last_id = 0
        self.server = None
        sock.settimeout(DEADLINE)

    @classmethod
    def raw_unix(cls, path):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.connect("\0" + path[1:] if path.startswith("@") else path)
        return cls(sock)

    @classmethod
    def raw_tcp(cls, address, key=bytes(32)):
        host, _, port = address.rpartition(":")
        return cls(socket.create_connection((host.strip("[]"), int(port)),
                                            DEADLINE), key)

    @classmethod
    def unix(cls, path):
        return cls.raw_unix(path).handshake()

    @classmethod
    def tcp(cls, address, key_file=None):
        port = address.rpartition(":")[2]
        if key_file is None:
            key_file = os.path.join(os.environ["PYEXPLORE_DIR"],
                                    "tcp-%s.key" % port)
        key = pathlib.Path(key_file).read_bytes()
        return cls.raw_tcp(address, key).handshake()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.sock.close()

    # ---- bytes ----
    def send(self, data):
        self.sock.sendall(data)

    def need(self, n):
        """Exactly n bytes."""
        while len(self.buffer) < n:
            try:
                more = self.sock.recv(1 << 16)
            except ConnectionError as error:
                raise Closed(str(error))
            if not more:
                raise Closed("after %d of %d bytes" % (len(self.buffer), n))
            self.buffer += more
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def is_closed(self, seconds=DEADLINE):
        """True once the server closes without a further word."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b"" and self.buffer == b""
        except ConnectionError:
            return True
        except socket.timeout:
            return False
        finally:
            self.sock.settimeout(DEADLINE)

    # ---- handshake ----
    def handshake(self):
        mine = os.urandom(32)
        self.send(FIRST + mine)
        answer = self.need(76)
        assert answer[:12] == FIRST
        theirs = answer[12:44]
        assert answer[44:] == proof(b"server", self.key, mine, theirs)
        self.send(proof(b"client", self.key, theirs, mine))
        return self

    # ---- frames ----
    def frame(self, msg, body=b"", flags=0, request=None):
        """Sends one frame; returns its id."""
        self.last_id += 1
        request = self.last_id if request is None else request
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        number = MESSAGES.get(msg, msg)
        self.send(HEAD.pack(len(body), number, flags, request) + body)
        return request

    def receive(self):
        """(message, flags, id, body): bytes for bulk, else parsed."""
        length, number, flags, request = HEAD.unpack(self.need(HEAD.size))
        body = self.need(length)
        if not flags & BULK:
            body = json.loads(body.decode())
        return NAMES.get(number, number), flags, request, body

    def hello(self, lowest=1, highest=1, **more):
        body = dict(lowest=lowest, highest=highest, program="wire.py",
                    version="1", **more)
        self.server = self.ask("hello", body)
        return self

    def reply(self, request, others=None):
        """The reply to `request`; what comes before goes to `others`."""
        while True:
            msg, flags, got, body = self.receive()
            if flags & REPLY and got == request:
                if msg == "error":
                    raise Refused(body)
                return body
            if others is not None:
                others.append((msg, flags, got, body))

    def ask(self, msg, body=None, others=None):
        return self.reply(self.frame(msg, {} if body is None else body),
                          others)

    # ---- snapshots ----
    def snapshot(self, **options):
        """(chunks, reply, progress) of a whole snapshot."""
        others = []
        reply = self.ask("snapshot", options, others)
        chunks = [body for msg, _, _, body in others if msg == "chunk"]
        progress = [body for msg, _, _, body in others if msg == "progress"]
        return chunks, reply, progress

    def save(self, path, **options):
        """A snapshot as a file; its reply."""
        chunks, reply, _ = self.snapshot(**options)
        pathlib.Path(path).write_bytes(b"\x89PXS\r\n\x1a\n" + b"".join(chunks))
        return reply


def until(condition, what):
    """Like harness.wait_until, for a condition that may raise."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            value = condition()
            if value:
                return value
        except OSError:
            pass
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)
