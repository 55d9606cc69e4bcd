from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from mumic.baselines.frozen import (
    CLASS_WEIGHTS,
    INVERSE_PENALTIES,
    linear_probe,
    probes,
    two_prompts,
)
from mumic.metrics.measures import Cells


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _data(images: int = 120) -> tuple[npt.NDArray[np.float32], Cells]:
    rng = np.random.default_rng(1)
    rows = _unit(rng.normal(size=(images, 8)))
    labels = (rows[:, :3] * 3 + rng.normal(size=(images, 3)) > 0.5).astype(np.int8)
    return rows, Cells(labels, rng.random((images, 3)) < 0.8)


def test_two_prompts_are_a_pairwise_softmax() -> None:
    rng = np.random.default_rng(0)
    images, classes, neutral = (_unit(rng.normal(size=(n, 16))) for n in (5, 4, 1))
    scale = 4.6
    logits = two_prompts(images, classes, neutral, scale)
    for at in range(4):
        pair = np.stack([images @ classes[at], images @ neutral[0]], axis=1) * np.float32(
            np.exp(scale)
        )
        expected = torch.softmax(torch.from_numpy(pair), dim=1)[:, 0]
        assert torch.allclose(torch.sigmoid(torch.from_numpy(logits[:, at])), expected, atol=1e-5)


def test_every_probe_equals_scikit_learn_on_the_known_cells() -> None:
    rows, cells = _data()
    for probe in probes(rows, cells):
        features = (rows - probe.mean) / probe.spread
        for column in range(3):
            known = cells.mask[:, column]
            reference = LogisticRegression(
                C=probe.inverse_penalty,
                class_weight=None if probe.class_weight == "none" else probe.class_weight,
                tol=1e-10,
                max_iter=5000,
            ).fit(features[known], cells.labels[known, column])
            assert probe.weight[column] == pytest.approx(reference.coef_[0], abs=1e-3)
            assert probe.bias[column] == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_the_probe_is_the_best_of_the_grid_on_validation() -> None:
    from mumic.baselines.frozen import _quality

    rows, cells = _data()
    check_rows, check = _data(40)
    chosen = linear_probe(rows, cells, check_rows, check)
    grid = list(probes(rows, cells))
    assert len(grid) == len(INVERSE_PENALTIES) * len(CLASS_WEIGHTS)
    values = [_quality(probe.logits(check_rows), check) for probe in grid]
    best = grid[int(np.argmax(values))]
    assert (chosen.inverse_penalty, chosen.class_weight) == (
        best.inverse_penalty,
        best.class_weight,
    )


def test_a_small_search_begins_with_what_mostly_works() -> None:
    rows, cells = _data()
    found = [(entry.inverse_penalty, entry.class_weight) for entry in probes(rows, cells, 3)]
    assert found == [(0.01, "none"), (0.01, "balanced"), (0.1, "none")]
    all_of_them = [entry.inverse_penalty for entry in probes(rows, cells, 12)]
    assert all_of_them == sorted(INVERSE_PENALTIES * 2)  # each starts from a stronger one
    few, many = (linear_probe(rows, cells, rows, cells, most) for most in (2, 12))
    assert few.inverse_penalty == 0.01
    assert many.inverse_penalty > few.inverse_penalty  # judged on what it was fitted on


def test_a_class_without_positives_gets_a_probe_too() -> None:
    rows, cells = _data()
    none = Cells(np.zeros_like(cells.labels), cells.mask)
    probe = linear_probe(rows, none, rows, none)
    assert np.isfinite(probe.logits(rows)).all()
