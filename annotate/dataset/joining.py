"""Labels of several sources as one table that obeys the hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.catalog.stacking import to_pandas
from annotate.labels.consolidate import propagate
from annotate.labels.decisions import GOLDEN, HOW, PROPAGATED, UNKNOWN, Labels
from annotate.taxonomy.model import Taxonomy

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Joined:
    """Labels.

    Attributes:
        labels: ``tables.LABELS``, each image and class once.
        overruled: how many labels gave way to what another source says of a class above or below.
    """

    labels: pd.DataFrame
    overruled: int


def join_labels(tables: Sequence[pa.Table], taxonomy: Taxonomy) -> Joined:
    """Put tables of labels together; where several know a label, the first of them counts.

    They can disagree about different classes, too: one says yes to an indoor pool, another no to
    any pool. As with votes, every yes makes the classes above it yes (``decided`` is then
    propagated), and a no of experts is a no to the classes below.

    Args:
        tables: ``tables.LABELS``, their texts as dictionaries.
        taxonomy: the hierarchy; labels of classes that it does not have stay as they are.
    """
    rows = pa.concat_tables(tables).unify_dictionaries()
    if len(tables) > 1:
        rows = rows.take(_first_known(rows))
    rows, overruled = _by_hierarchy(rows, taxonomy)
    return Joined(to_pandas(rows), overruled)


def _first_known(rows: pa.Table) -> Rows:
    """The first row of each cell, one with a label before one without."""
    image, class_id = (rows[name].combine_chunks() for name in ("image_id", "class_id"))
    cell = image.indices.to_numpy().astype(np.int64) * len(class_id.dictionary)
    cell += class_id.indices.to_numpy()
    order = np.argsort(rows["label"].is_null().to_numpy(), kind="stable")
    first: Rows = order[~pd.Series(cell[order]).duplicated().to_numpy()]
    return np.sort(first)


@dataclass(frozen=True)
class _Places:
    """Where each row stands: (R,) image and class, -1 for a class that is not in the taxonomy."""

    images: int
    taxonomy: Taxonomy
    image: npt.NDArray[np.int32]
    column: npt.NDArray[np.int32]

    @classmethod
    def of(cls, rows: pa.Table, taxonomy: Taxonomy) -> _Places:
        image, class_id = (rows[name].combine_chunks() for name in ("image_id", "class_id"))
        place = {name: at for at, name in enumerate(taxonomy.ids)}
        known = [place.get(name, -1) for name in class_id.dictionary.to_pylist()]
        column = np.array(known, np.int32)[class_id.indices.to_numpy()]
        return cls(len(image.dictionary), taxonomy, image.indices.to_numpy(), column)

    def cells(self, which: Mask) -> Mask:
        """(images, classes), the cells of some rows."""
        at = np.flatnonzero(which & (self.column >= 0))
        table = np.zeros((self.images, len(self.taxonomy.ids)), bool)
        table[self.image[at], self.column[at]] = True
        return table

    def rows(self, cells: Mask) -> Mask:
        """(R,) whether a row's cell is one of some."""
        found: Mask = (self.column >= 0) & cells[self.image, self.column]
        return found


def _by_hierarchy(rows: pa.Table, taxonomy: Taxonomy) -> tuple[pa.Table, int]:
    """Rows that contradict neither a yes below nor experts above, and how many of them changed."""
    places = _Places.of(rows, taxonomy)
    label = rows["label"].combine_chunks().fill_null(UNKNOWN).to_numpy()
    yes = places.cells(label == 1)
    implied = propagate(yes, taxonomy.ids, taxonomy) & ~yes
    if not implied.any():
        return rows, 0
    ruled_out = implied & places.cells((label == 0) & _decided(rows, GOLDEN))
    silenced = yes & _below(ruled_out, taxonomy)
    yes &= ~silenced
    implied = propagate(yes, taxonomy.ids, taxonomy) & ~yes
    up, down = places.rows(implied), places.rows(silenced)
    overruled = int((up & (label == 0)).sum() + down.sum())
    rows = _decide(rows, label, {PROPAGATED: up, GOLDEN: down})
    implied &= ~places.cells(up)
    added = _new_rows(rows, implied, taxonomy)
    return pa.concat_tables([rows, added]).unify_dictionaries(), overruled


def _below(cells: Mask, taxonomy: Taxonomy) -> Mask:
    """(N, C), the cells below some."""
    found = np.zeros(cells.shape, bool)
    place = {name: at for at, name in enumerate(taxonomy.ids)}
    for at in np.flatnonzero(cells.any(axis=0)).tolist():
        for name in taxonomy.descendants(taxonomy.ids[at]):
            found[:, place[name]] |= cells[:, at]
    return found


def _decided(rows: pa.Table, way: int) -> Mask:
    decided = rows["decided"].combine_chunks()
    ways = np.array([name == HOW[way] for name in decided.dictionary.to_pylist()], bool)
    found: Mask = ways[decided.indices.to_numpy()]
    return found


def _decide(rows: pa.Table, label: Labels, ways: dict[int, Mask]) -> pa.Table:
    """Rows of which some are decided otherwise: yes by propagation, no by experts."""
    decided = rows["decided"].combine_chunks()
    names = list(dict.fromkeys([*decided.dictionary.to_pylist(), *(HOW[way] for way in ways)]))
    codes, label = decided.indices.to_numpy().copy(), label.copy()
    for way, which in ways.items():
        codes[which] = names.index(HOW[way])
        label[which] = way == PROPAGATED
    texts = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))
    at = rows.schema.get_field_index("label")
    rows = rows.set_column(at, "label", pa.array(label, mask=label == UNKNOWN))
    return rows.set_column(rows.schema.get_field_index("decided"), "decided", texts)


def _new_rows(rows: pa.Table, cells: Mask, taxonomy: Taxonomy) -> pa.Table:
    """A yes by propagation for each of some cells, nobody having voted."""
    image, column = (places.astype(np.int32) for places in np.nonzero(cells))
    count = len(image)
    images = rows["image_id"].combine_chunks().dictionary
    none = pa.array(np.zeros(count, np.int16))
    texts = {
        "image_id": (image, images),
        "class_id": (column, pa.array(taxonomy.ids, pa.string())),
        "decided": (np.zeros(count, np.int32), pa.array([HOW[PROPAGATED]])),
    }
    found = {
        **{name: pa.DictionaryArray.from_arrays(*parts) for name, parts in texts.items()},
        "label": pa.array(np.ones(count, np.int8)),
        **dict.fromkeys(("yes", "no", "unsure"), none),
        "rate": pa.nulls(count, pa.float64()),
    }
    return pa.table(found).select(rows.column_names)
