"""The Makefile hands on what it was given.

SPDX-License-Identifier: MIT
"""
import os
import subprocess
import sys

import pytest

from harness import REPOSITORY

TOOLS = str(REPOSITORY / "tests" / "tools")
# Stands for the interpreter: runs the suite's main with its stages replaced.
PROBE = """#!%s
import json, sys
sys.path.insert(0, %r)
import suite
class Probe(suite.Suite):
    def take(self, everything, arguments, *more):
        print(json.dumps(arguments))
    unit = agent = e2e = real = take
    def sid(self, arguments):
        print(json.dumps(arguments))
suite.Suite = Probe
suite.main(sys.argv[2:])
"""


def make(*words):
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("MAKE") and name != "SANITIZE"}
    return subprocess.check_output(
        ["make", "-s", "-C", str(REPOSITORY)] + list(words), env=env,
        universal_newlines=True)


@pytest.mark.parametrize("goal", ["agent", "e2e", "real", "sid"])
def test_quotes_of_t_are_kept(tmp_path, goal):
    probe = tmp_path / "python"
    probe.write_text(PROBE % (sys.executable, TOOLS))
    probe.chmod(0o755)
    out = make("BUILD=%s" % tmp_path, "PACKAGES=true", "PYTHON=%s" % probe,
               "test-" + goal, """T=--slow -k "not a or 'b c'" """)
    assert out.splitlines()[0] == '["--slow", "-k", "not a or \'b c\'"]'


def test_a_target_has_one_name():
    """`make test` builds with the whole path, `make` without: were these two
    names, neither would know the headers of what the other built."""
    told = {make("-pn", "BUILD=%s" % build, "help").split("\nOUT := ", 1)[1]
            .split("\n", 1)[0]
            for build in ("folder", "./folder", str(REPOSITORY / "folder"))}
    assert told == {"folder"}
