"""Which images may not be separated, and which new ones would tie splits together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.dataset.splits import FREE, SPLITS
from annotate.images.neighbours import components, near_duplicates, same_value

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grouping:
    """Groups of the images to split.

    Attributes:
        group: (N,) equal numbers stay together.
        ids: (N,) of each image's group; it outlives later builds.
        fixed: (N,) split that an image has had, else ``FREE``.
        bridging: (N,) new images that look like images of several splits, or whose property stands
            in several: in any split they would give away what another one measures.
        crossing: number of groups whose earlier images stand in several splits.
    """

    group: Indices
    ids: list[str]
    fixed: Indices
    bridging: Mask
    crossing: int

    def take(self, kept: Mask) -> Grouping:
        """Some of the images."""
        ids = [name for name, keep in zip(self.ids, kept, strict=True) if keep]
        return Grouping(self.group[kept], ids, self.fixed[kept], self.bridging[kept], self.crossing)


def group_for_splits(
    images: pd.DataFrame, gone: pd.DataFrame, stored: pd.DataFrame, bits: int
) -> Grouping:
    """Group images by property, near-duplicates and the groups of earlier builds.

    Args:
        images: to split; columns ``image_id``, ``property_id`` and ``perceptual_hash``.
        gone: images that were split before and are no longer labelled: they still hold their group
            together and their splits apart.
        stored: ``image_id``, ``group_id`` and ``split`` of earlier builds.
        bits: perceptual hashes that differ in at most so many bits look nearly the same.
    """
    columns = ["image_id", "property_id", "perceptual_hash"]
    everything = pd.concat([images[columns], gone[columns]], ignore_index=True)
    former = stored.set_index("image_id")
    old_groups = everything["image_id"].map(former["group_id"])
    fixed = _codes(everything["image_id"].map(former["split"]))
    edges = [same_value(everything["property_id"].tolist()), same_value(old_groups.tolist())]
    alike = near_duplicates(everything["perceptual_hash"].tolist(), bits)
    base = components(len(fixed), _joined(edges))
    root = components(len(fixed), _joined([*edges, alike]))
    tied = _in_several_splits(root, fixed)
    cluster = components(len(fixed), alike)
    foreign = _differs_within(cluster, base) | _in_several_splits(base, fixed)
    bridging = tied & foreign & (fixed == FREE)
    # Where splits are tied together, what hangs by a likeness alone is let go.
    group = np.where(tied, base, root)
    count = len(images)
    return Grouping(
        group[:count],
        _names(group, everything["image_id"], old_groups)[:count],
        fixed[:count],
        bridging[:count],
        len(np.unique(root[:count][tied[:count]])),
    )


def _codes(splits: pd.Series[str]) -> Indices:
    code = {name: at for at, name in enumerate(SPLITS)}
    return np.asarray(splits.map(code).fillna(FREE), np.int64)


def _joined(edges: list[tuple[Indices, Indices]]) -> tuple[Indices, Indices]:
    first, second = (np.concatenate([pair[side] for pair in edges]) for side in (0, 1))
    return first, second


def _in_several_splits(root: Indices, fixed: Indices) -> Mask:
    """Whether an item's group has items in several splits."""
    low = np.full(len(root), len(SPLITS))
    high = np.full(len(root), FREE)
    known = fixed != FREE
    np.minimum.at(low, root[known], fixed[known])
    np.maximum.at(high, root[known], fixed[known])
    several: Mask = (low < high)[root]
    return several


def _differs_within(cluster: Indices, values: Indices) -> Mask:
    """Whether an item's cluster has items of several values."""
    mixed = np.zeros(len(cluster), bool)
    mixed[cluster[values != values[cluster]]] = True
    return mixed[cluster]


def _names(root: Indices, image_ids: pd.Series[str], old: pd.Series[str]) -> list[str]:
    """A group is called after the first of its images, or as it was called at an earlier build."""
    own = pd.DataFrame({"root": root, "id": image_ids, "old": old})
    names = own.groupby("root")["id"].min().to_dict()
    names.update(own.dropna(subset=["old"]).groupby("root")["old"].min().to_dict())
    return own["old"].where(own["old"].notna(), own["root"].map(names)).astype(str).tolist()
