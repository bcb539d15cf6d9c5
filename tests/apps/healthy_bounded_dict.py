"""Healthy: a cache of the program's own, an OrderedDict with a bound.

Fills within the first 150 requests and then throws out the oldest for each new
one: all its objects are replaced all the time, and their number stays.

SPDX-License-Identifier: MIT
"""
import collections

import pyexplore
import traffic

_PROFILES = collections.OrderedDict()
MOST = 150


class Profile:
    def __init__(self, user, number):
        self.user = user
        self.number = number
        self.settings = {"theme": "dark", "rows": number % 50}


def profile(user, number):
    key = (user, number)
    if key in _PROFILES:
        _PROFILES.move_to_end(key)
        return _PROFILES[key]
    found = _PROFILES[key] = Profile(user, number)
    if len(_PROFILES) > MOST:
        _PROFILES.popitem(last=False)
    return found


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        assert profile(request.user, request.number).user == request.user


if __name__ == "__main__":
    main()
