"""A clear word where a training finds too little memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from annotate.errors import MumicError
from annotate.settings import TrainSettings


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
