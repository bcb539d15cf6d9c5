"""traffic.py: the requests that the programs of this folder serve.

    for request in traffic.requests():      one every --period seconds
        handle(request)

    async for request in traffic.arrivals():

The same requests come in every run.  After the first few the program says on
stdout {"event": "serving", "pid": …}, as a load balancer would learn it.  It
ends with SIGTERM or Ctrl-C, and when whoever started it is gone: a leaking
program must not be left alone.

SPDX-License-Identifier: MIT
"""
import argparse
import asyncio
import itertools
import json
import os
import signal
import sys
import time

WARM_UP = 10  # requests before "serving": the first one imports half a library
PAGES = ("/", "/login", "/basket", "/search", "/orders", "/help")


class Request:
    """What a web framework would hand to the program."""

    def __init__(self, number):
        self.number = number
        self.id = "req-%08d" % number
        self.user = "user-%d" % (number * 7 % 53)
        self.page = PAGES[number * 5 % len(PAGES)]
        self.headers = {"host": "shop.example", "user-agent": "test/%d"
                        % (number % 4), "x-request-id": self.id}
        self.body = b"item=%d&note=" % (number % 31) + b"." * (number % 200)


def period():
    parser = argparse.ArgumentParser(
        description=(sys.modules["__main__"].__doc__ or "").split("\n")[0])
    parser.add_argument("--period", type=float, default=0.02, metavar="S",
                        help="seconds between two requests (default: 0.02)")
    return parser.parse_args().period


def numbers():
    """1, 2, 3, … until SIGTERM, or until the parent is gone."""
    parent, told = os.getppid(), []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    for number in itertools.count(1):
        if told or os.getppid() != parent:
            sys.exit(0)
        if number == WARM_UP:
            print(json.dumps({"event": "serving", "pid": os.getpid()}),
                  flush=True)
        yield number


def requests():
    pause = period()
    for number in numbers():
        yield Request(number)
        time.sleep(pause)


async def arrivals():
    pause = period()
    for number in numbers():
        yield Request(number)
        await asyncio.sleep(pause)
