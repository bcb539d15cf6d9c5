#!/usr/bin/env python3
"""make_pxs.py — writes a snapshot of a leaking server that never ran.

What the demo's target would say, the same bytes in every run, for views,
commands and tests that need no Python target:

    python tests/tools/make_pxs.py OUT.pxs [--codec none|lz4|zstd]
        [--layout inline|dict] [--connections 1204] [--cycles 300] [--cut N]
        [--time SECONDS] [--pid 4242]

In it: module server → _CONNECTIONS holds 1,204 Connection; 6 more are locals
of thread worker-3; 300 pairs Connection.handler ↔ ConnectionHandler.connection
that no root reaches; 30 db.Cursor with one reference that no object owns; a
chain of 1,041 Node under module registry; a closure, a bound method, a
generator, a queue, a weak reference, secrets, names that try to move the
cursor. --layout dict is how 3.8–3.10 lay out instances: through a __dict__.

SPDX-License-Identifier: MIT
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pxs  # noqa: E402

PYTHON = pxs.TYPE_HEAP | pxs.TYPE_GC | pxs.TYPE_PYTHON


class Server:
    def __init__(self, args):
        self.args = args
        self.h = pxs.Heap()
        h = self.h
        self.none = h.preview(
            h.new("NoneType", 16, flags=pxs.IMMORTAL), "TEXT", "None")
        self.true = h.preview(
            h.new("bool", 28, flags=pxs.IMMORTAL), "TEXT", "True")
        self.ints = {}

    # An instance; attributes inline (3.11+) or through its __dict__.
    def instance(self, type_name, size=48, gen=pxs.GEN_2, **attrs):
        h = self.h
        addr = h.new(type_name, size, gen, type_flags=PYTHON)
        if attrs:
            self.fill(addr, **attrs)
        return addr

    def fill(self, addr, **attrs):
        h = self.h
        if self.args.layout == "dict":
            h.edge(addr, "ATTR", h.named_dict(**attrs), "__dict__")
        else:
            for name, value in attrs.items():
                h.edge(addr, "ATTR", value, name)

    def number(self, value):
        if value not in self.ints:
            self.ints[value] = self.h.int(value)
        return self.ints[value]

    def connection(self, i, type_name="server.Connection"):
        h = self.h
        peer = h.tuple([h.str("10.0.%d.%d" % (i // 250, i % 250)),
                        self.number(40000 + i)])
        headers = h.dict([
            (h.key("host"), h.str("shop-%04d.example.com" % i)),
            (h.key("user_agent"), self.agent),
            (h.key("api_key"), self.secret("tok-%08x" % (i * 2654435761)))])
        chunk = b"GET /cart/%d HTTP/1.1\r\nHost: shop\r\n" % i
        data = h.bytes(chunk + bytes(4096 + 8 * (i % 64) - len(chunk)))
        handler = self.instance("server.ConnectionHandler")
        addr = self.instance(
            type_name, fd=self.number(100000 + i), peer=peer, headers=headers,
            buffer=h.list([data]), handler=handler)
        self.fill(handler, connection=addr, state=self.none)
        return addr

    def secret(self, text):
        addr = self.h.new("str", 49 + len(text))
        return self.h.preview(addr, "SECRET", None)

    def module(self, name, **attrs):
        h = self.h
        addr = h.new("module", 72, type_flags=pxs.TYPE_GC)
        h.edge(addr, "ATTR", h.named_dict(__name__=h.str(name), **attrs),
               "__dict__")
        h.snap.roots.append((pxs.ROOT["MODULE"], addr, name))
        h.extra[addr] = 1
        return addr

    def function(self, name, cells=()):
        h = self.h
        code = h.preview(h.new("code", 180), "TEXT", name)
        addr = h.new("function", 160, type_flags=pxs.TYPE_GC)
        h.edge(addr, "ATTR", code, "__code__")
        h.edge(addr, "ATTR", h.key(name), "__name__")
        if cells:
            made = []
            for _, value in cells:
                cell = h.new("cell", 40, type_flags=pxs.TYPE_GC)
                h.edge(cell, "ATTR", value, "cell_contents")
                made.append(cell)
            h.edge(addr, "ATTR", h.tuple(made), "__closure__")
            for (cell_name, _), cell in zip(cells, made):
                h.edge(addr, "CELL", cell, cell_name)
        return addr

    def thread(self, label, frames):
        h = self.h
        addr = h.new("<thread>", 0, flags=pxs.SYNTHETIC,
                     type_flags=pxs.TYPE_SYNTHETIC)
        h.snap.labels[addr] = label
        h.snap.roots.append((pxs.ROOT["THREAD"], addr, label))
        for i, (text, variables) in enumerate(frames):
            frame = h.new("<frame>", 0, flags=pxs.SYNTHETIC,
                          type_flags=pxs.TYPE_SYNTHETIC)
            h.snap.labels[frame] = text
            h.edge(addr, "FRAME", frame, i)
            for name, value in variables.items():
                h.edge(frame, "LOCAL", value, name)
        return addr

    def chain(self, n):
        node = self.none
        for i in range(n):
            node = self.instance("registry.Node", next=node,
                                 value=self.number(i % 100))
        return node

    def run(self):
        h, args = self.h, self.args
        self.agent = h.str("Mozilla/5.0 (X11; Linux x86_64) pyexplore-demo/1")
        connections = [self.connection(i) for i in range(args.connections)]
        h.preview(connections[0], "TEXT", "fd=100000")
        leaked = h.list(connections)
        live = [self.connection(90000 + i) for i in range(6)]
        cycles = [self.connection(70000 + i) for i in range(args.cycles)]
        assert cycles is not None

        cache = h.dict([(h.str("user:%d" % i), h.bytes(b"v" * (40 + i % 9)))
                        for i in range(800)])
        hostile = h.dict([
            (h.str("\x1b[2J\x1b[31mred"), h.str("a\rb\tc\x07")),
            (h.str("\u202eevil\u2066"), h.str("日本語のテキスト " * 9)),
            (h.str("\ud800 lone"), h.bytes(bytes(range(40)))),
            (h.tuple([self.number(1), self.number(2)]), self.true)])
        closure = self.function("on_close", [("conn", connections[3])])
        method = h.new("method", 64, type_flags=pxs.TYPE_GC)
        h.edge(method, "ATTR", closure, "__func__")
        h.edge(method, "SELF", connections[4])
        weak = h.new("weakref.ReferenceType", 72, type_flags=pxs.TYPE_GC)
        h.edge(weak, "WEAK", connections[5])
        big = h.preview(h.new("int", 60), "BIGINT", (200, 1))
        point = h.preview(h.new("float", 24), "FLOAT", 0.25)

        type_addr = h.snap.types[h.type("server.Connection", PYTHON)].addr
        handler_addr = h.snap.types[
            h.type("server.ConnectionHandler", PYTHON)].addr
        self.module("server", _CONNECTIONS=leaked, _CACHE=cache,
                    on_close=closure, _callbacks=h.list([method]),
                    weak=weak, Connection=type_addr,
                    ConnectionHandler=handler_addr, limits=h.tuple(
                        [big, point, self.number(64)]))
        queue = self.instance("queue.Queue", queue=h.list(
            [h.str("job-%04d" % i) for i in range(500)]),
            maxsize=self.number(0))
        self.module("registry", head=self.chain(1041), odd=hostile)
        self.module("jobs", backlog=queue)
        self.module("sys", stdout=self.instance("io.TextIOWrapper", 192),
                    argv=h.list([h.str("server.py")]))
        self.module("builtins", len=h.new("builtin_function_or_method", 72,
                                          type_flags=pxs.TYPE_GC))
        cursors = [self.instance("db.Cursor", 64, rows=h.list([]))
                   for _ in range(30)]
        for cursor in cursors:
            h.extra[cursor] = 1

        generator = h.new("generator", 200, pxs.GEN_0, type_flags=pxs.TYPE_GC)
        h.edge(generator, "GEN_LOCAL", h.list([self.number(7)]), "batch")
        self.thread("MainThread", [
            ("serve() server.py:41", {"backlog": queue, "stream": generator}),
            ("<module> server.py:90", {})])
        self.thread("worker-3", [
            ("handle() server.py:88", {"conn": live[0], "done": self.true}),
            ("run() threading.py:953", {"batch": h.list(live[1:])})])
        return h.finish(
            python="3.13.0", build="main, Nov 21 2026", pid=args.pid,
            command=["python", "server.py"], host="shop-7", time=args.time,
            rss=96 << 20, rss_file=20 << 20,
            interpreters=1, threads=2, stop_the_world=False,
            estimate={"objects": 22000, "bytes": 600000},
            gc={"enabled": False, "thresholds": [700, 10, 10],
                "counts": [411, 3, 8], "debug": 0})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("out")
    parser.add_argument("--codec", default="none",
                        choices=("none", "lz4", "zstd"))
    parser.add_argument("--layout", default="inline",
                        choices=("inline", "dict"))
    parser.add_argument("--connections", type=int, default=1204)
    parser.add_argument("--cycles", type=int, default=300)
    parser.add_argument("--time", type=float, default=1795230000)
    parser.add_argument("--pid", type=int, default=4242)
    parser.add_argument("--chunk", type=int, default=1 << 16,
                        help="raw bytes a chunk")
    parser.add_argument("--cut", type=int, default=0,
                        help="leave out the last N bytes")
    args = parser.parse_args()
    snap = Server(args).run()
    snap.write(args.out, args.codec.upper(), args.chunk)
    if args.cut:
        os.truncate(args.out, os.path.getsize(args.out) - args.cut)


if __name__ == "__main__":
    main()
