"""A report's page from figures and images by hand: tables, words, and the images of its groups."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotate.workspace import Workspace
from mumic.baselines.frozen import TWO_PROMPTS
from mumic.evaluation.methods import MUMIC
from mumic.report import page as pages
from mumic.report.groups import groups
from mumic.report.material import Material
from mumic.report.page import write_report
from tests.mumic.pages import Page
from tests.mumic.report.conftest import (
    AHEAD,
    ALL,
    CHEAP,
    LABELS,
    LOGITS,
    MISSED,
    NAMES,
    UNSURE,
    WRONG,
)


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
    assert page.count("over whole properties") == 2


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"shared": 2}, "that training saw: 2 of these 5 images. The figures flatter."),
        ({"nameless": 5, "trained_nameless": 30}, "5 of these 5 images and 30 of the 30 that tr"),
        ({"trained_nameless": 1}, "0 of these 5 images and 1 of the 30 that training saw."),
    ],
)
def test_new_properties_are_claimed_only_where_they_are_a_fact(
    workspace: Workspace, material: Material, facts: dict[str, int], words: str
) -> None:
    apart = replace(material.separation, **facts)
    page = _written(workspace, replace(material, separation=apart))
    assert words in page
    assert "measured on 5 test images.</p>" in page
    assert "never saw" not in page
    assert ("over whole properties" in page) == ("nameless" not in facts)
    measures = material.measures | {"split": "train"}
    assert words not in _written(workspace, replace(material, separation=apart, measures=measures))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("count", "words"),
    [
        (4, "Too few images for a map."),
        (5, "t-SNE of the embeddings of all images."),
        (2_001, "t-SNE of the embeddings of 2,000 images, drawn at random from the 2,001."),
    ],
)
def test_a_map_of_a_sample_says_so(
    workspace: Workspace, material: Material, count: int, words: str
) -> None:
    rows = np.arange(count) % 5
    part = replace(material, dataset=material.dataset.take(rows), logits=LOGITS[rows])
    assert words in _written(workspace, part)
    kept = pages._mapped(part, 0)
    assert len(set(kept)) == (0 if count < 5 else min(count, 2_000))


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
