"""The search: what can be searched, and a study that is killed ends with the same trials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from click.testing import CliRunner

from annotate.errors import InputError
from mumic.cli import main
from mumic.run import WEIGHTS
from mumic.tuning.space import changes_of, parse_search
from mumic.tuning.study import study_name

COMMAND = ["tune", "--trials", "3", "--allow-demo-model", "--device", "cpu", "--json"]
COMMAND += ["--search", "logit_scale=0.7..5.8", "--search", "lr=1e-4..1e-2:log", "--no-prune"]


def test_ranges_and_choices() -> None:
    lr, epochs, freeze, scale = parse_search(
        ["lr=1e-6..1e-4:log", "epochs=1..4", "freeze=none,image", "logit_scale=-1.5..2"]
    )
    assert (lr.low, lr.high, lr.log, lr.whole) == (1e-6, 1e-4, True, False)
    assert (epochs.low, epochs.high, epochs.whole) == (1, 4, True)
    assert freeze.choices == ("none", "image")
    assert (scale.low, scale.high) == (-1.5, 2)
    for text, low, high in [("1.5e-6..1e-4:log", 1.5e-6, 1e-4), (".5..1", 0.5, 1)]:
        (found,) = parse_search([f"lr={text}"])
        assert (found.low, found.high) == (low, high)
    assert [entry.name for entry in parse_search([])] == ["logit_scale"]
    listed, by_class, weights = (
        parse_search([f"positive_weight={values}"])[0]
        for values in ("1,10,auto", "auto; pets=20, 10", "1..20")
    )
    assert listed.choices == (1.0, 10.0, "auto")
    assert by_class.choices == ("auto", "pets=20, 10")
    assert (weights.low, weights.high, weights.whole) == (1, 20, False)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("epoch=1..2", "did you mean epochs"),
        ("lr=2..1", "must go upward"),
        ("lr=0..1:log", "from above 0"),
        ("lr=a..b", "is no number"),
        ("lr=0..inf", "no finite number"),
        ("lr=1e-4", "two or more values"),
        ("flip=yes,no", "neither true nor false"),
        ("threads=1..2", "no setting 'threads' to search"),
        ("micro_batch=1,2", "no setting 'micro_batch' to search"),
    ],
)
def test_what_cannot_be_searched(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        parse_search([text])


def test_a_name_that_no_folder_can_have() -> None:
    space = parse_search(["lr=1e-3,2e-3", "freeze=none,image"])
    assert study_name(None, space) == "lr-freeze"
    assert study_name("mine", space) == "mine"
    for name in ("my study", "_test"):
        with pytest.raises(InputError, match=f"study '{name}': use up to 100 letters.* first for"):
            study_name(name, space)


def test_a_start_above_the_clamp_raises_it() -> None:
    assert changes_of({"logit_scale": 5.5}, 4.6)["max_logit_scale"] == 5.5
    assert changes_of({"logit_scale": 2.0}, 4.6)["max_logit_scale"] == 4.6
    assert changes_of({"lr": 1.0}, 4.6) == {"lr": 1.0}


def test_a_killed_study_ends_with_the_same_trials(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, killed = (tiny_workspace(tmp_path / name, checkpoint_every=1) for name in ("a", "b"))
    monkeypatch.chdir(whole.root)
    result = CliRunner().invoke(main, COMMAND)
    assert result.exit_code == 0, result.output
    expected = json.loads(result.stdout)
    study = killed.runs / "tune-logit_scale-lr"
    _kill_within(killed.root, study / "trial-001*" / "last" / "checkpoint.safetensors")
    monkeypatch.chdir(killed.root)
    again = CliRunner().invoke(main, COMMAND)
    assert again.exit_code == 0, again.output
    found = json.loads(again.stdout)
    keys = ("trial", "state", "changes", "validation_gap", "logit_scale", "macro_map")
    assert [[row[key] for key in keys] for row in found["trials"]] == [
        [row[key] for key in keys] for row in expected["trials"]
    ]
    best = max(found["trials"], key=lambda row: row["validation_gap"])
    assert found["best"]["trial"] == best["trial"]
    kept = [file.parent.name for file in study.glob(f"*/{WEIGHTS}")]
    assert kept == [best["run"]]  # weights of the best alone
    assert found["trials"][0]["changes"]["logit_scale"] == 3.652  # the settings as they are
    other = CliRunner().invoke(main, [*COMMAND, "--epochs", "1"])
    assert other.exit_code == 1
    assert "begun with another search, other settings" in other.output


def _kill_within(root: Path, sign: Path) -> None:
    """Start the study in a process of its own and SIGKILL it once a file is there."""
    child = subprocess.Popen(
        [sys.executable, "-m", "mumic", *COMMAND],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        while not list(sign.parents[2].glob(str(sign.relative_to(sign.parents[2])))):
            assert child.poll() is None, "the study ended before it could be killed"
            time.sleep(0.005)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_a_hopeless_training_ends_early(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=6, early_stop=0)
    monkeypatch.chdir(workspace.root)
    study = _study_with_a_hopeless_end()
    folder, found = workspace.runs / "tune-lr", _tune_rates(6)
    *others, hopeless = study.get_trials()
    assert [row["state"] for row in found["trials"]] == ["complete"] * 5 + ["pruned"]
    steps = hopeless.intermediate_values
    assert len(steps) == found["trials"][-1]["epochs"] < 6
    assert max(steps) > 1
    for step in steps:
        best = max(value for at, value in steps.items() if at <= step)
        median = np.median([other.intermediate_values[step] for other in others])
        assert (best < median and step > 1) == (step == max(steps))
    assert found["best"]["trial"] != hopeless.number
    assert not list(folder.glob(f"trial-{hopeless.number:03d}-*/{WEIGHTS}"))
    assert not list(folder.glob("trial-*/last"))
    assert _tune_rates(6)["trials"] == found["trials"]


@pytest.mark.parametrize(("epochs", "early_stop", "trained"), [(1, 0, 1), (2, 0, 2), (6, 1, 2)])
def test_a_training_that_is_at_its_end_is_complete(
    tmp_path: Path,
    tiny_workspace: Any,
    monkeypatch: pytest.MonkeyPatch,
    epochs: int,
    early_stop: int,
    trained: int,
) -> None:
    """Below the median or not: it has cost all it can, and its measures are wanted."""
    workspace = tiny_workspace(tmp_path / "ws", epochs=epochs, early_stop=early_stop)
    monkeypatch.chdir(workspace.root)
    study = _study_with_a_hopeless_end()
    *_, last = _tune_rates(6)["trials"]
    *others, hopeless = (max(trial.intermediate_values.values()) for trial in study.get_trials())
    assert hopeless < np.median(others)
    assert (last["state"], last["epochs"]) == ("complete", trained)
    assert last["macro_map"] is not None


def _tune_rates(trials: int) -> Any:
    """Search rates, of which the last learns nothing."""
    asked = ["tune", "--search", "lr=1e-3,3e-3,1e-12", "--trials", str(trials)]
    result = CliRunner().invoke(main, [*asked, "--allow-demo-model", "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _study_with_a_hopeless_end() -> optuna.Study:
    """One trial is done; that of the rate too small comes after five that learn."""
    _tune_rates(1)
    study = optuna.load_study(study_name="lr", storage="sqlite:///runs/tune-lr/study.sqlite3")
    for rate in (3e-3, 1e-3, 3e-3, 1e-3, 1e-12):
        study.enqueue_trial({"lr": rate})
    return study
