"""AdamW in two groups, and its learning rate (Wang et al., AAAI 2023, section 4.1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

from annotate.settings import TrainSettings

IMPLEMENTATION = "fused"
# The share of the rate that is left, by the share of the steps after the warm-up that are done.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
}


def parameter_groups(named: Iterable[tuple[str, nn.Parameter]]) -> dict[str, list[str]]:
    """Names of the trained parameters: ``decay`` for matrices, ``no_decay`` for the rest.

    Gains, biases, the temperature and every other parameter of fewer than two dimensions (such as
    the class embedding) are not decayed. Positional and token embeddings are matrices, and are.
    """
    groups: dict[str, list[str]] = {"decay": [], "no_decay": []}
    for name, parameter in named:
        if parameter.requires_grad:
            groups["decay" if parameter.ndim >= 2 else "no_decay"].append(name)
    return groups


def make_optimiser(model: nn.Module, settings: TrainSettings) -> torch.optim.AdamW:
    """AdamW over the two groups of a model's trained parameters."""
    named = dict(model.named_parameters())
    groups = parameter_groups(named.items())
    return torch.optim.AdamW(
        [
            {
                "params": [named[name] for name in groups["decay"]],
                "weight_decay": settings.weight_decay,
            },
            {"params": [named[name] for name in groups["no_decay"]], "weight_decay": 0.0},
        ],
        lr=settings.lr,
        eps=settings.adam_epsilon,
        fused=True,
    )


def learning_rate(step: int, total: int, settings: TrainSettings) -> float:
    """The rate of a step: a linear warm-up, then constant or a half cosine down to zero.

    Args:
        step: 0 is the first.
        total: steps of the whole training.
        settings: lr, warmup_steps and schedule.

    >>> [learning_rate(step, 4, TrainSettings(lr=1.0, warmup_steps=2)) for step in range(4)]
    [0.5, 1.0, 1.0, 1.0]
    """
    if step < settings.warmup_steps:
        return settings.lr * (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(total - settings.warmup_steps, 1)
    return settings.lr * SCHEDULES[settings.schedule](done)
