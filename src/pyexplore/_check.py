"""PASS or FAIL for one operation: does it leak?

Snapshots are written by `pyexplore.snapshot` after each round of the work,
and compared by the program ``pyexplore check``, outside of this process.
`import pyexplore` does not load this module; the first use of
`pyexplore.check` does.

SPDX-License-Identifier: MIT
"""

import fnmatch
import functools
import gc
import inspect
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, TypeVar

from pyexplore._agent import snapshot

_F = TypeVar("_F", bound=Callable[..., Any])

# Our own frames, which differ between the two ends of a with block.
_OURS = "thread *__e*__() _check.py:*"

# A run that prints more findings than these is no easier to understand.
_SHOWN = 10


class LeakError(AssertionError):
    """Something grew in every round.

    Attributes
    ----------
    findings : list of dict
        As in ``pyexplore check --json``, worst first: ``type``,
        ``count_before``, ``count_after``, ``a_round``, ``below``, ``bytes``,
        ``held_by``, ``path`` (None when no root reaches the objects), for
        cycles ``cycle``, and ``example``, an address.
    rounds : int
        How many rounds were compared.
    """

    def __init__(self, findings: List[Dict[str, Any]], rounds: int) -> None:
        self.findings = findings
        self.rounds = rounds
        super().__init__(_sentence(findings, rounds))


def _held(finding: Dict[str, Any]) -> str:
    if finding["path"] is not None:
        return str(finding["path"])
    held = "held by: " + finding["held_by"]
    return "%s  %s" % (held, finding["cycle"]) if "cycle" in finding else held


def _sentence(findings: List[Dict[str, Any]], rounds: int) -> str:
    lines = [
        "%d path%s grew in %s"
        % (
            len(findings),
            "s" if len(findings) > 1 else "",
            "each of %d rounds" % rounds if rounds > 1 else "the one round",
        )
    ]
    for finding in findings[:_SHOWN]:
        lines.append(
            "  %s: %+g a round, %d now%s\n    %s"
            % (
                finding["type"],
                finding["a_round"],
                finding["count_after"],
                " (and %d objects with them)" % finding["below"]
                if finding["below"]
                else "",
                _held(finding),
            )
        )
    if len(findings) > _SHOWN:
        lines.append("  and %d more" % (len(findings) - _SHOWN))
    lines.append(
        "  (a cache that still fills looks the same: more warmup= or rounds=)"
    )
    return "\n".join(lines)


def _is_program(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _program() -> str:
    """The program that belongs to this package.

    As the package's own metadata has it; in a build tree it lies two folders
    above; else where the interpreter has its programs, or on PATH.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    places = []
    try:
        distribution = metadata.distribution("pyexplore")
        here = str(distribution.locate_file("pyexplore"))
        if os.path.isdir(here) and os.path.samefile(here, folder):
            places = [
                os.path.normpath(str(distribution.locate_file(file)))
                for file in distribution.files or []
                if file.name == "pyexplore"
            ]
    except metadata.PackageNotFoundError:
        pass
    places.append(os.path.join(os.path.dirname(os.path.dirname(folder)), "pyexplore"))
    places.append(os.path.join(sys.prefix, "bin", "pyexplore"))
    for place in places:
        if _is_program(place):
            return place
    found = shutil.which("pyexplore")
    if found is None:
        raise FileNotFoundError(
            "the program `pyexplore` is missing: install pyexplore with pip, or "
            "put the program on PATH"
        )
    return found


class _Rounds:
    """The snapshots of one check, in a folder of their own.

    Between the first snapshot and the last it must not grow itself: a file's
    name is made when it is used, and all numbers are small.
    """

    def __init__(self, max_growth: int, collect: bool, ignore: Sequence[str]) -> None:
        self._max_growth = max_growth
        self._collect = collect
        self._ignore = (_OURS,) + tuple(ignore)
        self._program = _program()
        self._folder = tempfile.TemporaryDirectory(prefix="pyexplore-check-")
        self._n_files = 0

    def _file(self, number: int) -> str:
        return os.path.join(self._folder.name, "%d.pxs" % number)

    def snapshot(self) -> None:
        if self._collect:
            gc.collect()
        snapshot(self._file(self._n_files), "names")
        self._n_files += 1

    def done(self) -> None:
        self._folder.cleanup()

    def verdict(self) -> None:
        """Raises LeakError, or is silent."""
        command = [self._program, "check", "--json", "--yes", "--detail", "names"]
        command += ["--max-growth", str(self._max_growth)]
        command += ["--collect"] if self._collect else []
        command += [self._file(i) for i in range(self._n_files)]
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if ran.returncode == 0:
            return
        if ran.returncode != 1:
            raise RuntimeError(
                "`pyexplore check` ended with %d: %s"
                % (ran.returncode, ran.stderr.decode("utf-8", "replace").strip())
            )
        answer = json.loads(ran.stdout.decode("utf-8"))
        findings = [f for f in answer["findings"] if not self._is_ignored(f)]
        if findings:
            raise LeakError(findings, answer["rounds"])

    def _is_ignored(self, finding: Dict[str, Any]) -> bool:
        held = _held(finding)
        texts = (finding["type"], held, "%s %s" % (finding["type"], held))
        return any(
            fnmatch.fnmatchcase(text, pattern)
            for pattern in self._ignore
            for text in texts
        )


class check:
    """Fail with `LeakError` when work leaks: a decorator, or a with block.

    After some rounds to warm up, the work is repeated, and the objects are
    compared after each round by the path that holds them. What grew in *every*
    round leaks. Caches that reach their bound, free lists, modules imported
    on first use and a number that swings had a round without growth.

    Parameters
    ----------
    max_growth : int
        Objects by which a path may grow in a round.
    rounds : int
        How many rounds are compared; more tell slow caches from leaks.
    warmup : int
        Rounds before the first snapshot.
    collect : bool
        Call `gc.collect()` before each snapshot. Without it nothing is ever
        collected for you, and cycles count as leaks only while the collector
        is off: otherwise they merely wait for it.
    ignore : sequence of str
        Shell patterns; a finding whose type, path, or "type path" matches one
        is left out.

    Raises
    ------
    LeakError
        An AssertionError that names type, count, growth a round and path.

    Examples
    --------
    >>> @pyexplore.check()
    ... def test_login():           # called warmup + rounds times
    ...     login()

    >>> with pyexplore.check(rounds=5) as rounds:
    ...     for _ in rounds:        # the same, as a loop
    ...         login()

    >>> with pyexplore.check(max_growth=10):
    ...     login()                 # one round, no warm-up: before and after
    """

    def __init__(
        self,
        max_growth: int = 0,
        *,
        rounds: int = 5,
        warmup: int = 2,
        collect: bool = False,
        ignore: Sequence[str] = (),
    ) -> None:
        if callable(max_growth):
            raise TypeError("write @pyexplore.check(), with parentheses")
        if max_growth < 0 or rounds < 1 or warmup < 0:
            raise ValueError(
                "max_growth and warmup are 0 or more, rounds is 1 or more"
            )
        if isinstance(ignore, str):
            raise TypeError("ignore is a list of patterns, not one")
        self._n_rounds = rounds
        self._warmup = warmup
        self._options = (max_growth, collect, tuple(ignore))
        self._rounds: Optional[_Rounds] = None
        self._is_loop = False

    # ---- a with block ----
    def __enter__(self) -> "check":
        if self._rounds is not None:
            raise RuntimeError("this check already runs: make one for each block")
        self._rounds = _Rounds(*self._options)
        self._is_loop = False
        try:
            self._rounds.snapshot()
        except BaseException:
            self._end()
            raise
        return self

    def __iter__(self) -> Iterator[int]:
        """One value a round; the first `warmup` of them are not compared."""
        rounds = self._rounds
        if rounds is None:
            raise RuntimeError("a check is a with block: `with check() as rounds`")
        self._is_loop = True
        for number in range(self._warmup + self._n_rounds):
            if number == self._warmup:
                rounds._n_files = 0
                os.unlink(rounds._file(0))
                rounds.snapshot()
            yield number
            if number >= self._warmup:
                rounds.snapshot()

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        rounds = self._rounds
        assert rounds is not None
        try:
            if exc_type is None:
                if not self._is_loop:
                    rounds.snapshot()
                if rounds._n_files < 2:
                    raise RuntimeError("the loop was left before the first round")
                rounds.verdict()
        finally:
            self._end()

    def _end(self) -> None:
        if self._rounds is not None:
            self._rounds.done()
        self._rounds = None

    # ---- a decorator ----
    def _again(self) -> "check":
        """One check for each call, so that calls may overlap."""
        max_growth, collect, ignore = self._options
        return check(
            max_growth,
            rounds=self._n_rounds,
            warmup=self._warmup,
            collect=collect,
            ignore=ignore,
        )

    def __call__(self, function: _F) -> _F:
        """The function, which each call now repeats; returns its last result."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError("a generator function does nothing when it is called")
        wrapper: Any
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def wrapper(*args: Any, **kwargs: Any) -> Any:
                result = None
                with self._again() as rounds:
                    for _ in rounds:
                        result = None  # let go before the next is made
                        result = await function(*args, **kwargs)
                return result

        else:

            @functools.wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                result = None
                with self._again() as rounds:
                    for _ in rounds:
                        result = None
                        result = function(*args, **kwargs)
                return result

        return wrapper  # type: ignore[no-any-return]
