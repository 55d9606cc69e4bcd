"""Candidates by similarity: random samples of the images that fit a class's queries best.

The first strategy of the paper (Wang et al., AAAI 2023, section 3). The pools are made without
chance; a simple random sample is drawn from each, independently of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError
from annotate.index.shards import Index
from annotate.mining.draw import Draw, Mined, generator, receipts, rows_in
from annotate.mining.near_copies import Mask, Vectors, all_near, distinct_vectors
from annotate.tables import POOLS

SPARE = 4  # a pool of `top` is first looked for in top + top / SPARE images, m in SPARE m


@dataclass(frozen=True)
class ClassQueries:
    """A class to mine for: its texts and their embeddings, float32 (len(texts), dim)."""

    class_id: str
    texts: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


def mine_similar(
    images: pd.DataFrame,
    index: Index,
    classes: Sequence[ClassQueries],
    draw: Draw,
    taken: Vectors | None = None,
) -> Mined:
    """Draw candidates for classes from the images most similar to their queries.

    Args:
        images: of a frame, see :func:`annotate.mining.frame.build_frame`.
        index: embeddings of this model.
        classes: at least one.
        draw: how much.
        taken: embeddings of images that were drawn before; near copies of them are left out.

    Raises:
        MissingError: no image is embedded.
        InputError: all are near copies of images that were drawn before.
    """
    pools = build_pools(images, index, classes, draw, taken)
    if not any(map(len, pools.values())):
        raise InputError(all_near(len(images), draw.near_cosine))
    return draw_from(pools, draw)


def draw_from(pools: Mapping[str, pd.DataFrame], draw: Draw) -> Mined:
    """A simple random sample of ``n`` images from each pool, all of it where there are fewer.

    An image may lie in several pools, and is then in this round with the probability that at least
    one draw takes it: 1 - prod(1 - n_c / |pool_c|), the draws being independent.

    Args:
        pools: see :func:`build_pools`.
        draw: ``n``, seed and round count.
    """
    deepest = max((int(pool["position"].max()) for pool in pools.values() if len(pool)), default=-1)
    chance = np.zeros(deepest + 1)
    shares = {}
    for class_id, pool in pools.items():
        shares[class_id] = min(1.0, draw.n / max(1, len(pool)))
        at = pool["position"].to_numpy(np.int64)
        chance[at] += shares[class_id] * (1 - chance[at])
    parts = []
    for class_id, pool in pools.items():
        rng = generator(draw.seed, draw.round, class_id)
        chosen = pool.iloc[np.sort(rng.permutation(len(pool))[: draw.n])]
        found = chosen.assign(
            class_id=class_id,
            draw_probability=shares[class_id],
            inclusion_probability=chance[chosen["position"].to_numpy(np.int64)],
        )
        parts.append(found)
    rows = pd.concat([pool.assign(class_id=name) for name, pool in pools.items()])
    return Mined(
        receipts(parts, "similarity", draw),
        {name: len(pool) for name, pool in pools.items()},
        {name: len(part) for name, part in zip(pools, parts, strict=True)},
        pool_rows=rows[list(POOLS.columns)].reset_index(drop=True),
    )


def build_pools(
    images: pd.DataFrame,
    index: Index,
    classes: Sequence[ClassQueries],
    draw: Draw,
    taken: Vectors | None = None,
) -> dict[str, pd.DataFrame]:
    """The best ``top`` images of each class, near copies once and at most m of a property.

    Of near copies among all that is ranked, whatever class it was found for, the one that stands
    highest in a ranking stays. A pool that is short after that is filled up from further down;
    with a cap of m only from properties that it has room for, from the best SPARE m of each.

    Args:
        images: of a frame.
        index: embeddings of this model.
        classes: at least one.
        draw: ``top``, ``max_per_property`` and ``near_cosine`` count.
        taken: embeddings of images that were drawn before.

    Returns:
        For each class id, best first: ``image_id``, ``rank`` (from 1), ``score``, ``query`` and
        ``position`` (of its row in ``images``).
    """
    rows = rows_in(index, images)
    row_image = np.full(len(index.content_hashes), -1)
    row_image[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    property_id = pd.factorize(images["property_id"])[0]  # -1: of none, which has no cap
    ranking = _Ranking(images, index, row_image)
    found: dict[str, pd.DataFrame] = {}
    seen: set[str] = set()  # classes for which all that counts is ranked
    depth = draw.top + draw.top // SPARE + 1
    short, keep = list(classes), row_image >= 0
    while short and keep.any():
        for entry, ranked in zip(short, ranking.best(short, depth, keep), strict=True):
            found[entry.class_id] = _joined(found.get(entry.class_id), ranked, draw)
        kept = _distinct(found, index, draw.near_cosine, taken)
        pools = {name: _cut(ranked[kept[name]], draw) for name, ranked in found.items()}
        if depth >= np.count_nonzero(keep):
            seen |= {entry.class_id for entry in short}
        lacking = [name for name, pool in pools.items() if len(pool) < draw.top]
        short = [e for e in classes if e.class_id in lacking and e.class_id not in seen]
        room = np.zeros(len(images), bool)
        for entry in short:
            name = entry.class_id
            room |= _has_room(pools[name], found[name], property_id, draw.max_per_property)
        keep = (row_image >= 0) & room[row_image]
        depth *= 2
    return pools


def _joined(above: pd.DataFrame | None, ranked: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    """A ranking with what was found further down, as far as it counts."""
    if above is not None:
        ranked = pd.concat([above, ranked]).drop_duplicates("position")
        ranked = ranked.sort_values(["score", "image_id"], ascending=[False, True])
    return _per_property(ranked, SPARE * draw.max_per_property).reset_index(drop=True)


def _per_property(ranked: pd.DataFrame, most: int) -> pd.DataFrame:
    """The best images of each property; of none, or where ``most`` is 0: all."""
    if not most:
        return ranked
    earlier = ranked.groupby("property_id").cumcount()
    within = (earlier < most) | ranked["property_id"].isna()
    return ranked[within.to_numpy(bool)]


def _has_room(
    pool: pd.DataFrame, ranked: pd.DataFrame, property_id: npt.NDArray[np.int64], most: int
) -> Mask:
    """Which images of the frame may still come into a pool.

    Args:
        pool: that is short.
        ranked: what it was cut from.
        property_id: number of each image's property, -1: none.
        most: images of a property in a pool; 0: all.
    """
    if not most:
        return np.ones(len(property_id), bool)
    full = np.zeros(int(property_id.max(initial=-1)) + 2, bool)  # the last is for those of none
    for rows, limit in ((pool, most), (ranked, SPARE * most)):
        owners = property_id[rows["position"].to_numpy(np.int64)]
        full |= np.bincount(owners % len(full), minlength=len(full)) >= limit
    full[-1] = False
    return np.asarray(~full[property_id])


@dataclass(frozen=True)
class _Ranking:
    images: pd.DataFrame
    index: Index
    row_image: npt.NDArray[np.int64]  # position in images of each index row, -1: not in the frame

    def best(self, classes: Sequence[ClassQueries], k: int, keep: Mask) -> list[pd.DataFrame]:
        """The k best images of each class by their best query, ties by image id.

        Args:
            classes: at least one.
            k: how many.
            keep: bool, (rows of the index,): which to look at.
        """
        vectors = np.concatenate([entry.vectors for entry in classes])
        groups = np.repeat(np.arange(len(classes)), [len(entry.texts) for entry in classes])
        texts = np.array([text for entry in classes for text in entry.texts], object)
        ids = self.images["image_id"].to_numpy(object)
        names = ids[self.row_image]  # of rows of no image: any
        hits = self.index.search_groups(vectors, groups, k, keep, names)
        properties = self.images["property_id"].to_numpy(object)
        tables = []
        for scores, rows, queries in zip(hits.scores, hits.rows, hits.queries, strict=True):
            positions = self.row_image[rows]
            table = pd.DataFrame(
                {
                    "image_id": ids[positions],
                    "property_id": properties[positions],
                    "score": scores,
                    "query": texts[queries],
                    "position": positions,
                    "row": rows,
                }
            )
            ordered = table.sort_values(["score", "image_id"], ascending=[False, True])
            tables.append(ordered.reset_index(drop=True))
        return tables


def _distinct(
    found: dict[str, pd.DataFrame], index: Index, cosine: float, taken: Vectors | None
) -> dict[str, npt.NDArray[np.bool_]]:
    """Which rows of each ranking are not near copies of a higher one in any."""
    if cosine > 1:
        return {name: np.ones(len(ranked), bool) for name, ranked in found.items()}
    union = pd.concat([ranked[["position", "row"]] for ranked in found.values()])
    union = union.assign(rank=union.index).sort_values(["rank", "position"])
    union = union.drop_duplicates("position")
    if union.empty:
        return {name: np.zeros(0, bool) for name in found}
    fresh = distinct_vectors(index.vectors(union["row"].to_numpy(np.int64)), cosine, taken)
    kept = union["position"][fresh]
    return {name: ranked["position"].isin(kept).to_numpy() for name, ranked in found.items()}


def _cut(ranked: pd.DataFrame, draw: Draw) -> pd.DataFrame:
    """The best of a ranking: at most m of a property, ``top`` in all."""
    pool = _per_property(ranked, draw.max_per_property).head(draw.top)
    return pool.assign(rank=np.arange(1, len(pool) + 1))
