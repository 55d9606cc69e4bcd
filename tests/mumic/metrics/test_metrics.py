"""Metrics against scikit-learn on random data with ties, weights and unknown cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score

from mumic.metrics.intervals import resample_groups
from mumic.metrics.measures import (
    Cells,
    average_precision,
    average_precisions,
    gap,
    included_classes,
    summarise,
)
from mumic.metrics.resampled import all_samples
from mumic.metrics.top_k import gap_at_k, top_k

Array = npt.NDArray[Any]


def _data(seed: int, images: int = 60, classes: int = 12) -> tuple[Array, Array, Array]:
    """Scores rounded so that many are equal; classes from frequent to none; a fifth unknown."""
    rng = np.random.default_rng(seed)
    shares = np.append(np.linspace(0.5, 0.03, classes - 1), 0.0)
    labels = (rng.random((images, classes)) < shares).astype(np.int8)
    scores = np.round(rng.normal(size=(images, classes)) + labels, 1).astype(np.float32)
    return scores, labels, rng.random((images, classes)) < 0.8


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_scikit_learn(seed: int) -> None:
    scores, labels, mask = _data(seed)
    found = average_precisions(scores, labels, mask)
    for column, value in enumerate(found):
        known = mask[:, column]
        if labels[known, column].any():
            expected = average_precision_score(labels[known, column], scores[known, column])
            assert value == pytest.approx(expected, abs=1e-9)
        else:
            assert np.isnan(value)
    assert np.isnan(found[-1])


@pytest.mark.parametrize("seed", range(5))
def test_means_and_gap_equal_scikit_learn(seed: int) -> None:
    scores, labels, mask = _data(seed)
    found = summarise(scores, Cells(labels, mask), np.zeros(12), min_positives=1, k=3)
    known = [(labels[m, c], scores[m, c]) for c, m in enumerate(mask.T)]
    scored = [(y, s) for y, s in known if y.any()]
    each = np.array([average_precision_score(y, s) for y, s in scored])
    counts = np.array([y.sum() for y, _ in scored])
    assert found.macro_map == pytest.approx(each.mean(), abs=1e-9)
    assert found.weighted_map == pytest.approx((each * counts).sum() / counts.sum(), abs=1e-9)
    assert found.gap == pytest.approx(average_precision_score(labels[mask], scores[mask]), abs=1e-9)
    assert found.classes_left_out == 12 - len(scored)


@pytest.mark.parametrize("seed", range(5))
def test_full_data_equal_scikit_learn_averages(seed: int) -> None:
    scores, labels, _ = _data(seed)
    labels[0] = 1  # no class without positives, so its averages are ours
    found = summarise(
        scores, Cells(labels, np.ones_like(labels, bool)), np.zeros(12), min_positives=1, k=12
    )
    for value, average in (
        (found.macro_map, "macro"),
        (found.weighted_map, "weighted"),
        (found.gap, "micro"),
    ):
        assert value == pytest.approx(
            average_precision_score(labels, scores, average=average), abs=1e-9
        )
    assert found.gap_at_k == pytest.approx(found.gap, abs=1e-12)  # K is all classes


def test_gap_at_k_in_both_readings() -> None:
    scores, labels, mask = _data(9)
    collected: list[tuple[float, int]] = []
    for row in range(len(scores)):
        cells = [(-scores[row, c], c) for c in range(12) if mask[row, c]]
        collected += [(-s, labels[row, c]) for s, c in sorted(cells)[:3]]
    pooled, truth = (np.array(part) for part in zip(*collected, strict=True))
    paper = average_precision_score(truth, pooled)
    found = gap_at_k(scores, labels, mask, 3)
    assert found[0] == pytest.approx(paper, abs=1e-9)
    assert found[1] == pytest.approx(paper * truth.sum() / (labels == 1)[mask].sum(), abs=1e-9)
    assert found[1] < found[0]


def test_gap_at_k_by_hand() -> None:
    """Two images, K 1: kept are 0.9 (right) and 0.6 (wrong); the positive at 0.5 is cut off."""
    scores = np.array([[0.9, 0.5, 0.1], [0.6, 0.3, 0.2]])
    labels = np.array([[1, 1, 0], [0, 0, 0]])
    assert gap_at_k(scores, labels, np.ones((2, 3), bool), 1) == (1.0, 0.5)


def test_gap_at_k_where_no_positive_is_collected() -> None:
    scores, labels = np.array([[0.9, 0.1]]), np.array([[0, 1]])
    paper, over_all = gap_at_k(scores, labels, np.ones((1, 2), bool), 1)
    assert np.isnan(paper)
    assert over_all == 0


def test_unknown_cells_have_no_influence() -> None:
    scores, labels, mask = _data(2)
    other = np.where(mask, labels, 1 - labels).astype(np.int8)
    wild = np.where(mask, scores, 1e6).astype(np.float32)
    thresholds = np.zeros(12)
    first = summarise(scores, Cells(labels, mask), thresholds, min_positives=1, k=3)
    assert first == summarise(wild, Cells(other, mask), thresholds, min_positives=1, k=3)


def test_f1_equals_scikit_learn() -> None:
    scores, labels, _ = _data(4)
    labels[0] = 1
    cells = Cells(labels, np.ones_like(labels, bool))
    found = summarise(scores, cells, np.full(12, 0.5), min_positives=1, k=3)
    for suffix, predicted in (("", scores >= 0.5), ("_at_half", scores >= 0)):
        for name, average in (("micro", "micro"), ("macro", "macro"), ("per_image", "samples")):
            expected = f1_score(labels, predicted, average=average, zero_division=1.0)
            assert getattr(found, f"f1_{name}{suffix}") == pytest.approx(expected, abs=1e-12)
    assert found.images_with_a_label == (scores >= 0.5).any(axis=1).mean()


def test_images_without_a_known_label_are_in_no_mean_over_images() -> None:
    """Against scikit-learn without their rows; a third of the images has none."""
    scores, labels, mask = _data(4)
    mask[:20], mask[20:] = False, True
    cells = Cells(labels, mask)
    found = summarise(scores, cells, np.full(12, 0.5), min_positives=1, k=3)
    predicted = scores[20:] >= 0.5
    expected = f1_score(labels[20:], predicted, average="samples", zero_division=1.0)
    assert found.f1_per_image == pytest.approx(expected, abs=1e-12)
    assert found.images_with_a_label == pytest.approx(predicted.any(axis=1).mean(), abs=1e-12)
    assert found.images == 60
    draws = resample_groups([str(at) for at in range(60)], 1, seed=0).once
    included = included_classes(cells, 1)
    sampled = all_samples(
        scores, cells, draws, included=included, thresholds=np.full(12, 0.5), k=3
    ).values
    assert sampled["f1_per_image"][0] == pytest.approx(expected, abs=1e-12)
    assert sampled["images_with_a_label"][0] == pytest.approx(found.images_with_a_label)


def test_what_thresholds_and_probabilities_are_needed_for_is_null_without_them() -> None:
    scores, labels, mask = _data(4)
    found = summarise(scores, Cells(labels, mask), None, min_positives=1, k=3, unit="score")
    null = {name for name, value in found.to_json().items() if value is None}
    assert null == {
        *(
            f"f1_{name}{half}"
            for name in ("micro", "macro", "per_image")
            for half in ("", "_at_half")
        ),
        "images_with_a_label",
        "brier",
    }


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_top_k_are_those_of_a_stable_sort(data: st.DataObject) -> None:
    """With many ties and unknown cells, against an argsort by hand."""
    rows, columns = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 7))
    k = data.draw(st.integers(1, 8))
    cells = st.lists(st.integers(0, 2), min_size=rows * columns, max_size=rows * columns)
    scores = np.array(data.draw(cells), np.float32).reshape(rows, columns)
    mask = np.array(data.draw(cells)).reshape(rows, columns) > 0
    expected = np.zeros_like(mask)
    for row in range(rows):
        known = [(-scores[row, c], c) for c in range(columns) if mask[row, c]]
        for _, column in sorted(known)[:k]:
            expected[row, column] = True
    assert (top_k(scores, mask, k) == expected).all()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_gap_at_k_is_scikit_learns_of_what_a_stable_sort_keeps(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 9))
    k = data.draw(st.integers(1, 10))
    cells = st.lists(st.integers(0, 2), min_size=rows * columns, max_size=rows * columns)
    scores = np.array(data.draw(cells), np.float32).reshape(rows, columns)
    labels = (np.array(data.draw(cells)).reshape(rows, columns) == 0).astype(np.int8)
    mask = np.array(data.draw(cells)).reshape(rows, columns) > 0
    kept = [
        (row, column)
        for row in range(rows)
        for _, column in sorted((-scores[row, c], c) for c in range(columns) if mask[row, c])[:k]
    ]
    truths, ranked = [labels[cell] for cell in kept], [scores[cell] for cell in kept]
    collected, over_all = gap_at_k(scores, labels, mask, k)
    if not any(truths):
        assert np.isnan(collected)
        return
    expected = average_precision_score(truths, ranked)
    assert collected == pytest.approx(expected, abs=1e-12)
    assert over_all == pytest.approx(expected * sum(truths) / labels[mask].sum(), abs=1e-12)


def test_classes_with_few_positives_stay_out_of_the_means() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], np.int8)
    cells = Cells(labels, np.ones_like(labels, bool))
    assert included_classes(cells, 2).tolist() == [True, False, False]
    assert included_classes(cells, 0).tolist() == [True, True, False]
    found = summarise(np.eye(3), cells, np.zeros(3), min_positives=2, k=1).to_json()
    assert found["classes_left_out"] == 2
    assert found["macro_map"] == pytest.approx(average_precision(np.eye(3)[:, 0], labels[:, 0]))
    assert {"gap_at_1", "gap_at_1_all_positives"} <= set(found)


def test_without_any_positive_values_are_null() -> None:
    cells = Cells(np.zeros((2, 2), np.int8), np.ones((2, 2), bool))
    found = summarise(np.eye(2), cells, np.ones(2), min_positives=1, k=1).to_json()
    assert found["macro_map"] is None
    assert found["gap"] is None


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30), st.randoms())
def test_order_of_images_is_irrelevant_and_values_are_shares(
    entries: list[tuple[int, bool]], random: Any
) -> None:
    shuffled = random.sample(entries, len(entries))
    values = [
        average_precision(
            np.array([s for s, _ in some], float), np.array([int(y) for _, y in some])
        )
        for some in (entries, shuffled)
    ]
    assert values[0] == values[1] or all(np.isnan(values))
    assert np.isnan(values[0]) or 0 < values[0] <= 1


def test_gap_is_one_ranking_over_all_classes() -> None:
    """Each class is ranked perfectly, but the second's scores lie below the first's negatives."""
    scores = np.array([[0.9, 0.2], [0.5, 0.1]])
    labels = np.array([[1, 1], [0, 0]])
    mask = np.ones((2, 2), bool)
    assert average_precisions(scores, labels, mask).tolist() == [1.0, 1.0]
    assert gap(scores, labels, mask) == pytest.approx((1 + 2 / 3) / 2)
