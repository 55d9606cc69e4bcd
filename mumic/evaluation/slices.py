"""Groups of classes that are measured by themselves: categories, frequency bands, the majority."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Slice:
    """Some classes: ``kind`` is category, frequency or majority; ``columns`` are their places."""

    kind: str
    name: str
    columns: npt.NDArray[np.intp]


def class_slices(
    classes: Sequence[TaxonomyClass], frequency: Counts, settings: EvaluateSettings
) -> list[Slice]:
    """All slices that hold a class.

    Args:
        classes: in the order of the columns.
        frequency: (classes,), positives in the training split: what is rare there is rare.
        settings: bounds of the bands (those of LVIS, Gupta, Dollar and Girshick, CVPR 2019, by
            default) and how many classes are the majority.
    """
    bands = frequency_bands(frequency, settings)
    categories = [entry.category for entry in classes]
    named = [("category", name, np.array(categories) == name) for name in dict.fromkeys(categories)]
    named += [("frequency", name, inside) for name, inside in bands.items()]
    named.append(("majority", f"{settings.majority} most frequent", majority(frequency, settings)))
    return [
        Slice(kind, name, np.flatnonzero(inside)) for kind, name, inside in named if inside.any()
    ]


def frequency_bands(
    frequency: Counts, settings: EvaluateSettings
) -> dict[str, npt.NDArray[np.bool_]]:
    """Rare, common and frequent classes, (classes,) each."""
    rare, common = settings.rare_at_most, settings.common_at_most
    return {
        f"rare (at most {rare})": frequency <= rare,
        f"common ({rare + 1} to {common})": (frequency > rare) & (frequency <= common),
        f"frequent (above {common})": frequency > common,
    }


def majority(frequency: Counts, settings: EvaluateSettings) -> npt.NDArray[np.bool_]:
    """The most frequent classes, (classes,); of equally frequent ones the first."""
    chosen = np.zeros(len(frequency), bool)
    chosen[np.argsort(-frequency, kind="stable")[: settings.majority]] = True
    return chosen
