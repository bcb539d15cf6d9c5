"""A binding of zlib that forgets deflateEnd(): 256 KiB for each stream.

deflateInit() allocates the window and the tables inside zlib; the z_stream
itself is freed by ctypes, what it points to is not.  The fix: deflateEnd().

SPDX-License-Identifier: MIT
"""
import ctypes
import ctypes.util
import zlib

import pyexplore
import traffic

_ZLIB = ctypes.CDLL(ctypes.util.find_library("z") or "libz.so.1")
_ZLIB.zlibVersion.restype = ctypes.c_char_p
FINISH, STREAM_END, LEVEL = 4, 1, 6


class Stream(ctypes.Structure):
    _fields_ = [("next_in", ctypes.c_char_p), ("avail_in", ctypes.c_uint),
                ("total_in", ctypes.c_ulong), ("next_out", ctypes.c_void_p),
                ("avail_out", ctypes.c_uint), ("total_out", ctypes.c_ulong),
                ("msg", ctypes.c_char_p), ("state", ctypes.c_void_p),
                ("zalloc", ctypes.c_void_p), ("zfree", ctypes.c_void_p),
                ("opaque", ctypes.c_void_p), ("data_type", ctypes.c_int),
                ("adler", ctypes.c_ulong), ("reserved", ctypes.c_ulong)]


def compress(data):
    room = ctypes.create_string_buffer(len(data) + 64)
    stream = Stream(next_in=data, avail_in=len(data), avail_out=len(room),
                    next_out=ctypes.addressof(room))
    assert _ZLIB.deflateInit_(ctypes.byref(stream), LEVEL,
                              _ZLIB.zlibVersion(), ctypes.sizeof(stream)) == 0
    assert _ZLIB.deflate(ctypes.byref(stream), FINISH) == STREAM_END
    return room.raw[:stream.total_out]


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        assert zlib.decompress(compress(request.body)) == request.body


if __name__ == "__main__":
    main()
