"""What a killed training resumes from: one safetensors file, written whole or not at all.

It holds the weights, AdamW's two moments per parameter, and, as JSON in the file's header, the step
and what has been found so far. There is no random state to keep: the order of the images and every
draw follow from the seed and the step. Nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from annotate.clip.memory import is_memory_full
from annotate.errors import DamagedError, MumicError
from annotate.files import atomic_path

FILE = "checkpoint.safetensors"
_MODEL = "model."
_AVERAGE = "ema."
_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class Progress:
    """How far a training is: after ``step`` optimiser steps, ``timed`` of which took ``seconds``.

    The first step of each start is not timed: in it towers are compiled and work is recorded. What
    lies between a stop and going on, decoding and validation are not in the seconds either.
    """

    step: int = 0
    timed: int = 0
    seconds: float = 0.0
    best_gap: float | None = None
    best_epoch: int = 0
    epochs_without_gain: int = 0


def save_checkpoint(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: Progress,
    averages: Mapping[str, Tensor] | None = None,
) -> None:
    """Write ``folder/checkpoint.safetensors``.

    ``averages`` are the weights' (:mod:`mumic.training.ema`).

    Raises:
        MumicError: the disk is full or not writable; the checkpoint before it is kept.
    """
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        state = optimiser.state.get(parameter)
        if state:
            tensors |= {f"{kind}.{name}": state[kind] for kind in _MOMENTS}
    tensors |= {f"{_AVERAGE}{name}": tensor for name, tensor in (averages or {}).items()}
    header = {"state": json.dumps(asdict(progress), sort_keys=True)}
    write_tensors(folder / FILE, tensors, header)


def load_checkpoint(
    folder: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    averages: dict[str, Tensor] | None = None,
) -> Progress | None:
    """Put a checkpoint's weights, moments and averages in place.

    Returns:
        How far it was; None where there is no checkpoint.

    Raises:
        DamagedError: the file is cut short or belongs to another model.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as content:
            progress = Progress(**json.loads(content.metadata()["state"]))
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        weights = {
            name.removeprefix(_MODEL): tensor
            for name, tensor in tensors.items()
            if name.startswith(_MODEL)
        }
        model.load_state_dict(weights)
        optimiser.load_state_dict(_optimiser_state(model, optimiser, tensors, progress.step))
        for name, average in (averages or {}).items():
            average.copy_(tensors[f"{_AVERAGE}{name}"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if is_memory_full(error):
            raise
        raise DamagedError(
            f"{file}: not a checkpoint of this model ({error}). Delete the run's folder to start "
            "again."
        ) from error
    return progress


def _optimiser_state(
    model: nn.Module, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], step: int
) -> dict[str, Any]:
    """The optimiser's own state dict, by the parameters' places in its groups."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    order = [names[id(entry)] for group in optimiser.param_groups for entry in group["params"]]
    state = {
        place: {"step": torch.tensor(float(step))}
        | {kind: tensors[f"{kind}.{name}"] for kind in _MOMENTS}
        for place, name in enumerate(order)
        if f"{_MOMENTS[0]}.{name}" in tensors
    }
    return {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    """Write a safetensors file atomically.

    Raises:
        MumicError: the disk is full or not writable; the file before it is kept.
    """
    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        with atomic_path(path) as temporary:
            save_file(ready, temporary, metadata=header)
    except (OSError, SafetensorError) as error:
        raise MumicError(
            f"cannot write {path}: {error}. What was there before is kept; free some space and run "
            "the command again."
        ) from error
