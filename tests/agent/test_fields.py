"""Fields that Python has no expression for are what their names say.

tests/agent/fields.py knows how each object is asked, or makes it of known
parts; a field of the zoo that it does not know fails.

SPDX-License-Identifier: MIT
"""
import asyncio
import ctypes

import pyexplore
import pytest

import built
import fields
import pxs
import zoo

pytestmark = pytest.mark.smoke


class Judged:
    """Living objects with the edges that a snapshot has of them."""

    def __init__(self, animals, made, path):
        self.animals, self.made = animals, made
        pyexplore.snapshot(str(path))
        self.snap = pxs.read(str(path))

    def edges(self, o):
        """{(type, field): [edge]} of those without an expression."""
        found = {}
        for edge in self.snap.nodes[id(o)].edges:
            if pxs.EDGE_EXPRESSION[edge.kind] != "-":
                continue
            kind = pxs.EDGE_NAME[edge.kind]
            field = (self.snap.names[edge.name][1] if kind == "FIELD"
                     else kind)
            found.setdefault((type(o).__name__, field), []).append(edge)
        return found


def is_right(edges, want):
    """Whether these edges, which have one name, lead where they should."""
    if edges[0].form == "INDEX":
        return ([e.index for e in edges] == list(range(len(want))) and
                [e.target for e in edges] == [id(x) for x in want])
    if edges[0].form == "PAIR":
        return {e.key: e.target for e in edges} == {
            key: id(x) for key, x in want.items()}
    if isinstance(want, fields.All):
        return sorted(e.target for e in edges) == sorted(map(id, want))
    return {e.target for e in edges} == {id(want)}


def living(address):
    """The object there: its holder lives, so it does."""
    return ctypes.cast(address, ctypes.py_object).value


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """One snapshot of the zoo and of what is made of known parts."""
    found, loop = zoo.animals(), asyncio.new_event_loop()
    made = built.make_all(loop)
    yield Judged(found, made, tmp_path_factory.mktemp("fields") / "all.pxs")
    for o, _ in made:
        if type(o).__name__.startswith("async_generator_"):
            o.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    found.close()


def test_no_field_is_unknown(judged):
    known = set(fields.ASK) | set(fields.LIKE)
    known |= {(type(o).__name__, field) for o, parts in judged.made
              for field in parts}
    objects = list(judged.animals.values()) + [o for o, _ in judged.made]
    unknown = {pair for o in objects for pair in judged.edges(o)}
    assert sorted(unknown - known) == []


def test_fields_lead_where_the_object_says(judged):
    wrong, checked = [], set()
    for name, o in judged.animals.items():
        for pair, edges in judged.edges(o).items():
            try:
                if pair in fields.ASK:
                    good = is_right(edges, fields.ASK[pair](o))
                elif pair in fields.LIKE:
                    good = all(fields.LIKE[pair](o, living(e.target))
                               for e in edges)
                else:
                    continue
            except Exception as error:
                good = repr(error)[:80]
            checked.add(pair)
            if good is not True:
                wrong.append((name, pair, good))
    assert not wrong
    assert len(checked) > 40


def test_known_parts_are_in_their_fields(judged):
    wrong = []
    for o, parts in judged.made:
        edges = judged.edges(o)
        for field, part in parts.items():
            pair = (type(o).__name__, field)
            if pair not in edges or not is_right(edges[pair], part):
                wrong.append((pair, [judged.snap.show(e) for e in
                                     judged.snap.nodes[id(o)].edges]))
    assert not wrong
    assert sum(len(parts) for _, parts in judged.made) > 100
