"""From the images that were annotated to the catalogue that they were drawn from.

Mining asks for images on purpose: measured on them, rare classes look frequent. A stratified round
draws every image of the catalogue in scope with a known chance, or knew it before, so its receipts
say how many images of the catalogue each one stands for (Hájek weights, see
:mod:`annotate.mining.prevalence`). Images of other rounds stand for nobody there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.mining.population import Round, catalogue_of, load_rounds
from annotate.settings import EvaluateSettings
from mumic.evaluation.measure import Method, Truth
from mumic.metrics.intervals import Interval, Resamples, interval
from mumic.metrics.measures import included_classes
from mumic.metrics.resampled import Sampled, all_samples

Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """How the images of a split stand for the catalogue.

    Attributes:
        weights: (images,), images of the catalogue that each stands for, 0 for none; None: no
            round says it.
        facts: the round, the images that count, the population, or the reason why there is none.
    """

    weights: Weights | None
    facts: dict[str, Any]


def find_design(folder: Path, image_ids: Sequence[str]) -> Design | None:
    """The design of the stratified round whose images say most about the catalogue.

    Of several rounds the one with the largest effective number of images, (sum w)^2 / sum w^2, is
    taken: a later one knows the images of the earlier.

    Args:
        folder: ``data/candidates``.
        image_ids: the images of the split.

    Returns:
        None where nothing was mined.
    """
    rounds = load_rounds(folder)
    if not rounds:
        return None
    stratified = [entry for entry in rounds if entry.summary["strategy"] == "stratified"]
    found = [_round_design(entry, image_ids) for entry in stratified]
    usable = [design for design in found if design.weights is not None and design.weights.any()]
    if not usable:
        reason = (
            "no image here is of a stratified round"
            if stratified
            else "without a stratified round, most of the catalogue had no known chance to be drawn"
        )
        return Design(None, {"reason": f"{reason} (mumic-annotate mine --strategy stratified)"})
    return max(usable, key=lambda design: float(design.facts["effective_images"]))


def _round_design(entry: Round, image_ids: Sequence[str]) -> Design:
    # By id: a dataset holds images that are there, under the id that their labels have.
    whole = catalogue_of(entry, contents=pd.Series(dtype=object))
    weights, reached = design_weights(whole.images, image_ids)
    population = sum(whole.sizes[name] for name in reached)
    return Design(
        weights,
        {
            "round": int(entry.summary["round"]),
            "images": int((weights > 0).sum()),
            "effective_images": _effective(weights),
            "population_images": population,
            "unreached_images": sum(whole.sizes.values()) + whole.out_of_reach - population,
        },
    )


def design_weights(images: pd.DataFrame, image_ids: Sequence[str]) -> tuple[Weights, set[str]]:
    """How many images of the catalogue each image of a split stands for.

    w = 1 / (pi r), with r the part of the stratum's images that is in this split with labels: which
    ones are is taken for chance within the stratum, as a split by chance makes it.

    Args:
        images: ``image_id``, ``stratum`` and ``chance`` of a round's images, each once.
        image_ids: the images of the split.

    Returns:
        (images,), 0 where an image is not of the round, and the strata that are reached.
    """
    by_id = images.drop_duplicates("image_id").set_index("image_id")
    here = by_id.reindex(list(image_ids))
    inside = here["chance"].notna().to_numpy()
    stratum = here["stratum"].to_numpy(dtype=object)
    drawn, seen = by_id["stratum"].value_counts(), pd.Series(stratum[inside]).value_counts()
    share = np.array([seen[name] / drawn[name] for name in stratum[inside]], dtype=np.float64)
    weights = np.zeros(len(here))
    weights[inside] = 1 / (here["chance"].to_numpy(np.float64)[inside] * share)
    return weights, set(stratum[inside])


def weighted_measures(
    method: Method,
    truth: Truth,
    weights: Weights,
    resamples: Resamples,
    settings: EvaluateSettings,
) -> dict[str, Interval]:
    """The headline measures, every image counted as often as the images that it stands for.

    Means are over the classes that enter the means as mined and have a positive of weight.

    Args:
        method: its scores.
        truth: the labels.
        weights: (images,) from :func:`design_weights`.
        resamples: those of the measures as mined.
        settings: ``min_positives`` and ``k``.
    """
    seen = (weights > 0) & truth.cells.mask.any(axis=1)
    draws = replace(resamples, image_weights=weights).if_several(seen)
    included = included_classes(truth.cells, settings.min_positives)

    def sampled(some: Resamples) -> Sampled:
        return all_samples(
            method.logits,
            truth.cells,
            some,
            included=included,
            thresholds=method.cuts,
            k=settings.k,
            unit=method.unit,
        )

    values, spread = sampled(draws.once).values, sampled(draws).values
    return {name: interval(float(each[0]), spread[name]) for name, each in values.items()}


def _effective(weights: Weights) -> float:
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total else 0.0
