"""Rankings against scikit-learn and torchmetrics, and a table worked by hand."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve
from torchmetrics.functional.classification import binary_average_precision

from annotate.processors import usable_cores
from mumic.metrics import blocks
from mumic.metrics.ranking import (
    average_precision,
    average_precisions,
    best_f1_threshold,
    precision_recall,
    rank,
)

ENTRIES = st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=40)


@settings(deadline=None, max_examples=100)
@given(ENTRIES)
def test_average_precision_with_ties(entries: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in entries], np.float32) / 3
    labels = np.array([label for _, label in entries], np.int8)
    found = average_precision(scores, labels)
    if not labels.any():
        assert np.isnan(found)
        return
    assert found == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    # Shifted into [0, 1]: torchmetrics takes a sigmoid of anything else, which makes ties.
    shifted = torch.from_numpy((scores + 1) / 2)
    theirs = binary_average_precision(shifted, torch.from_numpy(labels).long())
    assert found == pytest.approx(float(theirs), abs=1e-6)  # float32 there


@settings(deadline=None, max_examples=60)
@given(ENTRIES)
def test_curve_is_scikit_learns_where_recall_grows(entries: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in entries], float)
    labels = np.array([label for _, label in entries], np.int8)
    curve = precision_recall(rank(scores, labels))
    if not labels.any():
        assert curve.thresholds.size == 0
        return
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    grown = recall[:-1] > recall[1:]
    assert curve.thresholds.tolist() == thresholds[grown][::-1].tolist()
    assert curve.precision == pytest.approx(precision[:-1][grown][::-1])
    assert curve.recall == pytest.approx(recall[:-1][grown][::-1])
    steps = np.diff(np.append(0.0, curve.recall))
    assert (steps * curve.precision).sum() == pytest.approx(average_precision(scores, labels))


@settings(deadline=None, max_examples=60)
@given(ENTRIES)
def test_no_threshold_has_a_better_f1(entries: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in entries], float)
    labels = np.array([label for _, label in entries], np.int8)
    found = best_f1_threshold(rank(scores, labels))
    if not labels.any():
        assert found is None
        return
    best = max(f1_score(labels, scores >= cut) for cut in scores)
    assert f1_score(labels, scores >= found) == pytest.approx(best)


@pytest.mark.parametrize("low", [1.0, np.nextafter(1.0, 2), -1.0, 0.0, 5e-324, 1e308])
def test_a_threshold_between_neighbouring_numbers_leaves_the_lower_out(low: float) -> None:
    scores, labels = np.array([low, np.nextafter(low, np.inf)]), np.array([0, 1])
    found = best_f1_threshold(rank(scores, labels))
    assert f1_score(labels, scores >= found) == 1.0
    without = best_f1_threshold(rank(np.array([-np.inf, low]), labels))
    assert without == low


def test_more_classes_and_images_than_a_block() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5000, 37)).round(2).astype(np.float32)
    labels = (rng.random(scores.shape) < 0.1).astype(np.int8)
    mask = rng.random(scores.shape) < 0.7
    mask[:, :20] = True
    found = average_precisions(scores, labels, mask)
    for column in (0, 15, 16, 19, 20, 36):
        known = mask[:, column]
        expected = average_precision_score(labels[known, column], scores[known, column])
        assert found[column] == pytest.approx(expected, abs=1e-12)


def test_by_hand() -> None:
    """Ranks 1 (right), 2 and 3 equal (one right), 4 (wrong): (1/1 + 2/3) / 2."""
    scores, labels = np.array([0.9, 0.8, 0.8, 0.1]), np.array([1, 0, 1, 0])
    assert average_precision(scores, labels) == pytest.approx((1 + 2 / 3) / 2)
    curve = precision_recall(rank(scores, labels))
    assert curve.precision == pytest.approx([1, 2 / 3])
    # F1 is 2/3 after the first entry and 4/5 after the third; the cut lies half way to the fourth.
    assert best_f1_threshold(rank(scores, labels)) == pytest.approx(0.45)


def test_many_values_are_sorted_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SORTED_ALONE", 3)
    monkeypatch.setattr(blocks, "usable_cores", lambda: 4)
    values = np.random.default_rng(0).integers(0, 9, 101).astype(np.float32)
    assert blocks.ascending(values).tolist() == sorted(values.tolist())


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinities")
def test_blocks_take_no_more_threads_than_processors_are_allowed() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores() == 1
        threads = blocks.over_blocks(lambda _: threading.get_ident(), 5, 1)
    finally:
        os.sched_setaffinity(0, before)
    assert threads == [threading.get_ident()] * 5
    assert usable_cores() == len(before)
