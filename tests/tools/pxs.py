#!/usr/bin/env python3
"""pxs.py — reads and writes snapshot files, apart from the C code.

Written from include/pyexplore/snapshot.h alone and strict about it: whatever
deviates from the header raises FormatError. The numbers of chunks, edges,
roots and the rest are read from the header's own tables, so that they exist
once. It is the oracle for the child that writes snapshots and for the graph
that reads them, and the way for tests to make a snapshot of any shape.

    python tests/tools/pxs.py dump FILE [--json] [--cut]
    python tests/tools/pxs.py check FILE

As a library: read(path) -> Snapshot; Heap() to build one; snap.write(path).
Hashes and codecs come from the packages xxhash, lz4 and zstandard, or through
ctypes from the C libraries that the build needs anyway.

SPDX-License-Identifier: MIT
"""
import argparse
import ctypes
import ctypes.util
import functools
import json
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEADER = os.path.join(HERE, "..", "..", "include", "pyexplore", "snapshot.h")

MAGIC = b"\x89PXS\r\n\x1a\n"
RAW_MAX = 1 << 20
UNIT = 8


class FormatError(Exception):
    """The bytes are not what snapshot.h allows."""


# ---- the tables of snapshot.h ----
def _c_text(cell):
    """The value of string literals that stand side by side."""
    return "".join(json.loads(part) for part in
                   re.findall(r"\"(?:[^\"\\]|\\.)*\"", cell))


def _tables():
    with open(HEADER, encoding="utf-8") as stream:
        text = stream.read()
    tables = {}
    for match in re.finditer(
            r"#define (PX_\w+_LIST)\(X\)((?:[^\n]*\\\n)*[^\n]*)", text):
        body = re.sub(r"/\*.*?\*/", "", match.group(2), flags=re.S)
        rows = []
        for row in re.finditer(
                r"X\(((?:[^()\"]|\"(?:[^\"\\]|\\.)*\")*)\)",
                body.replace("\\\n", "\n")):
            cells = re.findall(r"(?:\"(?:[^\"\\]|\\.)*\"\s*)+|[^,\s][^,]*",
                               row.group(1))
            rows.append([_c_text(c) if c.startswith('"') else c.strip()
                         for c in cells])
        tables[match.group(1)] = rows
    defines = dict(re.findall(r"#define (PX_\w+) (\d+)u?\b", text))
    return tables, {k: int(v) for k, v in defines.items()}


TABLES, DEFINES = _tables()


def _numbers(table):
    return {row[1]: int(row[0]) for row in TABLES[table]}


CHUNK = _numbers("PX_CHUNK_KIND_LIST")
CODEC = _numbers("PX_CODEC_LIST")
EDGE = _numbers("PX_EDGE_LIST")
ROOT = _numbers("PX_ROOT_LIST")
PREVIEW = _numbers("PX_PREVIEW_LIST")
FOOTER = _numbers("PX_FOOTER_LIST")
END = _numbers("PX_END_LIST")
BLOCKS_STATE = _numbers("PX_BLOCKS_LIST")
BLOCK_COLUMNS = [row[1] for row in TABLES["PX_BLOCK_LIST"]]
EDGE_NAME = {v: k for k, v in EDGE.items()}
EDGE_FORM = {int(r[0]): r[3] for r in TABLES["PX_EDGE_LIST"]}
EDGE_FLAGS = {int(r[0]): int(r[4].rstrip("u")) for r in TABLES["PX_EDGE_LIST"]}
EDGE_SHOWN = {int(r[0]): r[5] for r in TABLES["PX_EDGE_LIST"]}
EDGE_EXPRESSION = {int(r[0]): r[6] for r in TABLES["PX_EDGE_LIST"]}
HOLDS, COUNTS = 1, 2
# The two edges of a pair, where they are not DICT_KEY and its own kind.
PAIR_KEY = {EDGE[kind]: EDGE["SHARED_KEY"]
            for kind in ("SHARED_VALUE", "DICT_ALIAS")}
PAIR_VALUE = {EDGE["SHARED_VALUE"]: EDGE["DICT_VALUE"]}

TYPE_HEAP, TYPE_GC, TYPE_PYTHON, TYPE_SYNTHETIC = 1, 2, 4, 8
TYPE_LIST, TYPE_TUPLE, TYPE_DICT, TYPE_SET = 16, 32, 64, 128
CONTAINERS = {"list": TYPE_LIST, "collections.deque": TYPE_LIST,
              "tuple": TYPE_TUPLE, "dict": TYPE_DICT, "set": TYPE_SET,
              "frozenset": TYPE_SET}
REC_CONTINUED, REC_EDGES, REC_REF1 = 1, 2, 4
GEN_MASK = 7
GEN_0, GEN_1, GEN_2, GEN_FROZEN, GEN_UNTRACKED, GEN_NOT_GC = range(6)
IMMORTAL, APPROXIMATE, SYNTHETIC, BAD, STRAY = 8, 16, 32, 64, 128


# ---- hash and codecs ----
@functools.lru_cache(maxsize=None)  # a look starts ldconfig and a compiler
def _library(name):
    found = ctypes.util.find_library(name)
    if found is None:
        raise ImportError("neither the package nor the library %s" % name)
    return ctypes.CDLL(found)


try:
    from xxhash import xxh3_64_intdigest as xxh3
except ImportError:
    _xxh = _library("xxhash").XXH3_64bits
    _xxh.restype = ctypes.c_uint64
    _xxh.argtypes = [ctypes.c_char_p, ctypes.c_size_t]

    def xxh3(data):
        return _xxh(bytes(data), len(data))


def _unpack(codec, data, raw):
    if codec == CODEC["NONE"]:
        return data
    out = ctypes.create_string_buffer(raw or 1)
    if codec == CODEC["LZ4"]:
        call = _library("lz4").LZ4_decompress_safe
        call.restype = ctypes.c_int
        n = call(bytes(data), out, ctypes.c_int(len(data)), ctypes.c_int(raw))
    else:
        call = _library("zstd").ZSTD_decompress
        call.restype = ctypes.c_size_t
        n = call(out, ctypes.c_size_t(raw), bytes(data),
                 ctypes.c_size_t(len(data)))
    if n != raw:
        raise FormatError("chunk unpacks to %d bytes, not %d" % (n, raw))
    return out.raw[:raw]


def _pack(codec, data):
    if codec == CODEC["NONE"]:
        return data
    room = len(data) + len(data) // 64 + 1024
    out = ctypes.create_string_buffer(room)
    if codec == CODEC["LZ4"]:
        call = _library("lz4").LZ4_compress_default
        call.restype = ctypes.c_int
        n = call(bytes(data), out, ctypes.c_int(len(data)), ctypes.c_int(room))
    else:
        call = _library("zstd").ZSTD_compress
        call.restype = ctypes.c_size_t
        n = call(out, ctypes.c_size_t(room), bytes(data),
                 ctypes.c_size_t(len(data)), ctypes.c_int(1))
    if not 0 < n <= room:
        raise FormatError("cannot compress")
    return out.raw[:n]


# ---- numbers ----
class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, n):
        if n > self.left():
            raise FormatError("body ends inside a field")
        self.at += n
        return self.data[self.at - n:self.at]

    def u8(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            if shift == 63 and byte > 1:
                raise FormatError("varint overflows 64 bits")
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift:
                    raise FormatError("varint is longer than it must be")
                return value
            shift += 7

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def text(self):
        try:
            return bytes(self.take(self.varint())).decode(
                "utf-8", "surrogatepass")
        except UnicodeDecodeError as e:
            raise FormatError("text is not UTF-8: %s" % e)

    def addr(self, last):
        addr = last + self.zigzag() * UNIT
        if not 0 <= addr < 1 << 64:
            raise FormatError("address %#x is no address" % addr)
        return addr


def put_varint(out, value):
    assert 0 <= value < 1 << 64, value
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def put_zigzag(out, value):
    put_varint(out, value << 1 if value >= 0 else (-value << 1) - 1)


def put_addr(out, addr, last):
    assert addr % UNIT == 0, hex(addr)
    put_zigzag(out, (addr - last) // UNIT)
    return addr


def put_text(out, text):
    data = text.encode("utf-8", "surrogatepass")
    put_varint(out, len(data))
    out += data


# ---- what a snapshot is made of ----
class Edge:
    """kind (number), target (address); name (number), index or key
    (address) by the kind's form. One PAIR edge stands for its key edge too."""
    __slots__ = ("kind", "target", "name", "index", "key")

    def __init__(self, kind, target, name=None, index=None, key=None):
        self.kind = EDGE[kind] if isinstance(kind, str) else kind
        self.target, self.name = target, name
        self.index, self.key = index, key
        need = {"PLAIN": (0, 0, 0), "NAME": (1, 0, 0), "INDEX": (0, 1, 0),
                "PAIR": (0, 0, 1)}[EDGE_FORM[self.kind]]
        have = tuple(int(x is not None) for x in (name, index, key))
        if need != have:
            raise FormatError("edge %s with %r" % (EDGE_NAME[self.kind], have))

    @property
    def form(self):
        return EDGE_FORM[self.kind]

    @property
    def flags(self):
        return EDGE_FLAGS[self.kind]

    def __repr__(self):
        return "Edge(%s, %#x, %r, %r, %r)" % (
            EDGE_NAME[self.kind], self.target, self.name, self.index, self.key)


class Node:
    __slots__ = ("addr", "type", "size", "flags", "refcount", "edges")

    def __init__(self, addr, type, size=16, flags=GEN_NOT_GC, refcount=1,
                 edges=None):
        self.addr, self.type, self.size = addr, type, size
        self.flags, self.refcount = flags, refcount
        self.edges = [] if edges is None else edges


class Type:
    __slots__ = ("addr", "flags", "module", "name")

    def __init__(self, addr, flags, module, name):
        self.addr, self.flags, self.module, self.name = (
            addr, flags, module, name)

    @property
    def full(self):
        if self.module in ("", "builtins"):
            return self.name
        return self.module + "." + self.name


class Snapshot:
    def __init__(self):
        self.header = {}
        self.types = []      # Type
        self.names = []      # (address or 0, text)
        self.nodes = {}      # address -> Node, in the order of the stream
        self.roots = []      # (class number, address, name)
        self.labels = {}     # address -> text
        self.previews = {}   # address -> (form number, value)
        self.blocks_state = 0
        self.blocks = {}     # bytes of a block -> {column: number}
        self.footer = {}     # tag number -> value
        self.complete = False
        self.chunks = []     # (kind, codec, raw bytes, stored bytes)

    # -- for tests --
    def flat_edges(self, node):
        """(kind, target, edge) with the key edges of pairs."""
        for edge in node.edges:
            if edge.key is not None:
                yield PAIR_KEY.get(edge.kind, EDGE["DICT_KEY"]), edge.key, None
            yield PAIR_VALUE.get(edge.kind, edge.kind), edge.target, edge

    def interned(self):
        """The dict of interned texts (3.14+), as a set of addresses."""
        return {e.target for _, address, _ in self.roots
                for e in self.nodes[address].edges if e.name is not None and
                self.names[e.name][1] == "interned texts"}

    def counted(self):
        """address -> number of inbound edges that count."""
        counts = {}
        for node in self.nodes.values():
            for kind, target, _ in self.flat_edges(node):
                if EDGE_FLAGS[kind] & COUNTS:
                    counts[target] = counts.get(target, 0) + 1
        return counts

    def type_name(self, node):
        return self.types[node.type].full

    def by_type(self, name):
        return [n for n in self.nodes.values() if self.type_name(n) == name]

    def text_of(self, addr):
        texts = self.__dict__.setdefault("_texts", {})
        if not texts:
            texts.update((a, t) for a, t in self.names if a)
        if addr in texts:
            return texts[addr]
        form, value = self.previews.get(addr, (0, None))
        return value[1] if form in (PREVIEW["STR"], PREVIEW["PATH"]) else None

    def show(self, edge):
        shown = EDGE_SHOWN[edge.kind]
        if edge.form == "NAME":
            return shown.replace("%", self.names[edge.name][1])
        if edge.form == "INDEX":
            return shown.replace("%", str(edge.index))
        if edge.form == "PAIR":
            text = self.text_of(edge.key)
            return shown.replace(
                "%", "%#x" % edge.key if text is None else repr(text))
        return shown

    def dangling(self):
        """Targets that have no record of their own."""
        return sorted({t for n in self.nodes.values()
                       for _, t, _ in self.flat_edges(n)
                       if t not in self.nodes})

    # -- writing --
    def write(self, path, codec="NONE", raw_max=RAW_MAX):
        with open(path, "wb") as stream:
            stream.write(MAGIC)
            for chunk in self.write_chunks(codec, raw_max):
                stream.write(chunk)

    def write_chunks(self, codec="NONE", raw_max=RAW_MAX):
        return Writer(self, CODEC[codec], raw_max).run()


# ---- reading ----
class Reader:
    """Decodes chunk bodies into a Snapshot, one method a chunk kind."""

    def __init__(self):
        self.snap = Snapshot()
        self.last_preview = 0

    def add(self, kind, body):
        names = {v: k for k, v in CHUNK.items()}
        if kind not in names:
            return
        snap, cursor = self.snap, Cursor(body)
        if kind == CHUNK["HEADER"]:
            snap.header = json.loads(bytes(body).decode("utf-8"))
            if snap.header.get("format") != 1:
                raise FormatError("format %r" % snap.header.get("format"))
            return
        if kind == CHUNK["BLOCKS"]:
            self._blocks(cursor)
            return
        last = [0, 0]  # last node/name/type, last target
        method = getattr(self, "_" + names[kind].lower())
        while cursor.left():
            method(cursor, last)

    def _blocks(self, c):
        self.snap.blocks_state, self.snap.blocks = c.u8(), {}
        if self.snap.blocks_state != BLOCKS_STATE["KNOWN"]:
            return
        columns, last = c.varint(), 0
        if columns != len(BLOCK_COLUMNS):
            raise FormatError("%d columns of blocks" % columns)
        while c.left():
            size = c.varint()
            if size <= last:
                raise FormatError("blocks of %d after %d" % (size, last))
            row = dict(zip(BLOCK_COLUMNS, [c.varint() for _ in
                                           BLOCK_COLUMNS]))
            if sum(row.values()) != row["pools"] + 2 * row["in_use"]:
                raise FormatError("blocks of %d: %r" % (size, row))
            self.snap.blocks[size] = row
            last = size

    def _types(self, c, last):
        last[0] = c.addr(last[0])
        flags = c.varint()
        if flags & ~255:
            raise FormatError("type flags %#x" % flags)
        self.snap.types.append(Type(last[0], flags, c.text(), c.text()))

    def _names(self, c, last):
        last[0] = c.addr(last[0])
        self.snap.names.append((last[0], c.text()))

    def _nodes(self, c, last):
        flags = c.u8()
        if flags & ~7:
            raise FormatError("record flags %#x" % flags)
        addr = last[0] = c.addr(last[0])
        if addr == 0:
            raise FormatError("node at address 0")
        if self.last_preview:
            raise FormatError("node %#x after previews" % addr)
        if flags & REC_CONTINUED:
            if flags & REC_REF1:
                raise FormatError("continued record with a refcount")
            node = self.snap.nodes.get(addr)
            if node is None:
                raise FormatError("%#x continues nothing" % addr)
        else:
            type_number, size, node_flags = c.varint(), c.varint(), c.u8()
            if type_number >= len(self.snap.types):
                raise FormatError("type %d of %d" % (type_number,
                                                     len(self.snap.types)))
            if node_flags & GEN_MASK > GEN_NOT_GC:
                raise FormatError("node flags %#x" % node_flags)
            if node_flags & IMMORTAL:
                if flags & REC_REF1:
                    raise FormatError("immortal node with refcount 1")
                refcount = None
            else:
                refcount = 1 if flags & REC_REF1 else c.varint()
            if addr in self.snap.nodes:
                raise FormatError("node %#x twice" % addr)
            node = Node(addr, type_number, size, node_flags, refcount)
            self.snap.nodes[addr] = node
        if flags & REC_EDGES:
            self._groups(c, last, node)

    def _groups(self, c, last, node):
        while True:
            kind = c.u8()
            if kind == 0:
                return
            if kind not in EDGE_FORM:
                raise FormatError("edge kind %d" % kind)
            n = c.varint()
            if n == 0:
                raise FormatError("empty group")
            form, index = EDGE_FORM[kind], -1
            for _ in range(n):
                name = key = at = None
                if form == "NAME":
                    name = c.varint()
                    if name >= len(self.snap.names):
                        raise FormatError("name %d of %d" % (
                            name, len(self.snap.names)))
                elif form == "INDEX":
                    at = index = c.zigzag() + index + 1
                    if not 0 <= index < 1 << 63:
                        raise FormatError("index %d" % index)
                elif form == "PAIR":
                    key = last[1] = c.addr(last[1])
                last[1] = c.addr(last[1])
                if 0 in (last[1], key):
                    raise FormatError("edge to address 0")
                node.edges.append(Edge(kind, last[1], name, at, key))

    def _roots(self, c, last):
        root_class = c.u8()
        if root_class not in ROOT.values():
            raise FormatError("root class %d" % root_class)
        last[0] = c.addr(last[0])
        self.snap.roots.append((root_class, last[0], c.text()))

    def _labels(self, c, last):
        last[0] = c.addr(last[0])
        if last[0] in self.snap.labels:
            raise FormatError("label for %#x twice" % last[0])
        self.snap.labels[last[0]] = c.text()

    def _previews(self, c, last):
        last[0] = c.addr(last[0])
        form = c.u8()
        limit = DEFINES["PX_PREVIEW_TEXT_MAX"]
        if form in (PREVIEW["STR"], PREVIEW["PATH"]):
            value = (c.varint(), c.text())
            if len(value[1]) > value[0]:
                raise FormatError("preview longer than its str")
            if len(value[1].encode("utf-8", "surrogatepass")) > limit:
                raise FormatError("preview over %d bytes" % limit)
        elif form == PREVIEW["BYTES"]:
            total = c.varint()
            value = (total, bytes(c.take(c.varint())))
            if len(value[1]) > min(total, limit):
                raise FormatError("preview of %d bytes" % len(value[1]))
        elif form == PREVIEW["INT"]:
            value = c.zigzag()
        elif form == PREVIEW["BIGINT"]:
            value = (c.varint(), c.u8())
        elif form == PREVIEW["FLOAT"]:
            value = struct.unpack("<d", c.take(8))[0]
        elif form == PREVIEW["LEN"]:
            value = c.varint()
        elif form == PREVIEW["BOUNDED"]:
            value = (c.varint(), c.varint())
        elif form == PREVIEW["TEXT"]:
            value = c.text()
        elif form == PREVIEW["SECRET"]:
            value = None
        else:
            raise FormatError("preview form %d" % form)
        if last[0] <= self.last_preview:
            raise FormatError("preview for %#x after that for %#x" % (
                last[0], self.last_preview))
        self.last_preview = last[0]
        self.snap.previews[last[0]] = (form, value)

    def _footer(self, c, last):
        tag, value = c.varint(), c.varint()
        if tag in self.snap.footer:
            raise FormatError("footer tag %d twice" % tag)
        self.snap.footer[tag] = value


def split(data):
    """(kind, codec, raw_bytes, sequence, body as stored) of each chunk;
    raises at the end for what is left over."""
    at = 0
    while at < len(data):
        if len(data) - at < 24:
            raise FormatError("cut inside a chunk's head")
        kind, codec, zero, raw, stored, number, digest = struct.unpack_from(
            "<HBBIIIQ", data, at)
        at += 24
        if raw // 256 > stored + 64:
            raise FormatError("chunk %d: %d bytes in %d" % (number, raw,
                                                            stored))
        if zero or codec not in CODEC.values() or raw > RAW_MAX:
            raise FormatError("bad head of chunk %d" % number)
        if stored > RAW_MAX + RAW_MAX // 128 + 1024:
            raise FormatError("chunk %d stores %d bytes" % (number, stored))
        body = bytes(data[at:at + stored])
        at += stored
        if len(body) < stored:
            raise FormatError("cut inside chunk %d" % number)
        if xxh3(body) != digest:
            raise FormatError("chunk %d has another hash" % number)
        yield kind, codec, raw, number, body


def read_bytes(data, allow_cut=False):
    """Chunks in a row (the file without its magic) -> Snapshot."""
    reader = Reader()
    snap = reader.snap
    try:
        for expected, (kind, codec, raw, number, body) in enumerate(
                split(data)):
            if number != expected:
                raise FormatError("chunk %d where %d should be" % (number,
                                                                   expected))
            if (kind == CHUNK["HEADER"]) != (number == 0):
                raise FormatError("HEADER is not the first chunk")
            if snap.complete:
                raise FormatError("chunk %d after FOOTER" % number)
            if codec == CODEC["NONE"] and raw != len(body):
                raise FormatError("chunk %d: stored is not raw" % number)
            reader.add(kind, _unpack(codec, body, raw))
            snap.chunks.append((kind, codec, raw, len(body)))
            snap.complete = kind == CHUNK["FOOTER"]
        if not snap.complete:
            raise FormatError("no FOOTER: cut short")
    except FormatError:
        if not allow_cut:
            raise
    if snap.complete:
        for tag in ("END", "OBJECTS", "EDGES"):
            if FOOTER[tag] not in snap.footer:
                raise FormatError("footer without %s" % tag)
    for what in (snap.labels, snap.previews):
        for addr in what:
            if addr not in snap.nodes and not allow_cut:
                raise FormatError("text for %#x, which is no node" % addr)
    for _, addr, name in snap.roots:
        if addr not in snap.nodes and not allow_cut:
            raise FormatError("root %r at %#x is no node" % (name, addr))
    return snap


def read(path, allow_cut=False):
    with open(path, "rb") as stream:
        data = stream.read()
    if data[:8] != MAGIC:
        raise FormatError("no snapshot file: first bytes %r" % data[:8])
    return read_bytes(memoryview(data)[8:], allow_cut)


# ---- writing ----
class Writer:
    def __init__(self, snap, codec, raw_max):
        self.snap, self.codec, self.raw_max = snap, codec, raw_max
        self.chunks = []
        self.node_last = self.target_last = 0

    def flush(self, kind, body):
        codec, stored = self.codec, _pack(self.codec, bytes(body))
        if len(body) // 256 > len(stored) + 64:  # too good to be believed
            codec = CODEC["LZ4"]
            stored = _pack(codec, bytes(body))
        self.chunks.append(struct.pack(
            "<HBBIIIQ", kind, codec, 0, len(body), len(stored),
            len(self.chunks), xxh3(stored)) + stored)

    def rows(self, kind, rows, put):
        """Records of any kind but NODES: put(out, row, last) -> last."""
        body, last = bytearray(), 0
        for row in rows:
            record = bytearray()
            after = put(record, row, last)
            if body and len(body) + len(record) > self.raw_max:
                self.flush(kind, body)
                body, record = bytearray(), bytearray()
                after = put(record, row, 0)
            body += record
            last = after
        if body:
            self.flush(kind, body)

    def run(self):
        snap = self.snap
        self.flush(CHUNK["HEADER"], json.dumps(snap.header).encode())

        def put_type(out, row, last):
            last = put_addr(out, row.addr, last)
            put_varint(out, row.flags)
            put_text(out, row.module)
            put_text(out, row.name)
            return last

        def put_addr_text(out, row, last):
            last = put_addr(out, row[0], last)
            put_text(out, row[1])
            return last

        def put_root(out, row, last):
            out.append(row[0])
            last = put_addr(out, row[1], last)
            put_text(out, row[2])
            return last

        self.rows(CHUNK["TYPES"], snap.types, put_type)
        self.rows(CHUNK["NAMES"], snap.names, put_addr_text)
        self.write_nodes()
        self.rows(CHUNK["ROOTS"], snap.roots, put_root)
        self.rows(CHUNK["LABELS"], snap.labels.items(), put_addr_text)
        self.rows(CHUNK["PREVIEWS"], sorted(snap.previews.items()),
                  put_preview)
        body = bytearray()
        for tag, value in snap.footer.items():
            put_varint(body, tag)
            put_varint(body, value)
        if snap.complete:
            self.flush(CHUNK["FOOTER"], body)
        return self.chunks

    # A record is closed and continued in the next chunk when it is full.
    def write_nodes(self):
        body = bytearray()
        for node in self.snap.nodes.values():
            edges, first = node.edges, True
            while first or edges:
                if len(body) > self.raw_max - 64:
                    self.flush(CHUNK["NODES"], body)
                    body = bytearray()
                if not body:
                    self.node_last = self.target_last = 0
                edges = self.put_record(body, node, first, edges)
                first = False
        if body:
            self.flush(CHUNK["NODES"], body)

    def put_record(self, body, node, first, edges):
        immortal = node.flags & IMMORTAL
        flags = REC_EDGES if edges else 0
        if not first:
            flags |= REC_CONTINUED
        elif not immortal and node.refcount == 1:
            flags |= REC_REF1
        body.append(flags)
        self.node_last = put_addr(body, node.addr, self.node_last)
        if first:
            put_varint(body, node.type)
            put_varint(body, node.size)
            body.append(node.flags)
            if not immortal and node.refcount != 1:
                put_varint(body, node.refcount)
        if not edges:
            return []
        at = 0
        while at < len(edges) and (at == 0 or len(body) < self.raw_max - 64):
            at = self.put_group(body, edges, at)
        body.append(0)
        return edges[at:]

    def put_group(self, body, edges, at):
        kind, end, entries = edges[at].kind, at, bytearray()
        index = -1
        while end < len(edges) and edges[end].kind == kind:
            edge, entry = edges[end], bytearray()
            if edge.name is not None:
                put_varint(entry, edge.name)
            elif edge.index is not None:
                put_zigzag(entry, edge.index - (index + 1))
                index = edge.index
            elif edge.key is not None:
                self.target_last = put_addr(entry, edge.key, self.target_last)
            self.target_last = put_addr(entry, edge.target, self.target_last)
            entries += entry
            end += 1
            if len(body) + len(entries) > self.raw_max - 64:
                break
        body.append(kind)
        put_varint(body, end - at)
        body += entries
        return end


def put_preview(out, item, last):
    addr, (form, value) = item
    last = put_addr(out, addr, last)
    out.append(form)
    if form in (PREVIEW["STR"], PREVIEW["PATH"]):
        put_varint(out, value[0])
        put_text(out, value[1])
    elif form == PREVIEW["BYTES"]:
        put_varint(out, value[0])
        put_varint(out, len(value[1]))
        out += value[1]
    elif form == PREVIEW["INT"]:
        put_zigzag(out, value)
    elif form == PREVIEW["BIGINT"]:
        put_varint(out, value[0])
        out.append(value[1])
    elif form == PREVIEW["FLOAT"]:
        out += struct.pack("<d", value)
    elif form == PREVIEW["LEN"]:
        put_varint(out, value)
    elif form == PREVIEW["BOUNDED"]:
        put_varint(out, value[0])
        put_varint(out, value[1])
    elif form == PREVIEW["TEXT"]:
        put_text(out, value)
    return last


# ---- building a heap by hand ----
class Heap:
    """Makes a Snapshot as an interpreter would: addresses, counted
    references, class edges. Names may be given as text."""

    def __init__(self, base=0x7F3A5C000000, step=16):
        self.snap = Snapshot()
        self.next_addr, self.step = base, step
        self._types, self._names = {}, {}
        self.extra = {}  # address -> references that no edge explains

    def addr(self, size):
        addr = self.next_addr
        self.next_addr += -(-max(size, 1) // self.step) * self.step
        return addr

    def type(self, full, flags=0, node=True):
        """Number of a type; its type object becomes a node."""
        if full not in self._types:
            flags |= CONTAINERS.get(full, 0)
            module, _, name = full.rpartition(".")
            if not module and not full.startswith("<"):
                module = "builtins"
            addr = 0 if flags & TYPE_SYNTHETIC else self.addr(408)
            self._types[full] = len(self.snap.types)
            self.snap.types.append(Type(addr, flags, module, name))
            if addr and node:
                heap = flags & TYPE_HEAP
                meta = self.type("type", TYPE_GC)
                self.snap.nodes[addr] = Node(
                    addr, meta, 1064 if heap else 408,
                    GEN_2 if heap else GEN_UNTRACKED | IMMORTAL,
                    0 if heap else None)
        return self._types[full]

    def name(self, text, addr=None):
        """Number of a name; the str object becomes a node unless addr=0."""
        if text not in self._names:
            if addr is None:
                addr = self.str(text)
                self.extra[addr] = 1  # the interned dict's
            self._names[text] = len(self.snap.names)
            self.snap.names.append((addr, text))
        return self._names[text]

    def new(self, type_name, size=48, gen=GEN_2, flags=0, type_flags=0):
        number = self.type(type_name, type_flags)
        kind = self.snap.types[number]
        if kind.flags & TYPE_GC:
            flags |= gen
        else:
            flags |= GEN_NOT_GC
        addr = self.addr(size)
        self.snap.nodes[addr] = Node(addr, number, size, flags,
                                     None if flags & IMMORTAL else 0)
        if kind.flags & TYPE_HEAP:
            self.edge(addr, "CLASS", kind.addr)
        return addr

    def edge(self, source, kind, target, label=None):
        form = EDGE_FORM[EDGE[kind]]
        if form == "NAME":
            number = label if isinstance(label, int) else self.name(label)
            edge = Edge(kind, target, name=number)
        elif form == "INDEX":
            edge = Edge(kind, target, index=label)
        elif form == "PAIR":
            edge = Edge(kind, target, key=label)
        else:
            edge = Edge(kind, target)
        self.snap.nodes[source].edges.append(edge)

    # -- values --
    def preview(self, addr, form, value):
        self.snap.previews[addr] = (PREVIEW[form], value)
        return addr

    def str(self, text):
        addr = self.new("str", 49 + len(text))
        cut = text
        while len(cut.encode("utf-8", "surrogatepass")) > 64:
            cut = cut[:-1]
        return self.preview(addr, "STR", (len(text), cut))

    def bytes(self, data):
        addr = self.new("bytes", 33 + len(data))
        return self.preview(addr, "BYTES", (len(data), data[:64]))

    def int(self, value):
        return self.preview(self.new("int", 28), "INT", value)

    def sequence(self, kind, items, size=None):
        addr = self.new(kind, size or 56 + 8 * len(items), type_flags=TYPE_GC)
        for i, item in enumerate(items):
            self.edge(addr, "ITEM", item, i)
        return self.preview(addr, "LEN", len(items))

    def list(self, items):
        return self.sequence("list", items)

    def tuple(self, items):
        return self.sequence("tuple", items)

    def dict(self, pairs, kind="DICT_VALUE"):
        addr = self.new("dict", 64 + 24 * len(pairs), type_flags=TYPE_GC)
        for key, value in pairs:
            self.edge(addr, kind, value, key)
        return self.preview(addr, "LEN", len(pairs))

    def named_dict(self, **pairs):
        """A dict with interned str keys: a namespace."""
        return self.dict([(self.key(k), v) for k, v in pairs.items()])

    def key(self, text):
        return self.snap.names[self.name(text)][0]

    def finish(self, **header):
        """Refcounts from the edges, header, footer."""
        snap = self.snap
        counts = snap.counted()
        for addr, node in snap.nodes.items():
            if node.refcount is not None:
                node.refcount = counts.get(addr, 0) + self.extra.get(addr, 0)
        edges = sum(1 for n in snap.nodes.values()
                    for _ in snap.flat_edges(n))
        snap.header = dict({"format": 1, "pyexplore": "0.1.0",
                            "detail": "values"}, **header)
        snap.footer = {FOOTER["END"]: END["COMPLETE"],
                       FOOTER["OBJECTS"]: len(snap.nodes),
                       FOOTER["EDGES"]: edges}
        snap.complete = True
        return snap


# ---- the command ----
def to_json(snap):
    return {
        "header": snap.header, "complete": snap.complete,
        "types": [[t.addr, t.flags, t.module, t.name] for t in snap.types],
        "names": snap.names,
        "nodes": [{"addr": n.addr, "type": snap.type_name(n), "size": n.size,
                   "flags": n.flags, "refcount": n.refcount,
                   "edges": [[EDGE_NAME[e.kind], e.target,
                              snap.names[e.name][1] if e.name is not None
                              else e.index if e.index is not None else e.key]
                             for e in n.edges]}
                  for n in snap.nodes.values()],
        "roots": [[c, a, n] for c, a, n in snap.roots],
        "labels": list(snap.labels.items()),
        "previews": [[a, f, v.hex() if isinstance(v, bytes) else
                      [v[0], repr(v[1])] if isinstance(v, tuple) else v]
                     for a, (f, v) in snap.previews.items()],
        "footer": {row[2]: snap.footer.get(int(row[0]))
                   for row in TABLES["PX_FOOTER_LIST"]},
    }


def dump(snap, out):
    def say(text):
        out.write(text.encode("utf-8", "backslashreplace").decode() + "\n")

    say("header %s" % json.dumps(snap.header))
    for number, t in enumerate(snap.types):
        say("type %d %#x %s flags %d" % (number, t.addr, t.full, t.flags))
    for number, (addr, text) in enumerate(snap.names):
        say("name %d %#x %r" % (number, addr, text))
    for node in snap.nodes.values():
        preview = snap.previews.get(node.addr)
        say("node %#x %s %d bytes flags %#x refcount %s%s%s" % (
            node.addr, snap.type_name(node), node.size, node.flags,
            node.refcount,
            "  %r" % (preview[1],) if preview else "",
            "  label %r" % snap.labels[node.addr]
            if node.addr in snap.labels else ""))
        for edge in node.edges:
            say("    %-14s %s → %#x%s" % (
                EDGE_NAME[edge.kind], snap.show(edge), edge.target,
                "" if edge.target in snap.nodes else "  (no record)"))
    for root_class, addr, name in snap.roots:
        say("root %d %#x %r" % (root_class, addr, name))
    for row in TABLES["PX_FOOTER_LIST"]:
        if int(row[0]) in snap.footer:
            say("footer %s %d" % (row[2], snap.footer[int(row[0])]))
    say("%d chunks, %s" % (len(snap.chunks),
                           "complete" if snap.complete else "cut"))


def main(argv=None):
    parser = argparse.ArgumentParser(description="read a snapshot file")
    parser.add_argument("command", choices=("dump", "check"))
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cut", action="store_true",
                        help="read as far as the file is whole")
    args = parser.parse_args(argv)
    try:
        snap = read(args.file, args.cut)
    except (FormatError, OSError) as e:
        sys.stderr.write("%s: %s\n" % (args.file, e))
        return 4
    if args.command == "check":
        lost = snap.dangling()
        print("%d nodes, %d types, %d names, %d roots, %d chunks, %d targets "
              "without a record" % (len(snap.nodes), len(snap.types),
                                    len(snap.names), len(snap.roots),
                                    len(snap.chunks), len(lost)))
    elif args.json:
        json.dump(to_json(snap), sys.stdout)
        print()
    else:
        dump(snap, sys.stdout)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
