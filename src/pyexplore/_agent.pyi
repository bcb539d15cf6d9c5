from os import PathLike
from types import TracebackType
from typing import Any, Literal, Optional, Type, Union, final

__version__: str

_Path = Union[str, bytes, "PathLike[Any]"]
_Detail = Literal["values", "names", "types"]

@final
class Server:
    @property
    def address(self) -> Optional[str]: ...
    @property
    def unix_path(self) -> Optional[str]: ...
    def close(self) -> None: ...
    def __enter__(self) -> Server: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None: ...

@final
class SnapshotTrigger:
    @property
    def path(self) -> Optional[str]: ...
    @property
    def taken(self) -> int: ...
    @property
    def last_path(self) -> Optional[str]: ...
    @property
    def last_error(self) -> Optional[str]: ...
    def close(self) -> None: ...
    def __enter__(self) -> SnapshotTrigger: ...
    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None: ...

def serve(
    port: Optional[int] = 9999,
    *,
    host: str = "127.0.0.1",
    unix: bool = True,
    detail: _Detail = "values",
    readonly: bool = False,
    allow_remote: bool = False,
    key_file: Optional[_Path] = None,
    fork: Literal["off"] = "off",
    spool_bytes: Optional[int] = None,
) -> Server: ...
def stop() -> None: ...
def snapshot(path: _Path, detail: _Detail = "values") -> None: ...
def snapshot_on(
    path: _Path = "pyexplore-{pid}-{time}.pxs",
    *,
    signal: Optional[int] = None,
    rss: Optional[int] = None,
    interval: float = 60.0,
    keep: int = 5,
    detail: _Detail = "values",
) -> SnapshotTrigger: ...
