"""The loss against the naive formula and the paper's gradient, in float64."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch

from mumic.training.loss import bce_cost, observed_sum, tempered_bce

TAU = math.exp(-3.652)


def _cells(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cosines that CLIP has, labels (some of them rates), and a mask."""
    generator = torch.Generator().manual_seed(seed)
    cosines = torch.rand(7, 5, dtype=torch.float64, generator=generator) * 0.6 - 0.2
    labels = (torch.rand(7, 5, generator=generator) < 0.3).double()
    labels[0, :3] = torch.tensor([0.2, 0.8, 0.5])
    mask = torch.rand(7, 5, generator=generator) < 0.7
    return cosines, labels, mask


@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_equals_equation_1_written_out(weight: float) -> None:
    cosines, labels, mask = _cells()
    s = 1 / (1 + torch.exp(-cosines / TAU))
    cost = -(weight * labels * torch.log(s) + (1 - labels) * torch.log(1 - s))
    expected = cost[mask].mean()
    assert torch.allclose(tempered_bce(cosines / TAU, labels, mask, weight), expected, rtol=1e-12)


@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_gradient_is_the_closed_form(weight: float) -> None:
    cosines, labels, mask = _cells()
    cosines.requires_grad_(True)
    tempered_bce(cosines / TAU, labels, mask, weight).backward()  # type: ignore[no-untyped-call]
    s = torch.sigmoid(cosines.detach() / TAU)
    expected = ((1 - labels + weight * labels) * s - weight * labels) / TAU / mask.sum()
    expected = torch.where(mask, expected, torch.zeros_like(expected))
    assert cosines.grad is not None
    assert torch.allclose(cosines.grad, expected, rtol=1e-10, atol=1e-14)


def test_without_weight_and_mean_the_gradient_is_equation_3() -> None:
    cosines, labels, mask = _cells()
    labels = labels.round()
    cosines.requires_grad_(True)
    total = observed_sum(bce_cost, cosines / TAU, labels, torch.ones_like(mask))
    total.backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert torch.allclose(
        cosines.grad, (torch.sigmoid(cosines.detach() / TAU) - labels) / TAU, rtol=1e-10
    )


def test_a_weight_per_class() -> None:
    cosines, labels, mask = _cells()
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64)
    total = observed_sum(partial(bce_cost, positive_weight=weights), cosines / TAU, labels, mask)
    columns = [
        observed_sum(
            partial(bce_cost, positive_weight=float(weights[at])),
            cosines[:, [at]] / TAU,
            labels[:, [at]],
            mask[:, [at]],
        )
        for at in range(5)
    ]
    assert torch.allclose(total, torch.stack(columns).sum(), rtol=1e-12)


def test_unknown_cells_change_neither_loss_nor_gradient() -> None:
    cosines, labels, mask = _cells()
    results = []
    for filler in (0.0, 1.0, float("nan")):
        logits = (cosines / TAU).requires_grad_(True)
        loss = tempered_bce(logits, torch.where(mask, labels, filler), mask, 10.0)
        (gradient,) = torch.autograd.grad(loss, logits)
        results.append((loss.detach(), gradient))
        assert not gradient[~mask].any()
    assert all(torch.equal(loss, results[0][0]) for loss, _ in results)
    assert all(torch.equal(gradient, results[0][1]) for _, gradient in results)


def test_without_an_observed_cell_loss_and_gradient_are_zero() -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    loss = tempered_bce(logits, torch.full((3, 4), float("nan")), torch.zeros(3, 4).bool(), 10.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_stays_finite_where_the_naive_form_overflows() -> None:
    """In float32, log(1 - sigmoid(17)) is -inf; at a temperature of 1/100 logits reach 100."""
    logits = torch.tensor([[100.0, -100.0]], requires_grad=True)
    labels = torch.tensor([[0.0, 1.0]])
    loss = tempered_bce(logits, labels, torch.ones(1, 2).bool(), 10.0)
    assert loss.item() == pytest.approx((100 + 10 * 100) / 2)
    assert tempered_bce(logits.bfloat16(), labels, torch.ones(1, 2).bool()).dtype == torch.float32
