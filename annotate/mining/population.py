"""Rounds as they were drawn, and the catalogue as a stratified one knows it.

Such a round is a sample of its frame. The images in scope that were drawn or answered before belong
to the same catalogue, but not to the frame: they are known, as far as they have labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.mining.round_draws import STRATEGIES
from annotate.mining.round_files import load_round, round_files
from annotate.tables import CANDIDATES, empty

ELSEWHERE = "(answered elsewhere)"  # stratum of the known images that no round drew


@dataclass(frozen=True)
class Round:
    """A round on disk: its receipts, pools and summary.

    Attributes:
        earlier: receipts of the rounds before it.
    """

    receipts: pd.DataFrame
    pools: pd.DataFrame
    summary: Mapping[str, Any]
    earlier: pd.DataFrame = field(default_factory=lambda: empty(CANDIDATES))


@dataclass(frozen=True)
class Population:
    """The catalogue in scope of a stratified round.

    Attributes:
        images: ``image_id``, ``stratum``, ``chance`` and ``finite`` of those drawn and known.
        sizes: images of the catalogue in each stratum.
        out_of_reach: images in scope that belong to no stratum.
    """

    images: pd.DataFrame
    sizes: Mapping[str, int]
    out_of_reach: int


def load_rounds(folder: Path) -> list[Round]:
    """All rounds of ``data/candidates``, in order.

    Raises:
        MissingError: a file of a round is not there.
        DamagedError: a file of a round cannot be read.
    """
    rounds: list[Round] = []
    for file in round_files(folder):
        parts = [entry.receipts for entry in rounds]
        earlier = pd.concat(parts, ignore_index=True) if parts else empty(CANDIDATES)
        rounds.append(Round(*load_round(file), earlier))
    return rounds


def contents_of(image_ids: pd.Series, contents: pd.Series) -> npt.NDArray[np.object_]:
    """The content of each image; its id where the content is not known.

    Args:
        image_ids: (N,).
        contents: content by image id; those that are gone too, since a photo that was moved has
            got another id.
    """
    found = contents.reindex(image_ids).to_numpy(object)
    return np.where(pd.isna(found), image_ids.to_numpy(object), found)


def catalogue_of(entry: Round, contents: pd.Series) -> Population:
    """What a stratified round tells of.

    Args:
        entry: the round.
        contents: content by image id, see :func:`contents_of`; may be empty.
    """
    receipts, summary = entry.receipts, entry.summary
    drawn = pd.DataFrame(
        {
            "image_id": receipts["image_id"],
            "stratum": receipts["stratum"],
            "chance": receipts["inclusion_probability"],
            "finite": not summary["settings"]["max_per_property"],
        }
    )
    before = entry.pools["image_id"].dropna()
    origins = _origins(before, entry.earlier, contents)
    known = pd.DataFrame({"image_id": before, "stratum": origins, "chance": 1.0, "finite": True})
    sizes = {row["name"]: int(row["population"]) for row in summary["drawn_from"]}
    sizes |= {str(name): int(count) for name, count in known["stratum"].value_counts().items()}
    parts = [part for part in (drawn, known) if len(part)]
    images = pd.concat(parts, ignore_index=True) if parts else drawn
    return Population(images, sizes, int(summary.get("near_copies_out_of_reach", 0)))


def _origins(
    images: pd.Series, earlier: pd.DataFrame, contents: pd.Series
) -> npt.NDArray[np.object_]:
    """The stratum of each known image: the round and class that it was first drawn for.

    Whether it has a label yet depends on that: a round is sent out as a whole. In one stratum with
    all others, the unlabelled images of a round would seem to show what the labelled ones of
    another show.
    """
    rounds = earlier[earlier["strategy"].isin(STRATEGIES)]  # the others ask again what was asked
    names = [
        f"(round {number})" if pd.isna(name) else f"(round {number}: {name})"
        for number, name in zip(rounds["round"], rounds["class_id"], strict=True)
    ]
    first = pd.Series(names, index=contents_of(rounds["image_id"], contents), dtype=object)
    found = first[~first.index.duplicated()].reindex(contents_of(images, contents))
    return found.fillna(ELSEWHERE).to_numpy(object)
