"""True labels from a CSV: what simulated annotators look at, and what labels are scored against."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, MissingError
from annotate.labels.consolidate import propagate
from annotate.storage.store import canonical_uri
from annotate.taxonomy.model import Taxonomy


@dataclass(frozen=True)
class Truth:
    """True labels of the images of the catalogue that the file lists.

    Attributes:
        image_ids: (N,), sorted.
        class_ids: (C,), all classes of the taxonomy in its order.
        positive: (N, C), ancestors included.
        unmatched: paths of the file that the catalogue does not hold.
    """

    image_ids: tuple[str, ...]
    class_ids: tuple[str, ...]
    positive: npt.NDArray[np.bool_]
    unmatched: int = 0

    def rows_of(self, image_ids: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Truth of some images, (len(image_ids), C); an image that is not listed has no class."""
        rows = pd.Index(self.image_ids).get_indexer(pd.Index(image_ids))
        padded = np.vstack([self.positive, np.zeros((1, len(self.class_ids)), bool)])
        picked: npt.NDArray[np.bool_] = padded[rows]
        return picked


def read_truth(path: Path, catalog: pd.DataFrame, taxonomy: Taxonomy, root: Path) -> Truth:
    """Read a CSV with the columns ``path`` and ``class_id``, one row per image and class.

    An image without any class has one row with an empty ``class_id``.

    Args:
        path: the CSV; its relative paths start at its folder.
        catalog: ``tables.CATALOG``; ``image_id`` and ``uri`` are used.
        taxonomy: classes are found by id, name or alias.
        root: the workspace's folder, where relative URIs of the catalogue start.

    Raises:
        MissingError: no such file.
        InputError: not such a CSV, an unknown class (with its line), or no path is known.
    """
    images = catalog.groupby("uri", sort=False)["image_id"].agg(tuple).to_dict()
    column = {class_id: at for at, class_id in enumerate(taxonomy.ids)}
    folder = Path(os.path.abspath(path.parent))
    labels: dict[str, set[int]] = {}
    unmatched: set[str] = set()
    resolved: dict[str, int | None] = {"": None}
    for line, location, name in _rows(path):
        if name not in resolved:
            resolved[name] = column[_class_id(name, taxonomy, f"{path}:{line}")]
        found = images.get(_uri(location, folder, root), ())
        if not found:
            unmatched.add(location)
        for image_id in found:
            at = resolved[name]
            labels.setdefault(image_id, set()).update(() if at is None else (at,))
    if not labels:
        raise InputError(
            f"{path}: none of its {len(unmatched)} paths is in the catalogue. They are relative to "
            "the CSV's folder; run `mumic-annotate catalog` on the same photos."
        )
    return _truth(labels, taxonomy, len(unmatched))


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            if not {"path", "class_id"} <= set(header):
                raise InputError(f"{path}:1: the header must name the columns path and class_id.")
            at, what = header.index("path"), header.index("class_id")
            for cells in reader:
                if len(cells) > max(at, what) and cells[at].strip():
                    yield reader.line_num, cells[at].strip(), cells[what].strip()
                elif any(cells):
                    raise InputError(
                        f"{path}:{reader.line_num}: a row needs a path and a class_id."
                    )
    except FileNotFoundError as error:
        raise MissingError(
            f"no truth at {path}. Name a CSV with the columns path and class_id."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as a CSV in UTF-8 ({error}).") from error


def _class_id(name: str, taxonomy: Taxonomy, where: str) -> str:
    try:
        return taxonomy.resolve(name).id
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def _uri(location: str, folder: Path, root: Path) -> str:
    try:
        return canonical_uri(location, folder, root)
    except (OSError, ValueError, RuntimeError):  # no path at all: a NUL, an unknown ~user
        return location


def _truth(labels: dict[str, set[int]], taxonomy: Taxonomy, unmatched: int) -> Truth:
    image_ids = tuple(sorted(labels))
    positive = np.zeros((len(image_ids), len(taxonomy.ids)), bool)
    for row, image_id in enumerate(image_ids):
        positive[row, list(labels[image_id])] = True
    return Truth(image_ids, taxonomy.ids, propagate(positive, taxonomy.ids, taxonomy), unmatched)
