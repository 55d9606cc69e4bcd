"""The page of a report and its PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.files import read_json
from annotate.pages import data_uri, write_page
from annotate.workspace import Workspace
from mumic.baselines.frozen import TWO_PROMPTS
from mumic.evaluation.methods import MUMIC
from mumic.evaluation.notes import split_notes
from mumic.figures.differences import draw_gains
from mumic.figures.style import DARK, LIGHT, Drawing
from mumic.figures.temperature import draw_temperature
from mumic.metrics.intervals import interval_notes
from mumic.page_numbers import number, points, with_interval
from mumic.report.examples import rarest_category
from mumic.report.figures import (
    MOST_POINTS,
    draw_classes,
    draw_logits,
    draw_maps,
    draw_precision_recall,
    tsne,
)
from mumic.report.groups import groups
from mumic.report.loss_figure import RunLoss, draw_loss
from mumic.report.material import Material
from mumic.report.reliability import draw_calibration
from mumic.report.siblings import find_siblings
from mumic.series.arms import series_folder
from mumic.training.history import logit_scales

FEWEST_MAPPED = 5  # images; of fewer, a map shows nothing
Values = dict[str, Any]


def write_report(workspace: Workspace, material: Material, folder: Path) -> dict[str, Any]:
    """Draw everything and write ``report.html`` with its PNG files.

    Args:
        workspace: where the pictures lie, and the results of ``mumic prompts``.
        material: of the run.
        folder: made if need be.

    Returns:
        ``page`` and ``figures``, their paths.
    """
    drawings = _drawings(workspace, material)
    figures = {name: drawing.save(folder / f"{name}.png") for name, drawing in drawings.items()}
    methods, run = material.measures["methods"], material.run
    said = material.logits >= run.thresholds().logits
    siblings = find_siblings(run.classes, said, material.dataset.cells)
    split, apart = material.measures.get("split", "test"), material.separation
    values = {
        "run": run.id,
        "split": split,
        "new_properties": split == "test" and apart.new_properties,
        "split_notes": split_notes(split) + ([] if split == "train" else apart.notes()),
        "resampled": apart.resampled,
        "start": run.start_model["name"],
        "demo": bool(run.record.get("demo_model")),
        "images": len(material.dataset),
        "cards": _cards(material),
        "methods": [_method(name, row, material.measures) for name, row in methods.items()],
        "notes": interval_notes(methods),
        "columns": _columns(material.measures["settings"]["k"]),
        "slices": _slices(material.measures),
        "catalogue": material.measures["catalogue"],
        "weighted": _weighted(material.measures),
        "plots": {name: _both(drawing) for name, drawing in drawings.items()},
        "compared_elsewhere": "description-gain" not in drawings
        and bool(_compared_texts(workspace)),
        "loss": RunLoss.of(run).text,
        "mapped": len(_mapped(material, workspace.settings.project.seed)),
        "siblings": siblings.text,
        "confusions": siblings.largest,
        "groups": groups(workspace, material, said),
    }
    page = folder / "report.html"
    write_page(workspace, "report.html.j2", values, page)
    return {"page": str(page), "figures": [str(path) for path in figures.values()]}


def _both(drawing: Drawing) -> dict[str, str]:
    return {
        "light": data_uri(drawing.png(LIGHT), "png"),
        "dark": data_uri(drawing.png(DARK), "png"),
    }


def _drawings(workspace: Workspace, material: Material) -> dict[str, Drawing]:
    """Each by its name, which is also its file's."""
    run, cells = material.run, material.dataset.cells
    scored = {MUMIC: material.logits, TWO_PROMPTS: material.zero_shot}
    per_class = material.measures["per_class"]
    names = [entry.name for entry in run.classes]
    found = {
        "loss": draw_loss(RunLoss.of(run)),
        "logits": draw_logits(scored, cells),
        "classes": draw_classes(per_class, list(material.measures["methods"])),
        "precision-recall": draw_precision_recall(scored, cells, names, _precisions(per_class)),
        "calibration": draw_calibration(material.measures["calibration"]),
    }
    if scales := logit_scales(run.path):
        clamp = run.record["settings"]["train"]["max_logit_scale"]
        found["temperature"] = draw_temperature({run.id: scales}, [clamp])
    texts = _compared_texts(workspace)
    if texts.get("dataset") == material.dataset.fingerprint:  # older results do not say
        rows = texts["validation"]["per_class"]
        found["description-gain"] = draw_gains(rows, "Gain by description over name, on validation")
    seed = workspace.settings.project.seed
    if (kept := _mapped(material, seed)).size:
        found["map"] = _map(material, kept, seed)
    return found


def _compared_texts(workspace: Workspace) -> Values:
    """What ``mumic prompts`` has found; empty if it has not been asked."""
    file = series_folder(workspace, "prompts") / "summary.json"
    found: Values = read_json(file, "mumic prompts") if file.is_file() else {}
    return found


def _precisions(rows: Sequence[Values]) -> list[float]:
    """The run's average precision of each class; NaN for one with too few positives."""
    found = [row["average_precision"][MUMIC] if row["in_means"] else None for row in rows]
    return [float("nan") if value is None else value for value in found]


def _mapped(material: Material, seed: int) -> npt.NDArray[np.int64]:
    """Places of the images on the map: all, or as many as it can show, at random."""
    count = len(material.dataset)
    kept = np.random.default_rng(seed).permutation(count)[:MOST_POINTS]
    return np.sort(kept if count >= FEWEST_MAPPED else kept[:0])


def _map(material: Material, kept: npt.NDArray[np.int64], seed: int) -> Drawing:
    part = material.dataset.take(kept)
    categories = rarest_category(material.run.classes, part.cells, material.train_positives)
    maps = {
        "Before training": tsne(material.start_rows[kept], seed),
        "After training": tsne(material.rows[kept], seed),
    }
    return draw_maps(maps, [name.replace("_", " ") for name in categories])


def _cards(material: Material) -> list[Values]:
    own = material.measures["methods"][MUMIC]
    zero = material.measures["methods"].get(TWO_PROMPTS)
    beside = f"; zero-shot CLIP {number(zero['macro_map'])}" if zero else ""
    k = material.measures["settings"]["k"]
    return [
        {"value": number(own["macro_map"]), "label": f"macro mAP{beside}"},
        {"value": number(own["gap"]), "label": "GAP"},
        {"value": number(own[f"gap_at_{k}"]), "label": f"GAP@{k}"},
        {"value": number(own["f1_micro"]), "label": "F1 micro at tuned thresholds"},
        {"value": f"{np.exp(material.run.logit_scale):.1f}", "label": "1 / temperature"},
        {"value": str(own["classes"]), "label": f"classes, {own['classes_left_out']} left out"},
    ]


def _columns(k: int) -> list[str]:
    """What the cells of :func:`_method` are."""
    names = ["macro mAP", "weighted mAP", "GAP", f"GAP@{k}", "F1 micro", "Brier"]
    return [*names, f"{MUMIC} ahead in macro mAP", "in GAP"]


def _method(name: str, row: Values, measures: Values) -> Values:
    k = measures["settings"]["k"]
    ahead = measures["differences"].get(name, {})
    return {
        "name": name,
        "own": name == MUMIC,
        "cells": [
            with_interval(row["intervals"]["macro_map"]),
            number(row["weighted_map"]),
            with_interval(row["intervals"]["gap"]),
            number(row[f"gap_at_{k}"]),
            number(row["f1_micro"]),
            number(row["brier"], 4),
            points(ahead.get("macro_map")),
            points(ahead.get("gap")),
        ],
    }


def _slices(measures: Values) -> list[Values]:
    """The run by category and by how frequent classes are in training, a table each."""
    return [
        {
            "title": title,
            "rows": [
                {
                    "name": row["name"].replace("_", " ") or "–",
                    "classes": row["classes"],
                    "positives": f"{row['positives']:,}",
                    "macro_map": with_interval(row["methods"][MUMIC]["intervals"]["macro_map"]),
                    "gap": number(row["methods"][MUMIC]["gap"]),
                }
                for row in measures["slices"]
                if row["kind"] == kind
            ],
        }
        for kind, title in (("category", "category"), ("frequency", "frequency in training"))
    ]


def _weighted(measures: Values) -> list[Values]:
    """Every method with images counted as those of the catalogue that they stand for."""
    weighted = (measures["catalogue"] or {}).get("methods", {})
    return [
        {
            "name": name,
            "own": name == MUMIC,
            "cells": [
                cell
                for key in ("macro_map", "gap")
                for cell in (with_interval(weighted[name]["intervals"][key]), number(row[key]))
            ],
        }
        for name, row in measures["methods"].items()
        if name in weighted
    ]
