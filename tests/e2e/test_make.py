"""The Makefile hands on what it was given, names its goals, and takes back all
that it installed.

SPDX-License-Identifier: MIT
"""
import os
import re
import subprocess
import sys

import pytest

from harness import BUILD, REPOSITORY, child_environment

TOOLS = str(REPOSITORY / "tests" / "tools")
# Stands for the interpreter: runs the suite's main with its stages replaced.
PROBE = """#!%s
import json, sys
sys.path.insert(0, %r)
import suite
class Probe(suite.Suite):
    def take(self, everything, arguments, *more, **options):
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


# What a user may type (README, tests/README.md).
GOALS = """all demo test test-full test-unit test-agent test-e2e test-real
test-sid lint fuzz format bench screenshots docs-keys dist install uninstall
clean help""".split()


def test_help_names_every_goal():
    shown = re.findall(r"^  ([a-z0-9-]+) +(\S.*)$", make("help"), re.M)
    assert set(GOALS) <= {name for name, _ in shown}
    text = (REPOSITORY / "Makefile").read_text()
    told = re.findall(r"^([^\s:#]+):.*## (.*)$", text, re.M)
    assert shown == told, "the Makefile says more than make help shows"
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)", text, re.M).group(1)
    assert {name for name, _ in told} <= set(phony.split())


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.glob("**/*")
            if not path.is_dir()}


def test_uninstall_leaves_nothing_of_install(tmp_path):
    """And nothing but that goes: a neighbour stays."""
    words = ["BUILD=%s" % BUILD, "PYTHON=%s" % sys.executable, "PYTHONS=",
             "DESTDIR=%s" % tmp_path, "PREFIX=/opt/px"]
    neighbour = tmp_path / "opt" / "px" / "bin" / "other"
    neighbour.parent.mkdir(parents=True)
    neighbour.touch()
    # what is to be installed stands there: it is in use by other tests
    make("-o", "programs", "-o", "ext", "install", *words)
    files = files_of(tmp_path)
    site, = tmp_path.glob("opt/px/lib/python3.*/site-packages")
    assert {"opt/px/bin/pyexplore", "opt/px/bin/pyexplore-tui"} < files
    assert {path.name for path in (site / "pyexplore").glob("_agent.*.so")}
    for name in ("pyexplore", "pyexplore-tui"):
        told = subprocess.check_output(
            [str(neighbour.with_name(name)), "--version"],
            universal_newlines=True)
        assert re.match(r"%s \d+\.\d+" % name, told)
    told = subprocess.check_output(
        [sys.executable, "-B", "-c", "if 1:\n"
         " import pyexplore\n"
         " with pyexplore.serve(port=None): print(pyexplore.__file__)"],
        env=child_environment(PYTHONPATH=str(site)), universal_newlines=True)
    assert told.strip() == str(site / "pyexplore" / "__init__.py")
    assert files_of(tmp_path) == files
    make("uninstall", *words)
    assert files_of(tmp_path) == {"opt/px/bin/other"}


def test_a_target_has_one_name():
    """`make test` builds with the whole path, `make` without: were these two
    names, neither would know the headers of what the other built."""
    told = {make("-pn", "BUILD=%s" % build, "help").split("\nOUT := ", 1)[1]
            .split("\n", 1)[0]
            for build in ("folder", "./folder", str(REPOSITORY / "folder"))}
    assert told == {"folder"}
