"""`make demo` names what holds the leak and leaves nothing behind; it fails
when a key of the way no longer leads anywhere.

SPDX-License-Identifier: MIT
"""
import os
import re
import subprocess
import sys

import pytest

from harness import BUILD, REPOSITORY, wait_until
from terminal import Terminal, alive

DEMO = REPOSITORY / "tests" / "tools" / "demo.py"


# The demo with an explorer in which one key, the N-th time, does nothing.
DEAF = """
import sys
sys.path.insert(0, sys.argv[1])
import demo
key, number, leak = sys.argv[2], int(sys.argv[3]), sys.argv[4]
press = demo.Terminal.keys
def keys(terminal, *names):
    global number
    number -= key in names
    if number != 0 or key not in names:
        press(terminal, *names)
demo.Terminal.keys = keys
sys.exit(demo.main([leak]))
"""


def demo_environment(**more):
    return dict(os.environ, BUILD=str(BUILD), PYEXPLORE_BUILD=str(BUILD),
                **more)


def screens(text):
    """The framed screens that the demo printed, last one last."""
    return re.findall(r"^\+-+\+\n(.*?)^\+-+\+$", text, re.M | re.S)


@pytest.mark.parametrize("leak, proof", [
    ("list", ["_CONNECTIONS"]),
    ("cycle", [".handler", ".connection"]),
])
def test_demo_without_a_terminal_ends_on_the_holder(leak, proof):
    done = subprocess.run(
        [sys.executable, str(DEMO), leak], env=demo_environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, universal_newlines=True, timeout=110)
    assert done.returncode == 0, done.stdout
    shown = screens(done.stdout)
    assert len(shown) == 5, done.stdout
    # the first row of each has a clock
    assert len({shot.split("\n", 1)[1] for shot in shown}) == 5, done.stdout
    assert all(word in shown[-1] for word in proof), done.stdout
    assert "left behind: " not in done.stdout


@pytest.mark.parametrize("leak, key, number, waits", [
    ("list", "p", 1, "› path"), ("cycle", "p", 1, "› path"),
    ("list", "Enter", 4, "› list ›"),  # the first ends the search
], ids=["list-p", "cycle-p", "list-back"])
def test_demo_fails_where_a_key_leads_nowhere(leak, key, number, waits):
    done = subprocess.run(
        [sys.executable, "-c", DEAF, str(DEMO.parent), key, str(number), leak],
        env=demo_environment(PX_TEST_DEADLINE="4"), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True, timeout=110)
    assert done.returncode == 1, done.stdout
    assert "waited for the view " + waits in done.stderr, done.stderr
    assert len(screens(done.stdout)) < 5


@pytest.mark.parametrize("key", ["q", "C-c"])
def test_demo_on_a_terminal_leaves_nothing(key, px_folder):
    env = {"PYEXPLORE_BUILD": str(BUILD), "BUILD": str(BUILD),
           "PYEXPLORE_DIR": str(px_folder)}
    with Terminal([sys.executable, str(DEMO)], cols=100, rows=30,
                  env=env) as terminal:
        terminal.wait_for("Connection")
        assert terminal.alternate()
        terminal.keys(key)
        assert terminal.wait_exit() in (0, 130), terminal.screen()
        assert "left behind" not in terminal.scrollback()
    assert list(px_folder.iterdir()) == []


def test_closing_the_terminal_ends_the_server(px_folder):
    env = {"PYEXPLORE_BUILD": str(BUILD), "BUILD": str(BUILD),
           "PYEXPLORE_DIR": str(px_folder)}
    with Terminal([sys.executable, str(DEMO)], cols=100, rows=30,
                  env=env) as terminal:
        terminal.wait_for("Connection")
        pid, = [int(path.stem) for path in px_folder.glob("*.sock")]
        assert alive(pid)
    wait_until(lambda: not alive(pid), "the end of the server")
    assert list(px_folder.iterdir()) == []


def test_demo_of_no_known_leak_is_a_usage_error():
    done = subprocess.run([sys.executable, str(DEMO), "pipe"],
                          env=demo_environment(), stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 2 and "list or cycle" in done.stderr


def test_without_root_the_one_command_is_printed(tmp_path):
    """Nothing is installed, the user reads what to type, status 2."""
    tools = {"dpkg-query": "exit 1", "id": "echo 1000",
             "apt-get": "touch %s/called" % tmp_path}
    for name, body in tools.items():
        (tmp_path / name).write_text("#!/bin/sh\n%s\n" % body)
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["sh", str(REPOSITORY / "tests/tools/packages.sh"), "build", "demo"],
        env={"PATH": "%s:%s" % (tmp_path, os.environ["PATH"])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        universal_newlines=True)
    assert done.returncode == 2
    command, = [line for line in done.stderr.splitlines() if "sudo" in line]
    assert "apt-get install" in command and "libncurses-dev" in command
    assert "tmux" in command and "cppcheck" not in command
    assert not (tmp_path / "called").exists()
