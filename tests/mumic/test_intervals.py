"""Bootstrap by integer weights against scikit-learn on rows that are really repeated."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mumic.intervals import (
    gap_samples,
    interval,
    macro_map_samples,
    paired_interval,
    resample_groups,
)
from mumic.metrics import Cells, Floats, included_classes

GROUPS = [f"hotel {number // 3}" for number in range(40)]


def _data(seed: int) -> tuple[Floats, Cells]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((40, 6)) < [0.5, 0.4, 0.3, 0.2, 0.05, 0]).astype(np.int8)
    scores = np.round(rng.normal(size=(40, 6)) + labels, 1)
    return scores, Cells(labels, rng.random((40, 6)) < 0.85)


def _repeated(scores: Floats, cells: Cells, weights: np.ndarray) -> tuple[float, float]:
    """Macro mAP and GAP of rows written out as often as they were drawn."""
    rows = np.repeat(np.arange(40), weights)
    s, y, m = scores[rows], cells.labels[rows], cells.mask[rows]
    included = included_classes(cells, 1)
    each = [
        average_precision_score(y[m[:, c], c], s[m[:, c], c])
        for c in range(6)
        if included[c] and y[m[:, c], c].any()
    ]
    return float(np.mean(each)), float(average_precision_score(y[m], s[m]))


def test_every_resample_equals_the_repeated_rows() -> None:
    scores, cells = _data(0)
    weights = resample_groups(GROUPS, 30, seed=5)
    macro = macro_map_samples(scores, cells, included_classes(cells, 1), weights)
    micro = gap_samples(scores, cells, weights)
    for at, drawn in enumerate(weights):
        expected = _repeated(scores, cells, drawn)
        assert macro[at] == pytest.approx(expected[0], abs=1e-9)
        assert micro[at] == pytest.approx(expected[1], abs=1e-9)


def test_whole_groups_are_drawn() -> None:
    weights = resample_groups(GROUPS, 200, seed=1)
    for name in set(GROUPS):
        members = weights[:, [at for at, group in enumerate(GROUPS) if group == name]]
        assert (members == members[:, :1]).all()
    firsts = weights[:, [GROUPS.index(name) for name in sorted(set(GROUPS))]]
    assert (firsts.sum(axis=1) == len(set(GROUPS))).all()
    assert (resample_groups(GROUPS, 200, seed=1) == weights).all()


def test_interval_is_the_quantiles_of_the_samples() -> None:
    scores, cells = _data(1)
    samples = gap_samples(scores, cells, resample_groups(GROUPS, 400, seed=2))
    found = interval(0.5, samples)
    assert (found.low, found.high) == tuple(np.quantile(samples, [0.025, 0.975]))
    assert found.low < found.high


def test_a_pair_shares_its_resamples() -> None:
    """A method against itself differs by nothing; for two methods, pairing narrows the interval."""
    scores, cells = _data(2)
    worse = scores - 0.15 * np.random.default_rng(0).normal(size=scores.shape)
    weights = resample_groups(GROUPS, 300, seed=3)
    first, second = gap_samples(scores, cells, weights), gap_samples(worse, cells, weights)
    same = paired_interval((0.7, first), (0.7, first))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert not same.excludes_zero
    paired = paired_interval((0.7, first), (0.6, second))
    other = gap_samples(worse, cells, resample_groups(GROUPS, 300, seed=4))
    independent = paired_interval((0.7, first), (0.6, other))
    assert paired.high - paired.low < independent.high - independent.low


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, cells = _data(3)
    weights = resample_groups(GROUPS, 20, seed=6)
    whole = gap_samples(scores, cells, weights)
    monkeypatch.setattr("mumic.intervals._CELLS_AT_ONCE", 500)
    assert (gap_samples(scores, cells, weights) == whole).all()


def test_without_positives_there_is_no_interval() -> None:
    cells = Cells(np.zeros((40, 2), np.int8), np.ones((40, 2), bool))
    samples = gap_samples(np.zeros((40, 2)), cells, resample_groups(GROUPS, 5, seed=0))
    assert interval(float("nan"), samples).to_json() == {"value": None, "low": None, "high": None}
