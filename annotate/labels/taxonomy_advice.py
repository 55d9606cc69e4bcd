"""What votes say about the label list: classes that people do not use as it means them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.labels.agreement import nominal_alpha
from annotate.taxonomy.lint import Finding
from annotate.taxonomy.model import Taxonomy

FEWEST_IMAGES = 30
"""With fewer images nothing is said of a class."""
FEWEST_TOGETHER = 3
SHARE_TOGETHER = 0.01
"""Exclusive classes are named that come together on so many images, and so many of the rarer's."""
FEWEST_TICKED = 5
"""Fewer images with a tick say nothing of agreement: one lone tick each is no wonder."""
AGREES_LITTLE = 0.2
"""The whole interval of alpha must lie below: agreement up to here is slight (Landis, Koch 1977).

One that holds 0 and reaches further is merely wide. A class with few ticks has such an interval
although people agree, so nothing is said of it.
"""
RESAMPLES = 2000
INTERVAL = 0.95

Counts = npt.NDArray[np.int64]


def lint_votes(taxonomy: Taxonomy, labels: pd.DataFrame, *, seed: int = 0) -> list[Finding]:
    """Advice that rests on votes, in the order of the label list's lines.

    Args:
        taxonomy: the label list.
        labels: ``image_id``, ``class_id``, ``yes`` and ``no`` of ``tables.LABELS``.
        seed: of the resamples behind the intervals of alpha.
    """
    asked = labels[(labels["yes"] + labels["no"] > 0) & labels["class_id"].isin(taxonomy.ids)]
    found = [*_together(taxonomy, asked), *_single(taxonomy, asked, seed)]
    return [
        Finding("warning", taxonomy.file, line, class_id, f"class {class_id}: {message}")
        for line, class_id, message in sorted(found)
    ]


def _together(taxonomy: Taxonomy, asked: pd.DataFrame) -> Iterator[tuple[int, str, str]]:
    """Exclusive classes that most people saw on the same images."""
    seen = asked[asked["yes"] > asked["no"]]
    images = {str(name): set(part) for name, part in seen.groupby("class_id")["image_id"]}
    for one, other in taxonomy.exclusive_pairs():
        both = images.get(one, set()) & images.get(other, set())
        rarer = min(len(images.get(one, ())), len(images.get(other, ())))
        if len(both) >= FEWEST_TOGETHER and len(both) >= SHARE_TOGETHER * rarer:
            message = (
                f"exclusive with {other}, and most people saw both on {len(both):,} images (of "
                f"{rarer:,} with the rarer one), such as {min(both)}; are they really exclusive?"
            )
            yield taxonomy.by_id[one].line, one, message


def _single(taxonomy: Taxonomy, asked: pd.DataFrame, seed: int) -> Iterator[tuple[int, str, str]]:
    """Classes that nobody ticks, and those on which people agree no better than by chance."""
    for name, part in asked.groupby("class_id"):
        class_id, line = str(name), taxonomy.by_id[str(name)].line
        if len(part) < FEWEST_IMAGES:
            continue
        if not part["yes"].sum():
            message = (
                f"nobody ever ticked it on {len(part):,} images; mine for it, or do without it"
            )
            yield line, class_id, message
            continue
        counts = part[["yes", "no"]].to_numpy(np.int64)
        if (counts[:, 0] > 0).sum() < FEWEST_TICKED:
            continue
        alpha = float(nominal_alpha(counts))
        low, high = alpha_interval(counts, seed=seed)
        if low <= 0 and high < AGREES_LITTLE:
            message = (
                f"people agree no better than by chance (Krippendorff's alpha {alpha:.2f}, 95 % "
                f"from {low:.2f} to {high:.2f}); say in the description what counts, or drop it"
            )
            yield line, class_id, message


def alpha_interval(counts: Counts, *, seed: int = 0) -> tuple[float, float]:
    """Bootstrap interval (95 %, percentiles) of Krippendorff's alpha over images.

    Images with the same counts are alike, so a resample is one draw of how many there are of each
    kind: the size of the table plays no part.

    Args:
        counts: (N, 2), yes and no votes of each image.
        seed: of the resamples.

    Returns:
        Low and high; a resample without two different votes has no alpha and is left out. NaN
        where none has one.
    """
    kinds, sizes = np.unique(counts[counts.sum(axis=1) >= 2], axis=0, return_counts=True)
    if not len(kinds):
        return float("nan"), float("nan")
    total = kinds.sum(axis=1)
    agreeing = (kinds * (kinds - 1)).sum(axis=1) / (total - 1)
    drawn = np.random.default_rng(seed).multinomial(
        sizes.sum(), sizes / sizes.sum(), size=RESAMPLES
    )
    values = drawn @ kinds
    n = values.sum(axis=1)
    expected = n * n - (values * values).sum(axis=1)
    there = expected > 0
    if not there.any():
        return float("nan"), float("nan")
    alpha = 1 - (n - drawn @ agreeing)[there] * (n[there] - 1) / expected[there]
    low, high = np.quantile(alpha, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return float(low), float(high)
