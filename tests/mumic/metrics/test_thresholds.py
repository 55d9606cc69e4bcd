from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import f1_score

from mumic.metrics.measures import Cells
from mumic.metrics.thresholds import BEST_F1, FALLBACK, Thresholds, sigmoid, tune


def _data() -> tuple[npt.NDArray[np.float32], Cells]:
    rng = np.random.default_rng(0)
    labels = (rng.random((50, 3)) < [0.4, 0.3, 0.02]).astype(np.int8)
    scores = np.round(rng.normal(size=(50, 3)) + 2 * labels - 3, 1).astype(np.float32)
    return scores, Cells(labels, rng.random((50, 3)) < 0.9)


def test_no_other_threshold_has_a_better_f1() -> None:
    scores, cells = _data()
    found = tune(scores, cells, min_positives=5)
    for column in range(2):
        known = cells.mask[:, column]
        truth, column_scores = cells.labels[known, column], scores[known, column]
        best = max(f1_score(truth, column_scores >= t) for t in column_scores)
        chosen = f1_score(truth, column_scores >= found.logits[column])
        assert chosen == pytest.approx(best)
        assert found.chosen[column] == BEST_F1


def test_few_positives_share_the_threshold_that_is_best_for_all_cells() -> None:
    scores, cells = _data()
    found = tune(scores, cells, min_positives=5)
    assert found.chosen[2] == FALLBACK
    truth, pooled = cells.labels[cells.mask], scores[cells.mask]
    best = max(f1_score(truth, pooled >= t) for t in np.unique(pooled))
    assert f1_score(truth, pooled >= found.logits[2]) == pytest.approx(best)


def test_without_a_positive_all_are_at_the_middle() -> None:
    scores, cells = _data()
    nothing = Cells(np.zeros_like(cells.labels), cells.mask)
    assert tune(scores, nothing, min_positives=5).probabilities.tolist() == [0.5] * 3
    assert tune(scores, nothing, min_positives=5, middle=-1.5).logits.tolist() == [-1.5] * 3


def test_unknown_cells_have_no_influence() -> None:
    scores, cells = _data()
    flipped = Cells(
        np.where(cells.mask, cells.labels, 1 - cells.labels).astype(np.int8), cells.mask
    )
    first, second = tune(scores, cells, min_positives=1), tune(scores, flipped, min_positives=1)
    assert (first.logits == second.logits).all()


def test_json_keeps_thresholds_that_a_probability_cannot() -> None:
    before = Thresholds(np.array([60.0, -3.0]), (BEST_F1, FALLBACK))
    after = Thresholds.from_json(before.to_json(["a", "b"]))
    assert after.logits.tolist() == [60.0, -3.0]
    assert after.chosen == before.chosen
    assert before.to_json(["a", "b"])["thresholds"][0]["probability"] == 1.0


def test_sigmoid_does_not_overflow() -> None:
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
