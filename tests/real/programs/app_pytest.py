"""pytest itself: fixtures, parameters, marks and a captured failure; it rests
inside a test, with the whole machinery on the stack.

SPDX-License-Identifier: MIT
"""
import os
import sys

import pytest

from rest import rest


@pytest.fixture(scope="session")
def shop():
    yield {"items": list(range(50))}


@pytest.fixture(params=["ann", "bob"])
def owner(request, tmp_path):
    (tmp_path / request.param).write_text("here")
    return request.param


@pytest.mark.parametrize("n", range(20))
def test_item(shop, owner, n):
    assert shop["items"][n] == n and owner in ("ann", "bob")


@pytest.mark.xfail(reason="on purpose", strict=True)
def test_fails(shop, caplog):
    raise ValueError(shop)


def test_rests(shop, monkeypatch, capsys):
    monkeypatch.setitem(shop, "owner", "ann")
    with capsys.disabled():
        rest()


def main():
    return pytest.main([os.path.abspath(__file__), "-q", "-p",
                        "no:cacheprovider", "--capture=sys"])


if __name__ == "__main__":
    sys.exit(main())
