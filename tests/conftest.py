"""Fixtures and options that all Python tests share; helpers: tools/harness.py.

SPDX-License-Identifier: MIT
"""
import os
import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parent
for folder in ("agent", "e2e", "real", "tools"):
    sys.path.insert(0, str(TESTS / folder))

from harness import LEAK_SERVER, PACKAGES, Target, child_environment

sys.path.insert(0, str(PACKAGES))


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "smoke: also run on Pythons that do not run everything")
    config.addinivalue_line(
        "markers", "slow: left to `make test-full`")


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true",
                     help="also run what is marked slow")


def pytest_collection_modifyitems(config, items):
    """Leaves slow tests out by deselecting: a skip would hide among skips."""
    if config.getoption("--slow"):
        return
    kept = [item for item in items if not item.get_closest_marker("slow")]
    left = [item for item in items if item.get_closest_marker("slow")]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Every test has a socket folder of its own, and leaves it empty."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("PYEXPLORE_DIR", str(folder))
    monkeypatch.delenv("PYEXPLORE_DISABLE", raising=False)
    monkeypatch.delenv("PYEXPLORE_KEY_FILE", raising=False)
    yield


@pytest.fixture
def px_folder():
    """The folder of sockets and keys of this test."""
    return pathlib.Path(os.environ["PYEXPLORE_DIR"])


@pytest.fixture
def spawn():
    """spawn(code, *args) runs Python code in a child interpreter.

    The child has pyexplore on its path; it is ended when the test is over.
    """
    targets = []

    def start(code, *args, env=None, python=None):
        target = Target([python or sys.executable, "-c", code] + list(args),
                        env=child_environment(**(env or {})))
        targets.append(target)
        return target

    yield start
    for target in targets:
        target.close()


@pytest.fixture
def leak_server():
    """leak_server(kind, connections) runs tests/apps/server_leak.py.

    Returns a Target once all connections have come, gone and leaked; its
    .serving is what the server said of itself: pid, address, unix_path.
    """
    targets = []

    def start(leak="list", connections=60, env=None, port=0, python=None):
        target = Target(
            [python or sys.executable, LEAK_SERVER, leak, "--connections",
             connections, "--rate", 2000, "--port", port],
            env=child_environment(**(env or {})))
        targets.append(target)
        target.serving = target.event("serving")
        target.event("leaked")
        return target

    yield start
    for target in targets:
        target.close()
