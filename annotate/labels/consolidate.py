"""From votes to labels: the voting rate against a threshold, then the hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain

import numpy as np
import pandas as pd

from annotate.answers.packed import ranges
from annotate.errors import InputError
from annotate.labels.decisions import (
    GOLDEN,
    PROPAGATED,
    UNDECIDED,
    UNKNOWN,
    VOTED,
    Decisions,
    Floats,
    Labels,
    Mask,
    label_frame,
)
from annotate.labels.experts import Experts, expert_labels, with_experts
from annotate.labels.votes import Counts, Votes
from annotate.settings import ConsolidateSettings
from annotate.settings.dataset import METHODS
from annotate.taxonomy.model import Taxonomy

__all__ = ["UNKNOWN", "consolidate", "decide", "decide_labels", "propagate"]


def consolidate(votes: Votes, taxonomy: Taxonomy, settings: ConsolidateSettings) -> pd.DataFrame:
    """Decide every label by votes: :func:`decide_labels`, as a table.

    Returns:
        ``tables.LABELS``, sorted by image, then in the taxonomy's order of classes.
    """
    return label_frame(decide_labels(votes, taxonomy, settings))


def decide_labels(
    votes: Votes,
    taxonomy: Taxonomy,
    settings: ConsolidateSettings,
    probability: Floats | None = None,
    experts: Experts | None = None,
) -> Decisions:
    """Decide every label.

    A class is present in an image where yes / (yes + no) reaches its threshold, absent where it
    does not, and unknown with fewer than ``min_votes`` such votes (MuMIC, section "Data
    annotation"). Then every positive makes its ancestors positive, asked or not. A negative says
    nothing about other classes. What experts say stands, whatever the votes.

    Args:
        votes: counts of the classes that were asked.
        taxonomy: gives ancestors and thresholds; must hold all classes of ``votes``.
        settings: the default threshold and the least number of votes.
        probability: (N, C) that the class is there, as ``votes``; then it is what decides, against
            ``probability_threshold``, wherever there are enough votes.
        experts: labels of golden images.

    Raises:
        InputError: a threshold outside (0, 1] or fewer than one vote.
    """
    check_settings(settings)
    votes, probability = _widened(votes, taxonomy, probability, experts)
    if probability is None:
        limits = thresholds(votes.class_ids, taxonomy, settings)
        voted = decide(votes.yes, votes.no, limits, settings)
    else:
        voted = decide_by_probability(votes, probability, settings)
    said = None if experts is None else expert_labels(experts, votes)
    label = voted if said is None else np.where(said == UNKNOWN, voted, said)
    positive = propagate(label == 1, votes.class_ids, taxonomy)
    propagated = positive & (label != 1)
    how = np.where(label == UNKNOWN, np.int8(UNDECIDED), np.int8(VOTED))
    if said is not None:
        how[said != UNKNOWN] = GOLDEN
    how[propagated] = PROPAGATED
    label = np.where(propagated, np.int8(1), label)
    listed = (votes.yes + votes.no + votes.unsure > 0) | (label != UNKNOWN)
    return Decisions(votes, label, how, listed, probability)


def _widened(
    votes: Votes, taxonomy: Taxonomy, probability: Floats | None, experts: Experts | None
) -> tuple[Votes, Floats | None]:
    """Votes and probabilities with room for ancestors, and for what only experts have seen."""
    wide = with_ancestors(votes if experts is None else with_experts(votes, experts), taxonomy)
    if probability is None:
        return wide, None
    full = np.full(wide.yes.shape, np.nan)
    rows = np.searchsorted(wide.image_ids, votes.image_ids)
    column = {class_id: at for at, class_id in enumerate(wide.class_ids)}
    full[rows[:, None], [column[name] for name in votes.class_ids]] = probability
    return wide, full


def check_settings(settings: ConsolidateSettings) -> None:
    """Refuse settings that decide nothing sensible.

    Raises:
        InputError: a threshold outside (0, 1], fewer than one vote, or an unknown method.
    """
    if not 0 < settings.vote_threshold <= 1:
        raise InputError(
            f"vote_threshold is {settings.vote_threshold}; a share of yes votes is more than 0 and "
            "at most 1."
        )
    if not 0 < settings.probability_threshold < 1:
        raise InputError(
            f"probability_threshold is {settings.probability_threshold}; a probability that makes "
            "a label is more than 0 and less than 1."
        )
    if settings.method not in METHODS:
        raise InputError(f"method is {settings.method!r}; it can be {', '.join(METHODS)}.")
    if settings.min_votes < 1:
        raise InputError(f"min_votes is {settings.min_votes}; a label needs at least one vote.")


def with_ancestors(votes: Votes, taxonomy: Taxonomy) -> Votes:
    """Votes over the asked classes and all their ancestors, in the taxonomy's order."""
    wanted = set(votes.class_ids).union(*map(taxonomy.ancestors, votes.class_ids))
    ids = tuple(class_id for class_id in taxonomy.ids if class_id in wanted)
    if ids == tuple(votes.class_ids):
        return votes
    source = {class_id: at for at, class_id in enumerate(votes.class_ids)}
    columns = [source.get(class_id, len(source)) for class_id in ids]

    def widened(counts: Counts) -> Counts:
        # A column of zeros, for what nobody was asked; to take is much faster than to index.
        return np.take(np.pad(counts, ((0, 0), (0, 1))), columns, axis=1)

    return Votes(votes.image_ids, ids, *map(widened, (votes.yes, votes.no, votes.unsure)))


def thresholds(
    class_ids: Sequence[str], taxonomy: Taxonomy, settings: ConsolidateSettings
) -> list[float]:
    """Each class's own threshold, else the default."""
    own = (taxonomy.by_id[class_id].vote_threshold for class_id in class_ids)
    return [settings.vote_threshold if value is None else value for value in own]


def decide(
    yes: Counts, no: Counts, limits: Sequence[float], settings: ConsolidateSettings
) -> Labels:
    """Labels by votes alone.

    Args:
        yes: (N, C).
        no: (N, C).
        limits: threshold of each class. A rate equal to it is a yes, exactly: 3 of 5 reaches 0.6.
        settings: the least number of votes.

    Returns:
        (N, C): 1, 0 or ``UNKNOWN``.
    """
    total = yes + no
    labels = np.where(total < settings.min_votes, UNKNOWN, 0).astype(np.int8)
    # A label needs a yes, and most cells have none: only the others are looked at.
    at = np.flatnonzero(yes)
    cast, said = total.ravel()[at].astype(np.int64), yes.ravel()[at]
    most = int(cast.max(initial=0))
    needed = np.array([_needed(limit, most) for limit in limits], np.int64).reshape(-1, most + 1)
    reached = (said >= needed[at % max(len(limits), 1), cast]) & (cast >= settings.min_votes)
    labels.ravel()[at[reached]] = 1
    return labels


def decide_by_probability(
    votes: Votes, probability: Floats, settings: ConsolidateSettings
) -> Labels:
    """Labels by the probability that a class is there, (N, C): 1, 0 or ``UNKNOWN``.

    A class's ``vote_threshold`` is a share of votes and plays no part: how much a vote is worth is
    already in the probability.
    """
    reached = probability >= settings.probability_threshold
    few = (votes.yes + votes.no < settings.min_votes) | np.isnan(probability)
    return np.where(few, UNKNOWN, reached).astype(np.int8)


def _needed(limit: float, most: int) -> list[int]:
    """Yes votes needed for each total up to ``most``, exactly: in floats 0.55 * 100 is above 55."""
    exact = Fraction(str(limit))
    return [-(-exact.numerator * total // exact.denominator) for total in range(most + 1)]


def propagate(positive: Mask, class_ids: Sequence[str], taxonomy: Taxonomy) -> Mask:
    """Make every ancestor of a positive class positive.

    Args:
        positive: (N, C).
        class_ids: of the columns; ancestors that are not among them are left out.
        taxonomy: the hierarchy.
    """
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    above = [[column[up] for up in taxonomy.ancestors(c) if up in column] for c in class_ids]
    result = positive.copy()
    cells = np.flatnonzero(positive)  # few, where classes are rare
    rows, columns = np.divmod(cells, max(len(class_ids), 1))
    lengths = np.array(list(map(len, above)), np.int64)
    flat = np.array(list(chain.from_iterable(above)), np.int64)
    reached = flat[ranges((np.cumsum(lengths) - lengths)[columns], lengths[columns])]
    result[np.repeat(rows, lengths[columns]), reached] = True
    return result
