"""``dataset stats`` in a workspace: numbers, and a page with plots and samples of each class."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from markupsafe import Markup
from PIL import Image

from annotate.dataset.reading import DatasetArrays, read_dataset
from annotate.dataset.statistics import statistics, together
from annotate.errors import MumicError
from annotate.pages import data_uri, pictures, write_page
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace

TEMPLATE = "dataset-stats.html.j2"
HEIGHT = 110
_CELL = 8  # pixels of a pair in the plot of co-occurrence

OnProgress = Callable[[int], object]


def dataset_statistics(
    workspace: Workspace, *, samples: int = 8, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """Count the dataset, and write ``data/dataset/stats.html``.

    Args:
        workspace: with a dataset.
        samples: pictures of each class; 0: no page.
        on_progress: called with 1 for each picture.

    Returns:
        See :func:`annotate.dataset.statistics.statistics`, and ``page`` (null without one).

    Raises:
        MissingError: no dataset.
        DamagedError: it cannot be read.
    """
    dataset = read_dataset(workspace)
    found = statistics(dataset, _category_names(workspace))
    target = workspace.dataset / "stats.html"
    if samples:
        _write(workspace, dataset, found, samples, target, on_progress)
    return {**found, "page": str(target) if samples else None}


def _category_names(workspace: Workspace) -> dict[str, str]:
    try:
        return {entry.id: entry.name for entry in load_taxonomy(workspace.taxonomy).categories}
    except MumicError:  # the dataset stands without its label list
        return {}


def _write(
    workspace: Workspace,
    dataset: DatasetArrays,
    found: dict[str, Any],
    samples: int,
    target: Path,
    on_progress: OnProgress | None,
) -> None:
    rows = sample_rows(dataset, samples, workspace.settings.project.seed)
    wanted = sorted({row for of_class in rows for row in of_class})
    uris = dataset.images["uri"].tolist()
    small = {}
    for row, picture in zip(
        wanted, pictures(workspace, [uris[row] for row in wanted], HEIGHT), strict=True
    ):
        small[row] = picture
        if on_progress is not None:
            on_progress(1)
    counts = together(dataset.positive)
    most = max([entry["positives"] for entry in found["classes"]], default=1)
    highest = max(found["labels_per_image"]["histogram"], default=1)
    values = {
        **found,
        "name_of": {entry["id"]: entry["name"] for entry in dataset.classes},
        "bars": sorted(
            [
                {**entry, "width": _log_width(entry["positives"], most)}
                for entry in found["classes"]
            ],
            key=lambda entry: -entry["positives"],
        ),
        "histogram": [
            {"labels": at, "images": count, "height": round(100 * count / max(highest, 1), 2)}
            for at, count in enumerate(found["labels_per_image"]["histogram"])
        ],
        "heat": data_uri(_heat(counts), "png"),
        "heat_data": _embedded(
            {"names": [e["name"] for e in dataset.classes], "n": counts.tolist()}
        ),
        "samples": [
            {**entry, "pictures": [small[row] for row in of_class]}
            for entry, of_class in zip(found["classes"], rows, strict=True)
        ],
    }
    write_page(workspace, TEMPLATE, values, target)


def _log_width(count: int, most: int) -> float:
    return round(100 * float(np.log1p(count) / np.log1p(max(most, 1))), 2)


def sample_rows(dataset: DatasetArrays, samples: int, seed: int) -> list[list[int]]:
    """Rows of some positive images of each class, at random; first one of each property."""
    rng = np.random.default_rng(seed)
    owner = dataset.images["property_id"].fillna(dataset.images["image_id"]).to_numpy(object)
    chosen = []
    for column in range(len(dataset.classes)):
        rows = rng.permutation(np.flatnonzero(dataset.positive[:, column]))[: 20 * samples]
        later = pd.Series(owner[rows]).duplicated().to_numpy(bool)
        first, others = rows[~later], rows[later]
        chosen.append([int(row) for row in [*first, *others][:samples]])
    return chosen


def _heat(counts: npt.NDArray[np.int64]) -> bytes:
    """Share of a row's images that show the column's class too, as a PNG of 8 pixels a pair."""
    single = np.maximum(np.diag(counts), 1)[:, None]
    share = np.sqrt(np.clip(counts / single, 0, 1))  # small shares can be told apart
    np.fill_diagonal(share, 0)
    low, high = np.array([238, 243, 249.0]), np.array([11, 75, 150.0])
    colours = (low + share[..., None] * (high - low)).astype(np.uint8)
    image = Image.fromarray(colours).resize(
        (len(counts) * _CELL, len(counts) * _CELL), Image.Resampling.NEAREST
    )
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _embedded(value: Any) -> Markup:
    """JSON inside a script element; no name can end it."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))
