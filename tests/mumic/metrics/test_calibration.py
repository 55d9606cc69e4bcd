"""Calibration and coverage against scikit-learn, torchmetrics and tables by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, coverage_error
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multilabel_coverage_error,
)

from mumic.metrics.calibration import (
    coverage,
    equal_count_edges,
    probabilities,
    reliability,
    squared_errors,
)
from mumic.metrics.intervals import resample_groups
from mumic.metrics.ranking import Cells, rank
from mumic.metrics.resampled import reliability_samples


def _data(images: int = 3000, classes: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=3, size=(images, classes)).astype(np.float32)
    labels = (rng.random(logits.shape) < 1 / (1 + np.exp(-0.5 * logits))).astype(np.int8)
    return logits, labels, rng.random(logits.shape) < 0.8


def test_reliability_is_scikit_learns_curve() -> None:
    logits, labels, _ = _data()
    z, y = logits.ravel(), labels.ravel()
    found = reliability(rank(z, y), np.linspace(0, 1, 11))
    said = probabilities(z, "logit")
    true, mean = calibration_curve(y, said, n_bins=10)
    assert found.came_true[found.counts > 0] == pytest.approx(true, abs=1e-12)
    assert found.said[found.counts > 0] == pytest.approx(mean, abs=1e-12)
    assert found.counts.sum() == z.size


def test_intervals_are_quantiles_of_the_curves_of_repeated_groups() -> None:
    logits, labels, mask = _data(images=200)
    cells = Cells(labels, mask)
    resamples = resample_groups([f"hotel {at // 10}" for at in range(200)], 40, seed=3)
    edges = np.linspace(0, 1, 6)
    samples = reliability_samples(logits, cells, edges, resamples)
    for draw in range(40):
        rows = np.repeat(np.arange(200), resamples.draws[resamples.group_of, draw])
        known = mask[rows]
        again = rank(logits[rows][known], labels[rows][known])
        assert samples[:, draw] == pytest.approx(reliability(again, edges).came_true)
    curve = reliability(rank(logits[mask], labels[mask]), edges)
    for at, row in enumerate(curve.to_json(samples)):
        assert [row["low"], row["high"]] == pytest.approx(np.quantile(samples[at], [0.025, 0.975]))
        assert row["low"] < row["came_true"] < row["high"]


def test_bins_without_spread_have_no_interval() -> None:
    """In the first bin nothing came true, the second is of one group, the third has both."""
    said = np.array([[0.1], [0.1], [0.5], [0.5], [0.9], [0.9]])
    cells = Cells(np.array([[0], [0], [0], [1], [0], [1]], np.int8), np.ones((6, 1), bool))
    resamples = resample_groups(["a", "b", "b", "b", "a", "b"], 200, seed=0)
    edges = np.array([0, 1 / 3, 2 / 3, 1])
    curve = reliability(rank(said.ravel(), cells.labels.ravel()), edges, "probability")
    samples = reliability_samples(said, cells, edges, resamples, "probability")
    rows = curve.to_json(samples)
    assert [(row["low"], row["high"]) for row in rows] == [(None, None), (None, None), (0, 1)]
    assert curve.to_json(samples[:, :0])[2]["low"] is None


def test_expected_error_is_that_of_torchmetrics() -> None:
    logits, labels, _ = _data()
    z, y = logits.ravel(), labels.ravel()
    said = torch.from_numpy(probabilities(z, "logit"))
    expected = binary_calibration_error(said, torch.from_numpy(y).long(), n_bins=15, norm="l1")
    assert reliability(rank(z, y)).expected_error == pytest.approx(float(expected), abs=1e-6)


def test_by_hand() -> None:
    """Bins [0, 0.5) and [0.5, 1]: said 0.2 and 0.8, true 1/2 and 2/2."""
    said = np.array([0.1, 0.3, 0.6, 1.0])
    found = reliability(rank(said, np.array([0, 1, 1, 1])), np.array([0, 0.5, 1]), "probability")
    assert found.counts.tolist() == [2, 2]
    assert found.said == pytest.approx([0.2, 0.8])
    assert found.came_true == pytest.approx([0.5, 1.0])
    assert found.expected_error == pytest.approx(0.5 * 0.3 + 0.5 * 0.2)
    assert found.to_json(np.zeros((2, 0)))[0]["cells"] == 2


def test_equal_count_bins_hold_about_as_many_cells() -> None:
    logits, labels, _ = _data()
    ranking = rank(logits.ravel(), labels.ravel())
    counts = reliability(ranking, equal_count_edges(ranking, 10)).counts
    assert len(counts) == 10
    assert np.ptp(counts) <= 2
    same = rank(np.zeros(50), np.ones(50))
    assert reliability(same, equal_count_edges(same)).counts.sum() == 50


def test_squared_errors_are_scikit_learns_brier_score() -> None:
    logits, labels, mask = _data()
    by_class, by_image = squared_errors(logits, labels, mask)
    for column in range(logits.shape[1]):
        known = mask[:, column]
        said = probabilities(logits[known, column], "logit")
        expected = brier_score_loss(labels[known, column], said)
        assert by_class[column] / known.sum() == pytest.approx(expected, abs=1e-12)
    assert by_image.sum() == pytest.approx(by_class.sum())
    assert by_image.shape == (len(logits),)


def test_coverage_is_scikit_learns_over_images_with_a_positive() -> None:
    logits, labels, _ = _data()
    logits = logits.round()  # ties
    everything = np.ones(labels.shape, bool)
    found = coverage(logits, labels, everything)
    some = labels.any(axis=1)
    assert (np.isnan(found) == ~some).all()
    assert np.nanmean(found) == pytest.approx(coverage_error(labels[some], logits[some]))
    shifted = torch.from_numpy((logits[some] - logits.min()) / np.ptp(logits))
    theirs = multilabel_coverage_error(shifted, torch.from_numpy(labels[some]).long(), 7)
    assert np.nanmean(found) == pytest.approx(float(theirs))


def test_coverage_of_more_classes_than_a_byte_counts() -> None:
    logits, labels, _ = _data(images=41, classes=701)
    logits = logits.round(1)
    found = coverage(logits, labels, np.ones(labels.shape, bool))
    assert found.max() > 255
    assert found.mean() == pytest.approx(coverage_error(labels, logits), abs=1e-12)


def test_coverage_skips_unknown_cells() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.6]])
    labels = np.array([[1, 0, 1, 1]])
    assert coverage(scores, labels, np.ones((1, 4), bool)).tolist() == [4]
    assert coverage(scores, labels, np.array([[True, False, True, False]])).tolist() == [2]


def test_probabilities_keep_their_digits_at_both_ends() -> None:
    logits = np.array([-1000, -700, -40, -1, 0, 1, 30, 1000], np.float64)
    assert probabilities(logits, "logit") == pytest.approx(expit(logits), rel=1e-15, abs=0)


def test_scores_that_only_rank_have_no_probability() -> None:
    with pytest.raises(ValueError, match="only rank"):
        probabilities(np.zeros(3), "score")
