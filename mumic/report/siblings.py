"""Classes with a common parent that the run takes for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from annotate.taxonomy.model import TaxonomyClass
from mumic.metrics.ranking import Cells

MOST_PAIRS = 20
FEWEST_IMAGES = 3  # a share of fewer says nothing


@dataclass(frozen=True)
class Confusion:
    """Of ``images`` that show ``shown`` and surely not ``other``, how many were said to show it."""

    shown: str
    other: str
    images: int
    mistaken: int

    @property
    def share(self) -> float:
        """Mistaken images among all."""
        return self.mistaken / self.images


@dataclass(frozen=True)
class Siblings:
    """What became of the pairs of siblings, each counted in both directions.

    Attributes:
        pairs: how many the classes make.
        judged: those of ``FEWEST_IMAGES`` images or more.
        confused: those of them that are mistaken, the largest share first.
    """

    pairs: int
    judged: int
    confused: tuple[Confusion, ...]

    @property
    def largest(self) -> tuple[Confusion, ...]:
        """Those to show."""
        return self.confused[:MOST_PAIRS]

    @property
    def text(self) -> str:
        """What they are, what is left out, or why there is none."""
        if not self.pairs:
            return "No two classes have a common parent."
        enough = f"{FEWEST_IMAGES} images or more that show the one and surely not the other"
        if not self.judged:
            return f"No pair of siblings has {enough}, so none is judged."
        if self.confused:
            told = (
                "Of the images that show the first class and surely not its sibling, the share "
                "that the run says to show the sibling."
            )
        else:
            told = f"No pair of siblings with {enough} is mistaken."
        return told + self._left_out()

    def _left_out(self) -> str:
        """Pairs that the table lacks, because it would be too long or they have too few images."""
        told = ""
        if len(self.confused) > MOST_PAIRS:
            told += f" These are the {MOST_PAIRS} largest of {len(self.confused)}."
        if self.judged < self.pairs:
            told += (
                f" Left out: {self.pairs - self.judged} of {self.pairs} pairs (each counted in "
                f"both directions), with fewer than {FEWEST_IMAGES} such images."
            )
        return told


def sibling_pairs(classes: Sequence[TaxonomyClass]) -> list[tuple[int, int]]:
    """Places of ordered pairs of classes that share a parent."""
    return [
        (at, other)
        for at, other in permutations(range(len(classes)), 2)
        if set(classes[at].parents) & set(classes[other].parents)
    ]


def find_siblings(
    classes: Sequence[TaxonomyClass], said: npt.NDArray[np.bool_], cells: Cells
) -> Siblings:
    """Siblings that are mistaken for each other, and how many pairs were looked at.

    Args:
        classes: in the order of the columns.
        said: (images, classes), yes at the prediction thresholds.
        cells: the truth; images whose label for either class is unknown are left out.
    """
    truth = (cells.labels == 1) & cells.mask
    never = (cells.labels == 0) & cells.mask
    pairs = sibling_pairs(classes)
    found = []
    for at, other in pairs:
        rows = truth[:, at] & never[:, other]
        mistaken = int((rows & said[:, other]).sum())
        if rows.sum() >= FEWEST_IMAGES:
            entry = Confusion(classes[at].name, classes[other].name, int(rows.sum()), mistaken)
            found.append(entry)
    confused = [entry for entry in found if entry.mistaken]
    confused.sort(key=lambda entry: (-entry.share, -entry.mistaken))
    return Siblings(len(pairs), len(found), tuple(confused))
