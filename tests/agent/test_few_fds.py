"""With next to no descriptors left snapshot() and serve() do their work or say
what is wrong, and the target has as many as before in either case.

SPDX-License-Identifier: MIT
"""
import pytest

from served import Served

FILL = """
import resource
def free():
    held = []
    try:
        while True:
            held.append(os.dup(0))
    except OSError:
        for fd in held:
            os.close(fd)
        return len(held)
def attempt(act, left):
    held = [os.dup(0) for _ in range(free() - left)]
    try:
        act()
        return ["", free()]
    except (OSError, RuntimeError) as error:
        return [str(error), free()]
    finally:
        for fd in held:
            os.close(fd)
def serve():
    pyexplore.serve(port=0)
    pyexplore.stop()
def snapshot():
    pyexplore.snapshot(path)
    os.unlink(path)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
"""
NEED = {"serve": 5, "snapshot": 4}  # at least


@pytest.mark.parametrize("act", sorted(NEED))
def test_no_descriptor_is_lost(spawn, tmp_path, act):
    child = Served(spawn, serve=False)
    child.run("path = %r" % str(tmp_path / "x.pxs") + FILL)
    child.run(act + "()")
    for left in range(NEED[act] + 3):
        text, after = child.ask("attempt(%s, %d)" % (act, left))
        assert after == left, text
        assert text == "" or "Too many open files" in text
        assert text != "" or left >= NEED[act]
    assert text == ""
    child.run(act + "()")
    assert not (tmp_path / "x.pxs").exists()
