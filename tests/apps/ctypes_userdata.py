"""ctypes: an object goes to C as user data, and nobody takes it back.

A C library takes a void* with each call and gives it to the callback. So that
the object lives that long, the binding takes a reference of its own; it gives
it back only in the callback's error path.  The fix: Py_DecRef in both.

SPDX-License-Identifier: MIT
"""
import ctypes

import pyexplore
import traffic

_INCREF = ctypes.pythonapi.Py_IncRef
_INCREF.argtypes = [ctypes.py_object]
_DECREF = ctypes.pythonapi.Py_DecRef
_DECREF.argtypes = [ctypes.py_object]
_COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int),
                            ctypes.POINTER(ctypes.c_int))
_LIBC = ctypes.CDLL(None)


class Order:
    """The user data: what the callback needs to know of its request."""

    def __init__(self, request):
        self.user = request.user
        self.sizes = list(request.body[:16])
        self.compared = 0


def sort(order):
    """Sorts order.sizes by the C library's qsort()."""
    _INCREF(order)

    @_COMPARE
    def compare(left, right):
        try:
            order.compared += 1
            return left[0] - right[0]
        except ValueError:
            _DECREF(order)
            raise

    sizes = (ctypes.c_int * len(order.sizes))(*order.sizes)
    _LIBC.qsort(sizes, len(sizes), ctypes.sizeof(ctypes.c_int), compare)
    return list(sizes)


def main():
    pyexplore.serve(port=None)
    for request in traffic.requests():
        order = Order(request)
        assert sort(order) == sorted(order.sizes)


if __name__ == "__main__":
    main()
