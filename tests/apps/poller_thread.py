"""A price poller: a thread whose local list grows as long as it runs.

`ticks` was to be the window for a moving average; the thread never returns, so
its local is as good as a global.  The fix: deque(maxlen=…).

SPDX-License-Identifier: MIT
"""
import queue
import threading

import pyexplore
import traffic


class Tick:
    def __init__(self, number, price):
        self.number = number
        self.price = price


def poll(source, averages):
    ticks = []
    while True:
        number = source.get()
        ticks.append(Tick(number, 100 + number % 17 / 10))
        window = ticks[-20:]
        averages["last"] = sum(tick.price for tick in window) / len(window)


def main():
    pyexplore.serve(port=None)
    source, averages = queue.Queue(), {}
    threading.Thread(target=poll, args=(source, averages), name="poller",
                     daemon=True).start()
    for request in traffic.requests():
        source.put(request.number)


if __name__ == "__main__":
    main()
