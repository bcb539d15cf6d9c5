"""Tells the Makefile about the interpreter that runs this.

Usage: PYTHON mk/python.py ID    prints a makefile fragment: PY_OK_ID,
                                 PY_TAG_ID, PY_SUFFIX_ID, PY_INCLUDE_ID
       PYTHON mk/python.py --why prints why this interpreter cannot be used

Must run on any Python 3, also on those that are only told that they are too
old; so nothing newer than 3.4 here.

SPDX-License-Identifier: MIT
"""
import os
import sys
import sysconfig


def why_not():
    """One sentence if the extension cannot be built here, else ''."""
    name = sys.implementation.name
    if name != "cpython":
        return "pyexplore needs CPython; %s is %s" % (sys.executable, name)
    if sys.version_info < (3, 8):
        return "pyexplore needs Python 3.8 or newer; %s is %d.%d" % (
            (sys.executable,) + tuple(sys.version_info[:2])
        )
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "free-threaded builds are not supported: %s" % sys.executable
    include = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(include, "Python.h")):
        return "%s has no headers (%s): install python3-dev" % (
            sys.executable,
            include,
        )
    return ""


def main():
    reason = why_not()
    if sys.argv[1] == "--why":
        print(reason or "nothing is wrong with " + sys.executable)
        return
    ident = sys.argv[1]
    if reason:
        print("# " + reason)
        return
    print("PY_OK_%s := yes" % ident)
    print("PY_TAG_%s := %d.%d" % ((ident,) + tuple(sys.version_info[:2])))
    print("PY_SUFFIX_%s := %s" % (ident, sysconfig.get_config_var("EXT_SUFFIX")))
    print("PY_INCLUDE_%s := %s" % (ident, sysconfig.get_path("include")))


main()
