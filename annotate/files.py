"""Files as a killed command leaves them: the old one or the new one, never half of one.

A write goes to a temporary file beside the target, which then takes its place.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from annotate.errors import DamagedError, MissingError

TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes the target's place when the block ends without an error.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic(target) as file:
    ...     _ = file.write(b"whole")
    >>> target.read_text()
    'whole'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY_SUFFIX
    )
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


def remove_stale(folder: Path) -> int:
    """Delete temporary files that a killed command left in a folder; say how many."""
    stale = [path for path in folder.glob(f".*{TEMPORARY_SUFFIX}") if path.is_file()]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)
