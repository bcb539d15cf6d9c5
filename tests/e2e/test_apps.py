"""The leaking programs of tests/apps leak as truth.tsv says, the healthy ones
serve: what stands there was not taken from the analysis that it judges.

SPDX-License-Identifier: MIT
"""
import pytest

from apps import FIRST, PYTHONS, App, is_named, read_truth, ways
from harness import wait_until

TRUTH = read_truth()
MORE = 12         # objects that must have come, whatever the machine's speed
NATIVE = 4 << 20  # or bytes
pytestmark = pytest.mark.timeout(600)  # libraries may have to be installed


def cases(truths):
    """Each program on each Python; all but the sample on the first is slow."""
    found = []
    for truth in truths:
        for version in PYTHONS:
            fast = truth.sample and version == FIRST
            found.append(pytest.param(
                truth, version, id="%s-%s" % (truth.program, version),
                marks=() if fast else pytest.mark.slow))
    return found


def rss(app):
    status, answer = app.ask("memory")
    assert status == 0
    return answer["rss_bytes"], answer["object_bytes"]


def held(app, truth):
    """How many objects of the type are held as truth says, of how many."""
    status, answer = app.ask("path", truth.type, "-n", 0)
    assert status == 0
    groups = answer["groups"]
    if not truth.holder:
        right = [group for group in groups if group["held_by"] == "c"]
    else:
        right = [group for group, way in zip(groups, ways(groups))
                 if is_named(truth, way)]
    return sum(group["count"] for group in right), answer["count"]


@pytest.mark.parametrize(
    "truth, version", cases([t for t in TRUTH if t.type]))
def test_the_type_piles_up_by_the_holder_that_truth_names(truth, version):
    with App(truth, version) as app:
        first = wait_until(lambda: held(app, truth)[0], truth.holder)
        wait_until(lambda: held(app, truth)[0] >= first + MORE,
                   "more of them", timeout=60)
        right, all_of_them = held(app, truth)
        # of str any program has thousands; what dies young is left out of
        # account where the collector is late
        assert truth.type == "str" or right >= all_of_them / 3


@pytest.mark.parametrize(
    "truth, version", cases([t for t in TRUTH if t.cause == 7]))
def test_memory_grows_that_no_object_has(truth, version):
    with App(truth, version) as app:
        rss_first, objects_first = rss(app)
        wait_until(lambda: rss(app)[0] >= rss_first + NATIVE, "more memory",
                   timeout=60)
        grown, objects = rss(app)
        assert objects - objects_first < (grown - rss_first) / 10


def test_the_table_has_what_was_promised():
    causes = [truth.cause for truth in TRUTH]
    assert all(causes.count(number) >= 2 for number in range(1, 8))
    assert sum(cause is not None for cause in causes) >= 16
    assert causes.count(None) >= 6
    assert {p for truth in TRUTH for p in truth.packages} == {
        "requests", "aiohttp", "sqlalchemy", "prometheus_client", "matplotlib"}
