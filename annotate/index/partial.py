"""A shard in the making: finished batches on disk, so that a killed run loses at most one.

``partial-NNNNN.f16`` holds the rows, one after the other. ``partial-NNNNN.jsonl`` says what they
are: first what the shard is to be, then a line a batch, written after its rows, with their number
and checksum. So a torn line, rows that never reached the disk, or other settings are recognised,
and what comes before them is kept.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from annotate.index.plan import PlannedShard
from annotate.index.reading import LeftOut
from annotate.index.shards import write_shard

HALF = np.dtype(np.float16)


@dataclass(frozen=True)
class Embedded:
    """One batch, done: unit rows float16 (usable, dim), and why other items have none."""

    rows: npt.NDArray[np.float16]
    left_out: tuple[LeftOut | None, ...]  # one an item; None: usable


@dataclass(frozen=True)
class Kept:
    """What of a partial shard can be trusted: reasons of each batch, rows, bytes of the log."""

    reasons: tuple[tuple[str | None, ...], ...] = ()
    rows: int = 0
    log_bytes: int = 0

    @property
    def batches(self) -> int:
        """How many batches need not be embedded again."""
        return len(self.reasons)


def load_partial(folder: Path, shard: PlannedShard, identity: Mapping[str, Any]) -> Kept:
    """What an earlier run left of this shard, made with the same batches by the same model."""
    log, data = _files(folder, shard.number)
    if not log.is_file() or not data.is_file():
        return Kept()
    reasons = []
    rows = 0
    with log.open("rb") as lines, data.open("rb") as stored:
        header = _header(shard, identity)
        if lines.readline() != header:
            return Kept()
        end = len(header)
        for batch, line in zip(shard.batches, lines, strict=False):
            entry = _entry(line, len(batch))
            usable = entry.reasons.count(None) if entry else 0
            if entry is None or zlib.crc32(stored.read(usable * _row_bytes(identity))) != entry.crc:
                break
            reasons.append(entry.reasons)
            rows += usable
            end += len(line)
    return Kept(tuple(reasons), rows, end)


class PartialShard:
    """Takes the batches of one shard in order and makes the shard of them."""

    def __init__(
        self, folder: Path, shard: PlannedShard, kept: Kept, identity: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self.shard = shard
        self.identity = identity
        self.reasons = list(kept.reasons)
        self._rows, self._log = _reopen(folder, shard, kept, identity)

    @property
    def embedded(self) -> int:
        """Rows that the shard has so far."""
        return sum(reason is None for batch in self.reasons for reason in batch)

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """URI and reason of each item that has no row."""
        return [
            (uri, reason)
            for batch, reasons in zip(self.shard.batches, self.reasons, strict=False)
            for (_, uri), reason in zip(batch, reasons, strict=True)
            if reason is not None
        ]

    def add(self, batch: Embedded) -> None:
        """Keep one more batch; it is safe when this returns."""
        data = np.ascontiguousarray(batch.rows, HALF).tobytes()
        self._rows.write(data)
        self._rows.flush()
        reasons = tuple(None if why is None else why.reason for why in batch.left_out)
        left_out = {str(place): why for place, why in enumerate(reasons) if why is not None}
        entry = {"crc32": zlib.crc32(data), "items": len(reasons), "left_out": left_out}
        self._log.write(json.dumps(entry).encode() + b"\n")
        self._log.flush()
        self.reasons.append(reasons)

    def finish(self) -> None:
        """Write the shard; one without any row stays partial, so that nobody reads it again."""
        contents = [
            content
            for batch, reasons in zip(self.shard.batches, self.reasons, strict=True)
            for (content, _), reason in zip(batch, reasons, strict=True)
            if reason is None
        ]
        if contents:
            _, data = _files(self.folder, self.shard.number)
            rows = np.memmap(data, HALF, "r").reshape(len(contents), -1)
            write_shard(self.folder, self.shard.number, rows, contents, self.identity)
            remove_partial(self.folder, self.shard.number)

    def close(self) -> None:
        """Let go of the files."""
        self._rows.close()
        self._log.close()


@contextmanager
def partial_shard(
    folder: Path, shard: PlannedShard, kept: Kept, identity: Mapping[str, Any]
) -> Iterator[PartialShard]:
    """Open a shard in the making, right behind what is kept of it."""
    partial = PartialShard(folder, shard, kept, identity)
    try:
        yield partial
    finally:
        partial.close()


def remove_partial(folder: Path, number: int | None = None) -> None:
    """Delete the partial files of one shard, or all of a folder."""
    pattern = "[0-9]*" if number is None else f"{number:05d}"
    for file in folder.glob(f"partial-{pattern}.*"):
        file.unlink(missing_ok=True)


def _files(folder: Path, number: int) -> tuple[Path, Path]:
    name = f"partial-{number:05d}"
    return folder / f"{name}.jsonl", folder / f"{name}.f16"


def _reopen(
    folder: Path, shard: PlannedShard, kept: Kept, identity: Mapping[str, Any]
) -> tuple[IO[bytes], IO[bytes]]:
    log, data = _files(folder, shard.number)
    data.touch()
    log.touch()
    files = data.open("r+b"), log.open("r+b")
    for file, end in zip(files, (kept.rows * _row_bytes(identity), kept.log_bytes), strict=True):
        file.truncate(end)
        file.seek(end)
    if not kept.log_bytes:
        files[1].write(_header(shard, identity))
        files[1].flush()
    return files


def _row_bytes(identity: Mapping[str, Any]) -> int:
    return HALF.itemsize * int(identity["dim"])


def _header(shard: PlannedShard, identity: Mapping[str, Any]) -> bytes:
    made_by = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return json.dumps({"batches": shard.digest(), "model": made_by}).encode() + b"\n"


@dataclass(frozen=True)
class _Entry:
    crc: int
    reasons: tuple[str | None, ...]


def _entry(line: bytes, items: int) -> _Entry | None:
    """A line of the log, or None where it is torn or of another batch."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
        if not entry or entry["items"] != items:
            return None
        reasons = tuple(entry["left_out"].get(str(place)) for place in range(items))
        return _Entry(entry["crc32"], reasons)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
