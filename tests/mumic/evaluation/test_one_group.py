"""Images of one property say nothing of others: no interval, and no difference that counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.cli.evaluate import evaluate
from mumic.cli.evaluate_lines import comparison_lines, report_lines
from mumic.evaluation.design import weighted_measures
from mumic.evaluation.findings import findings
from mumic.evaluation.measure import Method, Truth
from mumic.metrics.intervals import ONE_GROUP
from mumic.metrics.ranking import Cells
from mumic.series.compare import arm_difference, class_rows, see

CLASSES = ("pool", "pets")
SETTINGS = EvaluateSettings(min_positives=1, threshold_min_positives=1, bootstrap=30, k=1)
ONE = ["hotel"] * 20
TWO_LABELLED_ONE = ["hotel"] * 19 + ["villa"]


def _truth(groups: list[str], known: int = 20) -> Truth:
    labels = np.zeros((20, 2), np.int8)
    labels[:8] = 1
    mask = np.zeros((20, 2), bool)
    mask[:known] = True
    classes = tuple(TaxonomyClass(name, name, "") for name in CLASSES)
    return Truth(classes, Cells(labels, mask), groups, labels.sum(axis=0).astype(np.int64))


def _methods(truth: Truth) -> list[Method]:
    """The first is perfect, the second is wrong throughout."""
    right = truth.cells.labels + np.linspace(0, 0.1, 20)[:, None]
    return [Method("ours", right, None), Method("theirs", -right, None)]


@pytest.mark.parametrize(("groups", "known"), [(ONE, 20), (TWO_LABELLED_ONE, 19)])
def test_one_group_has_no_bounds_and_nothing_counts(groups: list[str], known: int) -> None:
    truth = _truth(groups, known)
    found = findings(truth, _methods(truth), SETTINGS, seed=0)
    bounds = [each for row in found["methods"].values() for each in row["intervals"].values()]
    bounds += [row["interval"] for row in found["per_class"]]
    slices = [each for row in found["slices"] for each in row["methods"].values()]
    bounds += [each["intervals"]["macro_map"] for each in slices]
    bounds += found["differences"]["theirs"].values()
    assert {(each["low"], each["high"]) for each in bounds} == {(None, None)}
    assert found["differences"]["theirs"]["macro_map"]["value"] > 0.5
    assert not any(each["counts"] for each in found["differences"]["theirs"].values())
    two = findings(_truth(["a", "b"] * 10), _methods(truth), SETTINGS, seed=0)
    assert two["differences"]["theirs"]["macro_map"]["counts"]


def test_the_texts_say_so() -> None:
    truth = _truth(ONE)
    found = findings(truth, _methods(truth), SETTINGS, seed=0)
    found |= {"run": "one", "split": "test", "demo_model": False, "notes": []}
    found["costs"] = {}
    for lines in (report_lines(found, "test"), comparison_lines(found)):
        assert ONE_GROUP in lines
        assert any("(no interval)" in line for line in lines)


def test_no_class_gets_another_text_by_one_property() -> None:
    truth = _truth(ONE)
    draws = truth.resamples(SETTINGS, 0)
    seen = [see(method, 0, truth, draws, SETTINGS) for method in _methods(truth)]
    rows = class_rows(seen, "ours", "theirs", truth, SETTINGS)
    assert [row["value"] > 0.5 for row in rows] == [True, True]
    assert [(row["low"], row["counts"]) for row in rows] == [(None, False)] * 2
    overall = arm_difference(seen, "ours", "theirs", truth.cells, SETTINGS)
    assert (overall["gap"]["low"], overall["gap"]["counts"]) == (None, False)


def test_one_group_of_weight_has_values_without_bounds() -> None:
    truth = _truth(["hotel"] * 10 + ["villa"] * 10)
    weights = np.array([3.0] * 10 + [0.0] * 10)
    draws = truth.resamples(SETTINGS, 0)
    found = weighted_measures(_methods(truth)[0], truth, weights, draws, SETTINGS)
    assert found["gap"].to_json() == {"value": 1.0, "low": None, "high": None}


def test_one_property_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    truth = _truth(ONE)
    for file, values in (("s.csv", _methods(truth)[0].logits), ("y.csv", truth.cells.labels)):
        frame = pd.DataFrame(values, columns=list(CLASSES))
        frame.assign(image_id=range(20), property_id=ONE).to_csv(file, index=False)
    arguments = ["--scores", "s.csv", "--labels", "y.csv", "--min-positives", "1"]
    result = CliRunner().invoke(evaluate, [*arguments, "--json"])
    found: dict[str, Any] = json.loads(result.stdout)
    gap = found["methods"]["s.csv"]["intervals"]["gap"]
    assert gap == {"value": 1.0, "low": None, "high": None}
    assert found["groups"] == 1
    assert ONE_GROUP in CliRunner().invoke(evaluate, arguments).stdout
