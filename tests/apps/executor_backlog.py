"""A service that mails in the background: a ThreadPoolExecutor falls behind.

executor.submit() never blocks and its queue has no bound; two threads cannot
send as many mails as there are requests.  The fix: a semaphore around submit,
or a real queue with a bound.

SPDX-License-Identifier: MIT
"""
import concurrent.futures
import os
import time

import pyexplore
import traffic

_MAILER = concurrent.futures.ThreadPoolExecutor(
    max_workers=2, thread_name_prefix="mailer")


class Mail:
    def __init__(self, request):
        self.to = "%s@shop.example" % request.user
        self.subject = "Your visit to %s" % request.page
        self.body = request.body


def send(mail, seconds):
    time.sleep(seconds)  # the mail server is slow today
    return len(mail.body)


def main():
    pyexplore.serve(port=None)
    seconds = 40 * traffic.period()
    for request in traffic.requests():
        _MAILER.submit(send, Mail(request), seconds)


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)  # else Python sends the whole backlog first
