"""Tells the Makefile about the interpreter that runs this.

Usage: PYTHON mk/python.py ID    prints a makefile fragment: PY_OK_ID,
                                 PY_TAG_ID, PY_SUFFIX_ID, PY_INCLUDE_ID
       PYTHON mk/python.py --why prints why this interpreter cannot be used
       PYTHON mk/python.py --site PREFIX   where its packages are under PREFIX

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


def site(prefix):
    """The folder for extension packages of an installation in prefix.

    Debian's own Python adds "local" to the prefix by itself, so that pip stays
    out of what apt manages.
    """
    scheme = None
    if "posix_local" in sysconfig.get_scheme_names():
        scheme = "deb_system" if prefix == "/usr" else "posix_prefix"
        if prefix == "/usr/local":
            scheme, prefix = "posix_local", "/usr"
    where = {"base": prefix, "platbase": prefix}
    if scheme is None:
        return sysconfig.get_path("platlib", vars=where)
    return sysconfig.get_path("platlib", scheme, vars=where)


def main():
    if sys.argv[1] == "--site":
        print(site(sys.argv[2]))
        return
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
