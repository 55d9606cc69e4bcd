"""From votes to labels: the voting rate against a threshold, then the hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.packed import ranges
from annotate.errors import InputError
from annotate.labels.votes import Counts, Votes
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy

Labels = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

UNKNOWN = -1


def consolidate(votes: Votes, taxonomy: Taxonomy, settings: ConsolidateSettings) -> pd.DataFrame:
    """Decide every label.

    A class is present in an image where yes / (yes + no) reaches its threshold, absent where it
    does not, and unknown with fewer than ``min_votes`` such votes (MuMIC, section "Data
    annotation"). Then every positive makes its ancestors positive, asked or not. A negative says
    nothing about other classes.

    Args:
        votes: counts of the classes that were asked.
        taxonomy: gives ancestors and thresholds; must hold all classes of ``votes``.
        settings: the default threshold and the least number of votes.

    Returns:
        ``tables.LABELS``, sorted by image, then in the taxonomy's order of classes.

    Raises:
        InputError: a threshold outside (0, 1] or fewer than one vote.
    """
    check_settings(settings)
    votes = with_ancestors(votes, taxonomy)
    voted = decide(votes.yes, votes.no, thresholds(votes.class_ids, taxonomy, settings), settings)
    positive = propagate(voted == 1, votes.class_ids, taxonomy)
    return _label_table(votes, voted, positive)


def check_settings(settings: ConsolidateSettings) -> None:
    """Refuse settings that decide nothing sensible.

    Raises:
        InputError: a threshold outside (0, 1] or fewer than one vote.
    """
    if not 0 < settings.vote_threshold <= 1:
        raise InputError(
            f"vote_threshold is {settings.vote_threshold}; a share of yes votes is more than 0 and "
            "at most 1."
        )
    if settings.min_votes < 1:
        raise InputError(f"min_votes is {settings.min_votes}; a label needs at least one vote.")


def with_ancestors(votes: Votes, taxonomy: Taxonomy) -> Votes:
    """Votes over the asked classes and all their ancestors, in the taxonomy's order."""
    wanted = set(votes.class_ids).union(*map(taxonomy.ancestors, votes.class_ids))
    ids = tuple(class_id for class_id in taxonomy.ids if class_id in wanted)
    source = {class_id: at for at, class_id in enumerate(votes.class_ids)}
    here = [at for at, class_id in enumerate(ids) if class_id in source]
    there = [source[class_id] for class_id in ids if class_id in source]

    def widened(counts: Counts) -> Counts:
        wide = np.zeros((len(votes.image_ids), len(ids)), np.int16)
        wide[:, here] = counts[:, there]
        return wide

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


def _label_table(votes: Votes, voted: Labels, positive: Mask) -> pd.DataFrame:
    total = votes.yes.astype(np.int64) + votes.no
    rows, columns = np.nonzero((total + votes.unsure > 0) | positive)
    by_vote = voted[rows, columns]
    propagated = positive[rows, columns] & (by_vote != 1)
    label = np.where(propagated, 1, by_vote)
    cast = total[rows, columns]
    yes = votes.yes[rows, columns]
    rate = np.divide(yes, cast, out=np.full(len(rows), np.nan), where=cast > 0)
    decided = np.select([propagated, label == UNKNOWN], ["propagated", "unknown"], "voted")
    return pd.DataFrame(
        {
            "image_id": np.array(votes.image_ids, object)[rows],
            "class_id": np.array(votes.class_ids, object)[columns],
            "label": pd.arrays.IntegerArray(label.astype(np.int8), label == UNKNOWN),
            "yes": yes,
            "no": votes.no[rows, columns],
            "unsure": votes.unsure[rows, columns],
            "rate": rate,
            "decided": decided.astype(object),
        }
    )
