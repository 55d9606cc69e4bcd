"""Which images a run has learned from: what it says of these tells nothing of how good it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from annotate.dataset.splits import SPLITS
from annotate.errors import InputError
from annotate.tables import LEARNED, read, write

FILE = "learned.parquet"  # in a run's folder
_LEARNED = {"validation": ("train",), "test": ("train", "validation")}


def write_learned(folder: Path, images: pd.DataFrame, start: Path | None = None) -> None:
    """Keep the images of a training, and of the choice of its best epoch and thresholds.

    A picture that is in several splits of one dataset counts for the last of them: that is how the
    dataset was built, and it says so itself.

    Args:
        folder: of the run.
        images: ``content_hash`` and ``split`` of the dataset.
        start: of the run that it started from, whose images it has learned, too.
    """
    images = images[list(LEARNED.columns)]
    places = images.sort_values("split", key=lambda names: names.map(SPLITS.index), kind="stable")
    splits = places.drop_duplicates("content_hash", keep="last")
    learned = [splits[splits["split"] != "test"]]
    if start is not None and (start / FILE).is_file():
        learned.append(read(LEARNED, start / FILE))
    write(LEARNED, pd.concat(learned, ignore_index=True).drop_duplicates(), folder / FILE)


def learned_in_training(folder: Path) -> pd.Series:
    """The content hashes of the images that a run was trained with.

    Args:
        folder: of the run.

    Raises:
        MissingError: it does not say what it was trained with.
    """
    learned = read(LEARNED, folder / FILE)
    return learned.loc[learned["split"] == "train", "content_hash"]


def check_unlearned(folder: Path, images: pd.DataFrame) -> None:
    """Refuse to judge a run by images that it has learned from, in a split made anew since.

    Args:
        folder: of the run.
        images: ``content_hash`` and ``split``, as it is now; the training split is not checked.

    Raises:
        InputError: the run was trained with an image that is in validation or test now, or chosen
            by one that is in test.
        MissingError: it does not say what it was trained with.
    """
    learned = read(LEARNED, folder / FILE)
    for split, kinds in _LEARNED.items():
        own = images.loc[images["split"] == split, "content_hash"]
        known = own.isin(learned.loc[learned["split"].isin(kinds), "content_hash"])
        if known.any():
            raise InputError(
                f"{int(known.sum()):,} of {len(own):,} {split} images are among those that run "
                f"{folder.name} was trained with, so it knows their labels: the splits were made "
                "anew since. Train a run with these: `mumic train`."
            )
