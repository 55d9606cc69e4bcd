"""What to do where there is too little memory."""

from __future__ import annotations

import math
from pathlib import Path

from annotate.settings import TrainSettings


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
