"""Averaged weights: an exponential moving average over the optimiser steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Ema:
    """The average of a model's trained parameters.

    Args:
        model: where it starts from.
        decay: share of the average that each step keeps; 0 averages nothing. The first steps keep
            less, or a short training would end with little but its start: after n steps
            (1 + n) / (10 + n) at most.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self._model = model
        self.averages: dict[str, Tensor] = {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if decay and parameter.requires_grad
        }

    def update(self, steps: int) -> None:
        """Take in the weights of one more step.

        Args:
            steps: taken before it.
        """
        kept = min(self.decay, (1 + steps) / (10 + steps))
        with torch.no_grad():
            for name, parameter in self._averaged():
                self.averages[name].lerp_(parameter, 1 - kept)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights meanwhile."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, parameter in self._averaged():
            parameter.data, self.averages[name] = self.averages[name], parameter.data

    def _averaged(self) -> Iterator[tuple[str, nn.Parameter]]:
        return (
            (name, parameter)
            for name, parameter in self._model.named_parameters()
            if name in self.averages
        )
