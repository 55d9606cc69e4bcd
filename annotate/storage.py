"""Where an image's bytes are: its canonical URI, and reading it.

Only local files can be read so far; a remote URI is refused with a reason.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

from annotate.errors import InputError


def is_remote(uri: str) -> bool:
    """Whether a URI names a bucket or a host.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("photos/a.jpg")
    (True, False)
    """
    return "://" in uri and not uri.startswith("file://")


def canonical_uri(uri: str, base: Path, root: Path) -> str:
    """The one spelling of an image's place.

    Args:
        uri: a path or URI as a person or a table wrote it.
        base: absolute folder that relative paths start at.
        root: the workspace.

    Returns:
        Relative to the workspace (with ``/``) for files inside it, else an absolute path;
        remote URIs as they are.
    """
    if is_remote(uri):
        return uri
    path = unquote(urlsplit(uri).path) if uri.startswith("file://") else uri
    absolute = Path(os.path.normpath(base / Path(path).expanduser()))
    for spelling in (absolute, Path(os.path.realpath(absolute.parent)) / absolute.name):
        if spelling.is_relative_to(root):
            return spelling.relative_to(root).as_posix()
    return absolute.as_posix()


def read_bytes(uri: str, root: Path, *, max_bytes: int) -> bytes:
    """The bytes of an image by its canonical URI.

    Raises:
        InputError: no such file, not a regular file, unreadable or too large. The message is short:
            the reason for a rejects table.
    """
    if is_remote(uri):
        scheme = uri.split("://", 1)[0]
        raise InputError(f"{scheme}:// cannot be read; copy the files to a folder first")
    try:
        # Without this flag, opening a named pipe that calls itself .jpg would wait for ever.
        handle = os.open(root / uri, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            facts = os.fstat(handle)
            if not stat.S_ISREG(facts.st_mode):
                raise InputError("not a regular file")
            if facts.st_size > max_bytes:
                raise InputError(f"{facts.st_size:,} bytes are more than {max_bytes:,}")
            return file.read(max_bytes)
    except FileNotFoundError:
        raise InputError("no such file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
