"""Candidates for annotation: which images are worth showing to people.

Two strategies of the paper (Wang et al., AAAI 2023, section 3): a random sample of the images that
are most similar to a class's queries, and a sample stratified over property features. Each
candidate keeps a receipt of how it was drawn. Draws depend on seed, round and class or stratum, and
not on the order of files.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.images import hash_bits
from annotate.index import Index
from annotate.tables import CANDIDATES

HashBits = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class ClassQueries:
    """A class to mine for: its texts and their embeddings, float32 (len(texts), dim)."""

    class_id: str
    texts: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Draw:
    """How much is drawn.

    Attributes:
        n: images for each class.
        top: size of the pool that they are drawn from.
        seed: of all samples.
        round: number of this round, from 1; another round draws other images.
        near_bits: perceptual hashes this close count as one picture.
    """

    n: int
    top: int
    seed: int
    round: int
    near_bits: int


@dataclass(frozen=True)
class Mined:
    """A round's candidates and, for each class or stratum, what they were drawn from."""

    candidates: pd.DataFrame
    pools: dict[str, int]
    drawn: dict[str, int]


def eligible_images(images: pd.DataFrame, drawn: Collection[str]) -> pd.DataFrame:
    """Images that a round may draw: present, of a content that no earlier round drew, each once.

    Args:
        images: the catalogue.
        drawn: ids of all earlier candidates and of answered images.

    Returns:
        Rows of the catalogue, sorted by image id, indexed from 0.
    """
    seen = images.loc[images["image_id"].isin(drawn), "content_hash"]
    open_ones = images[images["present"].astype(bool) & ~images["content_hash"].isin(seen)]
    by_id = open_ones.sort_values("image_id")
    return by_id.drop_duplicates("content_hash").reset_index(drop=True)


def generator(seed: int, round_number: int, what: str) -> np.random.Generator:
    """The random numbers of one class or stratum in one round."""
    return np.random.default_rng([seed, round_number, zlib.crc32(what.encode())])


def mine_similar(
    images: pd.DataFrame, index: Index, classes: Sequence[ClassQueries], draw: Draw
) -> Mined:
    """Draw candidates for classes from the images most similar to their queries.

    An image's score is the best cosine over the class's queries. The pool is the best ``top``
    images, near copies once; ``n`` of it are drawn with equal chances. An image may be drawn for
    several classes, two near copies are not.

    Args:
        images: see :func:`eligible_images`.
        index: embeddings of this model.
        classes: at least one.
        draw: how much.
    """
    place = pd.Series(images.index, index=images["content_hash"])
    row_image = place.reindex(index.content_hashes, fill_value=-1).to_numpy(np.int64)
    search = _Search(images, index, row_image, draw)
    taken = _Taken(draw.near_bits)
    parts, pools, drawn = [], {}, {}
    for entry in classes:
        pool = search.pool(entry, taken)
        chance = min(1.0, draw.n / len(pool)) if len(pool) else None
        rng = generator(draw.seed, draw.round, entry.class_id)
        chosen = np.sort(rng.permutation(len(pool))[: draw.n])
        part = pool.iloc[chosen].assign(class_id=entry.class_id, inclusion_probability=chance)
        taken.add(part["image_id"], part["perceptual_hash"])
        parts.append(part)
        pools[entry.class_id], drawn[entry.class_id] = len(pool), len(part)
    return Mined(_receipts(parts, "similarity", draw), pools, drawn)


@dataclass(frozen=True)
class _Search:
    images: pd.DataFrame
    index: Index
    row_image: npt.NDArray[np.int64]  # position in images of each index row, -1: not eligible
    draw: Draw

    def pool(self, entry: ClassQueries, taken: _Taken) -> pd.DataFrame:
        """The best ``top`` images for a class without near copies, with query, rank and score."""
        available = int((self.row_image >= 0).sum())
        k = min(self.draw.top, available)
        while True:
            ranked = self._ranked(entry, k)
            pool = ranked[taken.distinct(ranked["image_id"], ranked["perceptual_hash"])]
            if len(pool) >= self.draw.top or k >= available:
                pool = pool.head(self.draw.top)
                return pool.assign(rank=np.arange(1, len(pool) + 1))
            k = min(2 * k, available)

    def _ranked(self, entry: ClassQueries, k: int) -> pd.DataFrame:
        """The k best images by their best query. They are among the k best of that query."""
        scores, rows = self.index.search(entry.vectors, k, self.row_image >= 0)
        hits = pd.DataFrame(
            {
                "row": rows.ravel(),
                "score": scores.ravel(),
                "query": np.repeat(np.array(entry.texts, object), rows.shape[1]),
                "order": np.repeat(np.arange(len(rows)), rows.shape[1]),
            }
        )
        best = hits.sort_values(["score", "order"], ascending=[False, True])
        best = best.drop_duplicates("row")
        found = self.images.iloc[self.row_image[best["row"].to_numpy()]]
        ranked = found[["image_id", "perceptual_hash"]].assign(
            score=best["score"].to_numpy(), query=best["query"].to_numpy()
        )
        ordered: pd.DataFrame = ranked.sort_values(["score", "image_id"], ascending=[False, True])
        return ordered.head(k)


class _Taken:
    """Pictures that a round has taken, to keep near copies of them out of it."""

    def __init__(self, near_bits: int) -> None:
        self.near_bits = near_bits
        self._ids: set[str] = set()
        self._bits: HashBits = np.empty(0, np.uint64)

    def add(self, ids: pd.Series, hashes: pd.Series) -> None:
        new = ~ids.isin(self._ids)
        self._ids.update(ids)
        self._bits = np.concatenate([self._bits, hash_bits(hashes[new].tolist())])

    def distinct(self, ids: pd.Series, hashes: pd.Series) -> npt.NDArray[np.bool_]:
        """Which pictures are near no earlier one of the list, and no taken one but themselves."""
        bits = hash_bits(hashes.tolist())
        kept = np.zeros(len(bits), bool)
        own = ids.isin(self._ids).to_numpy()
        for at, value in enumerate(bits):
            near_taken = not own[at] and self._near(value, self._bits)
            kept[at] = not near_taken and not self._near(value, bits[:at][kept[:at]])
        return kept

    def _near(self, value: np.uint64, others: HashBits) -> bool:
        return bool((np.bitwise_count(others ^ value) <= self.near_bits).any())


def mine_stratified(
    images: pd.DataFrame, strata: pd.Series, allocation: Mapping[str, int], draw: Draw
) -> Mined:
    """Draw from each stratum as many images as it is allotted, with equal chances.

    Near copies are passed over for the next image of the draw.

    Args:
        images: see :func:`eligible_images`.
        strata: each image's stratum, see ``strata.strata_of``.
        allocation: images to draw of each stratum, see ``strata.allocate``.
        draw: seed, round and nearness; its ``n`` and ``top`` are not used.
    """
    taken = _Taken(draw.near_bits)
    parts, pools, drawn = [], {}, {}
    for name, wanted in sorted(allocation.items()):
        stratum = images[strata == name]
        order = generator(draw.seed, draw.round, name).permutation(len(stratum))
        part = stratum.loc[_walk(stratum.iloc[order], wanted, taken)].sort_values("image_id")
        chance = min(1.0, wanted / max(1, len(stratum)))
        parts.append(part.assign(stratum=name, inclusion_probability=chance))
        pools[name], drawn[name] = len(stratum), len(part)
    return Mined(_receipts(parts, "stratified", draw), pools, drawn)


def _walk(stratum: pd.DataFrame, wanted: int, taken: _Taken) -> list[int]:
    """Labels of the first images that are near no taken one; they are then taken, too."""
    chosen: list[int] = []
    for label, *key in stratum[["image_id", "perceptual_hash"]].itertuples():
        if len(chosen) == wanted:
            break
        ids, hashes = (pd.Series([value]) for value in key)
        if taken.distinct(ids, hashes)[0]:
            taken.add(ids, hashes)
            chosen.append(label)
    return chosen


def _receipts(parts: Sequence[pd.DataFrame], strategy: str, draw: Draw) -> pd.DataFrame:
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(round=draw.round, seed=draw.seed, strategy=strategy)
    return rows.reindex(columns=list(CANDIDATES.columns)).astype({"rank": "Int32"})
