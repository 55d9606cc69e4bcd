"""Measures of slices and of the catalogue against scikit-learn's, by weights of images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score

from annotate.mining.draw import Draw, Mined, receipts
from annotate.mining.round_files import save_round
from annotate.settings import EvaluateSettings
from annotate.tables import POOLS
from annotate.taxonomy.model import TaxonomyClass
from mumic.cli.evaluate_lines import comparison_lines, report_lines
from mumic.data import load_dataset
from mumic.evaluation.comparison import compare
from mumic.evaluation.design import weighted_measures
from mumic.evaluation.evaluate import EvaluateOptions, evaluate
from mumic.evaluation.findings import findings
from mumic.evaluation.measure import Method, Truth
from mumic.metrics.ranking import Cells
from mumic.metrics.thresholds import Thresholds, sigmoid
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train

Array = npt.NDArray[Any]
SETTINGS = EvaluateSettings(min_positives=1, bootstrap=20, k=2, majority=2)
CUTS = np.array([0.5, 0.4, 0.3, 0.2])


def _truth() -> tuple[Method, Truth]:
    """Four classes of two categories, unknown cells, and ties."""
    rng = np.random.default_rng(1)
    labels = (rng.random((60, 4)) < [0.5, 0.4, 0.3, 0.2]).astype(np.int8)
    scores = np.round(rng.normal(size=(60, 4)) + labels, 1)
    classes = tuple(
        TaxonomyClass(name, name, category) for name, category in zip("abcd", "iioo", strict=True)
    )
    truth = Truth(
        classes,
        Cells(labels, rng.random((60, 4)) < 0.85),
        [f"hotel {at // 2}" for at in range(60)],
        np.array([5, 500, 10, 100]),
    )
    return Method("ours", scores, Thresholds(CUTS, ("",) * 4)), truth


def _each(
    scores: Array, cells: Cells, columns: Iterable[int], weights: Array | None = None
) -> list[float]:
    """scikit-learn's average precision of some classes."""
    found = []
    for column in columns:
        known = cells.mask[:, column]
        found.append(
            average_precision_score(
                cells.labels[known, column],
                scores[known, column],
                sample_weight=None if weights is None else weights[known],
            )
        )
    return found


def test_every_slice_is_scikit_learns_of_its_classes() -> None:
    method, truth = _truth()
    found = findings(truth, [method], SETTINGS, seed=0)["slices"]
    columns = {"i": [0, 1], "o": [2, 3], "2 most frequent": [1, 3]}
    columns |= {"rare (at most 10)": [0, 2], "common (11 to 100)": [3], "frequent (above 100)": [1]}
    assert {row["name"] for row in found} == set(columns)
    for row in found:
        own = columns[row["name"]]
        cells, logits = truth.cells, method.logits
        each = _each(logits, cells, own)
        known, labels = cells.mask[:, own], cells.labels[:, own]
        counts = (labels * known).sum(axis=0)
        pooled = average_precision_score(labels[known], logits[:, own][known])
        shown = row["methods"]["ours"]
        assert shown["macro_map"] == pytest.approx(np.mean(each), abs=1e-12)
        weighted = np.average(each, weights=counts)
        assert shown["weighted_map"] == pytest.approx(weighted, abs=1e-12)
        assert shown["gap"] == pytest.approx(pooled, abs=1e-12)
        bounds = shown["intervals"]["macro_map"]
        assert bounds["low"] < bounds["value"] < bounds["high"]
        assert (row["classes"], row["classes_left_out"]) == (len(own), 0)
        assert row["positives"] == counts.sum()


def test_weighted_measures_are_scikit_learns_with_sample_weights() -> None:
    method, truth = _truth()
    weights = np.random.default_rng(2).choice([0.0, 1.0, 2.5, 20.0], 60)
    draws = truth.resamples(SETTINGS, 0)
    found = weighted_measures(method, truth, weights, draws, SETTINGS)
    cells, logits = truth.cells, method.logits
    each = np.array(_each(logits, cells, range(4), weights))
    mass = (cells.labels * cells.mask * weights[:, None]).sum(axis=0)
    known = cells.mask
    cell_weights = np.broadcast_to(weights[:, None], known.shape)[known]
    pooled = {"y_true": cells.labels[known], "sample_weight": cell_weights}
    said = (logits >= CUTS)[known]
    macro = [
        f1_score(
            cells.labels[known[:, at], at],
            logits[known[:, at], at] >= CUTS[at],
            sample_weight=weights[known[:, at]],
        )
        for at in range(4)
    ]
    has_yes = ((logits >= CUTS) & known).any(axis=1)
    expected = {
        "macro_map": each.mean(),
        "weighted_map": np.average(each, weights=mass),
        "gap": average_precision_score(y_score=logits[known], **pooled),
        "f1_micro": f1_score(y_pred=said, **pooled),
        "f1_macro": np.mean(macro),
        "f1_micro_at_half": f1_score(y_pred=logits[known] >= 0, **pooled),
        "images_with_a_label": np.average(has_yes, weights=weights),
        "brier": brier_score_loss(y_proba=sigmoid(logits[known]), **pooled),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name
        assert found[name].low < found[name].high


def test_metrics_json_weighs_the_images_of_a_stratified_round(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    """Half of the test images were drawn from hotels, 1 of 10; the others from villas, 1 of 2."""
    workspace = tiny_workspace(tmp_path / "ws", images=60, epochs=1)
    train(workspace, TrainOptions(run="one"))
    test = load_dataset(workspace).split("test")
    ids = list(test.images["image_id"])
    strata = ["hotel" if at % 2 else "villa" for at in range(len(ids))]
    rows = pd.DataFrame({"image_id": ids, "class_id": None, "stratum": strata})
    chance = np.where(rows["stratum"] == "hotel", 0.1, 0.5)
    rows = rows.assign(draw_probability=chance, inclusion_probability=chance)
    drawn = receipts([rows], "stratified", Draw(len(ids), 1, 0, 1))
    pools = pd.DataFrame({"image_id": []}, dtype=object)
    pools = pools.reindex(columns=list(POOLS.columns)).astype({"rank": "Int32"})
    summary = {
        "round": 1,
        "strategy": "stratified",
        "settings": {"max_per_property": 0},
        "drawn_from": [
            {"name": name, "population": strata.count(name) * times}
            for name, times in (("hotel", 10), ("villa", 2))
        ],
    }
    save_round(workspace.candidates, 1, Mined(drawn, {}, {}, pool_rows=pools), summary)
    whole = evaluate(workspace, EvaluateOptions("one", baselines=False))
    found = whole["catalogue"]
    assert found["images"] == len(ids)
    assert found["population_images"] == strata.count("hotel") * 10 + strata.count("villa") * 2
    weights = np.array([10.0 if name == "hotel" else 2.0 for name in strata])
    logits, known = read_scores(workspace.runs / "one", "test").logits, test.cells.mask
    cell_weights = np.broadcast_to(weights[:, None], known.shape)[known]
    own = found["methods"]["MuMIC"]
    expected = average_precision_score(
        test.cells.labels[known], logits[known], sample_weight=cell_weights
    )
    assert own["gap"] == pytest.approx(expected, abs=1e-9)
    expected = np.mean(_each(logits, test.cells, range(4), weights))
    assert own["macro_map"] == pytest.approx(expected, abs=1e-9)
    assert own["intervals"]["gap"]["low"] <= own["gap"] <= own["intervals"]["gap"]["high"]
    compared = compare(workspace, ["one"], "test")
    assert compared["catalogue"] == found | {"methods": {"one": own}}
    for lines in (report_lines(whole, "test"), comparison_lines(compared)):
        (line,) = [each for each in lines if "weighted to the catalogue" in each]
        for name, title in (("macro_map", "macro mAP"), ("gap", "GAP")):
            low, high = (own["intervals"][name][end] for end in ("low", "high"))
            mined = whole["methods"]["MuMIC"][name]
            bounds = f"(95 %: {low:.3f} to {high:.3f})"
            assert f"{title} {own[name]:.3f} {bounds}, as mined {mined:.3f}" in line


def test_categories_and_bands_are_printed_for_the_first_method() -> None:
    method, truth = _truth()
    found = findings(truth, [method], SETTINGS, seed=0)
    lines = report_lines(found | {"run": "x", "split": "test", "demo_model": False}, "test")
    for row in found["slices"]:
        shown = [line for line in lines if line.startswith(f"{row['name']} ")]
        assert len(shown) == (row["kind"] != "majority")
        for line in shown:
            own = row["methods"]["ours"]
            assert f"{own['macro_map']:.3f} (95 %: " in line
            numbers = line.removeprefix(row["name"]).split()
            assert numbers[:2] == [str(row["classes"]), str(row["positives"])]
            assert numbers[-1] == f"{own['gap']:.3f}"
