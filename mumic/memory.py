"""A clear word where there is too little memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
def clear_word(advice: Callable[[], str]) -> Iterator[None]:
    """Say what to do where the memory is full. Also a decorator.

    Args:
        advice: gives what follows "the memory is full;".

    Raises:
        MumicError: it is.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_memory_full(error):
            raise
        raise MumicError(f"the memory is full; {advice()}") from error


def advice_in_training(settings: TrainSettings, processes: int, checkpoint: Path) -> str:
    """What to do where a training finds too little memory.

    Args:
        settings: of the training.
        processes: that share a batch.
        checkpoint: its file, which may not be there yet.
    """
    kept = "the last checkpoint is kept" if checkpoint.is_file() else "nothing had been saved yet"
    share = math.ceil(settings.batch_size / processes)
    at_once = min(settings.micro_batch or share, share)
    if at_once > 1:
        return (
            f"{kept}. Set micro_batch below {at_once} under [train] (`mumic train` has "
            "--micro-batch) and run the same command again: it goes on, and its gradients stay the "
            "same."
        )
    return (
        f"{kept}. A process had one image at a time, which is the least: end what else is in that "
        "memory, or train a smaller model, or less of it (freeze, lora_rank)."
    )


def advice_in_use() -> str:
    """What to do where a model is only used."""
    return "lower batch_size under [predict], end what else is in that memory, or use --device cpu."


def advice_for_baselines() -> str:
    """What to do where a baseline is made."""
    return (
        "lower batch_size under [baseline] where it is trained, under [predict] where it is "
        "frozen, or end what else is in that memory."
    )
