"""Look into a running Python process without stopping it.

>>> import pyexplore
>>> server = pyexplore.serve()      # then: pyexplore-tui localhost:9999

`serve` lets the programs ``pyexplore-tui`` and ``pyexplore`` connect,
`stop` ends that, `snapshot` writes all objects to a file. Nothing runs your
code, and a snapshot pauses the process for a few milliseconds only.
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

from pyexplore._agent import Server, __version__, serve, snapshot, stop  # noqa: E402

__all__ = ["Server", "serve", "snapshot", "stop", "__version__"]
