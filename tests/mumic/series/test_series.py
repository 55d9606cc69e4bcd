"""Ablations: arms differ by their settings alone, and are measured as scikit-learn measures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import average_precision_score

from annotate import tables
from annotate.errors import InputError, MissingError
from annotate.settings import EvaluateSettings
from mumic.cli import main
from mumic.cli.series import series_lines
from mumic.data import load_dataset
from mumic.evaluation.measure import Method, Truth
from mumic.metrics.intervals import resample_groups
from mumic.metrics.ranking import Cells
from mumic.metrics.resampled import class_samples, macro_samples
from mumic.metrics.thresholds import Thresholds
from mumic.series.ablations import train_series
from mumic.series.arms import Arm, arm_workspace
from mumic.series.compare import arm_difference, class_differences, see
from mumic.training.interrupt import StoppedError
from mumic.training.train import Reports, TrainOptions, train
from tests.mumic.conftest import CLASSES
from tests.mumic.training.test_resume import _stop_after

SETTINGS = EvaluateSettings(min_positives=1, k=2)


def _method(name: str, logits: Any) -> Method:
    return Method(name, logits, Thresholds(np.zeros(logits.shape[1]), ("",) * logits.shape[1]))


def test_differences_are_means_over_seeds_under_the_same_resamples() -> None:
    rng = np.random.default_rng(4)
    labels = (rng.random((40, 3)) < 0.4).astype(np.int8)
    cells = Cells(labels, rng.random((40, 3)) < 0.9)
    groups = [f"g{at // 2}" for at in range(40)]
    truth = Truth((), cells, groups, np.zeros(3, np.int64))
    resamples = resample_groups(groups, 200, seed=1)
    scored = {
        (name, seed): (rng.normal(size=(40, 3)) + lift * labels).astype(np.float32)
        for name, lift in (("a", 1.5), ("b", 0.5))
        for seed in (0, 1)
    }
    seen = [
        see(_method(name, logits), seed, truth, resamples, SETTINGS)
        for (name, seed), logits in scored.items()
    ]
    precisions = {
        key: [
            average_precision_score(labels[known, column], logits[known, column])
            for column, known in enumerate(cells.mask.T)
        ]
        for key, logits in scored.items()
    }
    expected = np.mean(
        [np.subtract(precisions["a", s], precisions["b", s]) for s in (0, 1)], axis=0
    )
    ours = class_differences(seen, "a", "b")
    assert [entry.value for entry in ours] == pytest.approx(expected, abs=1e-12)
    found = arm_difference(seen, "a", "b", cells, SETTINGS)["macro_map"]
    assert found["value"] == pytest.approx(expected.mean(), abs=1e-12)
    samples = {
        key: macro_samples(class_samples(logits, cells, resamples)[0])
        for key, logits in scored.items()
    }
    drawn = np.mean([samples["a", seed] - samples["b", seed] for seed in (0, 1)], axis=0)
    assert (found["low"], found["high"]) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    ahead = [np.mean(precisions["a", s]) > np.mean(precisions["b", s]) for s in (0, 1)]
    assert (found["seeds"], found["ahead_in_seeds"]) == (2, sum(ahead))


def test_an_arm_changes_its_own_settings_and_the_seed(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    here = arm_workspace(workspace, "series", Arm("b", {"freeze": "text"}), 3)
    assert here.settings.train == replace(workspace.settings.train, freeze="text")
    assert here.settings.project.seed == 3
    assert here.runs == workspace.runs / "series"
    assert here.data == workspace.data  # the caches are shared
    with pytest.raises(InputError, match="'freze'; did you mean freeze"):
        arm_workspace(workspace, "series", Arm("b", {"freze": "text"}), 3)


def test_an_ablation_from_the_command_line_is_taken_up_again(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    command = ["ablate", "crop", "--allow-demo-model", "--json"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    dataset = load_dataset(workspace).split("test")
    for row, run in zip(summary["arms"], summary["runs"], strict=True):
        logits = np.load(Path(run["path"]) / "scores-test.npz")["logits"]
        expected = [
            average_precision_score(dataset.cells.labels[known, at], logits[known, at])
            for at, known in enumerate(dataset.cells.mask.T)
            if (dataset.cells.labels[known, at] == 1).any()
        ]
        assert row["macro_map"] == pytest.approx(np.mean(expected), abs=1e-12)
    weights = [Path(run["path"]) / "open_clip_model.safetensors" for run in summary["runs"]]
    before = [file.stat().st_mtime_ns for file in weights]
    again = CliRunner().invoke(main, command)
    assert json.loads(again.stdout)["arms"] == summary["arms"]
    assert [file.stat().st_mtime_ns for file in weights] == before
    for figure in summary["figures"]:
        assert Path(figure).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(MissingError, match="no finished run"):
        workspace.latest_run()  # an arm is nobody's newest run


def test_arms_are_measured_against_the_one_that_differs_in_the_temperature_alone(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, logit_bias=-2.0)
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(main, ["ablate", "temperature", "--allow-demo-model", "--json"])
    summary = json.loads(result.stdout)
    values = {row["arm"]: row["macro_map"] for row in summary["arms"]}
    pairs = {
        "temperature 1, no bias": "learned temperature, no bias",
        "learned temperature": "learned temperature, no bias",
        "temperature 1": "learned temperature",
    }
    assert {name: row["macro_map"]["value"] for name, row in summary["differences"].items()} == {
        name: pytest.approx(values[other] - values[name]) for name, other in pairs.items()
    }
    lines = series_lines(summary)
    assert any(line.startswith("learned temperature - temperature 1: ") for line in lines)


@pytest.mark.parametrize(
    "idle", [["--seeds", "3"], ["--split", "test"], ["--epochs", "1"], ["--device", "cpu"]]
)
def test_options_of_an_ablation_that_is_not_named_are_refused(idle: list[str]) -> None:
    result = CliRunner().invoke(main, ["ablate", *idle])
    assert result.exit_code == 2
    assert f"{idle[0]} would have no effect: without a NAME" in " ".join(result.output.split())
    assert CliRunner().invoke(main, ["ablate", "--json"]).exit_code == 0


def test_names_of_ablations(tmp_path: Path, tiny_workspace: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tiny_workspace(tmp_path / "ws").root)
    listed = CliRunner().invoke(main, ["ablate", "--json"])
    assert set(json.loads(listed.stdout)) == {"crop", "frozen", "temperature", "noise"}
    wrong = CliRunner().invoke(main, ["ablate", "corp"])
    assert wrong.exit_code == 1
    assert "did you mean crop" in wrong.output


def test_a_training_is_not_done_twice_for_two_series(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    options = TrainOptions(allow_demo_model=True)
    own = train(workspace, options)
    seed = workspace.settings.project.seed
    notes: list[str] = []
    reports = Reports(on_note=notes.append)
    same, other = Arm("as it is", {}), Arm("text frozen", {"freeze": "text"})

    def trained(series: str, arm: Arm, seed: int = seed) -> Path:
        found = train_series(workspace, series, [arm], [seed], options, lambda title: reports)
        return found[0].run.path

    assert trained("one", same) == own.path
    assert own.id in notes[-1]
    assert (own.path / "last").is_dir()  # the user's own run keeps its last checkpoint
    first = trained("one", other)
    assert first.parent == workspace.runs / "one"
    assert trained("two", other) == first
    assert trained("two", other, seed + 1).parent.name == "two"
    (first / "open_clip_model.safetensors").unlink()  # as a study thins its runs
    assert trained("two", other).parent.name == "two"


def test_ctrl_c_in_the_last_step_of_an_arm_stops_the_series(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    arms = [Arm("one", {}), Arm("two", {"lr": 2e-3})]
    begun: list[str] = []

    def reports(title: str) -> Reports:
        begun.append(title)
        return _stop_after(3)

    with pytest.raises(StoppedError, match=r"step 3 of 3, saved\. Run the same command again"):
        train_series(workspace, "series", arms, [0], TrainOptions(), reports)
    assert begun == ["1 of 2: one, seed 0"]
    found = train_series(workspace, "series", arms, [0], TrainOptions(), lambda title: Reports())
    assert [entry.run.record["steps"] for entry in found] == [3, 3]


@pytest.mark.parametrize(
    ("command", "train", "said"),
    [
        ("ablate crop --split tets", {}, "must be one of train, validation, test"),
        ("ablate crop", {}, "split test has no image with a known label"),
        ("ablate noise --split train", {"soft_labels": True}, "do not go together"),
        ("prompts", {}, "split test has no image with a known label"),
    ],
)
def test_what_nothing_can_come_of_is_refused_before_it_is_trained(
    tmp_path: Path,
    tiny_workspace: Any,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    train: dict[str, Any],
    said: str,
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, **train)
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    for column in ("labels", "rates"):
        frame[column] = [
            [None] * len(CLASSES) if split == "test" else list(row)
            for row, split in zip(frame[column], frame["split"], strict=True)
        ]
    tables.write(tables.DATASET, frame, file)
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(main, [*command.split(), "--allow-demo-model"])
    assert result.exit_code == 1
    assert said in result.output
    assert not list(workspace.runs.glob("*/*/run.json"))
