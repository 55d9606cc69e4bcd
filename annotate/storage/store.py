"""Where an image's bytes are: its canonical URI, and reading it from wherever that is."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote

from annotate.errors import InputError
from annotate.storage.remote import Fetched, check_size

# A file that was written this short a time ago may be written again without another time.
SETTLED_NS = 2_000_000_000
_S3_SPELLINGS = ("s3a", "s3n")
_HOST = re.compile(r"[/?#]")  # what ends it
_AUTHORITY = re.compile(r"([^/?#]*@)?([^/?#]*)(.*)", re.DOTALL)  # login, host and port, the rest


def is_remote(uri: str) -> bool:
    """Whether a URI names a bucket or a host.

    >>> is_remote("s3://bucket/a.jpg"), is_remote("photos/a.jpg")
    (True, False)
    """
    return "://" in uri and not uri.startswith("file://")


def authority(uri: str) -> str:
    """The bucket or host that a remote URI is read from; empty for a local one.

    >>> authority("https://h.example/a.jpg?b"), authority("https://h?a=b"), authority("a.jpg")
    ('https://h.example', 'https://h', '')
    """
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{_HOST.split(rest, maxsplit=1)[0]}" if is_remote(uri) else ""


def canonical_uri(uri: str, base: Path, root: Path) -> str:
    """The one spelling of an image's place.

    Args:
        uri: a path or URI as a person or a table wrote it.
        base: absolute folder that relative paths start at.
        root: the workspace.

    Returns:
        Relative to the workspace (with ``/``) for files inside it, else an absolute path;
        remote URIs with the scheme and a web host in lower case.
    """
    return canonical_uris([uri], base, root)[0]


def canonical_uris(uris: Iterable[str], base: Path, root: Path) -> list[str]:
    """As :func:`canonical_uri`, looking at each folder once."""
    folders: dict[str, str] = {}
    return [_remote(uri) if is_remote(uri) else _local(uri, base, root, folders) for uri in uris]


def _remote(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    scheme = scheme.lower()
    if scheme in _S3_SPELLINGS:
        scheme = "s3"
    if scheme in ("http", "https"):
        rest = _AUTHORITY.sub(
            lambda found: f"{found[1] or ''}{found[2].lower()}{found[3]}", rest, 1
        )
    return f"{scheme}://{rest}"


def _local(uri: str, base: Path, root: Path, folders: dict[str, str]) -> str:
    path = uri
    if uri.startswith("file://"):  # what follows is a host, mostly an empty one, and the path
        path = "/" + unquote(uri.removeprefix("file://").partition("/")[2])
    absolute = os.path.normpath(os.path.join(base, os.path.expanduser(path)))
    if absolute == str(root):
        return "."
    folder, name = os.path.split(absolute)
    if folder not in folders:
        folders[folder] = _folder(Path(folder), root)
    return folders[folder] + name


def _folder(folder: Path, root: Path) -> str:
    """What stands before the names of a folder's files."""
    spelling = folder
    with contextlib.suppress(ValueError):  # no folder's name has a NUL in it
        for candidate in (folder, Path(os.path.realpath(folder))):
            if candidate.is_relative_to(root):
                spelling = candidate.relative_to(root)
                break
    text = spelling.as_posix()
    return "" if text == "." else f"{text.rstrip('/')}/"


def join_remote(base: str, path: str) -> str:
    """A path that stands in a remote table, as a URI.

    >>> join_remote("s3://b/tables/t.csv", "../photos/a.jpg")
    's3://b/photos/a.jpg'
    """
    if is_remote(path) or path.startswith(("/", "file://")):
        return path
    place = authority(base)
    folder = posixpath.dirname(base[len(place) :])
    return place + posixpath.normpath(posixpath.join("/", folder, path))


def read_bytes(uri: str, root: Path, *, max_bytes: int) -> bytes:
    """The bytes of an image by its canonical URI.

    Raises:
        InputError: no such file, not a regular file, unreadable or too large. The message is short:
            the reason for a rejects table. Where a service did not answer it is one of its
            children, :class:`~annotate.storage.remote.UnreachableError`.
    """
    fetched = fetch(uri, root, max_bytes=max_bytes)
    if fetched is None:
        raise InputError("not modified, says the server, though nothing was known of it")
    return fetched.data


def fetch(uri: str, root: Path, *, max_bytes: int, stamp: str | None = None) -> Fetched | None:
    """Read an image, unless it is unchanged since it was stamped.

    Args:
        uri: canonical.
        root: the workspace.
        max_bytes: larger ones are refused.
        stamp: of an earlier reading of this URI.

    Returns:
        Bytes and a new stamp, or None if nothing changed.

    Raises:
        InputError: as :func:`read_bytes`.
    """
    scheme = uri.split("://", 1)[0] if is_remote(uri) else ""
    if scheme == "s3":
        from annotate.storage.aws import read_object

        return read_object(uri, max_bytes=max_bytes, stamp=stamp)
    if scheme in ("http", "https"):
        from annotate.storage.web import read_address

        return read_address(uri, max_bytes=max_bytes, stamp=stamp)
    if scheme:
        raise InputError(f"{scheme}:// cannot be read; copy the files to a folder or to S3 first")
    try:
        return _fetch_file(root / uri, max_bytes, stamp)
    except FileNotFoundError:
        raise InputError("no such file") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _fetch_file(path: Path, max_bytes: int, stamp: str | None) -> Fetched | None:
    if stamp and _stamp(os.stat(path)) == stamp:
        return None
    # Without this flag, opening a named pipe that calls itself .jpg would wait for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        before = os.fstat(handle)
        if not stat.S_ISREG(before.st_mode):
            raise InputError("not a regular file")
        check_size(before.st_size, max_bytes)
        data = file.read(max_bytes + 1)
        check_size(len(data), max_bytes)
        return Fetched(data, _settled(before, os.fstat(handle)))


def _stamp(facts: os.stat_result) -> str:
    """Size and times: the time of change of the inode also sees a copy that keeps the other one."""
    return f"{facts.st_size} {facts.st_mtime_ns} {facts.st_ctime_ns}"


def _settled(before: os.stat_result, after: os.stat_result) -> str | None:
    """A stamp, unless the file changed while it was read or could change within its times."""
    latest = max(after.st_mtime_ns, after.st_ctime_ns)
    if _stamp(before) != _stamp(after) or time.time_ns() - latest < SETTLED_NS:
        return None
    return _stamp(after)
