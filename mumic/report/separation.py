"""What training saw of the properties of the images that a run is measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from annotate import tables
from annotate.dataset.learned import FILE, learned_in_training
from annotate.workspace import Workspace
from mumic.run import Run

_TIES = ("property_id", "group_id", "content_hash")


@dataclass(frozen=True)
class Separation:
    """How the images of a split stand to those that a run was trained with.

    A group is what a dataset means to keep in one split: the photos of a property, and near copies.

    Attributes:
        images: of the split.
        trained: that the run was trained with.
        shared: images of the split in a group that training saw.
        nameless: images of the split that name no property.
        trained_nameless: those of training that name none, or are no longer in the dataset.
    """

    images: int
    trained: int
    shared: int = 0
    nameless: int = 0
    trained_nameless: int = 0

    @property
    def new_properties(self) -> bool:
        """Whether it is a fact that training saw no property of the split."""
        return not (self.shared or self.nameless or self.trained_nameless)

    @property
    def resampled(self) -> str:
        """What intervals resample: an image that names no property stands for itself."""
        if not self.nameless:
            return "whole properties"
        if self.nameless == self.images:
            return "whole groups of near copies (no image here names its property)"
        return (
            f"whole groups (a property's photos, or near copies: {self.nameless:,} of "
            f"{self.images:,} images name no property)"
        )

    def notes(self) -> list[str]:
        """Why the split may not be new to the run, as sentences; none where it is."""
        found = []
        if self.shared:
            found.append(
                "In a group, which is a property or near copies, that training saw: "
                f"{self.shared:,} of these {self.images:,} images. The figures flatter."
            )
        if self.nameless or self.trained_nameless:
            found.append(
                f"Without a known property: {self.nameless:,} of these {self.images:,} images and "
                f"{self.trained_nameless:,} of the {self.trained:,} that training saw. Photos of "
                "one place can be on both sides."
            )
        return found


def separation(workspace: Workspace, run: Run, split: str) -> Separation:
    """Compare a split with what a run was trained with, by properties, groups and pictures.

    Training saw the training split as it is now, and what the run says that it has learned from:
    the dataset may have been built anew since, and the run may have begun with another run.

    Args:
        workspace: with the dataset.
        run: a finished run.
        split: that it is measured on.

    Raises:
        MissingError: there is no dataset.
        DamagedError: the dataset or the run's list of images is not readable.
    """
    file = workspace.dataset / "images.parquet"
    images = tables.read(tables.DATASET, file, [*_TIES, "split"])
    # A run from before the list was kept has none.
    learned = set(learned_in_training(run.path)) if (run.path / FILE).is_file() else set()
    taught = images[(images["split"] == "train") | images["content_hash"].isin(learned)]
    own = images[images["split"] == split]
    shared = np.zeros(len(own), bool)
    for name in _TIES:
        shared |= own[name].isin(taught[name].dropna()).to_numpy(bool)
    gone = len(learned - set(images["content_hash"]))
    return Separation(
        images=len(own),
        trained=len(taught) + gone,
        shared=int(shared.sum()),
        nameless=int(own["property_id"].isna().sum()),
        trained_nameless=int(taught["property_id"].isna().sum()) + gone,
    )
