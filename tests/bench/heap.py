"""heap.py: the heaps that every figure of `make bench` is measured on.

The mixed heap is fixed: its shape may not change without measuring everything
anew.  Per unit of twelve objects it has five collector-tracked containers
(two plain instances, one instance with __slots__, one list, one dict), one
tuple, four strings (two of them unique uuids), one int and one float; every
unit is part of a reference cycle of eight units.  On 3.8-3.10 a plain
instance has a dict of its own, so there are two more objects a unit.

    python heap.py mixed 5000000          # build, print counts, wait for EOF
"""
import gc
import sys
import uuid


class Session:
    """A plain instance with attributes of many types."""

    def __init__(self, number, token, previous):
        self.number = number
        self.token = token
        self.previous = previous
        self.tags = ["tag-%d" % number, "user-%d" % (number // 3)]
        self.score = number / 7.0
        self.handler = Handler(self)


class Handler:
    """Half of a cycle."""

    def __init__(self, session):
        self.session = session
        self.state = {"key": uuid_text(session.number), "slot": Slots(session)}


class Slots:
    """An instance without a dict."""

    __slots__ = ("owner", "pair", "next")

    def __init__(self, session):
        self.owner = session
        self.pair = (session.number, session.score)
        self.next = None


def uuid_text(number):
    """A unique uuid that is the same in every run."""
    return str(uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835
                         & (1 << 128) - 1))


OBJECTS_PER_UNIT = 12


def mixed(n_objects):
    """About n_objects of mixed types, held by one list."""
    sessions = []
    first = previous = None
    for number in range(1000, 1000 + n_objects // OBJECTS_PER_UNIT):
        session = Session(number, uuid_text(number + (1 << 40)), previous)
        if number % 8 == 0:
            first = session
        if number % 8 == 7 and first is not None:
            first.previous = session
        sessions.append(session)
        previous = session
    return sessions


def strings(n_objects):
    """Only unique strings, in one list."""
    return [str(number) + "-string" for number in range(n_objects - 1)]


def dict_of_ints(n_objects):
    """One dict of small ints to ints."""
    return {number: number + 1000003 for number in range(n_objects // 2)}


class Plain:
    """An instance with one attribute."""

    def __init__(self, value):
        self.value = value


def instances(n_objects):
    """Plain instances that share one attribute value."""
    return [Plain(None) for _ in range(n_objects - 1)]


HEAPS = {"mixed": mixed, "strings": strings, "dict": dict_of_ints,
         "instances": instances}


def build(kind, n_objects):
    """Builds a heap with the collector off, then collects once as a service
    that has run for a while would have: tuples of atoms are untracked."""
    gc.disable()
    heap = HEAPS[kind](n_objects)
    gc.enable()
    gc.collect()
    return heap


def main():
    kind, n_objects = sys.argv[1], int(sys.argv[2])
    heap = build(kind, n_objects)
    print("ready", len(heap), len(gc.get_objects()),
          sys.getallocatedblocks(), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
