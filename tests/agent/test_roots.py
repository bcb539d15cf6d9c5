"""Roots carry the names that a reader of the program knows.

SPDX-License-Identifier: MIT
"""
import json
import subprocess
import sys
import textwrap

import pxs
import pytest

from harness import CLI, SANITIZED, child_environment

pytestmark = pytest.mark.smoke


@pytest.fixture
def take(spawn, tmp_path):
    """take(code) runs it with `path`; it prints numbers; (snap, numbers)."""
    def run(code):
        path = tmp_path / "roots.pxs"
        target = spawn("import sys, pyexplore\npath = sys.argv[1]\n" +
                       textwrap.dedent(code), str(path))
        numbers = [int(word) for word in target.line().split()]
        return pxs.read(str(path)), numbers
    return run


def roots_of(snap, root_class):
    return {name: address for c, address, name in snap.roots
            if c == pxs.ROOT[root_class]}


def edge_names(snap, node):
    return {snap.names[e.name][1]: e.target for e in node.edges
            if e.name is not None}


def test_modules(take):
    """Every module of sys.modules is a root under its name there."""
    snap, numbers = take("""
        import json, xml.sax
        sys.modules["alias"] = json
        sys.modules["nothing"] = None
        pyexplore.snapshot(path)
        print(id(json), id(xml.sax), flush=True)
    """)
    modules = roots_of(snap, "MODULE")
    assert modules["json"] == modules["alias"] == numbers[0]
    assert modules["xml.sax"] == numbers[1]
    assert "nothing" not in modules
    assert all(address in snap.nodes for address in modules.values())


def test_thread_has_its_loop_and_task(take):
    """What a thread's state owns, by the names that asyncio has for it."""
    snap, (loop, task) = take("""
        import asyncio
        async def main():
            pyexplore.snapshot(path)
            print(id(asyncio.get_running_loop()), id(asyncio.current_task()),
                  flush=True)
        asyncio.run(main())
    """)
    (thread,) = [n for n in snap.nodes.values()
                 if snap.type_name(n) == "<thread>"]
    found = edge_names(snap, thread)
    version = sys.version_info
    assert found.get("running event loop") == (
        loop if version >= (3, 13) else None)
    assert found.get("running task") == (task if version >= (3, 14) else None)


def test_interpreter(take):
    """What only the interpreter holds is held by a node with its name."""
    snap, numbers = take("""
        import codecs
        def search(name): return None
        codecs.register(search)
        address = id(search); del search
        pyexplore.snapshot(path)
        print(id(sys.modules), address, flush=True)
    """)
    (address,) = roots_of(snap, "INTERPRETER").values()
    names = edge_names(snap, snap.nodes[address])
    assert names["sys.modules"] == numbers[0]
    searches = snap.nodes[names["codec search functions"]]
    assert numbers[1] in [e.target for e in searches.edges]


@pytest.mark.skipif(sys.version_info < (3, 14),
                    reason="before 3.14 no list of the collector has it")
def test_interned_texts(take):
    """The interpreter's dict of interned texts is there under its name, and
    holds none of them: it takes back the references that it has."""
    snap, numbers = take("""
        import gc
        text = sys.intern("".join(["of the ", "interned"]))
        kept = {"key": text}
        pyexplore.snapshot(path)
        print(id(text), flush=True)
    """)
    (address,) = roots_of(snap, "INTERPRETER").values()
    dict_address = edge_names(snap, snap.nodes[address])["interned texts"]
    assert snap.type_name(snap.nodes[dict_address]) == "dict"
    assert snap.nodes[dict_address].edges == []
    # the dict of the module and the one above
    assert snap.counted()[numbers[0]] == snap.nodes[numbers[0]].refcount == 2


def test_atexit(take):
    """What waits for the end of the program is held by a node with a name:
    the interpreter, before 3.10 the module atexit; from 3.14 through a tuple
    in the interpreter's list."""
    snap, numbers = take("""
        import atexit
        def last(argument): pass
        argument = ["of atexit"]
        atexit.register(last, argument, key=1)
        address = id(last); del last
        pyexplore.snapshot(path)
        print(address, id(atexit), flush=True)
    """)
    (interpreter,) = roots_of(snap, "INTERPRETER").values()
    held = numbers[0]
    for _ in range(3 if sys.version_info >= (3, 14) else 1):
        holders = {n.addr for n in snap.nodes.values() for e in n.edges
                   if e.target == held and e.flags & pxs.COUNTS}
        (held,) = holders
    assert holders <= {interpreter, numbers[1]} and len(holders) == 1
    if sys.version_info < (3, 14):
        names = edge_names(snap, snap.nodes[held])
        assert names["atexit function"] == numbers[0]
        assert {"atexit arguments", "atexit keywords"} <= set(names)
    counted = snap.counted()
    assert snap.nodes[numbers[0]].refcount == counted[numbers[0]]


def test_functions_around_a_fork(take):
    """What waits for a fork is held by the interpreter, by name."""
    snap, numbers = take("""
        import os
        functions = [lambda *args: None for _ in range(3)]
        os.register_at_fork(before=functions[0], after_in_parent=functions[1],
                            after_in_child=functions[2])
        addresses = [id(f) for f in functions]
        del functions
        pyexplore.snapshot(path)
        print(*addresses, flush=True)
    """)
    (address,) = roots_of(snap, "INTERPRETER").values()
    names = edge_names(snap, snap.nodes[address])
    for name, function in zip((
            "functions before a fork", "functions after a fork (parent)",
            "functions after a fork (child)"), numbers):
        assert function in [e.target for e in snap.nodes[names[name]].edges]
        assert snap.nodes[function].refcount == snap.counted()[function] == 1
        assert snap.nodes[names[name]].refcount == 1


def test_context_variables(take):
    """What a context has for a variable goes by the variable's name."""
    snap, numbers = take("""
        import contextvars
        class Held: pass
        names = ["variable_%d" % i for i in range(40)]
        variables = [contextvars.ContextVar(name) for name in names]
        for variable in variables: variable.set(Held())
        print_ = [id(v.get()) for v in variables]
        pyexplore.snapshot(path)
        print(*print_, flush=True)
    """)
    named = {snap.names[e.name][1]: e.target for n in snap.nodes.values()
             for e in n.edges if e.kind == pxs.EDGE["VARIABLE"]}
    assert named == {"variable_%d" % i: n for i, n in enumerate(numbers)}
    counted = snap.counted()
    assert all(snap.nodes[a].refcount == counted[a] for a in numbers)


def test_garbage_and_callbacks(take):
    snap, numbers = take("""
        import gc
        gc.garbage.append(["left over"])
        gc.callbacks.append(lambda phase, info: None)
        pyexplore.snapshot(path)
        print(id(gc.garbage), id(gc.callbacks), flush=True)
    """)
    assert roots_of(snap, "GARBAGE") == {"gc.garbage": numbers[0]}
    assert roots_of(snap, "CALLBACK")["gc.callbacks"] == numbers[1]


def test_static_types(take):
    """Static types that nothing else holds are roots with their names."""
    snap, numbers = take("""
        it = iter([1])
        pyexplore.snapshot(path)
        print(id(type(it)), id(int), flush=True)
    """)
    types = roots_of(snap, "STATIC_TYPE")
    assert types["list_iterator"] == numbers[0]
    assert types["int"] == numbers[1]
    assert all(address in snap.nodes for address in types.values())


def test_thread_without_a_name(take):
    """A thread that threading does not know is shown by its ident."""
    snap, numbers = take("""
        import _thread
        here, go = _thread.allocate_lock(), _thread.allocate_lock()
        here.acquire(); go.acquire()
        def run():
            kept = ["kept"]
            here.release(); go.acquire()
        ident = _thread.start_new_thread(run, ())
        here.acquire()
        pyexplore.snapshot(path)
        print(ident, flush=True)
    """)
    assert "thread %d" % numbers[0] in roots_of(snap, "THREAD")


def test_main_thread_has_its_name(take):
    snap, _ = take("""
        import threading
        threading.current_thread().name = "renamed \\u20ac"
        pyexplore.snapshot(path)
        print(1, flush=True)
    """)
    assert "renamed \u20ac" in roots_of(snap, "THREAD")


def run_cli(*arguments):
    return subprocess.check_output((str(CLI),) + arguments,
                                   env=child_environment(),
                                   universal_newlines=True)


def test_threads_of_one_name_have_idents(spawn, tmp_path):
    """Every named thread tells its ident; lines only where two have one name,
    and kinds of paths never, so that they are the same in the next run."""
    path = str(tmp_path / "pools.pxs")
    target = spawn(textwrap.dedent("""
        import sys, threading, pyexplore
        class Kept: pass
        here, go = threading.Semaphore(0), threading.Event()
        addresses = {}
        def run():
            kept = Kept()
            addresses[threading.get_ident()] = id(kept)
            here.release(); go.wait()
        threads = [threading.Thread(target=run, name=name)
                   for name in ("pool", "pool", "alone")]
        for thread in threads: thread.start()
        for _ in threads: here.acquire()
        pyexplore.snapshot(sys.argv[1])
        print(*[n for t in threads for n in (t.ident, addresses[t.ident])],
              flush=True)
        go.set()
    """), path)
    n = [int(word) for word in target.line().split()]
    snap = pxs.read(path)
    labels = {snap.labels[address]: name for c, address, name in snap.roots
              if c == pxs.ROOT["THREAD"]}
    for ident, name in ((n[0], "pool"), (n[2], "pool"), (n[4], "alone")):
        assert labels["%s (ident %d)" % (name, ident)] == name
    for ident, address in ((n[0], n[1]), (n[2], n[3])):
        line = run_cli("path", path, hex(address))
        assert "thread pool (ident %d)" % ident in line
    alone = json.loads(run_cli("path", path, hex(n[5]), "--json"))
    assert alone["steps"][0]["step"] == "thread alone"
    assert alone["steps"][0]["preview"] == "alone (ident %d)" % n[4]
    kinds = run_cli("path", path, "Kept")
    assert "thread pool \u2192 run()" in kinds and "ident" not in kinds


def test_counted_references(take):
    """A planted C reference shows as refcount beyond the counted edges, and
    instances that only Python holds have none."""
    snap, numbers = take("""
        import ctypes
        class Held: pass
        held = [Held() for _ in range(50)]
        leaked = Held()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaked))
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(leaked))
        o = None
        addresses = [id(h) for h in held]
        pyexplore.snapshot(path)
        print(id(leaked), *addresses, flush=True)
    """)
    counted = snap.counted()

    def beyond(address):
        return snap.nodes[address].refcount - counted.get(address, 0)

    assert beyond(numbers[0]) == 2
    assert [beyond(address) for address in numbers[1:]] == [0] * 50


def test_no_object_of_a_python_class_is_over_counted(take):
    """No instance or container has more counted references than references."""
    snap, _ = take("""
        import asyncio, collections, decimal, json, logging, unittest
        loop = asyncio.new_event_loop()
        async def work(): await asyncio.sleep(3600)
        task = loop.create_task(work())
        loop.call_soon(loop.stop); loop.run_forever()
        pyexplore.snapshot(path)
        print(1, flush=True)
        task.cancel()
        try: loop.run_until_complete(task)
        except asyncio.CancelledError: pass
        loop.close()
    """)
    counted = snap.counted()
    wrong = {}
    for address, node in snap.nodes.items():
        kind = snap.types[node.type]
        if node.refcount is None or not kind.flags & pxs.TYPE_GC:
            continue
        name = snap.type_name(node)
        # static types lend references of themselves and of their parts
        if name == "type" or counted.get(address, 0) <= node.refcount:
            continue
        wrong[name] = wrong.get(name, 0) + 1
    assert not wrong


def test_a_broken_thread_object_costs_only_its_name(take):
    """What cannot be read in one family of roots does not lose the others:
    the thread falls back to its ident, all other roots are there."""
    snap, numbers = take("""
        import ctypes, gc, threading
        here, go = threading.Event(), threading.Event()
        def run():
            here.set(); go.wait()
        thread = threading.Thread(target=run, name="broken")
        thread.start()
        here.wait()
        gc.disable()
        # an object whose type is no address, under the thread's ident
        bad = object()
        good = threading._active[thread.ident]
        threading._active[thread.ident] = bad
        word = ctypes.c_size_t.from_address(id(bad) + 8)
        kept, word.value = word.value, 16
        try:
            pyexplore.snapshot(path)
        finally:
            word.value = kept
        threading._active[thread.ident] = good
        ident = thread.ident
        go.set()
        thread.join()
        print(ident, id(bad), flush=True)
    """)
    threads = roots_of(snap, "THREAD")
    assert "MainThread" in threads and "thread %d" % numbers[0] in threads
    assert all(address in snap.nodes for address in threads.values())
    assert len(roots_of(snap, "INTERPRETER")) == 1
    assert "gc.garbage" in roots_of(snap, "GARBAGE")
    assert "sys" in roots_of(snap, "MODULE")


def test_static_types_tell_their_dict_and_subclasses(take):
    """Also where the interpreter keeps both (3.12+): whoever holds an
    attribute of a builtin type, or a class by its base, has a name."""
    snap, numbers = take("""
        class Mine(int): pass
        pyexplore.snapshot(path)
        print(id(int), id(int.__dict__["bit_length"]), id(Mine), flush=True)
    """)
    fields = edge_names(snap, snap.nodes[numbers[0]])
    held = [e.target for e in snap.nodes[fields["dict"]].edges]
    assert numbers[1] in held
    references = [snap.nodes[e.target] for e in
                  snap.nodes[fields["subclasses"]].edges]
    assert numbers[2] in [e.target for n in references for e in n.edges]


def test_functions_that_only_the_agent_holds_are_its_own(take):
    """The collector's functions that the agent keeps are in the snapshot as
    long as anyone else has them, and not after."""
    snap, numbers = take("""
        import gc
        kept, gone = id(gc.freeze), id(gc.unfreeze)
        # less the argument, the module's and the agent's
        others = sys.getrefcount(gc.unfreeze) - 3
        del gc.unfreeze
        pyexplore.snapshot(path)
        print(kept, gone, others, flush=True)
    """)
    assert numbers[0] in snap.nodes
    # before 3.9 the import system keeps a copy of the module's dict
    assert (numbers[1] in snap.nodes) == (numbers[2] > 0)


NEW_SUBINTERPRETER = """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        if sys.version_info >= (3, 13):
            new = interpreters.create("legacy")
        elif sys.version_info >= (3, 12):
            new = interpreters.create(isolated=False)
        else:
            new = interpreters.create()
"""


def test_subinterpreters_that_share_the_gil(take):
    """Their objects are included, and their roots say whose they are."""
    snap, numbers = take(NEW_SUBINTERPRETER + """
        import os
        read, write = os.pipe()
        interpreters.run_string(new, '''
        import os
        class Mine(int): pass
        kept = [Mine(1) for _ in range(100)]
        text = "%%d %%d" %% (id(Mine), id(kept))
        os.write(%d, text.encode())
        '''.replace("\\n        ", "\\n") % write)
        pyexplore.snapshot(path)
        print(int(new), os.read(read, 100).decode(), flush=True)
        interpreters.destroy(new)
    """)
    ident, mine, kept = numbers
    tag = " (subinterpreter %d)" % ident
    modules = roots_of(snap, "MODULE")
    assert {"sys", "sys" + tag, "__main__", "__main__" + tag} <= set(modules)
    assert len(snap.nodes[kept].edges) == 100
    assert {e.target for n in snap.nodes[kept].edges
            for e in snap.nodes[n.target].edges} == {mine}
    roots = roots_of(snap, "INTERPRETER")
    assert {"interpreter", "subinterpreter %d" % ident} == set(roots)
    # int is one object for all, what belongs to it there is held by its node
    node = snap.nodes[roots["subinterpreter %d" % ident]]
    subclasses = [e.target for e in node.edges
                  if snap.names[e.name][1] == "subclasses of a static type"]
    held = {e.target for a in subclasses for reference in snap.nodes[a].edges
            for e in snap.nodes[reference.target].edges}
    if sys.version_info >= (3, 12):
        assert mine in held


@pytest.mark.skipif(sys.version_info < (3, 12),
                    reason="own-GIL interpreters came with 3.12")
def test_subinterpreter_with_own_gil(spawn, tmp_path):
    """It runs meanwhile, so it is left out, and whoever takes or opens the
    snapshot is told so."""
    path = str(tmp_path / "roots.pxs")
    target = spawn(textwrap.dedent("""
        import sys, pyexplore
        try:
            import _interpreters as interpreters
            new = interpreters.create("isolated")
        except ImportError:
            import _xxsubinterpreters as interpreters
            new = interpreters.create(isolated=True)
        interpreters.run_string(
            new, "class Mine: pass\\nkept = [Mine() for i in range(1000)]")
        pyexplore.snapshot(sys.argv[1])
        server = pyexplore.serve(port=None)
        print("ready", flush=True)
        sys.stdin.read()
        server.close()
        interpreters.destroy(new)
    """), path)
    assert target.line() == "ready"
    snap = pxs.read(path)
    assert snap.footer[pxs.FOOTER["LEFT_OUT"]] == 1
    assert set(roots_of(snap, "INTERPRETER")) == {"interpreter"}
    live = str(tmp_path / "live.pxs")
    for command in (["types", path], ["types", str(target.pid)],
                    ["snapshot", str(target.pid), "-o", live]):
        done = subprocess.run(
            [str(CLI)] + command, env=child_environment(), timeout=60,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr
        assert b"without the objects of 1 interpreter (a GIL" in done.stderr
    done = subprocess.run(
        [str(CLI), "snapshot", str(target.pid), "--json", "-f", "-o", live],
        env=child_environment(), timeout=60, stdout=subprocess.PIPE)
    result = json.loads(done.stdout.decode())["result"]
    assert result["interpreters_left_out"] == 1
    assert result["threads_left_out"] == 0


@pytest.mark.slow
def test_threads_beyond_the_room_for_them_are_counted(take):
    """4,096 are noted: of 4,200 and the main one 105 are not."""
    if SANITIZED:  # their stacks are larger
        return
    snap, _ = take("""
        import threading
        threading.stack_size(65536)
        end = threading.Event()
        for i in range(4200):
            threading.Thread(target=end.wait, daemon=True).start()
        pyexplore.snapshot(path)
        print(1, flush=True)
        end.set()
    """)
    assert snap.footer[pxs.FOOTER["THREADS_LEFT_OUT"]] == 105
    assert len(roots_of(snap, "THREAD")) == 4096


def test_the_last_exception(take):
    """What the prompt keeps of an uncaught exception is found by its name."""
    snap, numbers = take("""
        try:
            raise KeyError(["of the last exception"])
        except KeyError as error:
            sys.last_value = error
            sys.last_traceback = error.__traceback__
        pyexplore.snapshot(path)
        print(id(sys.__dict__), id(sys.last_value), id(sys.last_traceback),
              flush=True)
    """)
    values = {snap.text_of(e.key): e.target
              for e in snap.nodes[numbers[0]].edges if e.key}
    assert values["last_value"] == numbers[1]
    assert values["last_traceback"] == numbers[2]


def test_asyncio_tasks(take):
    """A task that has not ended is a root under its name, and leads to the
    coroutines that wait in it like a thread to its frames."""
    snap, numbers = take("""
        import asyncio
        loop = asyncio.new_event_loop()
        async def fetch(future):
            connection = ["of the inner coroutine"]
            await future
            return connection
        async def handle(future):
            request = ["of the outer coroutine"]
            await fetch(future)
            return request
        async def ends():
            return 1
        future = loop.create_future()
        task = loop.create_task(handle(future), name="worker-3")
        unnamed = loop.create_task(handle(future))
        done = loop.create_task(ends())
        loop.call_soon(loop.stop); loop.run_forever()
        assert done.done()
        pyexplore.snapshot(path)
        print(id(task), id(unnamed), id(done), unnamed.get_name()[5:],
              flush=True)
        future.set_result(None)
        loop.run_until_complete(task); loop.run_until_complete(unnamed)
        loop.close()
    """)
    tasks = roots_of(snap, "TASK")
    assert tasks == {"worker-3": numbers[0], "Task-%d" % numbers[3]:
                     numbers[1]}
    frames = sorted((e.index, e.target)
                    for e in snap.nodes[numbers[0]].edges
                    if e.kind == pxs.EDGE["FRAME"])
    labels = [snap.labels[target] for _, target in frames]
    names = [label.split("()")[0] for label in labels]
    assert names == ["handle", "fetch"]
    assert all(":" in label for label in labels)


def test_results_of_a_cache_have_their_keys(take):
    """functools.lru_cache: which call each kept result answered."""
    snap, numbers = take("""
        import functools
        class Answer: pass
        @functools.lru_cache(maxsize=100)
        def ask(question): return Answer()
        answers = [ask("question %d" % i) for i in range(5)]
        pyexplore.snapshot(path)
        print(id(ask), *map(id, answers), flush=True)
    """)
    edges = snap.nodes[numbers[0]].edges
    cached = {snap.text_of(e.key): e.target for e in edges
              if e.kind == pxs.EDGE["CACHED"]}
    assert cached == {"question %d" % i: address
                      for i, address in enumerate(numbers[1:])}
    counted = snap.counted()
    assert all(snap.nodes[a].refcount == counted[a] for a in numbers[1:])
