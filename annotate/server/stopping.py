"""How many people an image needs, given the answers so far. Pure functions.

Fixed: ``votes`` people. With ``early_stop``: fewer, where no remaining vote of those could change
any label. With ``votes_max``: more, where a label would likely change with further votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial

from annotate.server.model import Rules, Vote


def annotators_wanted(votes: Sequence[Vote], classes: Sequence[str], rules: Rules) -> int:
    """How many people an image needs by what is known now.

    The answers are gone through in their order. Where the first n of them are enough, n comes
    back, however many follow; the image is done where that is at most ``len(votes)``. Otherwise
    the number that must have answered before the question can be put again comes back.

    Args:
        votes: an entry for each answer, in the order of arrival.
        classes: all classes that the image is asked for.
        rules: the rules; labels are decided as by ``annotate.labels.consolidate.decide``.
    """
    if not rules.adaptive:
        return rules.votes
    yes, no = dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    wanted = _wanted(0, yes, no, rules)
    for answered, vote in enumerate(votes, 1):
        for class_id, said in vote.items():
            if said is not None and class_id in yes:
                (yes if said else no)[class_id] += 1
        wanted = _wanted(answered, yes, no, rules)
        if wanted <= answered:
            break
    return wanted


def _wanted(answered: int, yes: dict[str, int], no: dict[str, int], rules: Rules) -> int:
    counts = {(yes[name], no[name], rules.threshold(name)) for name in yes}
    if answered < rules.votes:
        if not rules.early_stop or not counts:
            return rules.votes
        left = rules.votes - answered
        further = max(votes_to_decide(*count, rules.min_votes, left) for count in counts)
        return max(answered + further, 1)
    more = rules.votes_max - answered
    if more > 0 and any(
        chance_of_change(*count, rules.min_votes, more) > rules.open_chance for count in counts
    ):
        return answered + 1
    return answered


@lru_cache(maxsize=100_000)
def label(yes: int, no: int, threshold: float, min_votes: int) -> bool | None:
    """The label by votes alone, in whole numbers: 3 of 5 reaches 0.6; None: too few votes.

    >>> label(3, 2, 0.6, 3), label(2, 3, 0.6, 3), label(2, 0, 0.6, 3)
    (True, False, None)
    """
    if yes + no < min_votes:
        return None
    return yes >= Fraction(str(threshold)) * (yes + no)


@lru_cache(maxsize=100_000)
def is_decided(yes: int, no: int, threshold: float, min_votes: int, left: int) -> bool:
    """Whether ``left`` further votes, each yes, no or unsure, can change the label no more.

    >>> is_decided(3, 0, 0.6, 3, 2), is_decided(2, 1, 0.6, 3, 2)
    (True, False)
    """
    now = label(yes, no, threshold, min_votes)
    return all(
        label(yes + ticks, no + others, threshold, min_votes) == now
        for ticks in range(left + 1)
        for others in range(left + 1 - ticks)
    )


@lru_cache(maxsize=100_000)
def votes_to_decide(yes: int, no: int, threshold: float, min_votes: int, left: int) -> int:
    """The least number of further votes after which the label may be decided.

    So many pages, and no more, can be handed out at once without any of them being wasted.

    >>> votes_to_decide(0, 0, 0.6, 3, 5), votes_to_decide(3, 0, 0.6, 3, 2)
    (3, 0)
    """
    return next(
        further
        for further in range(left + 1)
        if any(
            is_decided(yes + ticks, no + further - ticks, threshold, min_votes, left - further)
            for ticks in range(further + 1)
        )
    )


@lru_cache(maxsize=100_000)
def chance_of_change(yes: int, no: int, threshold: float, min_votes: int, more: int) -> float:
    """Chance that ``more`` further yes or no votes give another label than now.

    The share of people who would say yes has a uniform prior, so further votes follow a
    beta-binomial distribution with parameters 1 + yes and 1 + no. An unknown label that becomes
    known has changed.

    >>> round(chance_of_change(4, 1, 0.6, 3, 2), 4), chance_of_change(2, 3, 0.6, 3, 2)
    (0.1071, 0.0)
    """
    now = label(yes, no, threshold, min_votes)
    change = sum(
        _beta_binomial(ticks, more, yes + 1, no + 1)
        for ticks in range(more + 1)
        if label(yes + ticks, no + more - ticks, threshold, min_votes) != now
    )
    return float(change)


def _beta_binomial(ticks: int, more: int, alpha: int, beta: int) -> Fraction:
    return comb(more, ticks) * _beta(alpha + ticks, beta + more - ticks) / _beta(alpha, beta)


def _beta(alpha: int, beta: int) -> Fraction:
    return Fraction(factorial(alpha - 1) * factorial(beta - 1), factorial(alpha + beta - 1))
