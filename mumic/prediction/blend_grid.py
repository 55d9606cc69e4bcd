"""What a blend gives and takes: seen classes and unseen labels at several shares, on validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate import tables
from annotate.clip.encoder import encode_texts
from annotate.clip.memory import clear_word
from annotate.dataset.learned import check_unlearned, learned_in_training
from annotate.errors import InputError, closest
from annotate.files import number_or_none
from annotate.taxonomy.model import TaxonomyClass, lookup_key
from annotate.taxonomy.prompts import TEMPLATE, prompt_name
from annotate.workspace import Workspace
from mumic.data import Dataset, load_dataset
from mumic.evaluation.score_files import LABELS, read_grid
from mumic.memory import advice_in_use
from mumic.metrics.measures import average_precisions, gap, included_classes, macro_map
from mumic.metrics.ranking import Cells, Floats
from mumic.model.mumic_model import logits_of
from mumic.prediction.blend import load_ends, split_rows
from mumic.run import Run, choose_device

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Judged:
    """Images with labels, and the text of each label."""

    name: str
    dataset: Dataset
    texts: tuple[str, ...]


@clear_word(advice_in_use)
def blend_grid(
    workspace: Workspace,
    run: Run,
    unseen: Path | None = None,
    *,
    alphas: Sequence[float] = ALPHAS,
    device: str = "auto",
    allow_demo_model: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Macro mAP and GAP by alpha, on validation; and on labels that training never saw.

    Args:
        workspace: with the dataset.
        run: a finished run.
        unseen: a table of labels for images of the catalogue, see :func:`read_unseen`.
        alphas: shares of the run's own weights; 0 is the model before training.
        device: a torch device or ``auto``.
        allow_demo_model: let the small CLIP judge real photos.
        on_progress: told how many more images were decoded or embedded.

    Raises:
        InputError: the run has learned from images of validation.
    """
    own = load_dataset(workspace).of_classes(run.class_ids)
    check_unlearned(run.path, own.split("validation").images)
    judged = [Judged("seen", own.split("validation"), run.texts)]
    if unseen is not None:
        judged.append(read_unseen(workspace, run, unseen))
    ends = load_ends(workspace, run, choose_device(device), allow_demo_model=allow_demo_model)
    rows = []
    for alpha in alphas:
        ends.set(alpha)
        row: dict[str, Any] = {"alpha": alpha}
        for part in judged:
            images = split_rows(workspace, run, ends.clip, part.dataset, on_progress)
            texts = encode_texts(ends.clip, part.texts)
            scores = logits_of(images, texts, ends.logit_scale, ends.logit_bias)
            fewest = workspace.settings.evaluate.min_positives
            row[part.name] = _measures(scores, part.dataset.cells, fewest)
        rows.append(row)
    counts = {
        part.name: {"images": len(part.dataset), "classes": len(part.texts)} for part in judged
    }
    return {
        "run": run.id,
        "split": "validation",
        "demo_model": ends.clip.is_demo,
        "judged": counts,
        "rows": rows,
    }


def _measures(scores: Floats, cells: Cells, fewest: int) -> dict[str, float | None]:
    precisions = average_precisions(scores, cells.labels, cells.mask)
    found = {
        "macro_map": macro_map(precisions, included_classes(cells, fewest)),
        "gap": gap(scores, cells.labels, cells.mask),
    }
    return {name: number_or_none(value) for name, value in found.items()}


def read_unseen(workspace: Workspace, run: Run, file: Path) -> Judged:
    """Labels that the run was not trained on, for images of the catalogue.

    Args:
        workspace: with the catalogue.
        run: whose classes are refused.
        file: a table as ``mumic evaluate --labels`` reads; images by ``image_id`` or ``uri``,
            classes by their names. Images of the training split, as it is now and as the run
            had it, are left out.

    Raises:
        InputError: it is no such table, an image is not in the catalogue, a class is the run's, or
            nothing is left.
    """
    grid = read_grid(file, LABELS)
    if grid.image_ids is None or grid.class_ids is None:
        raise InputError(f"{file}: needs names of images and classes; use Parquet or CSV")
    trained = {key for entry in run.classes for key in entry.lookup_keys}
    known = [name for name in grid.class_ids if lookup_key(name.replace("_", " ")) in trained]
    if known:
        raise InputError(f"{file}: {run.id} was trained on {', '.join(known[:5])}; leave it out")
    images = _catalogued(workspace, grid.image_ids, file)
    values = grid.values
    wrong = np.argwhere(~np.isnan(values) & ~np.isin(values, (-1, 0, 1)))
    if wrong.size:
        row, column = wrong[0]
        raise InputError(
            f"{file}: image {grid.image_ids[row]}, class {grid.class_ids[column]}: "
            f"{values[row, column]:g}; a label is 1, 0, or empty or -1 where unknown"
        )
    mask = ~np.isnan(values) & (values != -1)
    own = load_dataset(workspace)
    own_train = images["image_id"].isin(own.images["image_id"][own.images["split"] == "train"])
    learned = images["content_hash"].isin(learned_in_training(run.path))
    kept = np.flatnonzero(~own_train & ~learned)
    classes = tuple(TaxonomyClass(name, name.replace("_", " "), "") for name in grid.class_ids)
    cells = Cells(np.where(mask, values, 0).astype(np.int8), mask)
    whole = replace(own, images=images, classes=classes, cells=cells, rates=values)
    dataset = whole.take(kept)
    if not (dataset.cells.labels == 1).any():
        raise InputError(f"{file}: no positive on an image outside the training split")
    texts = tuple(TEMPLATE.format(prompt_name(entry.name)) for entry in classes)
    return Judged("unseen", dataset, texts)


def _catalogued(workspace: Workspace, ids: list[str], file: Path) -> pd.DataFrame:
    """The catalogue's rows of some images, named by id or by URI.

    A photo that was replaced stands there twice under its URI; what it was before is gone.
    """
    columns = ["image_id", "uri", "content_hash", "present"]
    catalog = tables.read(tables.CATALOG, workspace.catalog / "images.parquet", columns)
    catalog = catalog[catalog["present"].astype(bool)]
    for column in ("image_id", "uri"):
        found = pd.Index(catalog[column]).get_indexer(pd.Index(ids))
        if (found >= 0).any():
            break
    if (found < 0).any():
        first = ids[int(np.flatnonzero(found < 0)[0])]
        raise InputError(
            f"{file}: {int((found < 0).sum())} of {len(ids)} images are not in the catalogue, such "
            f"as {first}{closest(first, list(catalog['uri'][:2000]))}"
        )
    chosen: pd.DataFrame = catalog.iloc[found].reset_index(drop=True)
    return chosen
