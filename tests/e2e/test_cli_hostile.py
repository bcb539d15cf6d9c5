"""Every command on every kind of broken file: an error or a partial answer,
never a signal, in bounded time and memory.

The rows are ways to break a file, the columns all commands that the program
names; a command that is new is tested with a file alone until it has
arguments here.

SPDX-License-Identifier: MIT
"""
import concurrent.futures
import json
import random
import resource
import struct
import subprocess

import pytest

from cli import CLI, environment, make_pxs, ok, run
from harness import SANITIZED
import pxs

MEMORY = 400 << 20  # address space; an honest run takes a tenth
SECONDS = 60
UNKNOWN = 999  # no kind of chunk
STATUSES = (0, 1, 2, 4, 5)  # 3 is for what cannot be opened
LIVE = {"ls", "gc", "snapshot"}
# {0}: the broken file, {1}: a good one, {2}: an address that both have
ARGUMENTS = {
    "instances": [["{0}", "Connection"]],
    "show": [["{0}", "{2}"]],
    "referrers": [["{0}", "{2}"]],
    "referents": [["{0}", "{2}"]],
    "path": [["{0}", "Connection"], ["{0}", "{2}"]],
    "holders": [["{0}", "Connection"]],
    "dominators": [["{0}"], ["{0}", "Connection"], ["{0}", "{2}"]],
    "diff": [["{0}", "{1}"], ["{1}", "{0}"], ["{1}", "{0}", "Connection"]],
    "growth": [["{1}", "{0}", "{0}"]],
    "check": [["{1}", "{0}", "{0}"]],
    "suspects": [["{0}"], ["{1}", "{0}", "{0}"]],
    "types": [["{0}"], ["{0}", "--sort", "retained"]],
    "export": [["{0}", "--dot", "Connection"], ["{0}", "--folded"],
               ["{0}"], ["{0}", "{2}", "--what", "referrers"]],
}


def commands():
    text = subprocess.run([str(CLI), "--help-markdown"], check=True,
                          env=environment(), stdout=subprocess.PIPE).stdout
    names = [line.split()[2].strip("`") for line in text.decode().splitlines()
             if line.startswith("| `pyexplore ")]
    return [name for name in names if name not in LIVE]


# ---- ways to break a file ----
def chunks_of(data):
    return [list(chunk) for chunk in pxs.split(memoryview(data)[8:])]


def joined(chunks, renumber=True):
    """Heads, numbers and hashes made right again: what is broken is inside."""
    data = bytearray(pxs.MAGIC)
    for i, (kind, codec, raw, number, body) in enumerate(chunks):
        number = i if renumber else number
        data += struct.pack("<HBBIIIQ", kind, codec, 0, raw, len(body),
                            number, pxs.xxh3(body)) + body
    return bytes(data)


def replaced(data, kind, body):
    """All chunks of a kind replaced by one with this body."""
    chunks = chunks_of(data)
    place = next(i for i, c in enumerate(chunks) if c[0] == pxs.CHUNK[kind])
    chunks[place] = [pxs.CHUNK[kind], 0, len(body), 0, bytes(body)]
    return joined([c for i, c in enumerate(chunks)
                   if i == place or c[0] != pxs.CHUNK[kind]])


def varints(*values):
    out = bytearray()
    for value in values:
        pxs.put_varint(out, value)
    return out


def many_nodes(data):
    """2^32 - 1 objects by its header and by its footer."""
    header = dict(pxs.read_bytes(memoryview(data)[8:]).header,
                  estimate={"objects": 1 << 32, "bytes": 1 << 62})
    data = replaced(data, "HEADER", json.dumps(header).encode())
    return replaced(data, "FOOTER", varints(
        pxs.FOOTER["END"], pxs.END["COMPLETE"], pxs.FOOTER["OBJECTS"],
        (1 << 32) - 1, pxs.FOOTER["EDGES"], (1 << 64) - 1))


def far_apart(_):
    """Each object in a region of its own: what is indexed by address."""
    heap = pxs.Heap(base=1 << 20, step=1 << 36)
    heap.list([heap.int(i) for i in range(6000)])
    return heap_bytes(heap)


def huge_sizes(_):
    """Sizes and counts that add up to more than there is."""
    heap = pxs.Heap()
    kept = [heap.new("server.Connection", 56, type_flags=pxs.TYPE_HEAP
                     | pxs.TYPE_GC) for _ in range(9)]
    top = heap.list(kept)
    snap = heap.finish(python="3.13.0", pid=1)
    for addr in kept:
        snap.nodes[addr].size = (1 << 63) - 1
        snap.nodes[addr].refcount = (1 << 64) - 1
    snap.roots.append((pxs.ROOT["MODULE"], top, "m"))
    return pxs.MAGIC + b"".join(snap.write_chunks())


def heap_bytes(heap, **header):
    return pxs.MAGIC + b"".join(
        heap.finish(python="3.13.0", pid=1, **header).write_chunks())


def long_names(_):
    """Of what leaks, too: such a name is in all that `suspects` says."""
    heap = pxs.Heap()
    name = "m." + "N" * 60000
    for _ in range(200):
        one = heap.new(name, 56, type_flags=pxs.TYPE_HEAP | pxs.TYPE_GC)
        heap.edge(one, "ATTR", one, name)
    return heap_bytes(heap, gc={"enabled": False})


def wrong_length(data):
    """A chunk whose head says more than it unpacks to."""
    chunks = chunks_of(data)
    chunks[3][2] = pxs.RAW_MAX
    return joined(chunks)


def bomb(data):
    """Chunks of which little becomes much, as their heads say: only the ratio
    is wrong with them. Of a kind that a reader of today skips."""
    chunks = chunks_of(data)
    body = pxs._pack(pxs.CODEC["ZSTD"], bytes(pxs.RAW_MAX))
    assert len(body) < 100 and UNKNOWN not in pxs.CHUNK.values()
    # before the footer
    chunks[-1:-1] = [[UNKNOWN, pxs.CODEC["ZSTD"], pxs.RAW_MAX, 0, body]] * 500
    return joined(chunks)


def noise(seed):
    def change(data):
        """Bytes by chance inside chunks whose heads are right."""
        chance = random.Random(seed)
        chunks = chunks_of(data)
        for _ in range(4):
            chunk = chance.choice(chunks)
            body = bytearray(pxs._unpack(chunk[1], chunk[4], chunk[2]))
            for _ in range(1 + len(body) // 200):
                body[chance.randrange(len(body))] = chance.choice(
                    (0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
            chunk[1], chunk[4] = 0, bytes(body)
        return joined(chunks)
    return change


def flipped(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]


BROKEN = {
    "only a magic": lambda data: data[:8],
    "cut in a head": lambda data: data[:20],
    "cut in the middle": lambda data: data[:len(data) // 2],
    "cut by a byte": lambda data: data[:-1],
    "a bit flipped": flipped,
    "a chunk missing": lambda data: joined(
        chunks_of(data)[:4] + chunks_of(data)[5:], renumber=False),
    "no types": lambda data: replaced(data, "TYPES", b""),
    "2^32 objects": many_nodes,
    "far apart": far_apart,
    "huge sizes": huge_sizes,
    "long names": long_names,
    "a bomb": bomb,
    "a wrong length": wrong_length,
    "noise 1": noise(1), "noise 2": noise(2), "noise 3": noise(3),
}


# ---- running ----
@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return make_pxs(tmp_path_factory.mktemp("hostile") / "good.pxs",
                    "--connections", 40, "--cycles", 6, "--chunk", 2048)


@pytest.fixture(scope="module")
def address(good):
    rows = ok("instances", good, "Connection", "--json", "-n", 1).json
    return rows["instances"][0]["address"]


def limit():
    if not SANITIZED:  # whose shadow is terabytes
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def check(words):
    done = subprocess.run([str(CLI)] + words, env=environment(),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=SECONDS,
                          preexec_fn=limit)
    told = (words, done.returncode, done.stderr[-500:])
    assert done.returncode in STATUSES, told
    assert b"out of memory" not in done.stderr, told
    assert b"no memory" not in done.stderr, told
    assert b"Sanitizer" not in done.stderr, told
    assert b"\x1b" not in done.stdout + done.stderr, told
    if done.returncode != 0 and done.returncode != 1:
        assert done.stderr.startswith(b"pyexplore: "), told
    if "--json" in words and words[0] not in ("growth", "export"):
        json.loads(done.stdout.decode("utf-8"))
    return done.returncode


def test_a_bomb_is_refused_for_its_ratio(good, tmp_path):
    path = tmp_path / "bomb.pxs"
    path.write_bytes(bomb(good.read_bytes()))
    ran = run("types", path)
    assert ran.status == 4 and "server.Connection" in ran.out, ran
    assert " claims to hold %d bytes in " % pxs.RAW_MAX in ran.err
    # as many bytes that do not shrink are skipped
    chunks = chunks_of(good.read_bytes())
    chunks[-1:-1] = [[UNKNOWN, 0, pxs.RAW_MAX, 0, bytes(pxs.RAW_MAX)]]
    path.write_bytes(joined(chunks))
    ok("types", path)


@pytest.mark.parametrize("way", sorted(BROKEN))
def test_every_command_stands(way, good, address, tmp_path):
    path = tmp_path / "broken.pxs"
    path.write_bytes(BROKEN[way](good.read_bytes()))
    runs = []
    for command in commands():
        for arguments in ARGUMENTS.get(command, [["{0}"]]):
            words = [command] + [word.format(path, good, address)
                                 for word in arguments]
            has_form = "--dot" in words or "--folded" in words
            runs += [words] if has_form else [words + ["--json"]]
            runs += [words] if command in ("types", "path") else []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        statuses = list(pool.map(check, runs))
    if way.startswith(("cut", "a bit", "only", "a chunk", "a bomb", "a wrong")):
        assert 0 not in statuses, dict(zip(map(tuple, runs), statuses))
