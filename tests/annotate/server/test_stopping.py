"""Early stopping gives the labels of the fixed five; further votes follow the beta-binomial."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.labels.consolidate import decide
from annotate.server.model import Rules
from annotate.server.stopping import annotators_wanted, chance_of_change, label
from annotate.settings import ConsolidateSettings

CLASSES = ["a", "b"]
VOTES = st.lists(
    st.fixed_dictionaries({name: st.sampled_from([True, False, None]) for name in CLASSES}),
    min_size=5,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(VOTES, st.sampled_from([0.2, 0.5, 0.6, 0.8, 1.0]), st.integers(1, 5))
def test_stopped_labels_are_those_of_all_five(
    votes: list[dict[str, bool | None]], threshold: float, least: int
) -> None:
    rules = Rules(early_stop=True, min_votes=least, thresholds={"a": threshold})
    used = next(n for n in range(6) if annotators_wanted(votes[:n], CLASSES, rules) <= n)

    def labels(some: list[dict[str, bool | None]]) -> list[int]:
        yes = np.array([[sum(v[c] is True for v in some) for c in CLASSES]], np.int16)
        no = np.array([[sum(v[c] is False for v in some) for c in CLASSES]], np.int16)
        found: list[int] = decide(yes, no, [threshold, 0.6], ConsolidateSettings(least, 0.6))[
            0
        ].tolist()
        return found

    assert labels(votes[:used]) == labels(votes)


def test_unanimous_stops_at_three_and_a_doubt_goes_on() -> None:
    rules = Rules(early_stop=True)
    yes: list[dict[str, bool | None]] = [{"a": True} for _ in range(3)]
    assert annotators_wanted(yes, ["a"], rules) == 3
    assert annotators_wanted([*yes[:2], {"a": False}], ["a"], rules) == 4
    assert annotators_wanted(yes, ["a"], Rules()) == 5


def test_more_people_only_where_open() -> None:
    rules = Rules(votes_max=7)
    split: list[dict[str, bool | None]] = [{"a": on} for on in (True, True, True, False, False)]
    clear: list[dict[str, bool | None]] = [{"a": True}] * 5
    assert annotators_wanted(split, ["a"], rules) == 6
    assert annotators_wanted(clear, ["a"], rules) == 5
    assert annotators_wanted([*split, {"a": True}, {"a": False}], ["a"], rules) == 7


def test_chance_of_change_against_a_simulation() -> None:
    rng = np.random.default_rng(0)
    share = rng.beta(4, 3, 200_000)
    ticks = rng.binomial(2, share)
    changed = [label(3 + k, 4 - k, 0.6, 3) != label(3, 2, 0.6, 3) for k in range(3)]
    simulated = np.array(changed)[ticks].mean()
    assert chance_of_change(3, 2, 0.6, 3, 2) == pytest.approx(simulated, abs=0.005)
