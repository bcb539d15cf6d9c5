"""Real programs with their libraries loaded are read without a fault, and
what they hold has names.

Each program of programs/ does its work and rests; the command line takes a
snapshot at `values`. It must be complete, without a bad object, at least 98 %
of the edges from Python classes, builtins and the standard library named. One
program on one Python runs in `make test`, all of them in `make test-full`.

SPDX-License-Identifier: MIT
"""
import sys

import pytest

import pxs
import snapshots
from programs import PROGRAMS, PYTHONS, Program

HOST = "%d.%d" % sys.version_info[:2]
SAMPLE = ("flask", HOST)
NAMED_LEAST = 0.98
pytestmark = pytest.mark.timeout(900)  # its libraries are installed first


def every_program():
    for version in PYTHONS:
        for program in PROGRAMS:
            marks = [] if (program, version) == SAMPLE else [pytest.mark.slow]
            yield pytest.param(program, version, marks=marks,
                               id="%s-%s" % (program, version))


@pytest.fixture
def resting():
    """resting(program, version) runs it until it rests."""
    running = []

    def start(program, version):
        running.append(Program(program, version))
        return running[-1]

    yield start
    for program in running:
        program.close()


@pytest.mark.parametrize("program, version", list(every_program()))
def test_program(resting, tmp_path, program, version):
    target = resting(program, version)
    snap = pxs.read(str(target.snapshot(tmp_path / "real.pxs")))
    assert target.end() == 0

    footer = {row[2]: snap.footer.get(int(row[0]))
              for row in pxs.TABLES["PX_FOOTER_LIST"]}
    assert footer["end"] == pxs.END["COMPLETE"] and snap.complete
    assert footer["bad_objects"] == 0 and footer["bad_types"] == 0
    assert footer["objects"] > 50000
    assert snap.dangling() == []

    edges, without, by_type = snapshots.unnamed(snap)
    print("%s on %s: %d objects, %.3f %% of %d edges named; the rest: %s" % (
        program, version, footer["objects"], 100 - 100 * without / edges,
        edges, by_type.most_common()))
    assert without <= edges * (1 - NAMED_LEAST), by_type.most_common(20)
