"""Healthy: a queue that fills in bursts and is drained in between.

Orders arrive in waves; two workers catch up before the next wave. A snapshot
may see the queue empty or with hundreds of orders.

SPDX-License-Identifier: MIT
"""
import queue
import threading
import time

import pyexplore
import traffic


class Order:
    def __init__(self, request, line):
        self.id = "%s/%d" % (request.id, line)
        self.user = request.user
        self.line = line


def work(orders, pause):
    while True:
        order = orders.get()
        assert order.line >= 0
        time.sleep(pause)  # it is packed
        orders.task_done()


def main():
    pyexplore.serve(port=None)
    pause = traffic.period()
    orders = queue.Queue()
    for number in range(4):
        threading.Thread(target=work, args=(orders, pause / 4),
                         name="packer-%d" % number, daemon=True).start()
    for request in traffic.requests():
        if request.number % 60 == 0:
            orders.join()  # the wave before must be gone
            for line in range(200):
                orders.put(Order(request, line))


if __name__ == "__main__":
    main()
