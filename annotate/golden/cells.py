"""Golden labels beside the votes on the same images and classes: what is scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.labels.consolidate import decide, propagate, with_ancestors
from annotate.labels.truth import Truth
from annotate.labels.votes import Votes
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

UNKNOWN = -1


@dataclass(frozen=True)
class Cells:
    """Golden images that have votes.

    Labels are always decided anew from the votes. A label that a golden answer decided, or that
    was propagated from such a one, thus plays no part in its own scoring.

    Attributes:
        votes: of these images, ancestors included.
        truth: (N, C), 1, 0 or ``UNKNOWN``.
        weight: (N, C), one over the probability to be known.
        groups: (N,), the property; an image without one is alone in its group.
        simple: (C,), whether the golden labels of a class are a simple random sample.
        outside: golden labels that are not in the sample and so have no probability; left out.
        own: (N, C) labels as another method than voting makes them; None: votes make them.
    """

    votes: Votes
    truth: Labels
    weight: Floats
    groups: npt.NDArray[np.int64]
    simple: Mask
    outside: int = 0
    own: Labels | None = None

    @property
    def class_ids(self) -> tuple[str, ...]:
        """Ids of the columns."""
        return self.votes.class_ids

    def labels_at(
        self, limits: Sequence[float], taxonomy: Taxonomy, settings: ConsolidateSettings
    ) -> Labels:
        """(N, C) labels with these thresholds: 1, 0 or ``UNKNOWN``, positives propagated."""
        voted = decide(self.votes.yes, self.votes.no, limits, settings)
        positive = propagate(voted == 1, self.class_ids, taxonomy)
        return np.where(positive, 1, voted).astype(np.int8)


def make_cells(
    votes: Votes,
    golden: pd.DataFrame,
    sample: pd.DataFrame | None,
    properties: pd.Series,
    taxonomy: Taxonomy,
) -> Cells:
    """Golden labels with their weights, beside the votes.

    Args:
        votes: of any images.
        golden: ``tables.GOLDEN_LABELS``.
        sample: ``tables.GOLDEN_SAMPLE``; None: nothing is known about how images were chosen, and
            all count the same.
        properties: property by image id.
        taxonomy: the hierarchy; must hold all classes of ``votes``.
    """
    images = sorted(set(golden["image_id"]) & set(votes.image_ids))
    votes = with_ancestors(_rows(votes, images), taxonomy)
    truth = np.full(votes.yes.shape, UNKNOWN, np.int8)
    rows, columns, inside = _places(golden, votes)
    truth[rows, columns] = inside["label"].to_numpy(np.int8)
    weight = np.ones(truth.shape)
    outside = 0
    if sample is not None:
        weight = np.zeros(truth.shape)
        rows, columns, inside = _places(sample, votes)
        weight[rows, columns] = 1.0 / inside["probability"].to_numpy(float)
        # A class that nobody was asked about is known by what lies below it, if at all: positives
        # only, which would make it seem perfect.
        outside = int(((truth != UNKNOWN) & (weight == 0)).sum())
        truth = np.where(weight > 0, truth, UNKNOWN).astype(np.int8)
    groups = property_codes(properties.reindex(images))
    return Cells(votes, truth, weight, groups, _simple(truth, weight, groups, sample), outside)


def truth_cells(votes: Votes, truth: Truth, properties: pd.Series, taxonomy: Taxonomy) -> Cells:
    """As :func:`make_cells`, with a CSV of true labels: every class of its images is known."""
    images = sorted(set(truth.image_ids) & set(votes.image_ids))
    votes = with_ancestors(_rows(votes, images), taxonomy)
    columns = pd.Index(truth.class_ids).get_indexer(pd.Index(votes.class_ids))
    known = truth.rows_of(images)[:, columns].astype(np.int8)
    weight = np.ones(known.shape)
    groups = property_codes(properties.reindex(images))
    return Cells(votes, known, weight, groups, _simple(known, weight, groups, None))


def property_codes(properties: pd.Series) -> npt.NDArray[np.int64]:
    """A number per property; an image without one has a number of its own."""
    codes = pd.factorize(properties)[0].astype(np.int64)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    return codes


def _simple(
    truth: Labels, weight: Floats, groups: npt.NDArray[np.int64], sample: pd.DataFrame | None
) -> Mask:
    """Equal probabilities; of images that were chosen in an unknown way, no two of a property."""
    if sample is None and len(np.unique(groups)) < len(groups):
        return np.zeros(truth.shape[1], bool)
    low = np.where(truth != UNKNOWN, weight, np.inf).min(axis=0, initial=np.inf)
    high = np.where(truth != UNKNOWN, weight, -np.inf).max(axis=0, initial=-np.inf)
    equal: Mask = high <= low * (1 + 1e-9)
    return equal


def _rows(votes: Votes, images: Sequence[str]) -> Votes:
    rows = pd.Index(votes.image_ids).get_indexer(pd.Index(images, dtype=object))
    counts = (part[rows] for part in (votes.yes, votes.no, votes.unsure))
    return Votes(tuple(images), votes.class_ids, *counts)


def _places(
    frame: pd.DataFrame, votes: Votes
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], pd.DataFrame]:
    """Rows and columns of the entries of a frame that the votes have, and these entries."""
    rows = pd.Index(votes.image_ids, dtype=object).get_indexer(pd.Index(frame["image_id"]))
    columns = pd.Index(votes.class_ids, dtype=object).get_indexer(pd.Index(frame["class_id"]))
    inside = (rows >= 0) & (columns >= 0)
    return rows[inside], columns[inside], frame[inside]
