"""Real programs with their libraries loaded are read without a fault, and
what they hold has names.

Each program of programs/ does its work and rests; the command line takes a
snapshot at `values`. It must be complete, without a bad object, at least 98 %
of the edges from Python classes, builtins and the standard library named, as
many of pymalloc's blocks accounted for, and what C code holds of it must be
what c_held.tsv says. One program on one Python runs in `make test`, all of
them in `make test-full`; conftest.py prints the figures.

SPDX-License-Identifier: MIT
"""
import fnmatch
import json
import pathlib
import sys

import pytest

import pxs
import snapshots
from programs import PROGRAMS, PYTHONS, Program

HOST = "%d.%d" % sys.version_info[:2]
SAMPLE = ("flask", HOST)
# Which programs judge themselves, and where.
JUDGED = {
    "3.8": ("jobs", "httpd", "celery", "pydantic"),
    "3.11": ("jobs", "httpd", "flask", "django", "requests", "aiohttp",
             "sqlalchemy"),
    "3.13": ("jobs", "httpd", "flask", "requests"),
}
NAMED_LEAST = 0.98
ACCOUNTED_LEAST = 0.98
C_HELD = pathlib.Path(__file__).with_name("c_held.tsv")
C_HELD_VERSIONS = ("3.8", "3.11", "3.13")  # those that the table was made of
# They load no C code that holds anything but the standard library's: rows of
# their own there must be none.
PURE = ("flask", "django", "kombu", "httpd", "jobs")
OBJECTS_LEAST = 35000  # a bare interpreter has half of it
pytestmark = pytest.mark.timeout(900)  # its libraries are installed first


def every_program():
    for version in PYTHONS:
        for program in PROGRAMS:
            marks = [] if (program, version) == SAMPLE else [pytest.mark.slow]
            yield pytest.param(program, version, marks=marks,
                               id="%s-%s" % (program, version))


def c_held_rows(program, version):
    """({what: count} of the program, the same of what the interpreter's own
    modules hold in any program that loads them) for this Python."""
    own, common = {}, {}
    for line in C_HELD.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        row_program, pythons, count, what, _ = line.split("\t")
        if pythons != "*" and version not in pythons.split(","):
            continue
        if row_program == "*":
            common[what] = int(count)
        elif row_program == program:
            own[what] = int(count)
    return own, common


def c_held(snap, common):
    """What C code holds beyond `common`, of which each row is there as often
    as it says, or not at all: its module is not loaded."""
    held = snapshots.c_held(snap)
    for pattern, count in common.items():
        names = [what for what in held if fnmatch.fnmatchcase(what, pattern)]
        n = sum(held[what] for what in names)
        if n == count:
            for what in names:
                del held[what]
    return held


@pytest.fixture
def resting():
    """resting(program, version) runs it until it rests."""
    running = []

    def start(program, version, *words):
        running.append(Program(program, version, words))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.mark.parametrize("program, version", list(every_program()))
def test_program(resting, tmp_path, program, version, record_property):
    target = resting(program, version)
    snap = pxs.read(str(target.snapshot(tmp_path / "real.pxs")))
    assert target.end() == 0

    footer = {row[2]: snap.footer.get(int(row[0]))
              for row in pxs.TABLES["PX_FOOTER_LIST"]}
    assert footer["end"] == pxs.END["COMPLETE"] and snap.complete
    assert footer["bad_objects"] == 0 and footer["bad_types"] == 0
    assert footer["objects"] > OBJECTS_LEAST
    assert snap.dangling() == []

    edges, unnamed, by_type = snapshots.unnamed(snap)
    blocks, unknown, by_size, strays = snapshots.unaccounted(snap)
    record_property("figures", {
        "program": program, "python": version, "objects": footer["objects"],
        "edges": edges, "unnamed": unnamed, "by_type": by_type.most_common(),
        "blocks": blocks, "unknown": unknown, "by_size": by_size,
        "strays": strays.most_common()})
    assert unnamed <= edges * (1 - NAMED_LEAST), by_type.most_common(20)
    assert snap.blocks_state == pxs.BLOCKS_STATE["KNOWN"]
    assert unknown <= blocks * (1 - ACCOUNTED_LEAST), by_size

    if version in C_HELD_VERSIONS:
        own, common = c_held_rows(program, version)
        assert c_held(snap, common) == own
        assert program not in PURE or own == {}


def judged_programs():
    for version in PYTHONS:
        for program in JUDGED.get(version, ()):
            yield pytest.param(program, version, marks=pytest.mark.slow,
                               id="%s-%s" % (program, version))


@pytest.mark.parametrize("program, version", list(judged_programs()))
def test_every_name_leads_to_its_object(resting, tmp_path, program, version):
    """The program evaluates the expression of every edge of its objects."""
    target = resting(program, version, "judge", tmp_path / "judged.pxs")
    judged = target.judged
    assert target.end() == 0
    print("%s on %s: %d edges of %d objects give what they say" % (
        program, version, judged["edges"], judged["objects"]))
    assert judged["wrong"] == []
    assert judged["objects"] > OBJECTS_LEAST / 2
    assert judged["edges"] > judged["objects"]


def test_a_forgotten_decref_is_found_exactly(resting, tmp_path):
    """200 objects with one reference more than C code gives back: the type is
    the first that `types --sort held` shows, and nothing else is accused."""
    target = resting(SAMPLE[0], SAMPLE[1], "plant", 200)
    path = target.snapshot(tmp_path / "planted.pxs")
    assert target.end() == 0
    _, common = c_held_rows(*SAMPLE)
    assert c_held(pxs.read(str(path)), common) == {"rest.Planted": 200}
    types = json.loads(target.cli("types", path, "--sort", "held", "--json"))
    assert [types["types"][0][key] for key in (
        "type", "count", "held_objects", "held_references")] == [
            "rest.Planted", 200, 200, 200]
    groups = json.loads(target.cli("path", path, "Planted", "--json"))
    assert {(g["count"], g["held_by"]) for g in groups["groups"]} == {
        (200, "c")}
    address = json.loads(target.cli(
        "instances", path, "Planted", "--json"))["instances"][0]["address"]
    assert "refcount 1 = 0 named + 1 held by C code or the running stack" in \
        target.cli("show", path, address)
