"""``data/dataset/`` as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from annotate.errors import DamagedError, MissingError
from annotate.files import read_json
from annotate.tables import DATASET
from annotate.workspace import Workspace


@dataclass(frozen=True)
class DatasetArrays:
    """A dataset.

    Attributes:
        images: its columns but the lists, in the order of the rows.
        classes: entries of ``classes.json``.
        labels: (N, C), 0 or 1; 0 where not known.
        known: (N, C).
    """

    images: pd.DataFrame
    classes: list[dict[str, Any]]
    labels: npt.NDArray[np.int8]
    known: npt.NDArray[np.bool_]

    @property
    def class_ids(self) -> tuple[str, ...]:
        """(C,)."""
        return tuple(entry["id"] for entry in self.classes)

    @property
    def positive(self) -> npt.NDArray[np.bool_]:
        """(N, C), known to be there."""
        positive: npt.NDArray[np.bool_] = self.known & (self.labels == 1)
        return positive


def read_dataset(workspace: Workspace) -> DatasetArrays:
    """Read the dataset; sixty thousand images of 120 classes never become lists of Python's.

    Raises:
        MissingError: it has not been built.
        DamagedError: its files are cut short or do not fit each other.
    """
    file = workspace.dataset / "images.parquet"
    if not file.is_file():
        raise MissingError(f"no dataset at {file}. Make it with `{DATASET.made_by}`.")
    listed = read_json(workspace.dataset / "classes.json", DATASET.made_by)
    try:
        table = pq.read_table(file)
        classes = list(listed["classes"])
        lists = table["labels"].combine_chunks()
        flat = lists.flatten()
        shape = (table.num_rows, len(classes))
        known = flat.is_valid().to_numpy(zero_copy_only=False).reshape(shape)
        labels = flat.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int8).reshape(shape)
        columns = [name for name in DATASET.columns if name not in ("labels", "rates")]
        images = table.select(columns).to_pandas()
        ids = [entry["id"] for entry in classes]
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{file}: not a readable dataset ({error}). Build it again with `{DATASET.made_by}`."
        ) from error
    if len(set(ids)) != len(ids):
        raise DamagedError(f"{workspace.dataset / 'classes.json'}: a class stands there twice.")
    return DatasetArrays(images, classes, labels, known)
