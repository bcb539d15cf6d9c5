"""requests: a session with an adapter, cookies, JSON and a hook, against a
server of the standard library in a thread.

SPDX-License-Identifier: MIT
"""
import http.server
import json
import threading

import requests
from requests.adapters import HTTPAdapter

from rest import rest

SEEN = []


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words):
        pass

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        text = json.dumps({"path": self.path, "n": len(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Set-Cookie", "visit=%d" % len(SEEN))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="server",
                     daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_address[1]
    session = requests.Session()
    session.mount(base, HTTPAdapter(pool_connections=2, max_retries=1))
    session.hooks["response"].append(
        lambda response, **more: SEEN.append(response.url))
    answers = [session.get(base + "/item", params={"n": n})
               for n in range(20)]
    answers += [session.post(base + "/item", json={"name": "ann", "n": n})
                for n in range(20)]
    assert all(a.json()["path"].startswith("/item") for a in answers)
    assert len(SEEN) == 40
    for thread in threading.enumerate():
        if thread.name not in ("MainThread", "server"):
            thread.join()  # it has answered: HTTP/1.0
    rest()


if __name__ == "__main__":
    main()
