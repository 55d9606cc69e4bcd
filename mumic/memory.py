"""Memory of a training: kept on a processor, and a clear word where there is not enough.

The C library hands every large block back to the system as soon as it is free, and asks for it
again in the next operation; the system then clears and maps it page by page. For the tensors of a
training step that costs more than much of the arithmetic.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from annotate.errors import MumicError
from annotate.settings import TrainSettings

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # of mallopt(3), in glibc's malloc.h
_PAD = 64 * 2**20


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, for the rest of this program.

    Returns:
        Whether it does; only glibc knows how.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    wanted = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, _PAD))
    return all(mallopt(option, value) == 1 for option, value in wanted)


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says so; a processor's allocator raises a bare RuntimeError."""
    text = str(error)
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        "allocate memory" in text or "not enough memory" in text
    )


@contextmanager
def clear_word(settings: TrainSettings) -> Iterator[None]:
    """Say what to do where the memory is full.

    Raises:
        MumicError: it is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_full(error):
            raise
        now = settings.micro_batch or settings.batch_size
        raise MumicError(
            "the memory is full; the last checkpoint is kept. Set micro_batch below "
            f"{now} under [train] (or --micro-batch) and go on with the same run: its gradients "
            "stay the same."
        ) from error
