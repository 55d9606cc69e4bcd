"""A report's examples by hand, and its page."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score

from annotate.settings import render
from annotate.taxonomy.model import TaxonomyClass
from annotate.workspace import Workspace
from mumic.baselines.store import open_baseline
from mumic.cli import main
from mumic.data import load_dataset
from mumic.metrics.ranking import Cells
from mumic.report.examples import costs, doubts, rarest_category
from mumic.report.material import gather
from mumic.training.train import TrainOptions, train
from tests.mumic.pages import Page

HOSTILE = "Bed <img src=x.png> & board"


def test_the_colour_is_the_category_of_the_rarest_class() -> None:
    classes = [
        TaxonomyClass("bed", "Bed", "rooms"),
        TaxonomyClass("pool", "Pool", "outside"),
        TaxonomyClass("dog", "Dog", "people"),
    ]
    frequency = np.array([900, 40, 40])
    #            only bed   bed, pool  pool, dog  nothing    dog unknown
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 0], [1, 0, 1]], np.int8)
    mask = np.ones(labels.shape, bool)
    mask[4, 2] = False
    found = rarest_category(classes, Cells(labels, mask), frequency)
    assert found == ["rooms", "outside", "outside", "", "rooms"]


def test_costs_and_doubts_are_cross_entropy_and_entropy() -> None:
    logits = np.array([[0.0, 2.0], [-3.0, 40.0]], np.float32)
    cells = Cells(np.array([[1, 0], [0, 1]], np.int8), np.array([[True, True], [True, False]]))
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    expected = [-np.log(p[0, 0]) - np.log(1 - p[0, 1]), -np.log(1 - p[1, 0])]
    assert costs(logits, cells) == pytest.approx(expected)
    entropy = -(p[:, 0] * np.log2(p[:, 0]) + (1 - p[:, 0]) * np.log2(1 - p[:, 0]))
    sure = -(p[0, 1] * np.log2(p[0, 1]) + (1 - p[0, 1]) * np.log2(1 - p[0, 1]))
    assert doubts(logits) == pytest.approx([entropy[0] + sure, entropy[1]], abs=1e-12)


def test_the_page_is_self_contained(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    _rename(workspace, "Bed", HOSTILE)
    train(workspace, TrainOptions(run="one"))
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(main, ["report", "--allow-demo-model", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    page = Path(summary["page"]).read_text("utf-8")
    assert Page(page).outside == []
    assert HOSTILE not in page
    assert "Bed &lt;img src=x.png&gt; &amp; board" in page
    _cells_are_those_of_the_metrics(workspace, page)
    # The pictures of the workspace name no property.
    assert "never saw" not in page
    assert page.count("over whole groups of near copies") == 2
    drawn = {Path(figure).stem for figure in summary["figures"]}
    curves = {"precision-recall", "calibration", "temperature"}
    assert drawn == {"loss", "logits", "classes", "map"} | curves
    for figure in summary["figures"]:
        assert Path(figure).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert page.count('media="(prefers-color-scheme: dark)"') == len(drawn)
    _baselines_made_since_are_on_the_page(workspace)
    monkeypatch.setattr("mumic.report.page._drawings", lambda workspace, material: {})
    _changed_settings_are_on_the_page(workspace)


def test_the_bar_moves_while_the_run_is_evaluated_first(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    run = train(workspace, TrainOptions(run="one"))
    shutil.rmtree(workspace.data / "cache")  # what the training decoded
    told: list[int] = []
    gather(workspace, run, "test", allow_demo_model=True, on_progress=told.append)
    dataset = load_dataset(workspace)
    test = len(dataset.split("test"))
    # All are decoded and, for the probe, embedded as before training; those of test by the run,
    # too: where it is evaluated and for the page.
    assert sum(told) == 2 * len(dataset) + 2 * test


def _rename(workspace: Workspace, old: str, new: str) -> None:
    file = workspace.dataset / "classes.json"
    listed = json.loads(file.read_text("utf-8"))
    for entry in listed["classes"]:
        if entry["name"] == old:
            entry["name"] = new
    file.write_text(json.dumps(listed))


def _cells_are_those_of_the_metrics(workspace: Workspace, page: str) -> None:
    found = json.loads((workspace.runs / "one" / "metrics.json").read_text("utf-8"))["test"]
    heads, *rows = Page(page).rows
    table = {row[0]: dict(zip(heads, row, strict=True)) for row in rows[: len(found["methods"])]}
    assert set(table) == set(found["methods"])
    for name, row in found["methods"].items():
        shown = table[name]
        assert float(shown["GAP@2"]) == pytest.approx(row["gap_at_2"], abs=0.0005001)
        assert float(shown["Brier"]) == pytest.approx(row["brier"], abs=0.00005001)
        bounds = [row["intervals"]["gap"][each] for each in ("value", "low", "high")]
        printed = [float(number) for number in re.findall(r"[\d.]+", shown["GAP"])]
        assert printed == pytest.approx(bounds, abs=0.0005001)


def _changed_settings_are_on_the_page(workspace: Workspace) -> None:
    own = workspace.settings
    changed = replace(own, evaluate=replace(own.evaluate, k=3, min_positives=4))
    (workspace.root / "mumic.toml").write_text(render(changed))
    result = CliRunner().invoke(main, ["report", "--allow-demo-model"])
    assert result.exit_code == 0, result.output
    heads = Page((workspace.runs / "one" / "report" / "report.html").read_text("utf-8")).rows[0]
    assert "GAP@3" in heads
    found = json.loads((workspace.runs / "one" / "metrics.json").read_text("utf-8"))["test"]
    assert found["settings"]["min_positives"] == 4


def _baselines_made_since_are_on_the_page(workspace: Workspace) -> None:
    title = "zero-shot CLIP, one softmax"
    for command in (["baseline", "softmax"], ["report"]):
        result = CliRunner().invoke(main, [*command, "--allow-demo-model"])
        assert result.exit_code == 0, result.output
    report = workspace.runs / "one" / "report" / "report.html"
    assert title in report.read_text("utf-8")
    rows = json.loads((workspace.runs / "one" / "metrics.json").read_text("utf-8"))["test"]
    scores = open_baseline(workspace, "softmax").scores("test")
    test = load_dataset(workspace).split("test")
    assert scores.image_ids == list(test.images["image_id"])
    for at, row in enumerate(rows["per_class"]):
        known = test.cells.mask[:, at]
        if not test.cells.labels[known, at].any():
            assert row["average_precision"][title] is None
            continue
        expected = average_precision_score(test.cells.labels[known, at], scores.logits[known, at])
        assert row["average_precision"][title] == pytest.approx(expected)
