"""What the loss learns from, and averaged weights: against the formulas in float64."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from annotate.settings import TrainSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.data import Dataset
from mumic.metrics.measures import Cells
from mumic.training.ema import Ema
from mumic.training.loss import cost_of, observed_mean
from mumic.training.train import targets_of

NAN = float("nan")


def _dataset() -> Dataset:
    """An indoor pool is a pool; the last image's pool is unknown, its bed was never voted on."""
    classes = [("bed", ()), ("pool", ()), ("indoor_pool", ("pool",))]
    labels = np.array([[1, 1, 1], [0, 1, 0], [1, 0, 0]], np.int8)
    mask = np.array([[1, 1, 1], [1, 1, 1], [1, 0, 1]], bool)
    rates = np.array([[0.8, 0.2, 0.6], [0.4, 1.0, 0.0], [NAN, NAN, 0.2]], np.float32)
    return Dataset(
        images=pd.DataFrame({"image_id": ["a", "b", "c"]}),
        classes=tuple(
            TaxonomyClass(id=name, name=name, category="", description="", parents=parents)
            for name, parents in classes
        ),
        cells=Cells(labels, mask),
        rates=rates,
        taxonomy_hash="",
        fingerprint="",
    )


# By hand: the first image's pool is as sure as its indoor pool, the last image's bed is its label.
SOFT = [[0.8, 0.6, 0.6], [0.4, 1.0, 0.0], [1.0, NAN, 0.2]]
HARD = [[1.0, 1.0, 1.0], [0.0, 1.0, 0.0], [1.0, NAN, 0.0]]


@pytest.mark.parametrize(("soft", "expected"), [(True, SOFT), (False, HARD)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_targets_are_rates_or_labels_moved_towards_one_half(
    soft: bool, expected: list[list[float]], smoothing: float
) -> None:
    settings = TrainSettings(soft_labels=soft, label_smoothing=smoothing)
    found = targets_of(_dataset(), settings)
    wanted = np.array(expected) + smoothing * (0.5 - np.array(expected))
    known = ~np.isnan(wanted)
    np.testing.assert_allclose(found[known], wanted[known], rtol=1e-6)
    assert np.isfinite(found).all()  # an unknown label must not reach the loss as NaN


def test_loss_and_gradient_of_soft_and_smoothed_labels() -> None:
    """Equation 1 at a label between 0 and 1, its mean over the known cells, and its slope."""
    dataset = _dataset()
    settings = TrainSettings(soft_labels=True, label_smoothing=0.2)
    targets = torch.from_numpy(targets_of(dataset, settings)).double()
    mask = torch.from_numpy(dataset.cells.mask)
    z = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 4.0, 0.1], [1.5, 9.0, -0.7]], dtype=torch.float64)
    weight = torch.tensor([10.0, 3.0, 1.0], dtype=torch.float64)
    z.requires_grad_(True)
    loss = observed_mean(cost_of(settings, weight), z, targets, mask)
    loss.backward()  # type: ignore[no-untyped-call]

    y, p, logits = 0.8 * np.array(SOFT) + 0.1, weight.numpy(), z.detach().numpy()
    s = 1 / (1 + np.exp(-logits))
    costs = -(p * y * np.log(s) + (1 - y) * np.log(1 - s))
    slopes = np.nan_to_num((1 - y + p * y) * s - p * y) / 8  # eight of nine cells are known
    assert loss.item() == pytest.approx(np.nanmean(costs), rel=1e-6)
    assert z.grad is not None
    np.testing.assert_allclose(z.grad.numpy(), slopes, rtol=1e-6, atol=1e-7)


def test_averages_follow_their_formula() -> None:
    """a = sum_k (1 - d_k) prod_(j > k) d_j w_k, over trained parameters alone.

    The decay d_k of a step is (1 + k) / (10 + k) after k steps, and 0.4 at most.
    """
    decays = [*(1 / 10, 2 / 11, 3 / 12, 4 / 13, 5 / 14), *[0.4] * 7]  # 6 / 15 is 0.4
    steps = len(decays)
    layer = torch.nn.Linear(3, 2).double()
    layer.bias.requires_grad_(False)
    ema = Ema(layer, 0.4)
    seen = [layer.weight.detach().clone()]
    for step in range(steps):
        with torch.no_grad():
            layer.weight.add_(torch.sin(torch.arange(6.0).view(2, 3) + step))
        ema.update(step)
        seen.append(layer.weight.detach().clone())
    expected = math.prod(decays) * seen[0]
    for step in range(steps):
        expected += (1 - decays[step]) * math.prod(decays[step + 1 :]) * seen[step + 1]
    torch.testing.assert_close(ema.averages["weight"], expected, rtol=1e-12, atol=1e-12)
    assert set(ema.averages) == {"weight"}
    with ema.applied():
        torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(layer.weight, seen[-1])  # training goes on from its own weights


def test_without_a_decay_nothing_is_averaged() -> None:
    layer = torch.nn.Linear(3, 2)
    ema = Ema(layer, 0.0)
    ema.update(0)
    with ema.applied():
        assert not ema.averages
