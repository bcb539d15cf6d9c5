"""server_leak.py: a small TCP server with a leak, as one meets it.

A key-value server over real sockets, and a client process that connects, asks
a few things and hangs up.  Whoever hangs up should be forgotten.  One of two
mistakes prevents it:

  list    every Connection goes into the module's list _CONNECTIONS and nobody
          takes it out when the peer hangs up
  cycle   it is taken out, but Connection.handler and ConnectionHandler.
          connection refer to each other and somebody called gc.disable()

The server offers itself to pyexplore in the two lines that any service needs.

    python server_leak.py list                  leaks until Ctrl-C
    python server_leak.py cycle --connections 500 --port 0
                                                leaks 500, then only serves

Says on stdout, one JSON object a line: {"event": "serving", …} once, and
{"event": "leaked", "connections": N} when --connections or --tell have come and gone.

SPDX-License-Identifier: MIT
"""
import argparse
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time

_CONNECTIONS = []  # the leak: see forget()


class ConnectionHandler:
    """Speaks the protocol for one connection: GET key, SET key value."""

    def __init__(self, connection, store):
        self.connection = connection
        self.store = store
        self.requests = 0

    def answer(self, line):
        self.requests += 1
        words = line.split(None, 2)
        if len(words) == 3 and words[0] == "SET":
            self.store[words[1]] = words[2]
            return "OK"
        if len(words) == 2 and words[0] == "GET":
            return self.store.get(words[1], "NONE")
        return "ERROR what is %r?" % line


class Connection:
    """One peer: its socket, what is known of it, what it sent."""

    def __init__(self, sock, peer, store):
        self.sock = sock
        self.fd = sock.fileno()
        self.peer = peer
        self.since = time.time()
        self.headers = {"peer": "%s:%d" % peer[:2], "agent": None}
        self.buffer = []
        self.pending = b""
        self.handler = ConnectionHandler(self, store)

    def receive(self):
        """Answers whole lines; False when the peer has hung up."""
        data = self.sock.recv(4096)
        if not data:
            return False
        self.buffer.append(data)
        lines = (self.pending + data).split(b"\n")
        self.pending = lines.pop()
        for line in lines:
            text = line.decode("utf-8", "replace")
            if text.startswith("AGENT "):
                self.headers["agent"] = text[6:]
            else:
                reply = self.handler.answer(text) + "\n"
                self.sock.sendall(reply.encode())
        return True


class Server:
    def __init__(self, leak, tell_after):
        self.leak = leak
        self.tell_after = tell_after
        self.finished = 0
        self.store = {}
        self.selector = selectors.DefaultSelector()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]

    def accept(self):
        sock, peer = self.listener.accept()
        connection = Connection(sock, peer, self.store)
        _CONNECTIONS.append(connection)
        self.selector.register(sock, selectors.EVENT_READ, connection)

    def forget(self, connection):
        self.selector.unregister(connection.sock)
        connection.sock.close()
        if self.leak == "cycle":
            _CONNECTIONS.remove(connection)
        self.finished += 1
        if self.finished == self.tell_after:
            say("leaked", connections=self.finished)

    def run(self):
        self.selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif not key.data.receive():
                    self.forget(key.data)


def client(port, limit, rate):
    """Connects `rate` times a second, `limit` times in all (0: for ever)."""
    number = 0
    started = time.monotonic()
    while number < limit or limit == 0:
        number += 1
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as sock:
                lines = sock.makefile("rw", newline="\n")
                lines.write("AGENT client/1.%d\nSET key-%d value-%d\n"
                            % (number % 7, number % 50, number))
                lines.flush()
                if lines.readline() != "OK\n":
                    raise SystemExit("the server does not answer")
        except ConnectionError:
            return  # the server is gone, and so are we
        late = started + number / rate - time.monotonic()
        if late > 0:
            time.sleep(late)


def say(event, **fields):
    print(json.dumps(dict(event=event, **fields)), flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(
        description="A TCP server that leaks Connection objects.")
    parser.add_argument("leak", nargs="?", choices=["list", "cycle"],
                        default="list", help="which mistake (default: list)")
    parser.add_argument("--connections", type=int, default=0, metavar="N",
                        help="how many come and go (default: no end)")
    parser.add_argument("--rate", type=float, default=50, metavar="R",
                        help="connections a second (default: 50)")
    parser.add_argument("--port", type=int, default=None, metavar="P",
                        help="for pyexplore.serve(port=…); 0: any free one")
    parser.add_argument("--tell", type=int, default=0, metavar="N",
                        help="say so when N have leaked, and go on")
    parser.add_argument("--client", type=int, metavar="PORT",
                        help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    if args.client:
        return client(args.client, args.connections, args.rate)

    def leave(number, frame):
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    if args.leak == "cycle":
        gc.disable()  # "it made us faster"

    import pyexplore
    explored = (pyexplore.serve() if args.port is None
                else pyexplore.serve(port=args.port))

    server = Server(args.leak, args.tell or args.connections)
    peer = subprocess.Popen(
        [sys.executable, os.path.abspath(__file__), "--client",
         str(server.port), "--connections", str(args.connections), "--rate",
         str(args.rate)])
    try:
        say("serving", pid=os.getpid(), port=server.port,
            address=explored.address and str(explored.address),
            unix_path=explored.unix_path)
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        peer.terminate()
        peer.wait()
        explored.close()


if __name__ == "__main__":
    main()
