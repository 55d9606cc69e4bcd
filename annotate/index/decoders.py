"""Who reads and decodes: threads of this process, or processes where there are cores for them.

A decoded picture passes through Python for about a third of its time, and of all threads one at a
time can be there: more than some six do not help. Processes write pixels straight into memory that
they share with this one, so that nothing is copied or pickled on the way.
"""

from __future__ import annotations

import math
import mmap
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count
from multiprocessing import connection, get_context, parent_process
from pathlib import Path

import numpy as np

from annotate.clip.fast_pixels import use_one_thread
from annotate.errors import MumicError
from annotate.index.reading import Batch, Item, LeftOut, Loaded, Pixels, Reading, load_pixels
from annotate.storage.outage import Outage

MANY = 2048  # images from which the start of processes, some seconds, is worth it
CORES = 4  # from which they are faster than threads
PART = 8  # images of a task

Submit = Callable[[Sequence[Item]], Callable[[], Batch]]


def decoding_processes(images: int) -> int:
    """How many processes are to decode: 0, which is threads, for few images or on few cores."""
    cores = os.cpu_count() or 1
    able = hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()
    return cores if able and cores >= CORES and images >= MANY else 0


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


@contextmanager
def in_processes(reading: Reading, processes: int, *, largest: int, slots: int) -> Iterator[Submit]:
    """Decode in processes; leaving drops what has not been started.

    Args:
        reading: how files become pixels.
        processes: how many.
        largest: images of the largest batch.
        slots: batches in memory; the pixels of one are overwritten that many batches later.
    """
    shape = (slots, largest, 3, reading.size, reading.size)
    memory = os.memfd_create("pixels")  # not in /dev/shm, which containers keep small
    os.ftruncate(memory, math.prod(shape))
    rows = np.frombuffer(mmap.mmap(memory, math.prod(shape)), np.uint8).reshape(shape)
    context = get_context("forkserver")  # this process has threads, maybe a GPU: no plain fork
    context.set_forkserver_preload([__name__])
    place = f"/proc/{os.getpid()}/fd/{memory}"
    pool = ProcessPoolExecutor(processes, context, _start, (place, shape, reading))
    turn = count()

    def submit(items: Sequence[Item]) -> Callable[[], Batch]:
        slot = next(turn) % slots
        parts = [
            pool.submit(_decode, slot, start, items[start : start + PART])
            for start in range(0, len(items), PART)
        ]
        return lambda: _collected(parts, rows[slot])

    try:
        yield submit
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        os.close(memory)


def _collected(parts: list[Future[list[str | LeftOut]]], rows: Pixels) -> Batch:
    try:
        found = [one for part in parts for one in part.result()]
    except BrokenProcessPool:
        raise MumicError(
            "a process that decodes images was killed, most likely because the memory is full. "
            "What was done is kept; run the command again, and it goes on."
        ) from None
    usable = [at for at, one in enumerate(found) if isinstance(one, str)]
    return Batch(
        # Without a copy, where none is left out.
        rows[: len(usable)] if len(usable) == len(found) else rows[usable],
        tuple(one for one in found if isinstance(one, str)),
        tuple(one if isinstance(one, LeftOut) else None for one in found),
    )


class _Worker:
    """What a decoding process keeps between its tasks."""

    place: str
    shape: tuple[int, ...]
    reading: Reading
    outage: Outage
    rows: Pixels | None = None


def _start(place: str, shape: tuple[int, ...], reading: Reading) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's matter
    threading.Thread(target=_end_with_parent, daemon=True).start()
    use_one_thread()
    warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
    _Worker.place, _Worker.shape = place, shape
    _Worker.reading, _Worker.outage = reading, Outage()


def _end_with_parent() -> None:
    """A main process that was killed cannot send anybody home."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _decode(slot: int, start: int, items: Sequence[Item]) -> list[str | LeftOut]:
    """Decode a part of a batch into its rows; of each image its hash, or why it has no pixels."""
    if _Worker.rows is None:  # not at the start: the main process may have left by then
        _Worker.rows = np.memmap(_Worker.place, np.uint8, "r+", shape=_Worker.shape)
    results: list[str | LeftOut] = []
    for at, item in enumerate(items, start):
        found = load_pixels(item, _Worker.reading, _Worker.outage)
        if isinstance(found, Loaded):
            _Worker.rows[slot, at] = found.pixels
            results.append(found.content_hash)
        else:
            results.append(found)
    return results
