"""Celery over kombu's broker in memory: a worker in a thread, tasks called by
name, chained and retried, results kept.

SPDX-License-Identifier: MIT
"""
import celery
from celery.contrib.testing.worker import start_worker

from rest import rest

app = celery.Celery("shop", broker="memory://", backend="cache+memory://")
app.conf.update(worker_hijack_root_logger=False, timezone="UTC")
TRIES = []


@app.task
def price(n):
    return n * 2


@app.task(bind=True, max_retries=3)
def shaky(self, n):
    TRIES.append(n)
    if self.request.retries < 1:
        raise self.retry(countdown=0)
    return n


def main():
    with start_worker(app, pool="solo", perform_ping_check=False,
                      loglevel="ERROR"):
        answers = [price.delay(n) for n in range(20)]
        assert [a.get(timeout=30) for a in answers] == [
            2 * n for n in range(20)]
        chain = (price.s(3) | price.s()).apply_async()
        assert chain.get(timeout=30) == 12
        assert shaky.delay(7).get(timeout=30) == 7
        assert TRIES == [7, 7]
        rest()


if __name__ == "__main__":
    main()
