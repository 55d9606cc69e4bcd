"""Which questions an image is asked where some wait for others: parents first.

``Question.after`` names classes of earlier questions. A question with ``after`` is asked of an
image only if one of these classes was asked there and not voted no. What was not asked stays
unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError
from annotate.questions.planning import QuestionPlan
from annotate.settings import Settings

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SkipRule:
    """When a class counts as voted no.

    Attributes:
        below: fewer than this share of its yes and no votes are yes.
        min_votes: it has at least as many of them; with fewer it is open, and asked on.
    """

    below: float = 0.4
    min_votes: int = 3

    @classmethod
    def of(cls, settings: Settings) -> SkipRule:
        """The rule of a workspace, for votes of all annotators together.

        Raises:
            InputError: ``skip_below`` is no share.
        """
        if not 0 <= settings.questions.skip_below <= 1:
            raise InputError(
                f"[questions] skip_below = {settings.questions.skip_below}: a share of yes votes "
                "is 0 to 1. With 0 no question is ever skipped."
            )
        return cls(settings.questions.skip_below, settings.consolidate.min_votes)

    def voted_no(self, yes: int, no: int) -> bool:
        """Whether some votes say no.

        >>> SkipRule().voted_no(1, 4), SkipRule().voted_no(2, 3), SkipRule().voted_no(0, 2)
        (True, False, False)
        """
        total = yes + no
        return total >= self.min_votes and yes < Fraction(str(self.below)) * total

    def no_votes_table(self, most: int) -> npt.NDArray[np.int64]:
        """By total of votes up to ``most``: fewer yes votes than this are a no."""
        share = Fraction(str(self.below))
        needed = [-(-share.numerator * total // share.denominator) for total in range(most + 1)]
        return np.array([0] * min(self.min_votes, most + 1) + needed[self.min_votes :], np.int64)


def asked_mask(
    plan: QuestionPlan,
    class_ids: tuple[str, ...],
    yes: npt.NDArray[np.int16],
    no: npt.NDArray[np.int16],
    rule: SkipRule,
) -> Mask:
    """The questions that images are asked in the end, replayed on votes for every class.

    Args:
        plan: the questions.
        class_ids: (C,), all classes of the plan among them.
        yes: (N, C).
        no: (N, C).
        rule: when a class counts as voted no.

    Returns:
        (N, Q), in the order of the plan.
    """
    total = yes.astype(np.int64) + no
    voted_no = yes < rule.no_votes_table(int(total.max(initial=0)))[total]
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    asked = np.ones((len(yes), len(plan.questions)), bool)
    place: dict[str, int] = {}
    for at, question in enumerate(plan.questions):
        gates = [class_id for class_id in question.after if class_id in place]
        if gates:
            due = [asked[:, place[gate]] & ~voted_no[:, column[gate]] for gate in gates]
            asked[:, at] = np.any(due, axis=0)
        place.update(dict.fromkeys(question.classes, at))
    return asked


def rounds(plan: QuestionPlan) -> tuple[int, ...]:
    """The round, from 0, in which each question can be asked at the earliest: (Q,)."""
    at: dict[str, int] = {}
    found = []
    for question in plan.questions:
        number = 1 + max((at[gate] for gate in question.after if gate in at), default=-1)
        found.append(number)
        at.update(dict.fromkeys(question.classes, number))
    return tuple(found)
