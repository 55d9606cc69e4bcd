"""A report's page from figures and images by hand: tables, words, and the images of its groups."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from annotate.files import write_json
from annotate.settings import Settings
from annotate.taxonomy.model import TaxonomyClass
from annotate.workspace import Workspace
from mumic.baselines.frozen import TWO_PROMPTS
from mumic.data import Dataset
from mumic.evaluation.methods import MUMIC
from mumic.metrics.ranking import Cells
from mumic.report import page as pages
from mumic.report.groups import groups
from mumic.report.material import Material
from mumic.report.page import write_report
from mumic.run import Run
from tests.mumic.pages import Page

NAMES = ("Bed & breakfast", "<b>Pool</b>", "Pets")
#                  three labels            one label            none           middle one unknown
LABELS = np.array([[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0], [0, 0, 1]], np.int8)
LOGITS = np.array([[8, 8, 8], [8, -2, 8], [9, -9, -9], [4, -9, -9], [-9, 0.5, 9]], np.float32)
ALL, MISSED, CHEAP, WRONG, UNSURE = (f"photos/{name}.png" for name in "abcde")


def _measures(value: float, **intervals: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"macro_map": value, "weighted_map": 0.6666, "gap": 0.5, "gap_at_2": 0.25}
    row |= {"f1_micro": None, "brier": 0.12344, "classes": 2, "classes_left_out": 1}
    bare = {"gap": {"value": 0.5, "low": None, "high": None}}
    return row | {"intervals": bare | intervals}


METHODS = {
    MUMIC: _measures(0.8124, macro_map={"value": 0.8124, "low": 0.7004, "high": 0.9006}),
    TWO_PROMPTS: _measures(0.3996, macro_map={"value": 0.3996, "low": None, "high": None}),
}
AHEAD = {
    "macro_map": {"value": 0.41284, "low": -0.0104, "high": 0.6},
    "gap": {"value": 0.1, "low": None, "high": None},
}

SLICES = [
    {
        "kind": kind,
        "name": name,
        "classes": 2,
        "positives": 1234,
        "methods": {
            MUMIC: {
                "gap": 0.25,
                "intervals": {"macro_map": {"value": 0.3333, "low": 0.2, "high": 0.4}},
            },
            TWO_PROMPTS: {"gap": 0.9},
        },
    }
    for kind, name in (("category", "at_home"), ("frequency", "rare"), ("majority", "2 most"))
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, Settings())


@pytest.fixture
def material(workspace: Workspace) -> Material:
    mask = np.ones(LABELS.shape, bool)
    mask[4, 1] = False
    classes = tuple(TaxonomyClass(name.lower(), name, "Inside") for name in NAMES)
    uris = [ALL, MISSED, CHEAP, WRONG, UNSURE]
    images = pd.DataFrame({"uri": uris, "image_id": list("abcde")})
    rates = LABELS.astype(np.float32)
    dataset = Dataset(images, classes, Cells(LABELS, mask), rates, "feed", "f00d")
    folder = workspace.runs / "one"
    thresholds = [{"logit": 0.0, "chosen": "tuned"} for _ in NAMES]
    write_json(folder / "thresholds.json", {"thresholds": thresholds})
    record = {"start_model": {"name": "ViT-<small>"}, "logit_scale": 2.0}
    return Material(
        run=Run(folder, record, classes, NAMES),
        dataset=dataset,
        measures={
            "split": "test",
            "settings": {"k": 2},
            "methods": METHODS,
            "differences": {TWO_PROMPTS: AHEAD},
            "slices": SLICES,
            "catalogue": None,
        },
        train_positives=np.array([3, 2, 1]),
        logits=LOGITS,
        zero_shot=-LOGITS,
        rows=np.eye(5, 4, dtype=np.float32),
        start_rows=np.eye(5, 4, dtype=np.float32),
    )


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures have tests of their own, and take seconds."""
    monkeypatch.setattr(pages, "_drawings", lambda workspace, material: {})


def _written(workspace: Workspace, material: Material) -> str:
    found = write_report(workspace, material, workspace.root / "report")
    return Path(found["page"]).read_text("utf-8")


def _said(workspace: Workspace, material: Material) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Per group its images, in their order, with the kinds of their labels."""
    return {
        group["title"]: {
            image["uri"]: [(label["kind"], label["name"]) for label in image["labels"]]
            for image in group["images"]
        }
        for group in groups(workspace, material, material.logits >= 0)
    }


def test_the_best_worst_and_most_doubtful_images(workspace: Workspace, material: Material) -> None:
    found = _said(workspace, material)
    assert list(found["Best"]) == [ALL, MISSED]  # the cheapest image shows but one class
    # Costs: 4.02, 2.13, 0.0010, 0.00037 and, without its unknown cell, 0.00025.
    assert list(found["Worst"]) == [WRONG, MISSED, ALL, CHEAP, UNSURE]
    # Bits: H(0.62) = 0.96, H(0.12) = 0.53, H(0.98) = 0.13, thrice H(0.9997), thrice H(0.9999).
    assert list(found["Most doubtful"]) == [UNSURE, MISSED, WRONG, ALL, CHEAP]
    bed, pool, pets = NAMES
    assert found["Worst"] == {
        WRONG: [("no", bed)],
        MISSED: [("yes", bed), ("missed", pool), ("yes", pets)],
        ALL: [("yes", bed), ("yes", pool), ("yes", pets)],
        CHEAP: [("yes", bed)],
        UNSURE: [("unknown", pool), ("yes", pets)],
    }


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([0, 1, 2], "Smallest cost, of images with three labels or more."),
        ([2, 3], "Smallest cost, of images with a label."),
        ([3], "Smallest cost."),
    ],
)
def test_the_text_of_the_best_is_true_of_them(
    workspace: Workspace, material: Material, rows: list[int], text: str
) -> None:
    part = replace(material, dataset=material.dataset.take(rows), logits=LOGITS[rows])
    best = groups(workspace, part, part.logits >= 0)[0]
    assert best["text"] == text
    least = min(3, int(LABELS[rows].sum(axis=1).max()))
    uris = list(material.dataset.images["uri"])
    assert all(LABELS[uris.index(image["uri"])].sum() >= least for image in best["images"])


@pytest.mark.usefixtures("undrawn")
def test_cells_are_rounded_as_by_hand(workspace: Workspace, material: Material) -> None:
    heads, own, zero = Page(_written(workspace, material)).rows[:3]
    assert heads[:5] == ["method", "macro mAP", "weighted mAP", "GAP", "GAP@2"]
    assert heads[5:] == ["F1 micro", "Brier", "MuMIC ahead in macro mAP", "in GAP"]
    means = ["0.667", "0.500", "0.250", "–", "0.1234"]
    assert own == [MUMIC, "0.812 [0.700, 0.901]", *means, "", ""]
    assert zero == [TWO_PROMPTS, "0.400", *means, "+41.3 [-1.0, +60.0]", ""]


@pytest.mark.usefixtures("undrawn")
def test_categories_bands_and_the_catalogue_have_their_tables(
    workspace: Workspace, material: Material
) -> None:
    heads = ["classes", "positives", "macro mAP", "GAP"]
    cells = ["2", "1,234", "0.333 [0.200, 0.400]", "0.250"]
    html = _written(workspace, material)
    assert Page(html).rows[3:7] == [
        ["category", *heads],
        ["at home", *cells],
        ["frequency in training", *heads],
        ["rare", *cells],
    ]
    assert "Weighted" not in html
    means = {"macro_map": {"value": 0.75, "low": 0.7, "high": 0.8}, "gap": AHEAD["gap"]}
    catalogue = {
        "images": 50,
        "population_images": 4000,
        "methods": {MUMIC: {"intervals": means}},
    }
    measures = material.measures | {"catalogue": catalogue}
    html = _written(workspace, replace(material, measures=measures))
    row = [MUMIC, "0.750 [0.700, 0.800]", "0.812", "0.100", "0.500"]
    assert row in Page(html).rows
    assert "50 for 4,000 of the catalogue" in html
    measures |= {"catalogue": {"reason": "no image here is of a round", "methods": {}}}
    html = _written(workspace, replace(material, measures=measures))
    assert "Not weighted: no image here is of a round." in html


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("test", "5 test images of properties that training never saw."),
        ("validation", "they chose epochs and thresholds"),
        ("train", "trained on these very images"),
    ],
)
def test_the_page_says_what_the_images_were_to_the_run(
    workspace: Workspace, material: Material, split: str, words: str
) -> None:
    page = _written(workspace, replace(material, measures=material.measures | {"split": split}))
    assert words in page
    assert ("never saw" in page) == (split == "test")


@pytest.mark.usefixtures("undrawn")
def test_names_are_text_and_tell_more_than_colours(
    workspace: Workspace, material: Material
) -> None:
    html = _written(workspace, material)
    assert "<b>Pool</b>" not in html
    assert "ViT-<small>" not in html
    assert "found: </span>&lt;b&gt;Pool&lt;/b&gt;</span>" in html
    assert '✗</i><span class="spoken">wrong: </span>Bed &amp; breakfast</span>' in html
    page = Page(html)
    assert page.outside == []
    assert page.scopes
    assert None not in page.scopes


def _prompts(workspace: Workspace, **facts: Any) -> None:
    row = {"name": "Pets", "value": 0.1, "low": 0.05, "high": 0.2, "counts": True}
    found = facts | {"validation": {"per_class": [row]}}
    file = workspace.runs / "prompts" / "summary.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (None, "Not compared yet"),
        ({}, "is of another dataset, or does not say of which"),
        ({"dataset": "beef"}, "is of another dataset, or does not say of which"),
        ({"dataset": "f00d"}, 'alt="Gain by description"'),
    ],
)
def test_texts_are_of_the_same_dataset(
    workspace: Workspace,
    material: Material,
    monkeypatch: pytest.MonkeyPatch,
    facts: dict[str, str] | None,
    words: str,
) -> None:
    if facts is not None:
        _prompts(workspace, **facts)
    for name in ("loss", "logits", "classes", "precision_recall", "calibration", "maps"):
        monkeypatch.setattr(pages, f"draw_{name}", lambda *given: None)
    monkeypatch.setattr(pages, "tsne", lambda *given: None)
    per_class: list[Any] = []
    measures = material.measures | {"per_class": per_class, "calibration": {}}
    drawings = pages._drawings(workspace, replace(material, measures=measures))
    kept = {name: drawing for name, drawing in drawings.items() if drawing is not None}
    monkeypatch.setattr(pages, "_drawings", lambda workspace, material: kept)
    assert words in _written(workspace, material)


def test_classes_outside_the_means_have_no_curve() -> None:
    rows = [
        {"average_precision": {MUMIC: value}, "in_means": included}
        for value, included in ((0.5, True), (0.9, False), (None, False))
    ]
    assert pages._precisions(rows) == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)
