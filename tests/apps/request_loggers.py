"""A logger and a handler for each request: logging never forgets a name.

getLogger(name) keeps the logger in the manager's dict for as long as the
process lives; the handler too.  The fix: one logger, and a LoggerAdapter.

SPDX-License-Identifier: MIT
"""
import io
import logging

import pyexplore
import traffic


def logger_for(request, stream):
    logger = logging.getLogger("shop.request." + request.id)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    logger.addHandler(handler)
    return logger


def handle(request):
    stream = io.StringIO()
    logger = logger_for(request, stream)
    logger.info("%s asks for %s", request.user, request.page)
    return stream.getvalue()


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        handle(request)


if __name__ == "__main__":
    main()
