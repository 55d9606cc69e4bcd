"""The demo's page: one HTML file with the pictures inside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from annotate import tables
from annotate.dataset.splits import SPLITS
from annotate.mining.round_files import round_files, sheet_file
from annotate.pages import write_page
from annotate.workspace import Workspace
from mumic.baselines.frozen import COSINE, TWO_PROMPTS
from mumic.demo.photo_groups import candidate_rows, judged_images, new_images
from mumic.evaluation.methods import MUMIC
from mumic.metrics.intervals import interval_notes
from mumic.page_numbers import number, points, with_interval

Values = dict[str, Any]


def write_demo_page(workspace: Workspace, figures: Values, target: Path) -> Path:
    """Write the page of a finished demo.

    Args:
        workspace: where the demo ran.
        figures: content of ``summary.json``.
        target: the HTML file.

    Returns:
        The target.

    Raises:
        InputError: a template of one's own is broken.
    """
    catalog = tables.read(tables.CATALOG, workspace.catalog / "images.parquet")
    uris = dict(zip(catalog["image_id"], catalog["uri"], strict=True))
    measures = figures["measures"]
    values = {
        "cards": _cards(figures, len(catalog)),
        "catalog_images": f"{len(catalog):,}",
        "candidates": candidate_rows(workspace, uris, measures["per_class"]),
        "sheets": contact_sheets(workspace, target.parent),
        "preview": (workspace.tasks / "preview.html").read_text("utf-8"),
        "agreement": _agreement(figures),
        "labels": _labels(figures),
        "annotators": _annotators(figures),
        "splits": split_table(figures),
        "test_images": measures["methods"][MUMIC]["images"],
        "methods": _methods(measures),
        "notes": interval_notes(measures["methods"]),
        "zero_shot_name": better_zero_shot(measures),
        "classes": _classes(measures),
        "predictions": [
            *judged_images(workspace, figures["run"], uris),
            new_images(workspace, figures),
        ],
        "steps": figures["steps"],
    }
    write_page(workspace, "demo.html.j2", values, target)
    return target


def better_zero_shot(measures: Values) -> str:
    """Name of the zero-shot baseline with the higher macro mAP."""
    return max((TWO_PROMPTS, COSINE), key=lambda name: measures["methods"][name]["macro_map"])


def _cards(figures: Values, images: int) -> list[Values]:
    labels, measures = figures["labels"], figures["measures"]
    own = measures["methods"][MUMIC]
    return [
        {"value": f"{images:,}", "label": "photos in the catalogue"},
        {"value": f"{figures['consolidation']['images']:,}", "label": "annotated by five people"},
        {"value": f"{own['classes']}", "label": "classes"},
        {
            "value": f"{labels['macro_f1']:.2f}",
            "label": f"F1 of the labels; one annotator alone {labels['single_annotator_f1']:.2f}",
        },
        {
            "value": f"{own['macro_map']:.3f}",
            "label": f"macro mAP; zero-shot CLIP "
            f"{measures['methods'][better_zero_shot(measures)]['macro_map']:.3f}",
        },
    ]


def contact_sheets(workspace: Workspace, folder: Path) -> list[Values]:
    """The contact sheets that were written, the first one whole: it is a page by itself."""
    rounds = [int(file.stem[6:]) for file in round_files(workspace.candidates)]
    found = [
        file for number in rounds if (file := sheet_file(workspace.candidates, number)).exists()
    ]
    return [
        {
            "link": quote(os.path.relpath(file, folder)),
            "name": file.name,
            "page": file.read_text("utf-8") if at == 0 else "",
        }
        for at, file in enumerate(found)
    ]


def _agreement(figures: Values) -> list[Values]:
    alpha = figures["consolidation"]["agreement"]["classes"]
    names = {row["class_id"]: row["name"] for row in figures["measures"]["per_class"]}
    asked = figures["consolidation"]["classes"]
    return [
        {
            "name": names.get(row["class_id"], row["class_id"]),
            "asked": asked[row["class_id"]]["positive"] + asked[row["class_id"]]["negative"],
            "positives": asked[row["class_id"]]["positive"],
            "precision": number(row["precision"]),
            "recall": number(row["recall"]),
            "alpha": number(alpha.get(row["class_id"], {}).get("alpha")),
        }
        for row in figures["labels"]["classes"]
    ]


def split_table(figures: Values) -> Values:
    """Positives of each class by split, as ``dataset`` counted them."""
    dataset = figures["dataset"]
    names = {row["class_id"]: row["name"] for row in figures["measures"]["per_class"]}
    settings = dataset["settings"]["dataset"]
    return {
        "names": list(SPLITS),
        "wanted": " and ".join(_percent(settings[name]) for name in SPLITS[1:]),
        **_split_row([dataset["images"][name] for name in SPLITS], "images"),
        "rows": [
            {
                "name": names.get(class_id, class_id),
                **_split_row([entry["positive"][name] for name in SPLITS], "counts"),
            }
            for class_id, entry in dataset["classes"].items()
        ],
        "warnings": dataset["warnings"],
    }


def _split_row(counts: list[int], name: str) -> Values:
    total = sum(counts)
    return {
        name: counts,
        "shares": [_percent(count / total) if total else "–" for count in counts[1:]],
    }


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _labels(figures: Values) -> Values:
    """Means over the classes, as the page words them."""
    labels, people = figures["labels"], figures["annotators"]
    return {
        "precision": number(labels["macro_precision"]),
        "recall": number(labels["macro_recall"]),
        "alpha": number(people["mean_alpha"]),
        "ac1": number(people["mean_ac1"]),
    }


def _annotators(figures: Values) -> list[Values]:
    keys = ("agreement_yes", "golden_precision", "golden_recall", "sensitivity", "specificity")
    return [
        {
            "name": row["annotator_id"],
            "images": row["images"],
            "seconds": "–" if row["seconds"] is None else f"{row['seconds']:.0f}",
            "flags": ", ".join(row["flags"]),
            **{key: number(row[key]) for key in keys},
        }
        for row in figures["annotators"]["annotators"]
    ]


def _methods(measures: Values) -> list[Values]:
    return [
        {
            "name": name,
            "best": name == MUMIC,
            "macro_map": with_interval(row["intervals"]["macro_map"]),
            "weighted_map": number(row["weighted_map"]),
            "gap": with_interval(row["intervals"]["gap"]),
            "gap_at_10": number(row["gap_at_10"]),
            "ahead_macro_map": points(measures["differences"].get(name, {}).get("macro_map")),
            "ahead_gap": points(measures["differences"].get(name, {}).get("gap")),
        }
        for name, row in measures["methods"].items()
    ]


def _classes(measures: Values) -> list[Values]:
    zero_shot = better_zero_shot(measures)
    rows = [
        (row["name"], row["average_precision"][MUMIC], row["average_precision"][zero_shot])
        for row in measures["per_class"]
        if row["in_means"]
    ]
    return [
        {"name": name, "new": f"{100 * new:.1f}", "old": f"{100 * old:.1f}", "text": f"{new:.2f}"}
        for name, new, old in sorted(rows, key=lambda row: -row[1])
    ]
