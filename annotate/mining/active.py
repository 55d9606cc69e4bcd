"""Second rounds: candidates where a trained run is unsure, and images unlike all chosen so far.

These draws follow the model and not chance, so their receipts have no inclusion probability.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, MissingError
from annotate.index.shards import Index
from annotate.mining.draw import Draw, Mined, generator, receipts, rows_in
from annotate.mining.kcenter import Limits, k_center
from annotate.mining.near_copies import Vectors, all_near
from annotate.mining.predictions import RunPredictions

ANY_CLASS = "any class"  # the pool of images that are uncertain in some class
EVERYTHING = "catalogue"  # the pool of a diverse draw
DIVERSE_POOL = 20_000

Progress = Callable[[int], object]


def uncertainty(
    predictions: pd.DataFrame, thresholds: Mapping[str, float], class_ids: Sequence[str] = ()
) -> pd.DataFrame:
    """How unsure a run is of each image, for each of some classes, or in whatever class.

    The score is the binary entropy, in bits, of the probability after the logit is shifted so that
    the class's threshold lies at one half: 1 on the threshold, falling alike on both sides. What
    counts is where the prediction flips, and for a rare class that is far from a probability of one
    half. Without class ids an image has the largest score over all classes, with that class's id:
    one doubtful class is enough to ask people (the max aggregation of per-class uncertainty; Esuli
    and Sebastiani, "Active learning strategies for multi-label text classification", ECIR 2009,
    compare it with the mean).

    Args:
        predictions: ``image_id``, ``class_id`` and ``logit``. A pair that is not there is below the
            storage threshold: a certain no, of score 0, and no row of the result.
        thresholds: prediction threshold of each class, a logit; other classes are passed over.
        class_ids: score these, each for itself.

    Returns:
        ``image_id``, ``class_id`` and ``score`` from 0 to 1: the largest scores first, by class if
        there are class ids. Ties stand in the order of image ids.
    """
    wanted = list(class_ids) or list(thresholds)
    rows = predictions[predictions["class_id"].isin(wanted) & predictions["logit"].notna()]
    shift = rows["class_id"].map(dict(thresholds)).to_numpy(np.float64)
    margin = np.asarray(rows["logit"].to_numpy(np.float64) - shift, np.float64)
    scored = rows[["image_id", "class_id"]].assign(score=_entropy(margin))
    order = ["image_id", "class_id"] if not class_ids else ["class_id", "image_id"]
    by = ["score", *order] if not class_ids else ["class_id", "score", "image_id"]
    scored = scored.sort_values(by, ascending=[name != "score" for name in by])
    return scored.drop_duplicates(["image_id"] if not class_ids else order, ignore_index=True)


def _entropy(margin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Entropy in bits of a coin whose log odds these are: log(1 + e^-m) + m / (1 + e^m)."""
    m = np.minimum(np.abs(margin), 700.0)  # beyond, e^-m is no normal number
    small = np.exp(-m)
    return np.asarray((np.log1p(small) + m * small / (1 + small)) / np.log(2))


@dataclass(frozen=True)
class _Indexed:
    """Images of a frame that are in the index.

    Attributes:
        images: sorted by image id, indexed from 0.
        rows: int64 (n,), the row of each in the index.
        index: embeddings of this model.
    """

    images: pd.DataFrame
    rows: npt.NDArray[np.int64]
    index: Index

    @classmethod
    def of(cls, images: pd.DataFrame, index: Index) -> _Indexed:
        """Look the images up.

        Raises:
            MissingError: none is in the index.
        """
        rows = rows_in(index, images)
        there = rows >= 0
        return cls(images[there].reset_index(drop=True), rows[there], index)

    def vectors(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float16]:
        """Embeddings of some images, float16 (len(positions), dim)."""
        return self.index.vectors(self.rows[positions])


def mine_uncertain(
    images: pd.DataFrame,
    index: Index,
    predictions: RunPredictions,
    class_ids: Sequence[str],
    draw: Draw,
    taken: Vectors | None = None,
) -> Mined:
    """Draw images that a run is unsure of, unlike each other.

    A pool is the ``top`` most uncertain images, see :func:`uncertainty`, with at most
    ``max_per_property`` of a property. Of it ``n`` are chosen by k-center, so that a series of
    alike pictures is not sent as a whole; near copies of what is drawn are passed over. With class
    ids each has its pool, and what was drawn for one counts as drawn for the next.

    Args:
        images: of a frame, sorted by image id.
        index: embeddings to tell images apart by.
        predictions: of a trained run.
        class_ids: classes to be sure of; none: any class, and a receipt names the most doubtful.
        draw: how much.
        taken: embeddings of images that were drawn before: the first centres.

    Returns:
        Receipts with the rank in the pool and the uncertainty.

    Raises:
        MissingError: no image of the frame is predicted or embedded.
        InputError: a class that the run does not know, or nothing that is left to choose.
    """
    predictions.check_classes(class_ids)
    embedded = _Indexed.of(images, index)
    rows = predictions.rows[predictions.rows["image_id"].isin(embedded.images["image_id"])]
    if rows.empty:
        raise MissingError(
            f"run {predictions.run_id} has predicted none of the {len(embedded.images):,} images "
            "that may be drawn. Predict the whole catalogue with "
            f"`mumic predict --run {predictions.run_id}`."
        )
    scores = uncertainty(rows, predictions.thresholds, class_ids)
    place = pd.Series(np.arange(len(embedded.images)), index=embedded.images["image_id"])
    scores = scores.assign(position=place.reindex(scores["image_id"]).to_numpy(np.int64))
    parts, pools = {}, {}
    for name in class_ids or [ANY_CLASS]:
        ranked = scores[scores["class_id"] == name] if class_ids else scores
        pool = pools[name] = _pool(ranked, embedded.images, draw)
        part = parts[name] = _spread(pool, embedded, draw, taken)
        taken = _joined(taken, embedded.vectors(part["position"].to_numpy(np.int64)))
    return _mined(parts, pools, "uncertain", draw)


def _pool(ranked: pd.DataFrame, images: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    """The most uncertain images, at most m of a property, with their ranks."""
    if draw.max_per_property:
        owner = images["property_id"].iloc[ranked["position"]].reset_index(drop=True)
        within = (owner.groupby(owner).cumcount() < draw.max_per_property) | owner.isna()
        ranked = ranked[within.to_numpy(bool)]
    pool = ranked.head(draw.top)
    return pool.assign(rank=np.arange(1, len(pool) + 1))


def _spread(
    pool: pd.DataFrame, embedded: _Indexed, draw: Draw, taken: Vectors | None
) -> pd.DataFrame:
    """Rows of a pool that are unlike each other, best rank first."""
    if pool.empty:
        return pool
    vectors = embedded.vectors(pool["position"].to_numpy(np.int64))
    centres = k_center(vectors, draw.n, taken, first=0, limits=Limits(draw.near_cosine))
    return pool.iloc[np.sort(centres.rows)]


def _joined(taken: Vectors | None, more: Vectors) -> Vectors:
    return more if taken is None else np.concatenate([taken, more.astype(taken.dtype)])


def mine_diverse(
    images: pd.DataFrame,
    index: Index,
    draw: Draw,
    taken: Vectors | None = None,
    pool_size: int = DIVERSE_POOL,
    on_progress: Progress | None = None,
) -> Mined:
    """Draw images that are far from each other and from all drawn before, by k-center.

    Args:
        images: of a frame, sorted by image id.
        index: embeddings of this model.
        draw: ``n``, seed, round, ``max_per_property`` and ``near_cosine`` count.
        taken: embeddings of images that were drawn before: the first centres. Without any the first
            image is the most ordinary one, nearest to the mean.
        pool_size: larger frames are cut to a random sample of this size.
        on_progress: told how many more images are drawn.

    Returns:
        Receipts with the order of choice as rank and the distance (1 - cosine) to the nearest image
        drawn before as score; the first of all has none.

    Raises:
        MissingError: no image of the frame is embedded.
        InputError: nothing that is left to choose.
    """
    embedded = _Indexed.of(images, index)
    positions = np.arange(len(embedded.images))
    if len(positions) > pool_size:
        rng = generator(draw.seed, draw.round, "diverse")
        positions = np.sort(rng.permutation(len(positions))[:pool_size])
    pool = embedded.images.iloc[positions]
    groups = pd.factorize(pool["property_id"])[0].astype(np.int64)
    centres = k_center(
        embedded.vectors(positions),
        draw.n,
        taken,
        limits=Limits(draw.near_cosine, groups, draw.max_per_property),
        on_progress=on_progress,
    )
    part = pool.iloc[centres.rows][["image_id"]].assign(
        rank=np.arange(1, len(centres.rows) + 1), score=centres.distances
    )
    return _mined({EVERYTHING: part}, {EVERYTHING: pool}, "diverse", draw)


def _mined(
    parts: Mapping[str, pd.DataFrame], pools: Mapping[str, pd.DataFrame], strategy: str, draw: Draw
) -> Mined:
    if not any(map(len, parts.values())):
        raise InputError(_nothing(sum(map(len, pools.values())), draw))
    return Mined(
        receipts(list(parts.values()), strategy, draw),
        {name: len(pool) for name, pool in pools.items()},
        {name: len(part) for name, part in parts.items()},
    )


def _nothing(size: int, draw: Draw) -> str:
    if not size:
        return (
            "the run is certain that no image that may be drawn shows these classes. Predict with "
            "a smaller --min-probability, or mine by similarity."
        )
    return all_near(size, draw.near_cosine)
