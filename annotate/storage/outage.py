"""Telling an image that cannot be read from a bucket or host that is out."""

from __future__ import annotations

import threading

from annotate.errors import RemoteError
from annotate.storage.store import authority

OUTAGE = 20  # failures of a bucket or host in a row that end the work


class Outage:
    """Counts failures in a row of each bucket and host, for all threads of this process.

    Args:
        remedy: what the message says after the reason: what was kept, and what to do.
    """

    def __init__(self, remedy: str = "") -> None:
        self.error: RemoteError | None = None
        self._remedy = remedy
        self._failures: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, uri: str, failure: str | None) -> None:
        """Take account of a reading.

        Args:
            uri: of the image.
            failure: why its bucket or host did not answer; None: it did.
        """
        if not (place := authority(uri)):
            return
        with self._lock:
            self._failures[place] = 0 if failure is None else self._failures.get(place, 0) + 1
            if failure is not None and self._failures[place] >= OUTAGE:
                self._reasons[place] = failure
                self.error = RemoteError(
                    f"{place}: {OUTAGE} images in a row could not be read: {failure}. "
                    f"{self._remedy}"
                )

    def reason(self, uri: str) -> str | None:
        """Why the bucket or host of an image is out; None where it is not."""
        return self._reasons.get(authority(uri))

    def check(self) -> None:
        """Stop where a bucket or host is out.

        Raises:
            RemoteError: too many failures in a row.
        """
        if self.error:
            raise self.error
