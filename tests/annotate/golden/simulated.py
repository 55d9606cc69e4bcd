"""Votes of simulated people on images whose labels are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotate.golden.cells import Cells, make_cells
from annotate.labels.consolidate import propagate
from annotate.labels.votes import Votes
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass


def taxonomy_of(count: int, parents: dict[int, int] | None = None) -> Taxonomy:
    above = parents or {}
    return Taxonomy(
        "test",
        "1",
        (Category("all", "All"),),
        tuple(
            TaxonomyClass(
                f"c{at:02d}",
                f"Class {at}",
                "all",
                parents=(f"c{above[at]:02d}",) if at in above else (),
            )
            for at in range(count)
        ),
    )


class World:
    """Images with true labels and the votes of five people on them.

    People see a class that is there with its chance of ``sees`` and believe to see one that is not
    with its chance of ``errs``.
    """

    def __init__(
        self,
        images: int,
        taxonomy: Taxonomy,
        seed: int,
        *,
        prevalence: float = 0.04,
        sees: tuple[float, ...] = (0.88,),
        errs: tuple[float, ...] = (0.012,),
        per_property: int = 4,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.taxonomy = taxonomy
        shape = (images, len(taxonomy.ids))
        self.truth = propagate(rng.random(shape) < prevalence, taxonomy.ids, taxonomy)
        yes = np.resize(np.array(sees), shape[1])
        no = np.resize(np.array(errs), shape[1])
        counts = rng.binomial(5, np.where(self.truth, yes, no)).astype(np.int16)
        ids = tuple(f"i{at:06d}" for at in range(images))
        self.votes = Votes(
            ids, taxonomy.ids, counts, (5 - counts).astype(np.int16), np.zeros_like(counts)
        )
        self.properties = pd.Series(
            [f"p{at // per_property}" for at in range(images)], index=pd.Index(ids)
        )

    def golden(self, rows: np.typing.NDArray[np.int64] | None = None) -> pd.DataFrame:
        """True labels of some images, as experts would give them."""
        picked = np.arange(len(self.truth)) if rows is None else rows
        ids = np.array(self.votes.image_ids, object)
        return pd.DataFrame(
            {
                "image_id": np.repeat(ids[picked], self.truth.shape[1]),
                "class_id": np.tile(np.array(self.taxonomy.ids, object), len(picked)),
                "label": self.truth[picked].ravel().astype(np.int8),
            }
        )

    def cells(self, rows: np.typing.NDArray[np.int64] | None = None) -> Cells:
        """Golden labels of some images, every one counted the same."""
        golden = self.golden(rows)
        return make_cells(self.votes, golden, None, self.properties, self.taxonomy)
