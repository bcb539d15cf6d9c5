"""Prints compile_commands.json for editors: one entry for each C file.

Usage: python3 mk/compile_commands.py CPPFLAG…

SPDX-License-Identifier: MIT
"""
import json
import pathlib
import sys
import sysconfig

here = pathlib.Path(__file__).resolve().parent.parent
flags = ["cc", "-std=c11"] + sys.argv[1:]
entries = []
for path in sorted(here.glob("src/**/*.c")) + sorted(here.glob("tests/**/*.c")):
    extra = []
    if "agent" in path.parts:
        extra = ["-isystem", sysconfig.get_path("include")]
    entries.append({"directory": str(here), "file": str(path),
                    "arguments": flags + extra + ["-c", str(path)]})
json.dump(entries, sys.stdout, indent=1)
