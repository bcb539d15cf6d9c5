"""The standard library alone: an http.server with a database in memory, JSON,
templates and a log, spoken to over a socket.

SPDX-License-Identifier: MIT
"""
import http.server
import io
import json
import logging
import sqlite3
import string
import threading
import urllib.request

from rest import rest

LOG = logging.getLogger("shop")
PAGE = string.Template("<h1>$name</h1><p>$n</p>")


class Shop:
    def __init__(self):
        self.lock = threading.Lock()
        self.rows = sqlite3.connect(":memory:", check_same_thread=False)
        self.rows.execute("create table visit (name text, at real)")
        self.names = {}

    def visit(self, name):
        with self.lock, self.rows:
            self.rows.execute("insert into visit values (?, 1.5)", (name,))
            self.names.setdefault(name, []).append(len(self.names))
        LOG.info("visit of %s", name)
        return len(self.names[name])


class Handler(http.server.BaseHTTPRequestHandler):
    shop = None

    def log_message(self, *words):
        LOG.debug(*words)

    def do_GET(self):
        name = self.path.strip("/")
        n = self.shop.visit(name)
        text = (json.dumps({"n": n}) if name == "json"
                else PAGE.substitute(name=name, n=n)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main():
    logging.basicConfig(stream=io.StringIO(), level=logging.DEBUG)
    Handler.shop = Shop()
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, name="server",
                     daemon=True).start()
    base = "http://127.0.0.1:%d/" % server.server_port
    for n in range(1, 21):
        with urllib.request.urlopen(base + "json") as answer:
            assert json.load(answer) == {"n": n}
        with urllib.request.urlopen(base + "ann") as answer:
            assert answer.read() == b"<h1>ann</h1><p>%d</p>" % n
    rest()


if __name__ == "__main__":
    main()
