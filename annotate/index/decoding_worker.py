"""What a decoding process does: fills its part of a batch in memory that it shares with its parent.

The parent finds the process by nothing but its tasks, so what a process needs is set once at its
start, and everything else (see :mod:`annotate.index.decoders`) comes with a task.
"""

from __future__ import annotations

import mmap
import os
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotate.clip.fast_pixels import use_one_thread
from annotate.index.reading import Item, LeftOut, Loaded, Pixels, Reading, load_pixels
from annotate.orphans import end_with_parent
from annotate.storage.outage import Outage


@dataclass(frozen=True)
class Shared:
    """Memory for pixels (slots, images, 3, size, size) and, after them, one byte: whether to stop.

    It is a file without a name. ``place`` is where its maker's process shows it, ``identity`` is
    its device and inode: its maker may have left, and have another file at that place.
    """

    place: str
    identity: tuple[int, int]
    shape: tuple[int, ...]

    def open(self) -> tuple[Pixels, Pixels]:
        """The pixels, and the byte.

        Raises:
            OSError: its maker has left.
        """
        file = os.open(self.place, os.O_RDWR)
        try:
            found = os.fstat(file)
            if (found.st_dev, found.st_ino) != self.identity:
                raise FileNotFoundError(self.place)
            return views(file, self.shape)
        finally:
            os.close(file)


def views(file: int, shape: tuple[int, ...]) -> tuple[Pixels, Pixels]:
    """The memory of an open file as pixels, and the byte after them."""
    count = int(np.prod(shape))
    memory = np.frombuffer(mmap.mmap(file, count + 1), np.uint8)
    return memory[:count].reshape(shape), memory[count:]


class _Worker:
    """What a process keeps between its tasks."""

    shared: Shared
    reading: Reading
    outage: Outage
    memory: tuple[Pixels, Pixels] | None = None


def start(shared: Shared, reading: Reading) -> None:
    """Make a process ready for tasks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's matter
    end_with_parent()
    use_one_thread()
    warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
    _Worker.shared, _Worker.reading, _Worker.outage = shared, reading, Outage()


def decode(slot: int, first: int, items: Sequence[Item]) -> list[str | LeftOut]:
    """Decode a part of a batch into its rows.

    Args:
        slot: of the batch.
        first: row of the first image.
        items: the images.

    Returns:
        Of each image its hash, or why it has no pixels; nothing where it is to stop.
    """
    if _Worker.memory is None:  # not at the start, when the main process may have left already
        try:
            _Worker.memory = _Worker.shared.open()
        except FileNotFoundError:
            return []
    rows, stop = _Worker.memory
    results: list[str | LeftOut] = []
    for at, item in enumerate(items, first):
        if stop[0]:
            return []
        found = load_pixels(item, _Worker.reading, _Worker.outage)
        if isinstance(found, Loaded):
            rows[slot, at] = found.pixels
            results.append(found.content_hash)
        else:
            results.append(found)
    return results
