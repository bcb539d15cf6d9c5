"""A thread per request, and a peer that sometimes never answers.

One request in four asks the recommendation service, which is down, and there
is no timeout: its thread waits for ever, with the request in its locals.  The
fix: a timeout.

SPDX-License-Identifier: MIT
"""
import threading

import pyexplore
import traffic


class Visit:
    def __init__(self, request):
        self.request = request
        self.answers = []


def recommendations(answered):
    answered.wait()  # without a timeout
    return []


def handle(request):
    visit = Visit(request)
    if request.number % 4 == 0:
        visit.answers += recommendations(threading.Event())
    visit.answers.append(request.page)


def main():
    pyexplore.serve(port=None)
    threading.stack_size(256 << 10)
    for request in traffic.requests():
        threading.Thread(target=handle, args=(request,),
                         name=request.id, daemon=True).start()


if __name__ == "__main__":
    main()
