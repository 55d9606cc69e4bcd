"""All problems of one file, reported at once."""

from __future__ import annotations

from annotate.errors import InputError

MOST_SHOWN = 200


class Problems:
    """Collects what is wrong in a file, line by line."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: set[tuple[int, str]] = set()

    def add(self, line: int, message: str) -> None:
        """Note a problem. ``line`` counts from 1; ``message`` says what to do about it."""
        self._found.add((line, message))

    def __len__(self) -> int:
        return len(self._found)

    def raise_if_any(self) -> None:
        """Raise one error that names all problems, in the order of their lines.

        Raises:
            InputError: something was noted. At most ``MOST_SHOWN`` problems are spelled out.
        """
        if not self._found:
            return
        found = sorted(self._found)
        lines = [f"{self._file}:{line}: {message}" for line, message in found[:MOST_SHOWN]]
        if len(found) > MOST_SHOWN:
            lines.append(f"{self._file}: and {len(found) - MOST_SHOWN} more problems")
        raise InputError("\n".join(lines))
