"""Labels and splits of an import, from what its source says of each image."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from annotate.dataset.build import STORED_SPLITS
from annotate.dataset.imports.found import FoundImage
from annotate.dataset.splits import SPLITS
from annotate.tables import empty
from annotate.taxonomy.model import Taxonomy

IMPORTED = "imported"
_NOTHING, _ABOVE = -1, 2


def label_rows(
    images: dict[str, FoundImage], ids: dict[str, str], taxonomy: Taxonomy, *, absent_is_no: bool
) -> pa.Table:
    """Labels of the images; every yes makes the classes above it yes, as with votes.

    Args:
        images: by id.
        ids: class id of each name that is taken.
        taxonomy: gives the classes above.
        absent_is_no: a class that is not mentioned for an image is a no.

    Returns:
        ``tables.LABELS``, its texts as codes: sixty thousand images of 120 classes are millions.
    """
    above = {class_id: taxonomy.ancestors(class_id) for class_id in ids.values()}
    wanted = set(above).union(*above.values())
    class_ids = [class_id for class_id in taxonomy.ids if class_id in wanted]
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    mentioned = sorted({column[class_id] for class_id in ids.values()})
    cells = np.full((len(images), len(class_ids)), _NOTHING, np.int8)
    for row, image in enumerate(images.values()):
        yes, no, unknown = (
            {ids[name] for name in names if name in ids}
            for names in (image.yes, image.no, image.unknown)
        )
        if absent_is_no:
            cells[row, mentioned] = 0
        cells[row, [column[name] for name in unknown]] = _NOTHING
        cells[row, [column[name] for name in no]] = 0
        cells[row, [column[name] for name in yes & no]] = _NOTHING  # it is said both ways
        sure = yes - no
        cells[row, [column[other] for name in sure for other in above[name]]] = _ABOVE
        cells[row, [column[name] for name in sure]] = 1
    rows, columns = np.nonzero(cells != _NOTHING)
    values = cells[rows, columns]
    none = pa.array(np.zeros(len(values), np.int16))
    return pa.table(
        {
            "image_id": _texts(rows, list(images)),
            "class_id": _texts(columns, class_ids),
            "label": pa.array(np.minimum(values, 1)),
            **dict.fromkeys(("yes", "no", "unsure"), none),
            "rate": pa.nulls(len(values), pa.float64()),
            "decided": _texts(values == _ABOVE, [IMPORTED, "propagated"]),
        }
    )


def _texts(codes: npt.NDArray[Any], values: list[str]) -> pa.DictionaryArray:
    codes = codes.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(values, pa.string()))


def kept_splits(images: dict[str, FoundImage], *, resplit: bool) -> tuple[pd.DataFrame, str]:
    """The source's splits where it has all three of them, and what became of them."""
    named = {image_id: image.split for image_id, image in images.items() if image.split}
    lacking = [name for name in SPLITS if name not in named.values()]
    if resplit or not named or lacking:
        note = "made anew"
        if named and lacking and not resplit:
            note += f": the source has no {' and no '.join(lacking)}"
        return empty(STORED_SPLITS), note
    rows = [(image_id, image_id, split) for image_id, split in sorted(named.items())]
    return pd.DataFrame(rows, columns=list(STORED_SPLITS.columns)), "kept"


def final_splits(
    images: Collection[str], wanted: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame
) -> str:
    """Of images that have kept a split which the import would not have given them; "" if of none.

    Args:
        images: ids of the import's.
        wanted: ``STORED_SPLITS`` that the import asks for; images that it lacks are split anew.
        before: those that stood before the build.
        after: those that it left.
    """
    had, now, asked = (each.set_index("image_id")["split"] for each in (before, after, wanted))
    had = had[had.index.isin(list(images))]
    had = had[had == now.reindex(had.index)]
    count = int((had != asked.reindex(had.index)).sum())
    if not count:
        return ""
    return (
        f"; but {count:,} of {len(images):,} images keep the split that they had, which is final. "
        "To split all anew, delete data/dataset/splits.parquet and build again"
    )
