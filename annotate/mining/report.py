"""What rounds of mining and the labels of their images say about each class's prevalence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.catalog.scan import load_catalog
from annotate.dataset.imported import imported_labels
from annotate.errors import MissingError
from annotate.migration.record import Migration, load_migrations
from annotate.mining.population import (
    Population,
    Round,
    catalogue_of,
    contents_of,
    load_rounds,
)
from annotate.mining.prevalence import Estimate, Sample, estimate
from annotate.mining.round_files import MADE_BY
from annotate.tables import LABELS, read
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

if TYPE_CHECKING:
    from annotate.workspace import Workspace

RANDOM = ("similarity", "stratified")  # strategies whose receipts carry probabilities


@dataclass(frozen=True)
class Known:
    """Labels and properties of images.

    Attributes:
        labels: for each class id, 1 or 0 by content; unknown and unasked ones are not there.
        properties: property id by image id.
        above: for each class id the ids above it.
        contents: content by image id, of gone images too; where there is none, the id stands for
            it, see :func:`annotate.mining.population.contents_of`.
    """

    labels: Mapping[str, pd.Series]
    properties: pd.Series
    above: Mapping[str, Collection[str]]
    contents: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))

    def sample(self, images: pd.DataFrame, class_id: str) -> Sample:
        """A sample from ``image_id``, ``chance``, ``stratum`` and ``finite``.

        Where a class above is a no, so is the class: what is no pool is no indoor pool. With
        parents asked first nobody is asked for it there, and left out it would seem more frequent.
        """
        ids = pd.Index(contents_of(images["image_id"], self.contents))
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

    A label is of what a photo shows: it holds for all copies of it, also where the photo was moved
    and has got another id.

    Args:
        labels: ``tables.LABELS``, one row of an image and class; of copies the first row counts.
        images: the catalogue, with what is gone.
        taxonomy: says which classes are above which.
    """
    asked = labels[["yes", "no", "unsure"]].sum(axis=1) > 0
    told = asked | (labels["decided"] != "propagated")
    decided = labels[(told & labels["label"].notna()).to_numpy(bool)]
    by_id = images.set_index("image_id")
    decided = decided.assign(content=contents_of(decided["image_id"], by_id["content_hash"]))
    by_class = {
        str(name): pd.Series(part["label"].to_numpy(np.float64), index=part["content"])
        for name, part in decided.drop_duplicates(["content", "class_id"]).groupby(
            "class_id", sort=False
        )
    }
    above = {name: taxonomy.ancestors(name) for name in taxonomy.ids}
    return Known(by_class, by_id["property_id"], above, by_id["content_hash"])


def report(
    workspace: Workspace, classes: Collection[str] = (), strategy: str | None = None
) -> dict[str, Any]:
    """Each class's prevalence by every round that can tell.

    Args:
        workspace: with rounds of mining and labels.
        classes: ids; empty: all that have labels or were mined for.
        strategy: only rounds of this one.

    Returns:
        ``estimates``, ``rounds``, ``skipped_rounds``, and ``untold_classes``: those of ``classes``
        that no round tells about.

    Raises:
        MissingError: no round with probabilities, no labels, or no round tells about any class that
            is asked for.
    """
    rounds = load_rounds(workspace.candidates)
    usable = [r for r in rounds if r.summary["strategy"] in ({strategy} & {*RANDOM} or RANDOM)]
    if strategy not in (None, *RANDOM) or not usable:
        raise MissingError(
            f"no {strategy or 'similarity or stratified'} round in {workspace.candidates} whose "
            f"images were drawn with known probabilities. Draw one with `{MADE_BY}`."
        )
    taxonomy = load_taxonomy(workspace.taxonomy)
    known = known_labels(_all_labels(workspace), load_catalog(workspace.catalog), taxonomy)
    history = load_migrations(workspace)
    named = [with_present_classes(entry, taxonomy, history) for entry in usable]
    lines = [line for entry in named for line in estimates(entry, known, classes)]
    untold = sorted(set(classes) - {line["class_id"] for line in lines})
    if not lines:
        raise MissingError(
            f"no round tells about {', '.join(untold) or 'any class'}: none has a pool of it, and "
            "none is a stratified one, which tells of all classes with labels. Draw one with "
            f"`{MADE_BY}`, and have its images labelled."
        )
    counts = {"rounds": len(usable), "skipped_rounds": len(rounds) - len(usable)}
    return {"estimates": lines, **counts, "untold_classes": untold}


def with_present_classes(entry: Round, taxonomy: Taxonomy, history: Sequence[Migration]) -> Round:
    """A round whose pools have the ids that their classes have today, as the labels do.

    The pools of classes that were merged are one. A class that is gone or was split has none that
    holds its place and keeps its id.

    Args:
        entry: the round.
        taxonomy: as it is today.
        history: all migrations, the first one first.
    """
    in_use = {each.id for each in taxonomy.classes if not each.replaced_by}
    heirs = [
        {each.id: name for name, found in step.sources.items() for each in found if each.whole}
        for step in (migration.step for migration in history)
    ]

    def present(name: str) -> str:
        for heir in heirs:
            name = name if name in in_use else heir.get(name, name)
        return name

    ids = entry.pools["class_id"]
    names = {name: present(name) for name in ids.dropna().unique()}
    pools = entry.pools.assign(class_id=ids.map(names))
    return replace(entry, pools=pools.drop_duplicates(["class_id", "image_id"]))


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
    of which it is a sample, and the images that were drawn or answered before, which are known. For
    those that lack a label, the others of their first round and class stand, see
    :func:`annotate.mining.population.catalogue_of`.
    """
    if entry.summary["strategy"] == "similarity":
        mined = dict.fromkeys(entry.pools["class_id"].dropna())
        wanted = [name for name in mined if not classes or name in classes]
        return [_within_pool(entry, known, class_id) for class_id in wanted]
    whole = catalogue_of(entry, known.contents)
    return [_in_catalogue(entry, whole, known, name) for name in classes or known.labels]


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


def _in_catalogue(entry: Round, whole: Population, known: Known, class_id: str) -> dict[str, Any]:
    found = estimate(known.sample(whole.images, class_id))
    names = pd.factorize(whole.images["stratum"])[1]
    told = [name for name, there in zip(names, found.reached, strict=True) if there]
    reached = sum(whole.sizes[name] for name in told)
    unreached = sum(whole.sizes.values()) + whole.out_of_reach - reached
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
