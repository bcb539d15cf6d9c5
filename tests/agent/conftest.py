"""What the agent's tests need: the built extension of this interpreter.

Without it nothing here can pass, so the run stops with the command that
builds it; a missing build must not look like a run of skips.

SPDX-License-Identifier: MIT
"""
import sys

import pytest

from harness import PACKAGES


def pytest_sessionstart(session):
    if not list((PACKAGES / "pyexplore").glob("_agent*.so")):
        pytest.exit(
            "no extension in %s: make ext PYTHON=%s" % (PACKAGES,
                                                       sys.executable), 4)
