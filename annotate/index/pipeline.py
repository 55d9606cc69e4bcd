"""The input side of embedding: files become the model's pixels a few batches ahead of it.

The queue is bounded, and one broken image costs a reason, never the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from annotate.index.decoders import in_processes, in_threads, slots_for
from annotate.index.reading import Batch, Item, Reading
from annotate.processors import usable_cores

AHEAD = 2  # batches that are read and decoded while the model works


@contextmanager
def batches_ahead(
    batches: Iterable[Sequence[Item]],
    reading: Reading,
    *,
    threads: int = 0,
    processes: int = 0,
    largest: int = 0,
    ahead: int = AHEAD,
) -> Iterator[Iterator[Batch]]:
    """Batches in their order, read and decoded before they are asked for.

    Leaving the context, also by an exception or Ctrl-C, drops what has not been started.

    Args:
        batches: of (content hash, URI); taken up only ``ahead`` batches before they are needed.
        reading: how files become pixels.
        threads: that decode; 0: as many as there are processors.
        processes: that decode instead, see :mod:`annotate.index.decoders`; 0: threads.
        largest: images of the largest batch; needed for processes.
        ahead: batches in memory besides the one in use; processes may need more to have work.
    """
    if processes:
        slots = slots_for(processes, largest, ahead)
        decoders, ahead = in_processes(reading, processes, largest=largest, slots=slots), slots - 1
    else:
        decoders = in_threads(reading, threads or usable_cores())
    with decoders as submit:
        yield _in_order(map(submit, batches), ahead)


def _in_order(started: Iterator[Callable[[], Batch]], ahead: int) -> Iterator[Batch]:
    waiting = deque(islice(started, ahead))
    while waiting:
        waiting.extend(islice(started, 1))  # before waiting, so that decoding goes on meanwhile
        yield waiting.popleft()()
