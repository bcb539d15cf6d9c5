"""A server under load goes on as if nobody looked: while 100 snapshots are
taken every response is right, and afterwards neither memory nor descriptors
nor objects are more than before.

SPDX-License-Identifier: MIT
"""
import http.client
import json
import os
import threading
import urllib.parse

import pytest

import pxs
from harness import RSS_SLACK, descriptors, wait_until
from programs import PYTHONS, Program

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]
SNAPSHOTS = 100
GROWTH_BYTES = 4 << 20  # of a server that works meanwhile


class Load:
    """Clients that ask all the time and look at each answer."""

    def __init__(self, url, n_clients=2):
        self.url = urllib.parse.urlsplit(url)
        self.asked, self.wrong = 0, []
        self.ends = threading.Event()
        self.threads = [threading.Thread(target=self.ask, args=(n,))
                        for n in range(n_clients)]
        for thread in self.threads:
            thread.start()

    def ask(self, n):
        try:
            while not self.ends.is_set():
                n = (n + 7) % 50
                link = http.client.HTTPConnection(self.url.netloc, timeout=60)
                link.request("GET", "%s%d" % (self.url.path, n),
                             headers={"Connection": "close"})
                answer = link.getresponse()
                body = json.loads(answer.read().decode())
                link.close()
                if answer.status != 200 or body != {
                        "n": n, "title": "item %d" % n}:
                    self.wrong.append((n, answer.status, body))
                self.asked += 1
        except Exception as error:
            self.wrong.append(repr(error))

    def end(self):
        self.ends.set()
        for thread in self.threads:
            thread.join()


def rss(pid):
    with open("/proc/%d/statm" % pid) as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def kinds_of_descriptors(pid):
    return sorted(link.split(":")[0] for link in descriptors(pid))


def settled(target):
    """Waits until connections that were closed at one end are at the other."""
    seen = []

    def same():
        seen.append(kinds_of_descriptors(target.pid))
        return len(seen) > 50 and seen[-1] == seen[-50]

    wait_until(same, "descriptors that stay the same")


def objects(path):
    return pxs.read(str(path)).footer[pxs.FOOTER["OBJECTS"]]


@pytest.mark.parametrize("version", list(PYTHONS))
@pytest.mark.parametrize("program", ["flask", "aiohttp"])
def test_server_under_load_is_not_harmed(tmp_path, program, version):
    target = Program(program, version)
    try:
        load = Load(target.resting["url"])
        for n in range(10):
            target.snapshot(tmp_path / ("warm-%d.pxs" % n))
        wait_until(lambda: load.asked > 200 or load.wrong, "some answers")
        load.end()
        assert load.wrong == []
        settled(target)
        files = kinds_of_descriptors(target.pid)
        before = objects(target.snapshot(tmp_path / "before.pxs"))
        size = rss(target.pid)

        load = Load(target.resting["url"])
        for n in range(SNAPSHOTS):
            path = target.snapshot(tmp_path / "many.pxs")
            path.unlink()
        load.end()
        assert load.wrong == [] and load.asked > SNAPSHOTS
        grown = rss(target.pid) - size
        after = objects(target.snapshot(tmp_path / "after.pxs"))
        print("%s on %s: %d answers, rss %+d KiB, objects %+d" % (
            program, version, load.asked, grown >> 10, after - before))
        assert grown < GROWTH_BYTES + RSS_SLACK
        assert after - before < before // 100
        settled(target)
        assert kinds_of_descriptors(target.pid) == files
        assert target.end() == 0
    finally:
        target.close()
