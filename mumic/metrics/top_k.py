"""GAP@K: one ranking of each image's K highest scores (Wang et al., AAAI 2023, section 4.2).

The K are cut by stable rank: among equal scores the earlier class is kept. Shapes and masks are
those of :mod:`mumic.metrics.measures`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mumic.metrics.blocks import ROWS, over_blocks, true_in_rows, true_places
from mumic.metrics.ranking import Floats, Labels, Mask, Ranking, precision_at_positives

NAN = float("nan")
Places = npt.NDArray[np.intp]


def gap_at_k(scores: Floats, labels: Labels, mask: Mask, k: int) -> tuple[float, float]:
    """GAP over each image's K highest observed scores.

    Returns:
        With recall over the positives among the collected predictions, and over all positives.
    """

    def some(part: slice) -> tuple[Floats, Floats, int]:
        here, known = np.ascontiguousarray(scores[part]), mask[part]
        highest = _highest(here, known, k)
        places = true_places((labels[part] == 1) & known)
        kept = _values_kept(places, here, known, highest)
        collected = highest if known.all() else highest[_filled(known, highest)]
        return collected.ravel(), kept, len(places)

    blocks = over_blocks(some, len(scores), ROWS)
    total = sum(count for _, _, count in blocks)
    if total == 0:
        return NAN, NAN
    found = np.sort(np.concatenate([each for _, each, _ in blocks]))
    if not found.size:  # there are positives, and none was collected
        return NAN, 0.0
    collected = np.sort(np.concatenate([each for each, _, _ in blocks]))
    precision = precision_at_positives(Ranking(collected, found))
    return precision, precision * found.size / total


def top_k(scores: Floats, mask: Mask, k: int) -> Mask:
    """Each image's K highest observed scores, as a mask (images, classes)."""
    if k >= scores.shape[1]:
        return mask

    def some(part: slice) -> Mask:
        here, known = np.ascontiguousarray(scores[part]), mask[part]
        return _chosen(here, known, _highest(here, known, k))

    return np.concatenate([mask[:0], *over_blocks(some, len(scores), ROWS)])


def _highest(here: Floats, known: Mask, k: int) -> Floats:
    """The K highest known scores of each row, ascending, (rows, K); -inf where there are fewer.

    numpy sorts rows of a few hundred numbers faster than it finds their K highest.
    """
    hidden = here.copy() if known.all() else np.where(known, here, here.dtype.type(-np.inf))
    hidden.sort(axis=1)
    return hidden[:, -k:]


def _filled(known: Mask, highest: Floats) -> Mask:
    """Which entries of :func:`_highest` are scores."""
    width = highest.shape[1]
    filled: Mask = np.arange(width) >= width - true_in_rows(known)[:, None]
    return filled


def _chosen(here: Floats, known: Mask, highest: Floats) -> Mask:
    """The K as a mask, (rows, classes)."""
    lowest = highest[:, :1]
    level = (here == lowest) & known
    room = highest.shape[1] - true_in_rows(highest > lowest)
    crowded = true_in_rows(level) > room
    level[crowded] &= np.cumsum(level[crowded], axis=1) <= room[crowded, None]
    chosen: Mask = ((here > lowest) | level) & known
    return chosen


def _values_kept(places: Places, here: Floats, known: Mask, highest: Floats) -> Floats:
    """Scores of those of some cells that are among the K: only ties need a look at their row."""
    rows, columns = np.divmod(places, here.shape[1])
    values, lowest = here.ravel()[places], highest[rows, 0]
    kept, level = values > lowest, values == lowest
    tied, at = np.unique(rows[level], return_inverse=True)
    kept[level] = _chosen(here[tied], known[tied], highest[tied])[at, columns[level]]
    found: Floats = values[kept]
    return found
