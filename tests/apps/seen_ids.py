"""A message consumer that knows all ids it has ever seen: a set of strings.

"At least once" delivery sends some messages twice; the set of ids makes the
consumer idempotent, and grows by one str a message.  The collector does not
even track those.  The fix: remember the ids of the last hour.

SPDX-License-Identifier: MIT
"""
import pyexplore
import traffic

_PROCESSED_IDS = set()
_TOTALS = dict.fromkeys(traffic.PAGES, 0)


def consume(message):
    key = "%s/%s/%s" % (message.user, message.page, message.id)
    if key in _PROCESSED_IDS:
        return False
    _PROCESSED_IDS.add(key)
    _TOTALS[message.page] += len(message.body)
    return True


def main():
    pyexplore.serve(port=None)
    for message in traffic.requests():
        consume(message)
        if message.number % 10 == 0:
            assert not consume(message)  # delivered twice


if __name__ == "__main__":
    main()
