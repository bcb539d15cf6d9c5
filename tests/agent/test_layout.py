"""What the headers do not know about an interpreter is noticed, not guessed.

The interpreter's own table of offsets is changed in a running process: only
debuggers read it, so the interpreter itself goes on as before.

SPDX-License-Identifier: MIT
"""
import sys
import textwrap

import pxs
import pytest

from served import Served
from wire import Refused

pytestmark = pytest.mark.smoke

told = pytest.mark.skipif(
    sys.version_info < (3, 13), reason="tables of offsets came with 3.13")

# Words of _Py_DebugOffsets: gc in interpreter_state, localsplus in
# interpreter_frame.
GC_WORD, LOCALSPLUS_WORD = {
    13: (10, 32), 14: (11, 35), 15: (11, 43)}.get(sys.version_info[1], (0, 0))

FAKE = """
import ctypes, warnings
def fake(word, change):
    start = ctypes.addressof(
        ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    cell = ctypes.c_uint64.from_address(start + 8 * word)
    cell.value += change
"""

# The collector's lists are checked against gc.get_threshold().
STRANGE_COLLECTOR = """
import gc, warnings
warnings.simplefilter("ignore", RuntimeWarning)
gc.get_threshold = lambda: (1, 2, 3)
"""


def test_an_unknown_layout_still_serves(spawn, tmp_path):
    """The collector and the process can be asked; a snapshot is refused in
    one sentence, by the server and in the process."""
    child = Served(spawn, serve=False)
    child.run(STRANGE_COLLECTOR)
    child.run("server = pyexplore.serve(port=0)")
    child.unix = child.ask("server.unix_path")
    with child.wire() as wire:
        state = wire.ask("gc_state")
        assert state["enabled"] is True
        wire.ask("gc_set", {"enabled": False})
        assert child.ask("gc.isenabled()") is False
        with pytest.raises(Refused) as refused:
            wire.snapshot()
    assert refused.value.code == "not_available"
    assert "does not understand the memory of Python" in refused.value.message
    path = str(tmp_path / "refused.pxs")
    child.run("""
try:
    pyexplore.snapshot(%r)
except RuntimeError as error:
    said = str(error)
""" % path)
    assert "does not understand the memory" in child.ask("said")
    assert not (tmp_path / "refused.pxs").exists()


def test_an_unknown_layout_is_said_at_once(spawn):
    child = Served(spawn, serve=False)
    child.run("""
import gc, warnings
gc.get_threshold = lambda: (1, 2, 3)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    server = pyexplore.serve(port=0)
""")
    assert child.ask("[w.category.__name__ for w in caught]") == [
        "RuntimeWarning"]
    said = child.ask("str(caught[0].message)")
    assert sys.version.split()[0] in said
    assert "No snapshots can be taken" in said
    assert "its generations have another layout" in said


@told
def test_told_frames_of_another_layout(spawn):
    """Offsets of objects that differ from the headers': no snapshot."""
    child = Served(spawn, serve=False)
    child.run(FAKE + "fake(%d, 8)\n" % LOCALSPLUS_WORD + textwrap.dedent("""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            server = pyexplore.serve(port=0)
    """))
    assert "its frames have another layout" in child.ask(
        "str(caught[0].message)")


@told
def test_told_a_table_of_another_kind_is_not_believed(spawn, tmp_path):
    """Without its mark the table says nothing: other checks decide."""
    path = tmp_path / "a.pxs"
    child = Served(spawn, serve=False)
    child.run(FAKE + "fake(%d, 8); fake(0, 1)\n" % LOCALSPLUS_WORD)
    child.run("pyexplore.snapshot(%r)" % str(path))
    assert len(pxs.read(str(path)).nodes) > 1000


def interpreter_edges(snap):
    (address,) = [a for c, a, _ in snap.roots
                  if c == pxs.ROOT["INTERPRETER"]]
    return {snap.names[e.name][1]: e.target
            for e in snap.nodes[address].edges}


@told
def test_told_an_interpreter_that_moved(spawn, tmp_path):
    """Fields of the interpreter that lie elsewhere are read where it says
    that they are, or left out: sys.modules and the dict of sys stay."""
    path = tmp_path / "a.pxs"
    child = Served(spawn, serve=False)
    child.run(FAKE + "fake(%d, 16)\n" % GC_WORD)
    child.run("kept = ['of the module']; pyexplore.snapshot(%r)" % str(path))
    snap = pxs.read(str(path))
    edges = interpreter_edges(snap)
    assert edges["sys.modules"] == child.ask("id(sys.modules)")
    assert edges["sys dict"] == child.ask("id(sys.__dict__)")
    assert edges["builtins dict"] == child.ask(
        "id(__import__('builtins').__dict__)")
    assert "codec search functions" not in edges
    assert any(name == "json" for _, _, name in snap.roots)


@told
def test_told_an_interpreter_in_its_place(spawn, tmp_path):
    """The same without the change has everything."""
    path = tmp_path / "a.pxs"
    child = Served(spawn, serve=False)
    child.run("pyexplore.snapshot(%r)" % str(path))
    assert "codec search functions" in interpreter_edges(pxs.read(str(path)))
