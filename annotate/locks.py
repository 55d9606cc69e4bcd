"""One process at a time on a run or a cache. The lock dies with its process, also by SIGKILL."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from annotate.errors import InputError


@contextlib.contextmanager
def exclusive(file: Path, *, busy: str | None = None) -> Iterator[None]:
    """Hold a lock file for the length of a block.

    Args:
        file: made if need be; it stays, empty, unless its holder deletes it inside the block.
        busy: the message for when another process holds it; None: wait for it.

    Raises:
        InputError: another process holds it and ``busy`` was given.
    """
    with _held(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy is not None else 0), busy or ""):
        yield


@contextlib.contextmanager
def shared(file: Path, *, busy: str) -> Iterator[None]:
    """Hold a lock file together with others that do; nobody holds it alone meanwhile.

    Args:
        file: made if need be; it stays, empty.
        busy: the message for when another process holds it alone.

    Raises:
        InputError: another process does.
    """
    with _held(file, fcntl.LOCK_SH | fcntl.LOCK_NB, busy):
        yield


@contextlib.contextmanager
def _held(file: Path, how: int, busy: str) -> Iterator[None]:
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with file.open("a+b") as handle:  # NFS lets nobody share a lock on what he cannot read
            try:
                fcntl.flock(handle, how)
            except BlockingIOError as error:
                raise InputError(busy) from error
            if _is_at(handle, file):
                yield
                return


def _is_at(handle: IO[bytes], file: Path) -> bool:
    """Whether an open file is still what stands there: its holder before may have deleted it."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle.fileno()), file.stat())
    return False


def is_held(file: Path) -> bool:
    """Whether a process holds a lock file now."""
    if not file.exists():
        return False
    with file.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
