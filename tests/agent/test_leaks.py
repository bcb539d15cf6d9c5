"""The main job, on every Python: who holds the demo's leaked connections.

SPDX-License-Identifier: MIT
"""
import json
import subprocess

import pytest

from harness import CLI, child_environment

CONNECTIONS = 100


def groups(pid):
    """The path groups of Connection, most instances first."""
    text = subprocess.check_output(
        [str(CLI), "path", str(pid), "Connection", "--json"],
        env=child_environment(), universal_newlines=True)
    return json.loads(text)["groups"]


@pytest.mark.smoke
def test_list_is_named(leak_server):
    """Most are held by the module's list, with its name."""
    server = leak_server("list", CONNECTIONS)
    first = groups(server.pid)[0]
    assert first["path"].endswith("_CONNECTIONS[*]")
    assert first["held_by"] == "root"
    assert first["count"] >= CONNECTIONS - 5


@pytest.mark.smoke
def test_cycle_is_named(leak_server):
    """Most are held only by each other, by .handler and .connection."""
    server = leak_server("cycle", CONNECTIONS)
    first = groups(server.pid)[0]
    assert first["held_by"] == "cycle"
    assert first["root"] is None
    assert ".handler" in first["cycle"] and ".connection" in first["cycle"]
    assert first["count"] >= CONNECTIONS - 5
