"""Dawid and Skene's model for yes and no: how each annotator errs, and what votes are worth then.

An image either shows a class or not. Annotator ``a`` says yes with probability ``sensitivity[a]``
where it does and ``1 - specificity[a]`` where it does not; both, the class's prevalence and the
probability of each label are found together by expectation and maximisation, beginning with the
voting rate. *Per class* every annotator has errors of her own in every class; *pooled* she errs
alike in all of them, which is far steadier where positives are rare.

The votes are never written out. Every answered question is a no to all its classes, which one
product of a sparse matrix (who answered which image) sums; ticks are corrections to it.

Reference:
    Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM
    algorithm" (1979), equations 2.3 to 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from annotate.answers.packed import Packed
from annotate.labels.ballots import Ballots, make_ballots
from annotate.labels.decisions import UNKNOWN, Labels
from annotate.labels.votes import Votes

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SMALLEST = 1e-10  # no sum of votes counts for less, so that no error is impossible; as crowd-kit
NEAR = 1e-6  # probabilities that change by less have converged


@dataclass(frozen=True)
class Estimate:
    """What the model finds; A annotators, N images, C classes.

    Attributes:
        probability: (N, C) that the class is there; NaN where nobody said yes or no.
        prevalence: (C,) share of the images asked that show the class.
        sensitivity: (A, C), or (A, 1) pooled: chance to say yes to what is there.
        specificity: likewise, to say no to what is not there.
        iterations: rounds that were made.
        converged: whether probabilities had stopped changing.
    """

    probability: Floats
    prevalence: Floats
    sensitivity: Floats
    specificity: Floats
    iterations: int
    converged: bool


def dawid_skene(
    answers: Packed,
    questions: Mapping[str, Sequence[str]],
    votes: Votes,
    *,
    pooled: bool = False,
    iterations: int = 100,
    near: float = NEAR,
    fixed: Labels | None = None,
) -> Estimate:
    """Estimate all labels and errors.

    Args:
        answers: the answers that ``votes`` were counted from.
        questions: class ids of each question.
        votes: their counts.
        pooled: each annotator errs alike in all classes.
        iterations: rounds at most.
        near: stop when no probability changes by more.
        fixed: (N, C) labels that are known, ``UNKNOWN`` elsewhere.
    """
    ballots = make_ballots(answers, questions, votes)
    asked = votes.yes + votes.no > 0
    counted = np.maximum(asked.sum(axis=0), 1)
    belief = _hold(votes.yes / np.maximum(votes.yes + votes.no, 1), asked, fixed)
    errors = _maximise(ballots, belief, pooled)
    done, change = 0, np.inf
    while done < iterations and change > near:
        prevalence = belief.sum(axis=0) / counted
        before, belief = belief, _hold(_expect(ballots, prevalence, errors), asked, fixed)
        errors = _maximise(ballots, belief, pooled)
        np.subtract(belief, before, out=before)
        change = float(max(before.max(initial=0), -before.min(initial=0)))
        done += 1
    prevalence = belief.sum(axis=0) / counted
    belief[~asked] = np.nan
    return Estimate(
        belief, prevalence, errors.yes_present, errors.no_absent, done, bool(change <= near)
    )


def _hold(belief: Floats, asked: Mask, fixed: Labels | None) -> Floats:
    """Nothing where nobody was asked, and what is known where it is."""
    if not asked.all():
        belief[~asked] = 0
    if fixed is not None:
        known = (fixed != UNKNOWN) & asked
        belief[known] = fixed[known]
    return belief


class _Errors(NamedTuple):
    """(A, C) or (A, 1): chance of a yes or no where the class is there, and where it is not.

    0 for an answer that an annotator never gave.
    """

    yes_present: Floats
    no_present: Floats
    yes_absent: Floats
    no_absent: Floats


def _maximise(ballots: Ballots, belief: Floats, pooled: bool) -> _Errors:
    """Equation 2.3: each annotator's answers, weighed by what the labels are believed to be."""
    of_tick = belief.ravel()[ballots.cell]
    yes_present, sure_present = ballots.sum_ticks(of_tick)
    yes_absent, sure_absent = ballots.sum_ticks(1 - of_tick)
    answered = ballots.sum_answered(belief)
    no_present = answered - sure_present
    no_absent = ballots.answered() - answered - sure_absent
    sums = yes_present, no_present, yes_absent, no_absent
    if pooled:
        yes_present, no_present, yes_absent, no_absent = (
            table.sum(axis=1, keepdims=True) for table in sums
        )
    gave_yes, gave_no = yes_present + yes_absent > 0.5, no_present + no_absent > 0.5
    present = _shares(yes_present, no_present, gave_yes, gave_no)
    absent = _shares(yes_absent, no_absent, gave_yes, gave_no)
    return _Errors(*present, *absent)


def _shares(yes: Floats, no: Floats, gave_yes: Mask, gave_no: Mask) -> tuple[Floats, Floats]:
    yes = np.where(gave_yes, np.maximum(yes, SMALLEST), 0)
    no = np.where(gave_no, np.maximum(no, SMALLEST), 0)
    total = np.where(gave_yes | gave_no, yes + no, 1)
    return yes / total, no / total


def _expect(ballots: Ballots, prevalence: Floats, errors: _Errors) -> Floats:
    """Equation 2.5: what votes and prevalence make of each label, (N, C)."""
    odds = ballots.collect(
        _log_ratio(errors.no_present, errors.no_absent),
        _log_ratio(errors.yes_present, errors.yes_absent),
    )
    odds += _log_ratio(np.maximum(prevalence, SMALLEST), np.maximum(1 - prevalence, SMALLEST))
    np.clip(odds, -700, 700, out=odds)  # exp overflows beyond
    np.negative(odds, out=odds)
    np.exp(odds, out=odds)
    odds += 1
    return np.reciprocal(odds, out=odds)


def _log_ratio(one: Floats, other: Floats) -> Floats:
    """log(one / other); 0 where an answer was never given."""
    given = (one > 0) & (other > 0)
    return np.log(np.where(given, one, 1)) - np.log(np.where(given, other, 1))
