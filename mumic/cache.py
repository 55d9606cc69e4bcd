"""Rows on disk, found by content hash: pixels at the input size, embeddings of a frozen tower.

A folder holds shards of any size, ``shard-00000.npy`` (memory-mapped) beside ``shard-00000.json``
(the hash of each row). A shard exists once its JSON does, so a killed command loses the shard it
was at and nothing else; a hash that is there is never computed again. Two commands that need the
same folder take turns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from annotate.arrays import write_array
from annotate.errors import DamagedError, MissingError
from annotate.files import read_json, remove_stale, write_json
from annotate.locks import exclusive

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """The shards of a folder, open for reading."""

    shards: tuple[Array, ...]
    places: dict[str, tuple[int, int]]

    def gather(self, hashes: Sequence[str]) -> Array:
        """The rows of these hashes, stacked in their order.

        Raises:
            MissingError: one is not there.
        """
        try:
            places = [self.places[entry] for entry in hashes]
        except KeyError as error:
            raise MissingError(
                f"no cached row for content hash {error}. Run the command again."
            ) from error
        shape = self.shards[0].shape[1:] if self.shards else ()
        found = np.empty(
            (len(places), *shape), dtype=self.shards[0].dtype if self.shards else np.uint8
        )
        for at, (shard, row) in enumerate(places):
            found[at] = self.shards[shard][row]
        return found


def open_rows(folder: Path) -> Rows:
    """Open a folder of shards; an absent one has no rows.

    Raises:
        DamagedError: a shard's two files do not fit each other.
        OSError: the system refuses, which says nothing of the rows: too many files are open.
    """
    shards: list[Array] = []
    places: dict[str, tuple[int, int]] = {}
    for listing in sorted(folder.glob("shard-*.json")):
        hashes = read_json(listing, "mumic train")
        try:
            rows = _mapped(listing.with_suffix(".npy"))
        except (FileNotFoundError, EOFError, ValueError) as error:
            raise DamagedError(
                f"{listing}: its rows cannot be read ({error}). Delete {folder}."
            ) from error
        if len(rows) != len(hashes):
            raise DamagedError(
                f"{listing}: {len(hashes)} hashes for {len(rows)} rows. Delete {folder}."
            )
        places.update({entry: (len(shards), row) for row, entry in enumerate(hashes)})
        shards.append(rows)
    return Rows(tuple(shards), places)


def _mapped(file: Path) -> Array:
    """An array in a file, mapped as by ``np.load``, which holds a descriptor as long as it lives.

    A process has 1,024 of these, and a folder may have more shards.
    """
    found = np.load(file, mmap_mode="r", allow_pickle=False)
    size = found.offset + found.nbytes
    # torch closes the file once it is mapped; not shared: what is written here never reaches it.
    whole = torch.from_file(str(file), shared=False, size=size, dtype=torch.uint8).numpy()
    rows: Array = whole[found.offset :].view(found.dtype).reshape(found.shape)
    rows.flags.writeable = False
    return rows


def add_shards(
    folder: Path,
    wanted: Iterable[tuple[str, Any]],
    compute: Callable[[list[list[Any]]], Generator[Array | None, None, None]],
    *,
    shard_size: int = 1024,
) -> Rows:
    """Compute and store the rows that a folder lacks.

    Args:
        folder: where the shards are; made if need be.
        wanted: (content hash, what ``compute`` needs) of every row that must be there.
        compute: the rows of some lists of items, an array a list, one after the other; None for a
            list that cannot be had as a whole, after which an error is to be expected.
        shard_size: rows a shard.

    Returns:
        The folder's rows, with all the wanted ones.
    """
    with exclusive(folder / ".lock"):
        remove_stale(folder)
        known = open_rows(folder).places
        missing = {entry: item for entry, item in wanted if entry not in known}
        number = len(list(folder.glob("shard-*.json")))
        chunks = list(_chunks(list(missing), shard_size))
        items = [[missing[entry] for entry in chunk] for chunk in chunks]
        with closing(compute(items)) as made:  # also where storing fails: others may be at work
            for chunk, rows in zip(chunks, made, strict=True):
                if rows is not None:
                    _store(folder / f"shard-{number:05d}", rows, chunk)
                    number += 1
        return open_rows(folder)


def _chunks(entries: list[str], size: int) -> Iterator[list[str]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))


def _store(stem: Path, rows: Array, hashes: list[str]) -> None:
    write_array(stem.with_suffix(".npy"), rows)
    write_json(stem.with_suffix(".json"), hashes)
