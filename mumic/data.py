"""The dataset as training and evaluation see it: images, classes, and known labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate import tables
from annotate.errors import DamagedError, InputError
from annotate.files import read_json
from annotate.taxonomy.model import TaxonomyClass
from annotate.workspace import Workspace
from mumic.metrics.measures import Cells

_COLUMNS = ["image_id", "uri", "content_hash", "group_id", "split", "labels", "rates"]
_PER_CLASS = ("labels", "rates")


@dataclass(frozen=True)
class Dataset:
    """Images with their labels.

    ``images`` has image_id, uri, content_hash, group_id and split; ``cells`` the labels in the same
    order of rows, with the classes as columns; ``rates`` the share of yes among the votes, float32,
    NaN where nobody voted or experts decided; ``fingerprint`` names the dataset's exact content.
    """

    images: pd.DataFrame
    classes: tuple[TaxonomyClass, ...]
    cells: Cells
    rates: npt.NDArray[np.float32]
    taxonomy_hash: str
    fingerprint: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def class_ids(self) -> list[str]:
        """Ids in the order of the columns."""
        return [entry.id for entry in self.classes]

    def split(self, name: str) -> Dataset:
        """The images of one split."""
        return self.take(np.flatnonzero((self.images["split"] == name).to_numpy()))

    def of_classes(self, class_ids: Sequence[str]) -> Dataset:
        """The same images with some classes, in a given order.

        Raises:
            InputError: the dataset lacks one.
        """
        places = {class_id: at for at, class_id in enumerate(self.class_ids)}
        lacking = [class_id for class_id in class_ids if class_id not in places]
        if lacking:
            raise InputError(
                f"the dataset has no labels for {', '.join(lacking[:5])}. Build it with the "
                "taxonomy that the run was trained with."
            )
        columns = [places[class_id] for class_id in class_ids]
        return replace(
            self,
            classes=tuple(self.classes[at] for at in columns),
            cells=Cells(self.cells.labels[:, columns], self.cells.mask[:, columns]),
            rates=self.rates[:, columns],
        )

    def take(self, rows: Any) -> Dataset:
        """Some rows, by position."""
        return replace(
            self,
            images=self.images.iloc[rows].reset_index(drop=True),
            cells=Cells(self.cells.labels[rows], self.cells.mask[rows]),
            rates=self.rates[rows],
        )


def class_columns(known: Sequence[str], wanted: Sequence[str], whose: str) -> list[int]:
    """Where the wanted classes stand among those of a run or baseline.

    Raises:
        InputError: its classes are not the same.
    """
    places = {class_id: at for at, class_id in enumerate(known)}
    if set(places) != set(wanted):
        raise InputError(
            f"{whose} has other classes than what it is compared with: it lacks "
            f"{_first_few(set(wanted) - set(places))}, and it alone has "
            f"{_first_few(set(places) - set(wanted))}. Name one of the same classes, or train or "
            "make both on one dataset."
        )
    return [places[class_id] for class_id in wanted]


def _first_few(names: set[str]) -> str:
    shown = sorted(names)[:3]
    return f"{', '.join(shown) or 'none'}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def load_dataset(workspace: Workspace) -> Dataset:
    """Read ``data/dataset/`` of a workspace.

    Raises:
        MissingError: it has not been built.
        DamagedError: its files are cut short or do not fit each other.
        InputError: it holds no images or no classes.
    """
    images_file = workspace.dataset / "images.parquet"
    classes_file = workspace.dataset / "classes.json"
    frame = tables.read(tables.DATASET, images_file, _COLUMNS)
    listed = read_json(classes_file, tables.DATASET.made_by)
    classes = parse_classes(listed, classes_file)
    if not len(frame) or not classes:
        raise InputError(
            f"{images_file}: {len(frame)} images and {len(classes)} classes. Collect answers, then "
            f"run `mumic-annotate consolidate` and `{tables.DATASET.made_by}`."
        )
    digest = hashlib.sha256(images_file.read_bytes() + classes_file.read_bytes())
    return Dataset(
        images=frame[[n for n in _COLUMNS if n not in _PER_CLASS]].reset_index(drop=True),
        classes=classes,
        cells=_cells(frame["labels"], len(classes), images_file),
        rates=_matrix(frame["rates"], len(classes), images_file).astype(np.float32),
        taxonomy_hash=str(listed.get("taxonomy_hash", "")),
        fingerprint=digest.hexdigest()[:16],
    )


def parse_classes(listed: Any, file: Path) -> tuple[TaxonomyClass, ...]:
    """The classes of a ``classes.json``, in its order.

    Raises:
        DamagedError: an entry lacks its id or name.
    """
    try:
        return tuple(
            TaxonomyClass(
                id=entry["id"],
                name=entry["name"],
                category=entry.get("category", ""),
                description=entry.get("description") or "",
                parents=tuple(entry.get("parents") or ()),
                prompt=entry.get("prompt") or "name",
            )
            for entry in listed["classes"]
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedError(
            f"{file}: not a list of classes ({error}). Run `{tables.DATASET.made_by}`."
        ) from error


def soft_labels(dataset: Dataset) -> npt.NDArray[np.float32]:
    """Voting rates to train on, float32 (images, classes), right where the label is known.

    A class is as sure as the surest of its descendants, as in the labels a yes makes its ancestors
    positive; a known label without a rate stands for itself.
    """
    targets = np.where(np.isnan(dataset.rates), dataset.cells.labels, dataset.rates)
    targets = np.where(dataset.cells.mask, targets, 0).astype(np.float32)
    places = {class_id: at for at, class_id in enumerate(dataset.class_ids)}
    for _ in dataset.classes:  # no path to the root is longer
        before = targets.copy()
        for at, entry in enumerate(dataset.classes):
            for parent in (places[p] for p in entry.parents if p in places):
                targets[:, parent] = np.maximum(targets[:, parent], targets[:, at])
        if np.array_equal(before, targets):
            break
    return targets


def _cells(column: pd.Series[Any], classes: int, file: Path) -> Cells:
    values = _matrix(column, classes, file)
    mask = ~np.isnan(values)
    return Cells(np.where(mask, values, 0).astype(np.int8), mask)


def _matrix(column: pd.Series[Any], classes: int, file: Path) -> npt.NDArray[np.float64]:
    """A column of lists as float64 (images, classes), NaN for null."""
    rows = [np.zeros(0) if row is None else np.asarray(row, dtype=np.float64) for row in column]
    wrong = next((at for at, row in enumerate(rows) if row.shape != (classes,)), None)
    if wrong is not None:
        raise DamagedError(
            f"{file}: row {wrong} has {rows[wrong].size} {column.name} for {classes} classes. "
            f"Run `{tables.DATASET.made_by}`."
        )
    return np.stack(rows)
