"""The README says what the programs say: generated tables are up to date.

SPDX-License-Identifier: MIT
"""
import os
import re
import subprocess

import pytest

from cli import environment
from harness import CLI, REPOSITORY, TUI

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def section(name):
    found = re.search(r"<!-- %s: [^\n]* -->\n(.*?)<!-- /%s -->"
                      % (name, name), README, re.S)
    assert found, "README.md has no section " + name
    return found.group(1).strip()


@pytest.mark.parametrize("name, command", [
    ("commands", [str(CLI), "--help-markdown"]),
    ("keys", [str(TUI), "--keys-markdown"])])
def test_generated_tables_are_up_to_date(name, command):
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True,
                          env=environment()).stdout.decode("utf-8")
    assert section(name) == made.strip(), \
        "put the output of %s there" % " ".join(command)


def test_exit_statuses_are_those_of_the_help():
    text = subprocess.run([str(CLI), "--help"], stdout=subprocess.PIPE,
                          check=True, env=environment()).stdout.decode()
    told = re.findall(r"^  (\d)  (\w+)", text, re.M)
    assert [status for status, _ in told] == list("012345")
    for status, words in told:
        assert re.search(r"^\| %s \| %s" % (status, words), README, re.M)


def test_links_lead_somewhere():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert os.path.exists(str(REPOSITORY / path)), path
