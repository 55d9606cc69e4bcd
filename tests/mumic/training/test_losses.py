"""Focal and asymmetric loss against their papers' formulas, and the curves of figure 2."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torchvision.ops import sigmoid_focal_loss

from annotate.errors import InputError
from annotate.settings import TrainSettings
from mumic.metrics.measures import Cells
from mumic.training.loss import Cost, asl_cost, bce_cost, cost_of, focal_cost
from mumic.training.loss_curves import loss_curves
from mumic.training.positive_weight import positive_weights

Z = torch.linspace(-12, 12, 97, dtype=torch.float64)
YES, NO = torch.ones_like(Z), torch.zeros_like(Z)


@pytest.mark.parametrize("labels", [YES, NO])
def test_focal_is_torchvisions(labels: torch.Tensor) -> None:
    expected = sigmoid_focal_loss(Z, labels, alpha=0.25, gamma=2.0)
    assert torch.allclose(focal_cost(Z, labels, 2.0, 0.25), expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("negative", "positive", "clip"), [(4, 0, 0.05), (4, 1, 0.0), (2, 2, 0.2)])
def test_asl_is_its_papers_formula(negative: float, positive: float, clip: float) -> None:
    """Equations 5 to 7: p_m = max(p - m, 0), L+ = (1-p)^g+ log p, L- = p_m^g- log(1 - p_m)."""
    p = 1 / (1 + torch.exp(-Z))
    shifted = (p - clip).clamp(min=0)
    assert torch.allclose(
        asl_cost(Z, YES, negative, positive, clip), -((1 - p) ** positive) * torch.log(p), rtol=1e-9
    )
    expected = -(shifted**negative) * torch.log(1 - shifted)
    assert torch.allclose(
        asl_cost(Z, NO, negative, positive, clip), expected, rtol=1e-6, atol=1e-12
    )


def test_asl_gradient_is_its_papers() -> None:
    """dL-/dz = p_m^g (1 / (1 - p_m) - g log(1 - p_m) / p_m) p (1 - p), where p > m; else 0."""
    z = Z.clone().requires_grad_(True)
    asl_cost(z, NO, 4.0, 0.0, 0.05).sum().backward()  # type: ignore[no-untyped-call]
    p = torch.sigmoid(Z)
    q = (p - 0.05).clamp(min=0)
    slope = q**4 / (1 - q) - 4 * q**3 * torch.log(1 - q)
    assert z.grad is not None
    assert torch.allclose(z.grad, slope * p * (1 - p), rtol=1e-8, atol=1e-14)
    assert not z.grad[p <= 0.05].any()


def test_all_are_plain_bce_without_their_parameters() -> None:
    plain = bce_cost(Z, NO)
    assert torch.allclose(asl_cost(Z, NO, 0.0, 0.0, 0.0), plain, rtol=1e-12)
    assert torch.allclose(2 * focal_cost(Z, NO, 0.0, 0.5), plain, rtol=1e-12)


def test_finite_at_the_ends_in_float32() -> None:
    for cost in (focal_cost, asl_cost):
        for label in (0.0, 0.3, 1.0):
            z = torch.tensor([-200.0, -100.0, 0.0, 100.0, 200.0], requires_grad=True)
            value = cost(z, torch.full_like(z, label)).sum()
            (slope,) = torch.autograd.grad(value, z)
            assert torch.isfinite(value)
            assert torch.isfinite(slope).all()


def test_the_settings_choose_the_loss() -> None:
    weight = torch.tensor([2.0], dtype=torch.float64)
    for name, expected in (
        ("tempered-bce", bce_cost(Z, YES, 2.0)),
        ("bce", bce_cost(Z, YES, 2.0)),
        ("focal", focal_cost(Z, YES)),
        ("asl", asl_cost(Z, YES)),
    ):
        assert torch.equal(cost_of(TrainSettings(loss=name), weight)(Z, YES), expected)


@pytest.mark.parametrize("bias", [0.0, -8.0])
@pytest.mark.parametrize(
    "cost", [bce_cost, partial(bce_cost, positive_weight=10.0), focal_cost, asl_cost]
)
def test_curves_of_figure_2(cost: Cost, bias: float) -> None:
    """Gradients against the cost's differences."""
    for curve in loss_curves((1.0, 0.1, 0.026), cost, bias=bias, points=4001):
        sigma = 1 / (1 + np.exp(-curve.cosines / curve.temperature - bias))
        np.testing.assert_allclose(curve.probability, sigma, rtol=1e-12)
        for costs, slope in (
            (curve.cost_positive, curve.gradient_positive),
            (curve.cost_negative, curve.gradient_negative),
        ):
            rough = np.gradient(costs, curve.cosines)[1:-1]
            np.testing.assert_allclose(slope[1:-1], rough, atol=2e-3 * np.abs(slope).max())


@pytest.mark.parametrize("p", [1.0, 10.0])
def test_gradients_are_those_of_equation_3(p: float) -> None:
    """(1 / tau) ((1 - y + p y) sigma(z) - p y), at p = 1 the paper's (sigma(z) - y) / tau."""
    (curve,) = loss_curves((0.05,), partial(bce_cost, positive_weight=p), bias=-2.0)
    sigma = 1 / (1 + np.exp(-curve.cosines / 0.05 + 2))
    np.testing.assert_allclose(curve.gradient_positive, p * (sigma - 1) / 0.05, atol=1e-12)
    np.testing.assert_allclose(curve.gradient_negative, sigma / 0.05, atol=1e-12)


def test_positive_weights() -> None:
    labels = np.array([[1, 0, 1], [0, 0, 1], [0, 0, 1], [0, 1, 0]], np.int8)
    mask = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1], [0, 0, 1]], bool)
    cells = Cells(labels, mask)
    ids = ["bed", "pets", "pool"]
    # bed: 2 no, 1 yes; pets: 3 no, none known as yes; pool: 1 no, 3 yes, raised to 1.
    assert positive_weights("auto", ids, cells).tolist() == [2.0, 3.0, 1.0]
    assert positive_weights(10.0, ids, cells).tolist() == [10.0] * 3
    assert positive_weights("pets=20, 5", ids, cells).tolist() == [5.0, 20.0, 5.0]
    for wrong, message in (
        ("pest=3, 1", "did you mean pets"),
        ("pets=3", "one number for all"),
        ("many", "above 0"),
        (-1.0, "above 0"),
    ):
        with pytest.raises(InputError, match=message):
            positive_weights(wrong, ids, cells)
