"""Errors that a user can act on.

    MumicError
    ├── InputError      something the user gave is wrong: a file, an option, a value
    ├── MissingError    an earlier stage, a file or weights that are needed are not there
    ├── DamagedError    a file that this project wrote is cut short or altered
    └── RemoteError     a bucket, a service or a host did not do what was asked

Every message says what is wrong, where (file, line, column or class), and what to do about it.
The command lines turn a :class:`MumicError` into one message and exit code 1; anything else is a
bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MumicError(Exception):
    """Base of all errors that a user can act on."""


class InputError(MumicError, ValueError):
    """Something the user gave is wrong: a file, an option, a value."""


class MissingError(MumicError, LookupError):
    """An earlier stage, a file or weights that are needed are not there."""


class DamagedError(MumicError, ValueError):
    """A file that this project wrote is cut short or altered."""


class RemoteError(MumicError, OSError):
    """A bucket, a service or a host did not do what was asked."""


def closest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """Name what the user may have meant, as the tail of a message.

    >>> closest("Pest", ["Pets", "Pool", "Parking"])
    '; did you mean Pets?'
    >>> closest("zzz", ["Pets"])
    ''
    """
    lowered = {entry.lower(): entry for entry in known}
    matches = difflib.get_close_matches(name.lower(), lowered, n=count, cutoff=0.6)
    return f"; did you mean {' or '.join(lowered[match] for match in matches)}?" if matches else ""
