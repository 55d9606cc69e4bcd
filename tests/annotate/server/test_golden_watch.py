"""Annotators are paused by recall and precision with confidence, never by accuracy."""

import numpy as np
import pytest
from scipy.stats import binomtest

from annotate.labels.intervals import wilson_interval
from annotate.server.golden_watch import (
    GoldenCounts,
    count_golden,
    reason_to_pause,
)
from annotate.server.model import Rules


@pytest.mark.parametrize(("hits", "total"), [(0, 5), (3, 10), (20, 20), (55, 100)])
def test_interval_is_scipys(hits: int, total: int) -> None:
    expected = binomtest(hits, total).proportion_ci(confidence_level=0.99, method="wilson")
    assert wilson_interval(hits, total, 0.99) == pytest.approx((expected.low, expected.high))


def test_always_none_is_right_nearly_everywhere_and_paused() -> None:
    truth = {f"class{n}": n == 0 for n in range(40)}
    counts = GoldenCounts()
    for _ in range(25):
        counts += count_golden(truth, dict.fromkeys(truth, False))
    assert "recall" in (reason_to_pause(counts, Rules()) or "")


def test_ticking_everything_is_paused_for_precision() -> None:
    assert "precision" in (reason_to_pause(GoldenCounts(9, 30, 0, 300), Rules()) or "")


def test_few_golden_positives_judge_nobody() -> None:
    assert reason_to_pause(GoldenCounts(5, 0, 19, 0), Rules()) is None
    assert reason_to_pause(GoldenCounts(5, 0, 20, 0), Rules()) is not None
    assert wilson_interval(0, 0, 0.99) is None


def test_good_annotators_are_rarely_paused_though_looked_at_each_time() -> None:
    rng = np.random.default_rng(1)
    paused = 0
    for _ in range(300):
        hits = np.cumsum(rng.random(150) < 0.6)
        paused += any(
            reason_to_pause(GoldenCounts(n, int(hits[n - 1]), n - int(hits[n - 1]), 0), Rules())
            for n in range(20, 151)
        )
    assert paused < 300 * 0.02
