"""Reading, hashing and decoding the images of a scan, with nothing done twice.

An image whose stamp (ETag, or size and times of a file) is the one of an earlier scan is not read;
one whose bytes are known is not decoded. What is found is kept in columns, not in objects, so that
a million images fit.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from annotate.errors import InputError
from annotate.images.decoding import read_picture
from annotate.images.hashing import perceptual_hash
from annotate.processors import usable_cores
from annotate.settings import CatalogSettings
from annotate.storage.outage import Outage
from annotate.storage.remote import UnreachableError
from annotate.storage.store import fetch

ID_DIGITS = 20
CHUNK = 512
SLICE = 8  # images that a thread takes at a time
KEPT = "The catalogue is as it was; run the command again when this is mended, and it goes on."
FACTS = pa.schema(
    [
        ("image_id", pa.large_string()),
        ("uri", pa.large_string()),
        ("bytes", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("orientation", pa.int8()),
        ("content_hash", pa.large_string()),
        ("perceptual_hash", pa.large_string()),
        ("stamp", pa.large_string()),
    ]
)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reject:
    """An item that is no usable image, and why; ``unreachable`` if that is not its own fault."""

    uri: str
    reason: str
    unreachable: bool = False


@dataclass(frozen=True)
class Again:
    """An image that is known: its row among the known ones, and its stamp now."""

    row: int
    stamp: str | None


Outcome = dict[str, Any] | Again | Reject


class Known:
    """What earlier scans measured, found by image id and by URI.

    Args:
        facts: columns of :data:`FACTS`; of several rows of an image the first counts.
    """

    def __init__(self, facts: pa.Table) -> None:
        names = np.array(facts.column("image_id").to_pylist(), dtype=f"S{ID_DIGITS}")
        self._names, first = np.unique(names, return_index=True)
        if not np.array_equal(first, np.arange(len(facts))):
            facts = facts.take(pa.array(first, pa.int64()))
        self.facts: pa.Table = facts.combine_chunks()
        self._stamps = self.facts.column("stamp")

    def row(self, name: str) -> int | None:
        """The row of an image id."""
        key = np.array(name, dtype=self._names.dtype)
        at = int(np.searchsorted(self._names, key))
        return at if at < len(self._names) and self._names[at] == key else None

    def rows_of(self, uris: pa.ChunkedArray) -> Rows:
        """For each URI the row whose stamp is of that URI's last reading, or -1."""
        stamped = np.flatnonzero(pc.is_valid(self._stamps).to_numpy())
        places = self.facts.column("uri").take(pa.array(stamped, pa.int64()))
        found = pc.index_in(uris, value_set=places.combine_chunks())
        at = pc.fill_null(found, -1).to_numpy().astype(np.int64)
        return np.where(at < 0, -1, stamped[at] if len(stamped) else -1)

    def stamp(self, row: int) -> str | None:
        """The stamp of a row; None for -1."""
        return None if row < 0 else self._stamps[row].as_py()


def image_id(uri: str, content_hash: str) -> str:
    """Id of an image: first 20 hex digits of SHA-256 over URI, NUL and content hash."""
    return hashlib.sha256(f"{uri}\0{content_hash}".encode()).hexdigest()[:ID_DIGITS]


class Measurer:
    """Measures single images; its threads share what is known and the limit on decoding."""

    def __init__(self, root: Path, settings: CatalogSettings, known: Known) -> None:
        self._root = root
        self._settings = settings
        self._known = known
        self._outage = Outage(KEPT)
        # Readers of a network wait, decoders compute: more of them would only take memory.
        self._decoding = threading.BoundedSemaphore(usable_cores())

    def attempt(self, uri: str, row: int) -> Outcome:
        """Measure one image.

        Args:
            uri: canonical.
            row: of the known image that its last reading gave, or -1.
        """
        try:
            outcome = self._measure(uri, row)
        except UnreachableError as error:
            outcome = Reject(uri, str(error), unreachable=True)
        except InputError as error:
            outcome = Reject(uri, str(error))
        why = outcome.reason if isinstance(outcome, Reject) and outcome.unreachable else None
        self._outage.note(uri, why)
        return outcome

    def _measure(self, uri: str, row: int) -> Outcome:
        settings = self._settings
        stamp = self._known.stamp(row)
        fetched = fetch(uri, self._root, max_bytes=settings.max_bytes, stamp=stamp)
        if fetched is None:
            return Again(row, stamp)
        content_hash = hashlib.sha256(fetched.data).hexdigest()
        name = image_id(uri, content_hash)
        if (found := self._known.row(name)) is not None:
            return Again(found, fetched.stamp)
        with self._decoding:
            picture = read_picture(fetched.data, max_pixels=settings.max_pixels)
            width, height = picture.image.size
            return {
                "image_id": name,
                "uri": uri,
                "bytes": len(fetched.data),
                "width": width,
                "height": height,
                "orientation": picture.orientation,
                "content_hash": content_hash,
                "perceptual_hash": perceptual_hash(picture.image),
                "stamp": fetched.stamp,
            }

    def check(self) -> None:
        """Stop where a bucket or host is out.

        Raises:
            RemoteError: too many failures in a row.
        """
        self._outage.check()

    def attempt_slice(self, work: Sequence[tuple[str, int]]) -> list[Outcome]:
        """Measure some images; once a bucket or host is out, nothing more is tried."""
        return [self.attempt(uri, row) for uri, row in work if not self._outage.error]


@dataclass(frozen=True)
class Batch:
    """Some measured images.

    Attributes:
        facts: one row per usable image, columns of :data:`FACTS`.
        positions: of these among the items.
        rejects: the others.
    """

    facts: pa.Table
    positions: Rows
    rejects: list[Reject]


def measure_all(
    uris: pa.ChunkedArray, rows: Rows, todo: Rows, measurer: Measurer, known: Known, threads: int
) -> Iterator[Batch]:
    """Measure the items at the positions ``todo``, some at a time, in their order.

    Raises:
        RemoteError: a bucket or host does not answer any more.
    """
    pool = ThreadPoolExecutor(threads)
    # Pillow warns of damaged metadata of pictures that it decodes nevertheless.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for start in range(0, len(todo), CHUNK):
                positions = todo[start : start + CHUNK]
                names = uris.take(pa.array(positions)).to_pylist()
                work = list(zip(names, rows[positions].tolist(), strict=True))
                slices = [work[at : at + SLICE] for at in range(0, len(work), SLICE)]
                outcomes = [o for part in pool.map(measurer.attempt_slice, slices) for o in part]
                measurer.check()
                yield _batch(outcomes, positions, known)
        finally:
            pool.shutdown(cancel_futures=True)


def _batch(outcomes: list[Outcome], positions: Rows, known: Known) -> Batch:
    new = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, dict)]
    again = [(at, o) for at, o in enumerate(outcomes) if isinstance(o, Again)]
    fresh = pa.Table.from_pylist([o for o in outcomes if isinstance(o, dict)], schema=FACTS)
    old = known.facts.take(pa.array([o.row for _, o in again], pa.int64()))
    stamps = pa.array([o.stamp for _, o in again], pa.large_string())
    old = old.set_column(FACTS.get_field_index("stamp"), "stamp", stamps)
    return Batch(
        pa.concat_tables([fresh, old]),
        positions[np.array([*new, *(at for at, _ in again)], dtype=np.int64)],
        [outcome for outcome in outcomes if isinstance(outcome, Reject)],
    )
