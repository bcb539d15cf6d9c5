"""Leak tests in pytest: ``@pytest.mark.leakcheck`` and ``--leakcheck``.

A marked test is called several times, with the fixtures of one call, and fails
when something grew in every round. The marker takes the arguments of
`pyexplore.check`.

SPDX-License-Identifier: MIT
"""

from typing import Any, Dict, Iterator, Optional

import pytest

# What pytest itself keeps of each round: log records, caught warnings (whose
# class is in _py_warnings from 3.14 on), and the pieces of text inside the
# StringIO of its captured log, whose owner is known from where it is plain C.
_OF_PYTEST = (
    "logging.LogRecord",
    "*warnings.WarningMessage",
    "str *.stream \u2192 <texts>*",
    "str held by: c",
)


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("pyexplore")
    group.addoption(
        "--leakcheck",
        action="store_true",
        help="repeat every test and fail it when something grows in each round",
    )


def pytest_configure(config: Any) -> None:
    config.addinivalue_line(
        "markers",
        "leakcheck(max_growth=0, rounds=5, warmup=2, collect=False, ignore=()): "
        "repeat the test and fail it when something grows in each round; "
        "leakcheck(False) leaves a test out of --leakcheck",
    )


def _options(item: Any) -> Optional[Dict[str, Any]]:
    """The arguments of check() for this test, None: it is not checked."""
    marker = item.get_closest_marker("leakcheck")
    if marker is None:
        return {} if item.config.getoption("--leakcheck") else None
    if marker.args == (False,):
        return None
    if len(marker.args) > 1:
        raise TypeError("leakcheck takes one positional argument, max_growth")
    options = dict(marker.kwargs)
    if marker.args:
        options["max_growth"] = marker.args[0]
    return options


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> Iterator[None]:
    options = _options(pyfuncitem)
    if options is None:
        yield
        return
    import pyexplore

    options["ignore"] = tuple(options.get("ignore", ())) + _OF_PYTEST
    function = pyfuncitem.obj
    pyfuncitem.obj = pyexplore.check(**options)(function)
    try:
        yield
    finally:
        pyfuncitem.obj = function
