"""Candidates by strata: a random sample that represents the properties.

The second strategy of the paper (Wang et al., AAAI 2023, section 3). With a cap per property the
sample has two phases (Särndal, Swensson and Wretman, "Model Assisted Survey Sampling", 1992,
chapter 9): some images of each property at random, then some of those of each stratum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.index.shards import Index
from annotate.mining.draw import Draw, Mined, generator, receipts
from annotate.mining.near_copies import Indices, Mask, distinct_vectors
from annotate.mining.strata import allocate

FIRST_PHASE = "images of each property"  # names the random numbers of the first phase
REMAINDERS = "last images of the strata"  # and those of equal claims to an image
GATHERED = 20_000  # embeddings in memory at a time

Floats = npt.NDArray[np.float64]


def mine_stratified(images: pd.DataFrame, strata: pd.Series, how: str, draw: Draw) -> Mined:
    """Draw ``n`` images, shared among strata, with equal chances within each.

    With ``max_per_property`` m, first min(m, N_p) of the N_p images of each property stay, by
    chance; the allocation is computed on what stays. An image's probability is the product of the
    two phases'. Where a property's images lie in several strata, the size of a stratum after the
    first phase depends on chance, and the product is the conditional probability pi* of the book's
    section 9.2: right for estimation, and the mean over first phases is the probability proper.

    Where equal strata are allotted unequal numbers, since there are fewer images than strata, which
    of them is by chance too. The probability is conditional on this allocation: the sample stands
    for the strata that it has images of, and a stratum without one is outside what it tells of.

    Args:
        images: of a frame, sorted by image id.
        strata: each image's stratum, see ``strata.strata_of``.
        how: the allocation, see ``strata.allocate``.
        draw: ``n``, ``max_per_property``, seed and round count.
    """
    kept, first_chance = first_phase(images, draw)
    population = _sizes(strata)
    sizes = dict.fromkeys(population, 0) | _sizes(strata[kept])
    shares = allocate(sizes, draw.n, how, generator(draw.seed, draw.round, REMAINDERS))
    members = strata[kept].groupby(strata[kept]).indices  # positions among what stays
    staying = np.flatnonzero(kept)
    drawn = {name: wanted for name, wanted in sorted(shares.items()) if wanted}
    rows = [np.empty(0, np.int64)]
    for name, wanted in drawn.items():
        rng = generator(draw.seed, draw.round, name)
        rows.append(staying[members[name][np.sort(rng.permutation(sizes[name])[:wanted])]])
    second_chance = np.array([wanted / sizes[name] for name, wanted in drawn.items()])
    chosen = np.concatenate(rows)
    chances = first_chance[chosen] * np.repeat(second_chance, list(drawn.values()))
    part = pd.DataFrame(
        {
            "image_id": images["image_id"].to_numpy(object)[chosen],
            "stratum": np.repeat(np.array(list(drawn), object), list(drawn.values())),
            "draw_probability": chances,
            "inclusion_probability": chances,
        }
    )
    return Mined(receipts([part], "stratified", draw), sizes, shares, population)


def not_drawn(mined: Mined) -> dict[str, int]:
    """How many ``strata`` have images and none in the sample, and their ``images``."""
    empty = [name for name, size in mined.population.items() if size and not mined.drawn[name]]
    return {"strata": len(empty), "images": sum(mined.population[name] for name in empty)}


def first_phase(images: pd.DataFrame, draw: Draw) -> tuple[Mask, Floats]:
    """A simple random sample of at most m images of each property.

    Images without a property are all kept.

    Returns:
        bool (N,): which images stay, and float64 (N,): with which probability.
    """
    count = len(images)
    if not draw.max_per_property:
        return np.ones(count, bool), np.ones(count)
    codes = pd.factorize(images["property_id"])[0]
    keys = generator(draw.seed, draw.round, FIRST_PHASE).random(count)
    order = np.lexsort((keys, codes))
    place = np.empty(count, np.int64)  # of the image among its property's, by chance
    starts = np.flatnonzero(np.diff(codes[order], prepend=-2))
    lengths = np.diff([*starts, count])
    place[order] = np.arange(count) - np.repeat(starts, lengths)
    sizes = np.bincount(codes + 1)[codes + 1]
    alone = codes < 0
    kept = alone | (place < draw.max_per_property)
    return kept, np.where(alone, 1.0, np.minimum(1.0, draw.max_per_property / sizes))


@dataclass(frozen=True)
class Nearness:
    """Embeddings to tell near copies by.

    Attributes:
        index: of one model.
        cosine: from this on two are near.
        seen: images that were drawn or answered before, with ``property_id`` and ``content_hash``.
    """

    index: Index
    cosine: float
    seen: pd.DataFrame


def distinct_within_properties(images: pd.DataFrame, nearness: Nearness) -> Mask:
    """Which images are not near copies of an image of the same property with a smaller id.

    Nor of one that was drawn before. Images without a property are compared with each other where
    they are no more than :data:`GATHERED`, else they are kept, as one without an embedding is.

    Args:
        images: of a frame, sorted by image id.
        nearness: what to compare.

    Returns:
        bool (N,).
    """
    both = pd.concat([nearness.seen.assign(old=True), images.assign(old=False)])
    codes, rows = _compared_groups(both, nearness.index)
    old = both["old"].to_numpy(bool)
    comparable = np.flatnonzero(codes >= 0)
    # By property, those drawn before first; the others are in the order of their ids already.
    order = comparable[np.lexsort((~old[comparable], codes[comparable]))]
    kept = np.ones(len(both), bool)
    for start, end in _batches(codes[order]):
        batch = order[start:end]
        vectors = nearness.index.vectors(rows[batch])
        for a, b in _runs_of_equals(codes[batch]):
            first = a + int(old[batch[a:b]].sum())
            if b - a > 1 and first < b:
                taken = vectors[a:first]
                kept[batch[first:b]] = distinct_vectors(vectors[first:b], nearness.cosine, taken)
    return np.asarray(kept[len(nearness.seen) :])


def compared_by(images: pd.DataFrame, nearness: Nearness) -> str:
    """What :func:`distinct_within_properties` compares, in words."""
    both = pd.concat([nearness.seen, images])
    codes, rows = (part[len(nearness.seen) :] for part in _compared_groups(both, nearness.index))
    owned = images["property_id"].notna().to_numpy(bool)
    embedded, compared = rows >= 0, codes >= 0
    alone = int((embedded & ~owned).sum())
    among = ["within a property"] if (compared & owned).any() else []
    among += [f"among {alone:,} images without a property"] if (compared & ~owned).any() else []
    words = [f"embeddings {' and '.join(among)}, cosine {nearness.cosine:g}"] if among else []
    if (embedded & ~compared).any():
        words.append(f"{alone:,} images without a property are too many to compare embeddings")
    if not embedded.all():
        words.append(f"{int((~embedded).sum()):,} not embedded")
    return "; ".join(words)


def _compared_groups(images: pd.DataFrame, index: Index) -> tuple[Indices, Indices]:
    """The group that each image is compared within, -1: it is not; and its row in the index."""
    rows = index.rows_of(images["content_hash"])
    codes = pd.factorize(images["property_id"])[0].astype(np.int64)
    alone = (codes < 0) & (rows >= 0)
    if alone.sum() <= GATHERED:
        codes[alone] = codes.max(initial=-1) + 1
    codes[rows < 0] = -1
    return codes, rows


def _batches(codes: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Start and end of runs of whole properties of about :data:`GATHERED` images."""
    batches: list[tuple[int, int]] = []
    start = 0
    for _, end in _runs_of_equals(codes):
        if end - start >= GATHERED or end == len(codes):
            batches.append((start, end))
            start = end
    return batches


def _runs_of_equals(codes: Indices) -> Iterator[tuple[int, int]]:
    """Start and end of each run of equal numbers.

    >>> list(_runs_of_equals(np.array([4, 4, 7, 9, 9])))
    [(0, 2), (2, 3), (3, 5)]
    """
    borders = np.flatnonzero(np.diff(codes)) + 1
    return pairwise([0, *borders.tolist(), len(codes)]) if len(codes) else iter(())


def _sizes(strata: pd.Series) -> dict[str, int]:
    return {str(name): int(size) for name, size in strata.value_counts().sort_index().items()}
