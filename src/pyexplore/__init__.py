"""Look into a running Python process without stopping it.

>>> import pyexplore
>>> server = pyexplore.serve()      # then: pyexplore-tui localhost:9999

`serve` lets the programs ``pyexplore-tui`` and ``pyexplore`` connect,
`stop` ends that, `snapshot` writes all objects to a file, `snapshot_on` does so
at a signal or when the process has become large. Nothing runs your code, and a
snapshot pauses the process for a few milliseconds only. `check` is for tests:
it fails when an operation leaks.
"""

import sys

if sys.implementation.name != "cpython":
    raise ImportError(
        "pyexplore looks into CPython only, not into %s" % sys.implementation.name
    )
if not sys.platform.startswith("linux"):
    raise ImportError("pyexplore runs on Linux only, not on %s" % sys.platform)
if sys.version_info < (3, 8):
    raise ImportError("pyexplore needs Python 3.8 or newer")

del sys

from pyexplore._agent import (  # noqa: E402
    Server,
    SnapshotTrigger,
    __version__,
    serve,
    snapshot,
    snapshot_on,
    stop,
)

TYPE_CHECKING = False  # type checkers know the name; typing is not imported
if TYPE_CHECKING:
    from pyexplore._check import LeakError, check

__all__ = [
    "LeakError",
    "Server",
    "SnapshotTrigger",
    "check",
    "serve",
    "snapshot",
    "snapshot_on",
    "stop",
    "__version__",
]


def __getattr__(name: str) -> object:
    """Loads what only tests need when it is first asked for."""
    if name not in ("check", "LeakError"):
        raise AttributeError("module 'pyexplore' has no attribute %r" % name)
    from pyexplore import _check

    return getattr(_check, name)
