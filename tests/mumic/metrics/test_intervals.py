"""Bootstrap by draws of groups against measures of rows that are really repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.metrics import average_precision_score

from mumic.metrics.intervals import (
    Resamples,
    interval,
    interval_notes,
    paired_interval,
    resample_groups,
)
from mumic.metrics.measures import Cells, Floats, included_classes, summarise
from mumic.metrics.resampled import all_samples, average_precision_samples, gap_samples

GROUPS = [f"hotel {number // 3}" for number in range(40)]
CUTS = np.linspace(-0.5, 0.5, 6)


def _data(seed: int) -> tuple[Floats, Cells]:
    rng = np.random.default_rng(seed)
    labels = (rng.random((40, 6)) < [0.5, 0.4, 0.3, 0.2, 0.05, 0]).astype(np.int8)
    scores = np.round(rng.normal(size=(40, 6)) + labels, 1)
    return scores, Cells(labels, rng.random((40, 6)) < 0.85)


def _drawn(resamples: Resamples, at: int) -> npt.NDArray[np.intp]:
    """The rows of a resample, written out as often as they were drawn."""
    return np.repeat(np.arange(40), resamples.draws[resamples.group_of, at])


def test_every_measure_of_every_resample_equals_that_of_the_repeated_rows() -> None:
    scores, cells = _data(0)
    cells.mask[[3, 4, 5, 9]] = False  # a hotel, and one image, without a known label
    resamples = resample_groups(GROUPS, 25, seed=5)
    included = included_classes(cells, 1)
    found = all_samples(scores, cells, resamples, included=included, thresholds=CUTS, k=2)
    for at in range(25):
        rows = _drawn(resamples, at)
        again = Cells(cells.labels[rows], cells.mask[rows])
        expected = summarise(scores[rows], again, CUTS, min_positives=1, k=2)
        for name, values in found.values.items():
            assert values[at] == pytest.approx(getattr(expected, name), abs=1e-12), name
    assert len(found.values) == 14


def test_average_precision_equals_scikit_learn_on_the_repeated_rows() -> None:
    scores, cells = _data(4)
    resamples = resample_groups(GROUPS, 20, seed=2)
    known = np.flatnonzero(cells.mask[:, 1])
    values, counts = average_precision_samples(
        scores[known, 1], cells.labels[known, 1], known, resamples
    )
    for at in range(20):
        rows = [row for row in _drawn(resamples, at) if cells.mask[row, 1]]
        expected = average_precision_score(cells.labels[rows, 1], scores[rows, 1])
        assert values[at] == pytest.approx(expected, abs=1e-12)
        assert counts[at] == cells.labels[rows, 1].sum()


def test_weights_of_images_are_sample_weights() -> None:
    """Against scikit-learn's, which multiplies every row by its weight."""
    scores, cells = _data(1)
    weights = np.random.default_rng(0).random(40) * [number % 4 > 0 for number in range(40)]
    once = replace(resample_groups(GROUPS, 3, seed=0), image_weights=weights).once
    included = included_classes(cells, 1)
    found = all_samples(scores, cells, once, included=included, thresholds=CUTS, k=6).values
    rows = np.nonzero(cells.mask)[0]
    truth, pooled = cells.labels[cells.mask], scores[cells.mask]
    expected = average_precision_score(truth, pooled, sample_weight=weights[rows])
    assert found["gap"][0] == pytest.approx(expected, abs=1e-12)
    assert found["gap_at_k"][0] == pytest.approx(expected, abs=1e-12)
    each = []
    for column in np.flatnonzero(included):
        at = cells.mask[:, column]
        if (cells.labels[at, column] * weights[at]).any():
            each.append(
                average_precision_score(
                    cells.labels[at, column], scores[at, column], sample_weight=weights[at]
                )
            )
    assert found["macro_map"][0] == pytest.approx(np.mean(each), abs=1e-12)


def test_whole_groups_are_drawn() -> None:
    resamples = resample_groups(GROUPS, 200, seed=1)
    names = sorted(set(GROUPS))
    assert [names[at] for at in resamples.group_of] == GROUPS
    assert resamples.draws.shape == (len(names), 200)
    assert (resamples.draws.sum(axis=0) == len(names)).all()
    assert (resample_groups(GROUPS, 200, seed=1).draws == resamples.draws).all()


def test_interval_is_the_quantiles_of_the_samples() -> None:
    scores, cells = _data(1)
    samples = gap_samples(scores, cells, resample_groups(GROUPS, 400, seed=2))
    found = interval(0.5, samples)
    assert (found.low, found.high) == tuple(np.quantile(samples, [0.025, 0.975]))
    assert found.low < found.high


def test_intervals_cover_as_often_as_they_say() -> None:
    """GAP of small samples from a population whose GAP is known: 95 % should cover, nearly."""
    rng = np.random.default_rng(7)

    def draw(images: int) -> tuple[Floats, Cells]:
        labels = (rng.random((images, 1)) < 0.3).astype(np.int8)
        return rng.normal(size=(images, 1)) + labels, Cells(labels, np.ones((images, 1), bool))

    scores, cells = draw(200_000)
    truth = average_precision_score(cells.labels[:, 0], scores[:, 0])
    inside = 0
    for _ in range(200):
        scores, cells = draw(150)
        resamples = resample_groups([str(at) for at in range(150)], 200, seed=0)
        found = interval(0.0, gap_samples(scores, cells, resamples))
        inside += found.low <= truth <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_a_pair_shares_its_resamples() -> None:
    """A method against itself differs by nothing; for two methods, pairing narrows the interval."""
    scores, cells = _data(2)
    worse = scores - 0.15 * np.random.default_rng(0).normal(size=scores.shape)
    resamples = resample_groups(GROUPS, 300, seed=3)
    first, second = gap_samples(scores, cells, resamples), gap_samples(worse, cells, resamples)
    same = paired_interval((0.7, first), (0.7, first))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert not same.excludes_zero
    paired = paired_interval((0.7, first), (0.6, second))
    other = gap_samples(worse, cells, resample_groups(GROUPS, 300, seed=4))
    independent = paired_interval((0.7, first), (0.6, other))
    assert paired.high - paired.low < independent.high - independent.low


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, cells = _data(3)
    resamples = resample_groups(GROUPS, 20, seed=6)
    whole = gap_samples(scores, cells, resamples)
    monkeypatch.setattr("mumic.metrics.resampled._CELLS_AT_ONCE", 500)
    assert (gap_samples(scores, cells, resamples) == whole).all()


def test_without_positives_there_is_no_interval() -> None:
    cells = Cells(np.zeros((40, 2), np.int8), np.ones((40, 2), bool))
    samples = gap_samples(np.zeros((40, 2)), cells, resample_groups(GROUPS, 5, seed=0))
    assert interval(float("nan"), samples).to_json() == {"value": None, "low": None, "high": None}


def test_a_value_outside_its_interval_is_named() -> None:
    def row(*found: float | None) -> dict[str, Any]:
        return {"intervals": {"gap": dict(zip(("value", "low", "high"), found, strict=True))}}

    quiet = {"a": row(0.5, 0.4, 0.6), "b": row(0.5, 0.5, 0.5), "c": row(None, None, None), "d": {}}
    assert interval_notes(quiet) == []
    for wrong in (row(0.580, 0.581, 0.717), row(0.8, 0.5, 0.7)):
        (note,) = interval_notes(quiet | {"ours": wrong})
        assert "gap of ours." in note
