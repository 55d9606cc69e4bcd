"""Splits: whole groups, every class in its share, and nothing ever moves again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from iterstrat.ml_stratifiers import IterativeStratification

from annotate.dataset.balance import Balance, balance_groups
from annotate.dataset.splits import (
    FREE,
    METHODS,
    SPLITS,
    SplitCounts,
    assign_splits,
    rarest_label,
    split_shares,
)
from annotate.errors import InputError
from annotate.settings import DatasetSettings

SHARES = (0.8, 0.1, 0.1)


def world(
    seed: int,
    *,
    images: int = 3500,
    groups: int = 450,
    classes: int = 50,
    least: float = 0.025,
    most: float = 0.4,
    spread: float = 3.0,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Images in groups of uneven size whose classes depend on the group, as a hotel's photos do."""
    rng = np.random.default_rng(seed)
    group = rng.choice(groups, images, p=rng.dirichlet(np.full(groups, 2.0)))
    frequency = np.exp(rng.uniform(np.log(least), np.log(most), classes))
    by_group = rng.beta(frequency * spread, (1 - frequency) * spread, (groups, classes))
    return rng.random((images, classes)) < by_group[group], group


def free(count: int) -> npt.NDArray[np.int64]:
    return np.full(count, FREE)


# With a spread of 0.5 a single hotel can hold a fifth of a class: then a split may have too much of
# it, and still none too little.
@pytest.mark.parametrize(
    ("seed", "spread", "most"), [(0, 3.0, 0.13), (1, 3.0, 0.13), (2, 0.5, 0.2), (3, 0.5, 0.2)]
)
def test_every_class_with_100_positives_has_its_share_everywhere(
    seed: int, spread: float, most: float
) -> None:
    positive, group = world(seed, spread=spread)
    split = assign_splits(positive, group, free(len(group)), SHARES, seed=seed)
    counts = SplitCounts.of(positive, split)
    totals = counts.positives.sum(axis=1)
    assert (totals >= 100).sum() > 35
    share = counts.positives[totals >= 100] / totals[totals >= 100, None]
    assert share[:, 1:].min() >= 0.08
    assert share[:, 1:].max() <= most
    assert np.abs(counts.images / len(group) - SHARES).max() <= 0.03
    for at in set(group):
        assert len(set(split[group == at])) == 1


def test_better_than_whole_groups_at_random() -> None:
    positive, group = world(3)

    def worst(split: npt.NDArray[np.int64]) -> float:
        counts = SplitCounts.of(positive, split).positives
        return float(np.abs(counts[:, 1:] / counts.sum(axis=1, keepdims=True) - 0.1).max())

    found = worst(assign_splits(positive, group, free(len(group)), SHARES, seed=0))
    rng = np.random.default_rng(0)
    drawn = [worst(rng.choice(3, 450, p=SHARES)[group]) for _ in range(20)]
    assert found < 0.5 * min(drawn)


def test_without_groups_the_paper_s_strata_are_split_in_proportion() -> None:
    positive = np.random.default_rng(0).random((2000, 12)) < np.linspace(0.02, 0.4, 12)
    split = assign_splits(positive, np.arange(2000), free(2000), SHARES, seed=0)
    counts = SplitCounts.of(positive, split)
    ideal = counts.positives.sum(axis=1, keepdims=True) * SHARES
    assert np.abs(counts.positives - ideal).max() <= 2
    unlabelled = ~positive.any(axis=1)
    share = np.bincount(split[unlabelled], minlength=3) / unlabelled.sum()
    assert np.abs(share - SHARES).max() < 0.02


def test_the_same_again_and_another_with_another_seed() -> None:
    positive, group = world(4, images=600, groups=100, classes=10)
    one, again, other = (
        assign_splits(positive, group, free(600), SHARES, seed=seed) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_images_keep_their_split_and_new_groups_fill_what_is_short() -> None:
    positive, group = world(5)
    old = group < 300
    first = assign_splits(positive[old], group[old], free(old.sum()), (1.0, 0.0, 0.0), seed=0)
    assert set(first) == {0}
    fixed = free(len(group))
    fixed[old] = first
    split = assign_splits(positive, group, fixed, SHARES, seed=0)
    np.testing.assert_array_equal(split[old], 0)
    shares = SplitCounts.of(positive, split).images / len(group)
    assert np.abs(shares - SHARES).max() <= 0.03


def test_a_new_image_follows_its_group() -> None:
    positive, group = world(6, images=300, groups=30, classes=5)
    fixed = np.where(np.arange(300) < 200, group % 3, FREE)
    split = assign_splits(positive, group, fixed, SHARES, seed=0)
    settled = np.isin(group, group[:200])
    np.testing.assert_array_equal(split[settled], (group % 3)[settled])


def test_one_group_in_several_splits_leaves_old_images_where_they_are() -> None:
    fixed = np.array([0, 0, 2, FREE])
    split = assign_splits(np.ones((4, 1), bool), np.zeros(4, int), fixed, SHARES, seed=0)
    assert split.tolist() == [0, 0, 2, 0]


def test_rarest_label_by_hand() -> None:
    positive = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [0, 0, 0]], bool)
    # class 0 in three images, class 1 in one, class 2 in two
    assert rarest_label(positive).tolist() == [1, 0, 2, 2, 3]
    assert rarest_label(np.zeros((2, 0), bool)).tolist() == [0, 0]


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_few_images(count: int) -> None:
    split = assign_splits(np.ones((count, 2), bool), np.arange(count), free(count), SHARES, seed=0)
    assert len(split) == count
    assert not count or 0 in split


def test_a_share_of_zero_takes_nothing() -> None:
    positive, group = world(7, images=500, groups=60, classes=8)
    split = assign_splits(positive, group, free(500), (0.9, 0.0, 0.1), seed=0)
    assert set(split) == {0, 2}


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (0.0, 0.5, 0.5), (1.2, -0.1, -0.1)])
def test_shares_that_make_no_sense(shares: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="sum to 1"):
        split_shares(DatasetSettings(*shares))
    assert split_shares(DatasetSettings()) == SHARES
    assert SPLITS == ("train", "validation", "test")


def test_balancing_finds_the_best_of_all_assignments() -> None:
    rng = np.random.default_rng(0)
    table = np.hstack([np.full((8, 1), 2.0), rng.integers(0, 3, (8, 2))])
    balance = Balance.of(table, np.array([0.5, 0.25, 0.25]))
    everything = np.stack(np.meshgrid(*[range(3)] * 8), axis=-1).reshape(-1, 8)
    least = min((balance.lacking(split) ** 4).sum() for split in everything)
    found = balance_groups(balance, np.zeros(8, int), np.zeros(8, bool))
    assert (balance.lacking(found) ** 4).sum() <= least + 0.05


def test_frozen_groups_stay() -> None:
    positive, group = world(8, images=400, groups=40, classes=6)
    table = np.zeros((40, 7))
    np.add.at(table, group, np.hstack([np.ones((400, 1)), positive]))
    frozen = np.arange(40) % 2 == 0
    start = np.arange(40) % 3
    found = balance_groups(Balance.of(table, np.array(SHARES)), start, frozen)
    np.testing.assert_array_equal(found[frozen], start[frozen])
    assert (found != start).any()


def test_iterative_is_as_even_as_the_library() -> None:
    """Of single images, the mean and the largest error of a class's share, in all splits."""
    rng = np.random.default_rng(0)
    frequency = np.exp(rng.uniform(np.log(0.005), np.log(0.3), 40))
    positive = rng.random((4000, 40)) < frequency
    own = assign_splits(positive, np.arange(4000), free(4000), SHARES, seed=0, method="iterative")
    random = np.random.RandomState(0)
    library = IterativeStratification(positive, np.array(SHARES), random)
    own_error, library_error = (_errors(positive, split) for split in (own, library))
    assert own_error.mean() <= library_error.mean()
    assert own_error.max() <= library_error.max()


def _errors(
    positive: npt.NDArray[np.bool_], split: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    counts = SplitCounts.of(positive, split).positives
    errors: npt.NDArray[np.float64] = np.abs(counts / counts.sum(axis=1, keepdims=True) - SHARES)
    return errors


def test_iterative_keeps_groups_whole_and_old_images_in_place() -> None:
    positive, group = world(9, images=800, groups=90, classes=12)
    fixed = np.where(group < 30, group % 3, FREE)
    split = assign_splits(positive, group, fixed, SHARES, seed=0, method="iterative")
    np.testing.assert_array_equal(split[group < 30], (group % 3)[group < 30])
    assert all(len(set(split[group == at])) == 1 for at in set(group))
    assert np.abs(SplitCounts.of(positive, split).images / 800 - [0.6, 0.2, 0.2]).max() < 0.15


def test_first_steps_of_the_iterative_rule_by_hand() -> None:
    # Class 1 is the rarer one: its two images first, each to the side that wants it most; then the
    # rest of class 0, and at last the image without a label.
    positive = np.array([[1, 1], [0, 1], [1, 0], [1, 0], [0, 0], [1, 0]], bool)
    split = assign_splits(
        positive, np.arange(6), free(6), (0.5, 0.5, 0.0), seed=0, method="iterative"
    )
    counts = SplitCounts.of(positive, split)
    assert counts.positives.tolist() == [[2, 2, 0], [1, 1, 0]]
    assert counts.images.tolist() == [3, 3, 0]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [3, 4, 6])
def test_three_single_images_of_a_class_are_in_three_splits(method: str, count: int) -> None:
    positive = np.zeros((300, 2), bool)
    positive[:count, 0] = True
    positive[100:, 1] = True
    split = assign_splits(positive, np.arange(300), free(300), SHARES, seed=0, method=method)
    assert (SplitCounts.of(positive, split).positives > 0).all()
