"""A gateway with a requests.Session per URL: sessions that nobody closes.

"One session for each upstream" was the idea, for the sake of keep-alive. The
key is the whole URL, and the URL has the request's id in it, so that there is
a new Session with its pool of sockets each time.  The fix: key by host.

SPDX-License-Identifier: MIT
"""
import http.server
import resource
import threading

import requests

import pyexplore
import traffic

_CLIENTS = {}


class Upstream(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def client_for(url):
    client = _CLIENTS.get(url)
    if client is None:
        client = _CLIENTS[url] = requests.Session()
        client.trust_env = False
        client.headers["accept"] = "application/json"
    return client


def handle(request, upstream):
    url = "http://127.0.0.1:%d%s?trace=%s" % (
        upstream.server_port, request.page, request.id)
    return client_for(url).get(url, timeout=30).status_code


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    pyexplore.serve(port=None)
    upstream = http.server.HTTPServer(("127.0.0.1", 0), Upstream)
    threading.Thread(target=upstream.serve_forever, name="upstream",
                     daemon=True).start()
    for request in traffic.requests():
        assert handle(request, upstream) == 204


if __name__ == "__main__":
    main()
