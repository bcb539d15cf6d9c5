"""The collector's lists are found without headers, and hold what gc tells.

SPDX-License-Identifier: MIT
"""
import pytest

from child_tools import script


@pytest.mark.smoke
def test_lists_hold_what_gc_tells():
    result = script("""
        import gc, json
        import child_driver
        gc.disable()
        child_driver.self_test()
        keep = [[] for _ in range(1000)]
        before = child_driver.counts()
        objects = [len(gc.get_objects(generation=g)) for g in range(3)]
        after = child_driver.counts()
        print(json.dumps([before, objects, after, gc.get_freeze_count()]))
    """)
    before, objects, after, frozen = result
    # Lists and frames of the question itself are in generation 0 too.
    assert abs(objects[0] - before[0]) <= 8
    assert abs(after[0] - before[0]) <= 8
    assert objects[1:] == before[1:3]
    assert before[3] == frozen


def test_generations_move_as_gc_says():
    result = script("""
        import gc, json
        import child_driver
        gc.disable()
        seen = []
        class Thing: pass
        things = [Thing() for _ in range(500)]
        for generation in (0, 1):
            first = child_driver.counts()
            gc.collect(generation)
            seen.append([first, child_driver.counts()])
        gc.freeze()
        frozen = [child_driver.counts(), gc.get_freeze_count()]
        gc.unfreeze()
        print(json.dumps([seen, frozen, child_driver.counts(),
                          gc.get_freeze_count()]))
    """)
    (young, middle), (counts, freeze_count), after, thawed = result
    assert young[0][0] >= 500
    assert young[1][1] >= young[0][1] + 500  # into generation 1
    assert middle[1][2] >= middle[0][2] + 500  # into generation 2
    assert counts[3] == freeze_count > 500
    assert sum(counts[:3]) < 50
    assert after[3] == thawed < freeze_count


def test_self_test_leaves_nothing_behind():
    result = script("""
        import gc, json, sys
        import child_driver
        child_driver.self_test()
        gc.collect()
        def state():
            return [sys.getallocatedblocks(), len(gc.get_objects()),
                    gc.isenabled(), gc.get_threshold()]
        state()
        first = state()
        for _ in range(100):
            child_driver.self_test()
        print(json.dumps([first, state()]))
    """)
    first, last = result
    assert abs(last[0] - first[0]) < 20
    assert abs(last[1] - first[1]) < 5
    assert last[2:] == first[2:]


@pytest.mark.parametrize("allocation", [0, 1])
def test_no_memory_is_no_verdict(allocation):
    """Whoever looks while memory is short is told so; the next one who asks
    is answered."""
    pytest.importorskip("_testcapi")
    first, second = script("""
        import _testcapi, child_driver, json
        full = [[] for _ in range(200)]  # none is left in the free list
        said = []
        for n in (%d, None):
            if n is not None:
                _testcapi.set_nomemory(n, n + 1)
            try:
                child_driver.self_test()
                what = "fine"
            except BaseException as error:
                what = error
            _testcapi.remove_mem_hooks()
            said.append(str(what))
        print(json.dumps(said))
    """ % allocation)
    assert first.endswith("no memory to look at the collector")
    assert second == "fine"
