"""An image filter over ctypes that never frees its scratch buffer.

malloc() through ctypes gives a number; no Python object knows how much is
behind it, and the only call of free() is in the branch for small images.  The
fix: try/finally.

SPDX-License-Identifier: MIT
"""
import ctypes

import pyexplore
import traffic

_LIBC = ctypes.CDLL(None)
_LIBC.malloc.restype = ctypes.c_void_p
_LIBC.malloc.argtypes = [ctypes.c_size_t]
_LIBC.free.argtypes = [ctypes.c_void_p]
SMALL = 16 << 10


def blur(width, height, shade):
    size = width * height * 4
    scratch = _LIBC.malloc(size)
    ctypes.memset(scratch, shade, size)
    mean = ctypes.string_at(scratch, 16)[0]
    if size <= SMALL:
        _LIBC.free(scratch)
    return mean


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        shade = request.number % 256
        assert blur(320, 200, shade) == shade


if __name__ == "__main__":
    main()
