"""Words with spaces in T= reach pytest as they were written.

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


@pytest.mark.parametrize("goal", ["agent", "e2e", "real", "sid"])
def test_quotes_of_t_are_kept(tmp_path, goal):
    probe = tmp_path / "python"
    probe.write_text(PROBE % (sys.executable, TOOLS))
    probe.chmod(0o755)
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("MAKE") and name != "SANITIZE"}
    out = subprocess.check_output(
        ["make", "-s", "-C", str(REPOSITORY), "BUILD=%s" % tmp_path,
         "PACKAGES=true", "PYTHON=%s" % probe, "test-" + goal,
         """T=--slow -k "not a or 'b c'" """],
        env=env, universal_newlines=True)
    assert out.splitlines()[0] == '["--slow", "-k", "not a or \'b c\'"]'
