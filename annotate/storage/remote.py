"""Reading something whole from a network: what S3 and web addresses have in common.

Libraries retry a request that is refused; none of them goes on when the connection drops in the
middle of a body (botocore's ``get_object`` hands over the stream and has done its part). Here the
rest is asked for with a range that is tied to the object's tag, or all of it again where the server
gives no tag or the object changed meanwhile.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from annotate.errors import InputError

ATTEMPTS = 5
PAUSE = 0.2  # seconds before the second attempt; doubled before each further one
MAX_SECONDS = 600.0  # a server that sends a byte now and then does not hold a reader for ever
PIECE = 1 << 16


class UnreachableError(InputError):
    """A service or host did not answer as it should: no fault of the one thing asked for."""


class DroppedError(Exception):
    """The connection ended before the body did; :func:`read_whole` goes on."""


class ChangedError(Exception):
    """The object is no longer the one that reading began with; :func:`read_whole` starts again."""


@dataclass(frozen=True)
class Body:
    """An answer whose body is still to be read.

    Attributes:
        start: position of its first byte in the object.
        total: bytes of the whole object, None where the server does not say.
        tag: names this state of the object in a request for the rest; None: there is no such name.
        stamp: as in :class:`Fetched`.
        pieces: the body; raises :class:`DroppedError` and :class:`ChangedError`.
    """

    start: int
    total: int | None
    tag: str | None
    stamp: str | None
    pieces: Generator[bytes, None, None]


@dataclass(frozen=True)
class Fetched:
    """The bytes of an object, and the stamp by which it is known to be unchanged next time."""

    data: bytes
    stamp: str | None


Opener = Callable[[int, str | None], Body | None]


def check_size(size: int | None, max_bytes: int) -> None:
    """Refuse what is too large.

    Raises:
        InputError: it is; the message is the reason in the rejects table.
    """
    if size is not None and size > max_bytes:
        raise InputError(f"{size:,} bytes are more than {max_bytes:,}")


def parse_range(header: str) -> tuple[int, int | None]:
    """Start of a part and size of the whole, as a ``Content-Range`` says.

    >>> parse_range("bytes 5-9/10"), parse_range("bytes 5-9/*")
    ((5, 10), (5, None))

    Raises:
        InputError: the server's header is none.
    """
    span, _, whole = header.removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    if not start.isdecimal():
        raise InputError("the server sent a part and did not say which")
    return int(start), int(whole) if whole.isdecimal() else None


def read_whole(open_at: Opener, *, max_bytes: int) -> Fetched | None:
    """Read an object whole, going on after dropped connections.

    Args:
        open_at: asks for the object from a position on, given the tag of the part that is there;
            None means that the object is what the caller knows already.
        max_bytes: limit, checked before and while reading.

    Returns:
        The object, or None where ``open_at`` gives None.

    Raises:
        InputError: it is too large, or what ``open_at`` raises.
        UnreachableError: the connection dropped too often, or the server is too slow.
    """
    data = bytearray()
    tag: str | None = None
    deadline = time.monotonic() + MAX_SECONDS
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            body = open_at(len(data) if tag else 0, tag)
            if body is None:
                return None
            with contextlib.closing(body.pieces):
                check_size(body.total, max_bytes)
                if body.start > len(data):
                    raise ChangedError
                del data[body.start :]  # a server that knows no ranges begins again
                tag = body.tag
                for piece in body.pieces:
                    data += piece
                    check_size(len(data), max_bytes)
                    if time.monotonic() > deadline:
                        raise UnreachableError(f"not read within {MAX_SECONDS:.0f} seconds")
        except DroppedError:
            continue
        except ChangedError:
            data.clear()
            tag = None
            continue
        if body.total is None or body.total == len(data):
            return Fetched(bytes(data), body.stamp)
    raise UnreachableError(f"the connection dropped in the middle, {ATTEMPTS} times")
