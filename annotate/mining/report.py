"""What rounds of mining and the labels of their images say about each class's prevalence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.catalog.scan import load_catalog
from annotate.dataset.imported import imported_labels
from annotate.errors import MissingError
from annotate.mining.prevalence import Estimate, Sample, estimate
from annotate.mining.round_files import MADE_BY, load_round, round_files
from annotate.tables import LABELS, read
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

if TYPE_CHECKING:
    from annotate.workspace import Workspace

BEFORE = "(drawn or answered before)"  # stratum of the images that are known, not sampled
RANDOM = ("similarity", "stratified")  # strategies whose receipts carry probabilities


@dataclass(frozen=True)
class Round:
    """A round on disk: its receipts, pools and summary."""

    receipts: pd.DataFrame
    pools: pd.DataFrame
    summary: Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """Labels and properties of images.

    Attributes:
        labels: for each class id, 1 or 0 by image id; unknown and unasked ones are not there.
        properties: property id by image id.
        above: for each class id the ids above it.
    """

    labels: Mapping[str, pd.Series]
    properties: pd.Series
    above: Mapping[str, Collection[str]]

    def sample(self, images: pd.DataFrame, class_id: str) -> Sample:
        """A sample from ``image_id``, ``chance``, ``stratum`` and ``finite``.

        Where a class above is a no, so is the class: what is no pool is no indoor pool. With
        parents asked first nobody is asked for it there, and left out it would seem more frequent.
        """
        ids = pd.Index(images["image_id"])
        own = self._values(class_id, ids)
        above = [self._values(name, ids) for name in self.above.get(class_id, ())]
        votes = np.array(above).reshape(-1, len(ids))
        denied, lifted = (votes == 0).any(axis=0), (votes == 1).any(axis=0)
        properties = self.properties.reindex(images["image_id"])
        codes = pd.factorize(properties)[0].astype(np.int64)
        alone = codes < 0
        codes[alone] = codes.max(initial=0) + 1 + np.arange(int(alone.sum()))
        return Sample(
            np.where(np.isnan(own) & denied, 0.0, own),
            images["chance"].to_numpy(np.float64),
            pd.factorize(images["stratum"])[0].astype(np.int64),
            codes,
            images["finite"].to_numpy(bool),
            lifted & ~denied,
        )

    def _values(self, class_id: str, ids: pd.Index) -> npt.NDArray[np.float64]:
        """Labels of a class, NaN where there is none."""
        none = pd.Series(dtype=float)
        return self.labels.get(class_id, none).reindex(ids).to_numpy(np.float64)


def known_labels(labels: pd.DataFrame, images: pd.DataFrame, taxonomy: Taxonomy) -> Known:
    """What annotators decided, by class.

    A label that was only propagated from a descendant, while nobody was asked for the class, tells
    positives from unknown ones, never negatives. It would make a class seem more frequent, and is
    left out. Those of experts and of imports count, votes or not.

    Args:
        labels: ``tables.LABELS``, one row of an image and class.
        images: the catalogue.
        taxonomy: says which classes are above which.
    """
    asked = labels[["yes", "no", "unsure"]].sum(axis=1) > 0
    told = asked | (labels["decided"] != "propagated")
    decided = labels[(told & labels["label"].notna()).to_numpy(bool)]
    by_class = {
        str(name): pd.Series(part["label"].to_numpy(np.float64), index=part["image_id"])
        for name, part in decided.groupby("class_id", sort=False)
    }
    above = {name: taxonomy.ancestors(name) for name in taxonomy.ids}
    return Known(by_class, images.set_index("image_id")["property_id"], above)


def report(
    workspace: Workspace, classes: Collection[str] = (), strategy: str | None = None
) -> dict[str, Any]:
    """Each class's prevalence by every round that can tell.

    Args:
        workspace: with rounds of mining and labels.
        classes: ids; empty: all that have labels or were mined for.
        strategy: only rounds of this one.

    Raises:
        MissingError: no round with probabilities, or no labels.
    """
    rounds = [Round(*load_round(file)) for file in round_files(workspace.candidates)]
    usable = [r for r in rounds if r.summary["strategy"] in ({strategy} & {*RANDOM} or RANDOM)]
    if strategy not in (None, *RANDOM) or not usable:
        raise MissingError(
            f"no {strategy or 'similarity or stratified'} round in {workspace.candidates} whose "
            f"images were drawn with known probabilities. Draw one with `{MADE_BY}`."
        )
    taxonomy = load_taxonomy(workspace.taxonomy)
    known = known_labels(_all_labels(workspace), load_catalog(workspace.catalog), taxonomy)
    lines = [line for entry in usable for line in estimates(entry, known, classes)]
    return {"estimates": lines, "rounds": len(usable), "skipped_rounds": len(rounds) - len(usable)}


def _all_labels(workspace: Workspace) -> pd.DataFrame:
    """Labels of votes and of imports; of an image and class votes count first, then late imports.

    Raises:
        MissingError: there are none.
    """
    voted, imported = workspace.labels / "labels.parquet", imported_labels(workspace)
    if not imported:
        return read(LABELS, voted)
    files = [*([voted] if voted.is_file() else []), *imported[::-1]]
    labels = pd.concat([read(LABELS, file) for file in files], ignore_index=True)
    return labels[labels["label"].notna()].drop_duplicates(["image_id", "class_id"])


def estimates(entry: Round, known: Known, classes: Collection[str] = ()) -> list[dict[str, Any]]:
    """The prevalence of each class in the population of one round.

    A similarity round tells of its pools: all its images that lie in a class's pool count, for
    whichever class they were drawn. A stratified round tells of the catalogue in scope: its frame,
    of which it is a sample, and the images that were drawn or answered before, which are a stratum
    of their own and known.
    """
    similar = entry.summary["strategy"] == "similarity"
    mined = list(dict.fromkeys(entry.pools["class_id"].dropna())) if similar else known.labels
    wanted = [name for name in mined if not classes or name in classes]
    if not similar:
        wanted = list(classes) or wanted
    make = _within_pool if similar else _in_catalogue
    return [make(entry, known, class_id) for class_id in wanted]


def _within_pool(entry: Round, known: Known, class_id: str) -> dict[str, Any]:
    pool = entry.pools.loc[entry.pools["class_id"] == class_id, "image_id"]
    drawn = entry.receipts[entry.receipts["image_id"].isin(pool)].drop_duplicates("image_id")
    sample = drawn[["image_id"]].assign(
        chance=drawn["inclusion_probability"], stratum="pool", finite=True
    )
    found = estimate(known.sample(sample, class_id))
    return _line(entry, class_id, found) | {
        "population": "within the pool of the class",
        "population_images": len(pool),
        "unreached_images": 0,
    }


def _in_catalogue(entry: Round, known: Known, class_id: str) -> dict[str, Any]:
    before = entry.pools["image_id"]
    sizes = {row["name"]: row["population"] for row in entry.summary["drawn_from"]}
    sizes |= {BEFORE: len(before)} if len(before) else {}
    finite = not entry.summary["settings"]["max_per_property"]
    drawn = entry.receipts[["image_id", "stratum"]].assign(
        chance=entry.receipts["inclusion_probability"], finite=finite
    )
    certain = pd.DataFrame({"image_id": before, "stratum": BEFORE, "chance": 1.0, "finite": True})
    images = pd.concat([drawn, certain[certain["image_id"].notna()]], ignore_index=True)
    found = estimate(known.sample(images, class_id))
    names = pd.factorize(images["stratum"])[1]
    reached = sum(sizes[name] for name, there in zip(names, found.reached, strict=True) if there)
    unreached = sum(sizes.values()) - reached
    return _line(entry, class_id, found) | {
        "population": f"{'part' if unreached else 'whole'} of the catalogue in scope",
        "population_images": reached,
        "unreached_images": unreached,
    }


def _line(entry: Round, class_id: str, found: Estimate) -> dict[str, Any]:
    return {
        "round": entry.summary["round"],
        "strategy": entry.summary["strategy"],
        "class_id": class_id,
        "prevalence": found.share,
        "low": found.low,
        "high": found.high,
        "drawn": found.drawn,
        "labelled": found.labelled,
        "unlabelled": found.drawn - found.labelled,
        "positives": found.positives,
    }
