"""Files as a killed command leaves them: the old one or the new one, never half of one.

A write goes to a temporary file beside the target, which then takes its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from annotate.errors import DamagedError, MissingError

TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """The path of a temporary file that takes the target's place when the block ends well.

    For libraries that write files by name; :func:`atomic` gives an open file.

    Args:
        path: the target.
        durable: wait until it is on the disk. One of many files that are easily made again need
            not wait.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("whole", "utf-8")
    >>> target.read_text("utf-8")
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    temporary.touch(exist_ok=False)
    try:
        mode = temporary.stat().st_mode  # what the umask leaves of it
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.chmod(mode)  # a library may have put another file there
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def atomic(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes the target's place when the block ends without an error.

    Args:
        path: see :func:`atomic_path`.
        durable: see there.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic(target) as file:
    ...     _ = file.write(b"whole")
    >>> target.read_text()
    'whole'
    """
    with atomic_path(path, durable=durable) as temporary, temporary.open("wb") as file:
        yield file


def sha256(path: Path) -> str:
    """Of a file's bytes, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, with sorted keys, so that equal values are equal bytes.

    Raises:
        ValueError: a number is infinite or NaN, which JSON does not have.
    """
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    with atomic(path) as file:
        file.write(text.encode() + b"\n")


def number_or_none(value: float) -> float | None:
    """A number for :func:`write_json`: NaN, which says that there is no value, becomes null.

    >>> number_or_none(0.5), number_or_none(math.nan)
    (0.5, None)
    """
    return None if math.isnan(value) else float(value)


def read_json(path: Path, made_by: str) -> Any:
    """Read a JSON file that a command wrote.

    Raises:
        MissingError: no such file; the message names the command.
        DamagedError: it is not JSON.
    """
    if not path.is_file():
        raise MissingError(f"no {path.name} at {path}. Make it with `{made_by}`.")
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise DamagedError(f"{path}: not readable as JSON ({error}). Run `{made_by}`.") from error


def remove_stale(folder: Path, *names: str) -> int:
    """Delete temporary files that a killed command left in a folder; say how many.

    Args:
        folder: where they are looked for.
        names: of the files that they were to become; none: all of them, which is only for a folder
            that nobody else writes to meanwhile.
    """
    stale = [
        path
        for path in folder.glob(f".*{TEMPORARY_SUFFIX}")
        if path.is_file() and (not names or path.stem[1:].rpartition(".")[0] in names)
    ]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)
