"""Who reads and decodes: threads, or, where there are cores for them, processes.

About a third of a picture's decoding holds Python's lock, so more than some six threads do not
help. Processes write pixels straight into memory that they share with this one, so that nothing is
copied or pickled on the way.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from annotate.errors import MumicError
from annotate.index import decoding_worker
from annotate.index.reading import Batch, Item, LeftOut, Loaded, Pixels, Reading, load_pixels
from annotate.processors import usable_cores
from annotate.storage.outage import Outage

MANY = 2048  # images from which the start of processes, some seconds, is worth it
CORES = 4  # from which they are faster than threads
MOST = 32  # processes; each takes some 100 MB
PART = 8  # images of a task

Submit = Callable[[Sequence[Item]], Callable[[], Batch]]
Found = Future[list[str | LeftOut]]


def decoding_processes(images: int) -> int:
    """How many processes are to decode: 0, which is threads, for few images or on few cores.

    They need Linux, for the memory that they share.
    """
    cores = usable_cores()
    able = hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()
    return min(cores, MOST) if able and cores >= CORES and images >= MANY else 0


@contextmanager
def in_threads(reading: Reading, threads: int) -> Iterator[Submit]:
    """Decode in threads; leaving drops what has not been started."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    outage = Outage()

    def submit(items: Sequence[Item]) -> Callable[[], Batch]:
        futures = [pool.submit(load_pixels, item, reading, outage) for item in items]
        return lambda: _stacked([future.result() for future in futures], reading.size)

    try:
        yield submit
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _stacked(results: list[Loaded | LeftOut], size: int) -> Batch:
    usable = [found for found in results if isinstance(found, Loaded)]
    pixels = [found.pixels for found in usable]
    return Batch(
        np.stack(pixels) if pixels else np.empty((0, 3, size, size), np.uint8),
        tuple(found.content_hash for found in usable),
        tuple(found if isinstance(found, LeftOut) else None for found in results),
    )


def slots_for(processes: int, largest: int, ahead: int) -> int:
    """Batches in memory: those ahead and the one in use, and enough to keep all at work."""
    return max(ahead, math.ceil(2 * PART * processes / largest)) + 1


@contextmanager
def in_processes(reading: Reading, processes: int, *, largest: int, slots: int) -> Iterator[Submit]:
    """Decode in processes; leaving stops them after the image that each is at.

    Args:
        reading: how files become pixels.
        processes: how many.
        largest: images of the largest batch.
        slots: batches in memory; the pixels of one are overwritten that many batches later.
    """
    shape = (slots, largest, 3, reading.size, reading.size)
    memory = os.memfd_create("pixels")  # not in /dev/shm, which containers keep small
    try:
        os.ftruncate(memory, math.prod(shape) + 1)
        rows, stop = decoding_worker.views(memory, shape)
        found = os.fstat(memory)
        place = f"/proc/{os.getpid()}/fd/{memory}"
        shared = decoding_worker.Shared(place, (found.st_dev, found.st_ino), shape)
        context = get_context("forkserver")  # this process has threads, maybe a GPU: no plain fork
        context.set_forkserver_preload([decoding_worker.__name__])
        pool = ProcessPoolExecutor(processes, context, decoding_worker.start, (shared, reading))
        turn = count()

        def submit(items: Sequence[Item]) -> Callable[[], Batch]:
            if len(items) > largest:
                raise ValueError(f"a batch of {len(items)} images where {largest} are the most")
            slot = next(turn) % slots
            parts = [
                _submitted(pool, slot, start, items[start : start + PART])
                for start in range(0, len(items), PART)
            ]
            return lambda: _collected(parts, rows[slot])

        try:
            yield submit
        finally:
            stop[:] = 1
            # Waiting: an interpreter that exits while a pool still ends may print a traceback.
            pool.shutdown(cancel_futures=True)
    finally:
        os.close(memory)


def _submitted(pool: ProcessPoolExecutor, slot: int, start: int, items: Sequence[Item]) -> Found:
    try:
        return pool.submit(decoding_worker.decode, slot, start, items)
    except BrokenProcessPool:
        raise _killed() from None


def _collected(parts: list[Found], rows: Pixels) -> Batch:
    try:
        found = [one for part in parts for one in part.result()]
    except BrokenProcessPool:
        raise _killed() from None
    usable = [at for at, one in enumerate(found) if isinstance(one, str)]
    return Batch(
        # Without a copy, where none is left out.
        rows[: len(usable)] if len(usable) == len(found) else rows[usable],
        tuple(one for one in found if isinstance(one, str)),
        tuple(one if isinstance(one, LeftOut) else None for one in found),
    )


def _killed() -> MumicError:
    return MumicError(
        "a process that decodes images was killed, most likely because the memory is full. What "
        "was done is kept; run the command again, and it goes on. (In a program of your own, "
        'start from under `if __name__ == "__main__":`, since processes import it.)'
    )
