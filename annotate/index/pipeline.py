"""The input side of embedding: files become the model's pixels a few batches ahead of it.

Reading, hashing and decoding release the interpreter's lock, so threads are enough; the queue is
bounded, and one broken image costs a reason, never the run.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotate.clip.fast_pixels import pixels_of
from annotate.errors import InputError
from annotate.storage.outage import Outage
from annotate.storage.remote import UnreachableError
from annotate.storage.store import read_bytes

AHEAD = 2  # batches that are read and decoded while the model works

Pixels = npt.NDArray[np.uint8]
Item = tuple[str, str]  # content hash (SHA-256, hex) and canonical URI


@dataclass(frozen=True)
class Reading:
    """How files become pixels."""

    root: Path  # where relative URIs start
    size: int  # side of the square that the model takes
    max_bytes: int
    max_pixels: int


@dataclass(frozen=True)
class LeftOut:
    """Why an image has no pixels; ``unreachable`` if that is its bucket's or host's fault."""

    reason: str
    unreachable: bool = False


@dataclass(frozen=True)
class Batch:
    """Images ready for the model, and why others are not."""

    pixels: Pixels  # (usable, 3, size, size), in the order of the items
    left_out: tuple[LeftOut | None, ...]  # one an item; None: usable


def read_pixels(item: Item, reading: Reading, outage: Outage) -> Pixels | LeftOut:
    """The model's input, uint8 (3, size, size), or the reason why there is none.

    Args:
        item: the image.
        reading: how files become pixels.
        outage: takes note; of a bucket or host that is out nothing more is tried.
    """
    content_hash, uri = item
    if (why := outage.reason(uri)) is not None:
        return LeftOut(why, unreachable=True)
    try:
        data = read_bytes(uri, reading.root, max_bytes=reading.max_bytes)
        outage.note(uri, None)
        if hashlib.sha256(data).hexdigest() != content_hash:
            return LeftOut("changed since it was catalogued; run `mumic-annotate catalog`")
        return pixels_of(data, reading.size, max_pixels=reading.max_pixels)
    except UnreachableError as error:
        outage.note(uri, str(error))
        return LeftOut(str(error), unreachable=True)
    except InputError as error:
        outage.note(uri, None)
        return LeftOut(str(error))


@contextmanager
def batches_ahead(
    batches: Iterable[Sequence[Item]], reading: Reading, *, threads: int = 0, ahead: int = AHEAD
) -> Iterator[Iterator[Batch]]:
    """Batches in their order, read and decoded by threads before they are asked for.

    Leaving the context, also by an exception or Ctrl-C, drops what has not been started.

    Args:
        batches: of (content hash, URI); taken up only ``ahead`` batches before they are needed.
        reading: how files become pixels.
        threads: that decode; 0: as many as there are processors.
        ahead: batches in memory besides the one in use.
    """
    pool = ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="decode")
    outage = Outage()

    def submit(items: Sequence[Item]) -> Callable[[], Batch]:
        futures = [pool.submit(read_pixels, item, reading, outage) for item in items]
        return lambda: _collect(futures, reading.size)

    try:
        yield _in_order(map(submit, batches), ahead)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(started: Iterator[Callable[[], Batch]], ahead: int) -> Iterator[Batch]:
    waiting = deque(islice(started, ahead))
    while waiting:
        waiting.extend(islice(started, 1))  # before waiting, so that the threads go on meanwhile
        yield waiting.popleft()()


def _collect(futures: list[Future[Pixels | LeftOut]], size: int) -> Batch:
    return _batch([future.result() for future in futures], size)


def _batch(results: list[Pixels | LeftOut], size: int) -> Batch:
    usable = [result for result in results if not isinstance(result, LeftOut)]
    pixels = np.stack(usable) if usable else np.empty((0, 3, size, size), np.uint8)
    return Batch(pixels, tuple(r if isinstance(r, LeftOut) else None for r in results))
