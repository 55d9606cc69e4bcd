"""Intervals where some images are known for certain and the sample holds few positives or none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from annotate.mining.prevalence import Estimate, Sample, estimate

OTHERS, DRAWN = 20_000, 1_000


def known_and_drawn(known: int, yes: int, found: int, properties: int = 10**6) -> Estimate:
    """Known images, ``yes`` of them positives, and a simple random sample with ``found`` of others.

    Args:
        known: images whose inclusion probability is 1.
        yes: positives among them.
        found: positives of the :data:`DRAWN` of :data:`OTHERS`.
        properties: of the drawn images, so many; the positives are photos of as few as can be.
    """
    count = known + DRAWN
    owners = np.concatenate([np.arange(known) + 10**7, np.arange(DRAWN) % properties])
    return estimate(
        Sample(
            labels=np.r_[np.arange(known) < yes, np.arange(DRAWN) < found].astype(float),
            chances=np.r_[np.ones(known), np.full(DRAWN, DRAWN / OTHERS)],
            strata=np.repeat([0, 1], [known, DRAWN]),
            properties=owners,
            finite=np.ones(count, bool),
            lifted=np.zeros(count, bool),
        )
    )


@pytest.mark.parametrize(("known", "yes"), [(300, 200), (50, 50), (4000, 3)])
def test_intervals_hold_where_the_sample_often_has_no_positive(known: int, yes: int) -> None:
    """The chance of each sample is hypergeometric, so the coverage is exact and not simulated."""
    found = [known_and_drawn(known, yes, count) for count in range(30)]
    low = np.array([np.nan if each.low is None else each.low for each in found])
    high = np.array([np.nan if each.high is None else each.high for each in found])
    held, none = [], []
    for positives in range(1, 101):  # 0.05 to 5 are expected in the sample
        truth = (yes + positives) / (known + OTHERS)
        chance = stats.hypergeom(OTHERS, positives, DRAWN).pmf(np.arange(30))
        held.append(chance @ ((low <= truth) & (truth <= high)))
        none.append(chance[0])
    assert np.mean(none) > 0.15
    # Wilson's interval holds in 95 % of the cases on average, and in 83.8 % at the least, which is
    # so at 0.1765 expected positives (Brown, Cai and DasGupta, "Interval estimation for a binomial
    # proportion", Statistical Science 16, 2001).
    assert np.mean(held) > 0.95
    assert min(held) > 0.838


def test_the_interval_without_a_positive_in_the_sample_by_hand() -> None:
    """200 are known; 1,000 of 20,000 others without a positive leave c / (1 + c), c = t^2 / n."""
    found = known_and_drawn(300, 200, 0)
    t = stats.t.ppf(0.975, DRAWN - 1)
    per_image = t**2 * (1 - DRAWN / OTHERS) / DRAWN
    assert found.share == pytest.approx(200 / 20_300)
    assert found.low == pytest.approx(200 / 20_300)
    assert found.high == pytest.approx((200 + OTHERS * per_image / (1 + per_image)) / 20_300)
    # As well where several photos are of a property.
    assert known_and_drawn(300, 200, 0, 100).high == pytest.approx(found.high, rel=0.03)


def test_strata_that_agree_within_are_no_certainty() -> None:
    """Thirty of one stratum all show it, thirty of another none: the variance is rounding only."""
    y = np.repeat([1.0, 0.0], 30)
    found = estimate(
        Sample(
            labels=y,
            chances=np.repeat([0.1, 0.3], 30),
            strata=np.repeat([0, 1], 30),
            properties=np.arange(60),
            finite=np.ones(60, bool),
            lifted=np.zeros(60, bool),
        )
    )
    assert found.share == pytest.approx(300 / 400)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.65
    assert 0.82 < found.high < 1


def test_a_single_image_of_several_strata_has_an_interval() -> None:
    """Three strata of one image each are compared with each other; one alone says nothing."""
    at, none = np.arange(3), np.zeros(3, bool)
    three = estimate(Sample(np.array([1.0, 0, 0]), np.full(3, 0.1), at, at, ~none, none))
    assert three.low is not None
    assert three.high is not None
    assert three.low < 1 / 3 < three.high
    one = estimate(Sample(np.ones(1), np.full(1, 0.1), at[:1], at[:1], ~none[:1], none[:1]))
    assert (one.share, one.low, one.high) == (1, None, None)


@pytest.mark.parametrize("each", [1, 2])
def test_strata_of_one_property_each_have_intervals_that_hold(each: int) -> None:
    """By property: with one image of each, no stratum has two to compare; with two, all have."""
    rng = np.random.default_rng(5)
    owner = np.sort(np.r_[np.arange(300), rng.integers(0, 300, 1700)])
    label = (rng.random(2000) < rng.beta(0.5, 3, 300)[owner]).astype(float)
    sizes = np.bincount(owner)
    start = np.cumsum(sizes) - sizes
    runs, held, shares, widths = 600, 0, [], []
    for _ in range(runs):
        order = np.lexsort((rng.random(2000), owner))
        drawn = order[np.arange(2000) - start[owner] < each]  # of each property the first by chance
        at, some = owner[drawn], np.ones(len(drawn), bool)
        chances = np.minimum(1, each / sizes[at])
        found = estimate(Sample(label[drawn], chances, at, at, some, ~some))
        assert found.share is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= label.mean() <= found.high
        shares.append(found.share)
        widths.append(found.high - found.low)
    assert held >= 0.95 * runs - 3.5 * np.sqrt(runs * 0.95 * 0.05)
    # As wide as the estimates spread, or wider since strata of one image are taken together.
    assert 0.9 < np.mean(widths) / (2 * 1.96 * np.std(shares)) < 1.6
