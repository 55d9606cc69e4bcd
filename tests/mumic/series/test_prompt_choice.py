"""Which text a class gets: by validation's intervals, confirmed on test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from annotate.settings import EvaluateSettings
from annotate.taxonomy.model import TaxonomyClass
from mumic.cli import main
from mumic.data import load_dataset
from mumic.evaluation.measure import Truth
from mumic.metrics.measures import Metrics
from mumic.metrics.ranking import Cells
from mumic.series.arms import arm_method
from mumic.series.compare import Seen, class_rows
from mumic.series.prompt_choice import DESCRIPTION, NAME, choose, confirm
from tests.mumic.conftest import CLASSES

SETTINGS = EvaluateSettings(min_positives=1, threshold_min_positives=2)


def _seen(arm: str, precisions: list[float], samples: list[list[float]]) -> Seen:
    metrics = Metrics(*[0] * 20)
    return Seen(arm, 0, metrics, np.array(precisions), np.array(samples), np.zeros(2))


def _truth(labels: npt.NDArray[np.int8], groups: str = "012345") -> Truth:
    """Classes a, b, ...; every image is of a group of its own, unless others are given."""
    classes = tuple(TaxonomyClass(name, name, "all") for name in "abcde"[: labels.shape[1]])
    cells = Cells(labels, np.ones(labels.shape, bool))
    return Truth(classes, cells, list(groups[: len(labels)]), labels.sum(axis=0))


def test_the_chosen_texts_are_held_against_the_others_by_hand() -> None:
    nan = float("nan")
    description = _seen(DESCRIPTION, [0.6, 0.2, 0.9], [[0.7, 0.5], [0.1, nan], [0.9, 0.9]])
    name = _seen(NAME, [0.5, 0.5, 0.1], [[0.5, 0.5], [0.4, 0.4], [0.1, 0.1]])
    chosen = {"a": DESCRIPTION, "b": NAME}
    found = confirm([description, name], _truth(np.ones((2, 3), np.int8)), chosen, SETTINGS)
    assert found.ahead.value == pytest.approx((0.1 + 0.3) / 2)  # c was not chosen
    drawn = [(0.2 + 0.3) / 2, 0.0]  # the second resample holds no positive of b
    assert (found.ahead.low, found.ahead.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    assert (found.classes, found.chosen) == (2, 2)
    nothing = confirm([description, name], _truth(np.ones((2, 3), np.int8)), {}, SETTINGS)
    none = {"value": None, "low": None, "high": None}
    assert nothing.to_json() == none | {"classes": 0, "chosen": 0}


@pytest.mark.parametrize(
    ("second", "groups", "judged"),
    [
        ([1, 1, 1, 0], "0123", True),
        ([1, 0, 0, 0], "0123", False),  # one positive image, whatever its average precision
        ([1, 1, 1, 0], "0001", False),  # three of one property
    ],
)
def test_test_confirms_only_what_it_can_judge(second: list[int], groups: str, judged: bool) -> None:
    labels = np.array([[0, 1, 0, 1], second], np.int8).T
    description = _seen(DESCRIPTION, [0.5, 1.0], [[0.5, 0.5], [1.0, 1.0]])
    name = _seen(NAME, [0.6, 0.2], [[0.6, 0.6], [0.2, 0.2]])
    chosen = {"a": DESCRIPTION, "b": DESCRIPTION}
    found = confirm([description, name], _truth(labels, groups), chosen, SETTINGS)
    assert (found.classes, found.chosen) == (2 if judged else 1, 2)
    assert found.ahead.value == pytest.approx((0.8 - 0.1) / 2 if judged else -0.1)
    alone = confirm([description, name], _truth(labels, groups), {"b": DESCRIPTION}, SETTINGS)
    assert (alone.classes, alone.chosen) == (int(judged), 1)
    assert alone.to_json()["low"] == (pytest.approx(0.8) if judged else None)


def test_what_is_chosen_by_hand() -> None:
    """Only the interval counts, and not the difference: five classes with one of 40 points."""
    gains = np.array([0.4, -0.4, 0.4, 0.4, 0.4])
    drawn = np.stack([gains, gains], axis=1)
    drawn[2] = [0.9, -0.1]  # of the third, the interval holds 0
    none = [[0.0, 0.0]] * 5
    seen = [_seen(DESCRIPTION, list(gains), drawn.tolist()), _seen(NAME, [0.0] * 5, none)]
    labels = np.ones((6, 5), np.int8)
    labels[4:, 3] = 0  # the fourth has 4 positives
    texts = ("seen", "seen", "seen", "seen", "")  # the fifth has no description
    classes = tuple(
        TaxonomyClass(name, name, "all", description=text)
        for name, text in zip("abcde", texts, strict=True)
    )
    cells = Cells(labels, np.ones((6, 5), bool))
    truth = Truth(classes, cells, [str(at) for at in range(6)], labels.sum(axis=0))
    settings = EvaluateSettings(min_positives=1, threshold_min_positives=5)
    rows = class_rows(seen, DESCRIPTION, NAME, truth, settings)
    assert [row["counts"] for row in rows] == [True, True, False, False, True]
    assert choose(rows, classes) == {"a": DESCRIPTION, "b": NAME}
    # Photos of one property are in all resamples or in none: their interval has no width.
    alike = replace(truth, groups=["h"] * 6)
    assert choose(class_rows(seen, DESCRIPTION, NAME, alike, settings), classes) == {}


def _with_logits(workspace: Any, run: Any, name: str, split: str, *rest: Any) -> Any:
    """The first class is perfect under its description, the second under its name."""
    method, truth = arm_method(workspace, run, name, split, *rest)
    columns = truth.cells.labels[:, :2] * ([1, -1] if name == DESCRIPTION else [-1, 1])
    return replace(method, logits=np.hstack([columns, method.logits[:, 2:] * 0])), truth


def _other_way_on_test(workspace: Any, run: Any, name: str, split: str, *rest: Any) -> Any:
    other = {DESCRIPTION: NAME, NAME: DESCRIPTION}[name] if split == "test" else name
    method, truth = _with_logits(workspace, run, other, split, *rest)
    return replace(method, name=name), truth


def _few_on_test(measured: Any, split: str, kept: int) -> Any:
    """In test the first ``kept`` of the two classes keep their positives, the others one."""
    method, truth = measured
    if split == "test":
        labels = truth.cells.labels.copy()
        for column in range(kept, 2):
            shows = np.flatnonzero((labels[:, column] == 1) & truth.cells.mask[:, column])
            labels[shows[1:], column] = 0
        truth = replace(truth, cells=Cells(labels, truth.cells.mask))
    return method, truth


def _one_each_on_test(workspace: Any, run: Any, name: str, split: str, *rest: Any) -> Any:
    return _few_on_test(_with_logits(workspace, run, name, split, *rest), split, 0)


def _one_of_the_second_on_test(workspace: Any, run: Any, name: str, split: str, *rest: Any) -> Any:
    return _few_on_test(_with_logits(workspace, run, name, split, *rest), split, 1)


TAXONOMY = """version: 1
name: tiny
categories: [{id: inside, name: Inside}]
classes:  # a comment that stays
""" + "".join(
    f"  - {{id: {name.lower().replace(' ', '_')}, name: {name}, category: inside, "
    f"description: as it is, scenario: here, difficulty: easy, prompt: {prompt}}}\n"
    for name, prompt in zip(CLASSES, ("name", "description") * 2, strict=True)
)


def test_texts_that_are_all_the_same_are_not_compared(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    file = workspace.dataset / "classes.json"
    listed = json.loads(file.read_text())
    listed["classes"] = [entry | {"description": ""} for entry in listed["classes"]]
    file.write_text(json.dumps(listed))
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(main, ["prompts", "--allow-demo-model"])
    assert result.exit_code == 1
    assert "no class of the dataset has a description other than its name" in result.output
    assert not workspace.runs.exists()


def test_the_command_writes_what_validation_carries(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", images=160, epochs=1)
    workspace.taxonomy.write_text(TAXONOMY)
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr("mumic.series.ablations.arm_method", _with_logits)
    command = ["prompts", "--allow-demo-model", "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    expected = {"bed": DESCRIPTION, "swimming_pool": NAME}
    assert summary["chosen"] == summary["changes"] == expected
    assert summary["confirmed"]["low"] > 0
    assert summary["dataset"] == load_dataset(workspace).fingerprint
    assert Path(summary["figure"]).read_bytes()[:4] == b"\x89PNG"
    assert not summary["written"]
    assert workspace.taxonomy.read_text() == TAXONOMY
    written = CliRunner().invoke(main, [*command[:2], "--write"])
    assert "2 written into the taxonomy" in written.output
    assert "the texts of 2 of 2 classes" in written.output
    assert "): confirmed." in written.output
    lines = TAXONOMY.splitlines()
    lines[4] = lines[4].replace("prompt: name", "prompt: description")
    lines[5] = lines[5].replace("prompt: description", "prompt: name")
    assert workspace.taxonomy.read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (_other_way_on_test, "): not confirmed."),
        (_one_each_on_test, "Not confirmed: 0 of 2 classes have positives enough in test"),
        (_one_of_the_second_on_test, "the texts of 1 of 2 classes, those with positives enough"),
    ],
)
def test_what_test_does_not_confirm_is_said(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch, measured: Any, said: str
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", images=160, epochs=1, prompts="name")
    workspace.taxonomy.write_text(TAXONOMY)
    monkeypatch.chdir(workspace.root)
    monkeypatch.setattr("mumic.series.ablations.arm_method", measured)
    result = CliRunner().invoke(main, ["prompts", "--allow-demo-model", "--write"])
    assert result.exit_code == 0, result.output
    assert said in result.output
    assert "2 written into the taxonomy" in result.output
    assert 'A training does not look at them: [train] prompts = "name"' in result.output
