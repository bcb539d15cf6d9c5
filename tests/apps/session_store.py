"""A shop that keeps every login session: a module's dict, no expiry.

Sessions are found by their token. Log-out is rare, people close the browser,
and nothing ever takes a session out.  The fix: expire them.

SPDX-License-Identifier: MIT
"""
import hashlib
import time

import pyexplore
import traffic

_SESSIONS = {}


class Session:
    def __init__(self, user, token):
        self.user = user
        self.token = token
        self.since = time.time()
        self.basket = []
        self.flashes = ["Welcome back, %s!" % user]


def login(request):
    token = hashlib.sha256(request.id.encode()).hexdigest()
    session = _SESSIONS[token] = Session(request.user, token)
    return session


def handle(request):
    session = login(request)
    if request.page == "/basket":
        session.basket.append(request.body)
    if request.page == "/orders":  # logs out as one should
        del _SESSIONS[session.token]
    return "200 OK"


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
