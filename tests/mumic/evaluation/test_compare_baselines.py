"""`mumic compare` beside baselines that do not fit, and how it marks what had not saturated."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import read_json, write_json
from annotate.settings import render
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.cli.baseline import baseline
from mumic.cli.evaluate import compare, evaluate
from mumic.cli.evaluate_lines import comparison_lines
from mumic.training.train import TrainOptions, train

TITLE = "zero-shot CLIP, two prompts"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    """A run that is scored on train and test, and a baseline."""
    workspace: Workspace = tiny_workspace(tmp_path_factory.mktemp("compared") / "ws", epochs=1)
    train(workspace, TrainOptions(run="main"))
    for split in ("train", "test"):
        _call(workspace, evaluate, "--no-baselines", "--split", split)
    _call(workspace, baseline, "two-prompts")
    return workspace


@pytest.fixture
def folder(made: Workspace) -> Iterator[Path]:
    """Of the baseline, which is as it was afterwards."""
    found = made.data / "baselines" / "two-prompts"
    kept = made.root / "kept"
    shutil.copytree(found, kept)
    yield found
    shutil.rmtree(found)
    kept.rename(found)


def _call(workspace: Workspace, command: Any, *arguments: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        result = CliRunner().invoke(command, [*arguments, "--json"])
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def test_training_images_are_compared_without_the_baselines(made: Workspace) -> None:
    found = _call(made, compare, "--split", "train")
    assert list(found["methods"]) == ["main"]
    assert found["notes"][0] == "two-prompts is scored on validation and test only: left out."
    with pytest.raises(MissingError, match="scored on validation and test only, not on train"):
        _call(made, compare, "main", "two-prompts", "--split", "train")


def test_scores_that_are_gone_or_torn_are_made_by_the_baseline(
    made: Workspace, folder: Path
) -> None:
    assert TITLE in _call(made, compare)["methods"]
    file = folder / "scores-test.npz"
    file.write_bytes(file.read_bytes()[:100])
    for names in ([], ["main", "two-prompts"]):
        with pytest.raises(DamagedError, match=r"Run `mumic baseline two-prompts` again"):
            _call(made, compare, *names)
    file.unlink()
    assert "`mumic baseline two-prompts`" in _call(made, compare)["notes"][0]
    with pytest.raises(MissingError, match=r"Make it with `mumic baseline two-prompts`"):
        _call(made, compare, "main", "two-prompts")


def test_baselines_of_other_classes_are_left_out(made: Workspace, folder: Path) -> None:
    record = read_json(folder / "baseline.json", "")
    write_json(folder / "baseline.json", record | {"classes": [*record["classes"], "sauna"]})
    found = _call(made, compare)
    assert list(found["methods"]) == ["main"]
    assert found["notes"][0] == "two-prompts has other classes than the run: left out."


def test_baselines_of_another_tower_are_left_out_or_refused(
    made: Workspace, folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(made.settings.model.name.removeprefix("local-dir:"), other)
    state = load_file(other / "open_clip_model.safetensors")
    changed = {name: 2 * tensor for name, tensor in state.items()}
    save_file(changed, other / "open_clip_model.safetensors")
    _call(made, baseline, "two-prompts", "--model", f"local-dir:{other}", "--pretrained", "")
    found = _call(made, compare)
    assert list(found["methods"]) == ["main"]
    again = f"`mumic baseline two-prompts --model {made.settings.model.name}`"
    assert found["notes"][0] == (
        f"two-prompts stands on another model: left out. Make it again with {again}."
    )
    with pytest.raises(InputError, match="two-prompts stands on another model than what it is"):
        _call(made, compare, "main", "two-prompts")
    assert list(_call(made, compare, "two-prompts")["methods"]) == [TITLE]  # it says on which
    beside = _call(made, evaluate)
    assert beside["baselines"] == {}  # those that stand on the run's start are computed anew
    assert TITLE in beside["methods"]


def test_baselines_of_another_resize_are_left_out_or_refused(made: Workspace, folder: Path) -> None:
    settings = made.settings
    cropped = replace(settings, train=replace(settings.train, resize="crop"))
    (made.root / "mumic.toml").write_text(render(cropped))
    _call(made, baseline, "two-prompts")
    (made.root / "mumic.toml").write_text(render(settings))
    record = read_json(folder / "baseline.json", "")
    assert record["resize"] == "crop"
    found = _call(made, compare)
    assert list(found["methods"]) == ["main"]
    why = 'was made under resize = "crop", and what it is compared with under "squash"'
    again = (
        'Set resize = "squash" under [train], then make it again with '
        f"`mumic baseline two-prompts --model {settings.model.name}`."
    )
    assert found["notes"][0] == f"two-prompts {why}: left out. {again}"
    with pytest.raises(InputError) as raised:
        _call(made, compare, "main", "two-prompts")
    assert str(raised.value) == f"baseline two-prompts {why}. {again}"
    assert _call(made, evaluate)["baselines"] == {}
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    del record["resize"]  # of a baseline from before it was stored, when all were squashed
    write_json(other / "baseline.json", record)
    with pytest.raises(InputError, match='baseline other was made under resize = "squash", and'):
        _call(made, compare, "two-prompts", "other")
    assert TITLE in _call(made, compare, "main", "other")["methods"]
    shutil.rmtree(other)


def test_the_command_that_is_named_makes_a_baseline_on_the_start_of_a_run(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    """A run began with another, which has its own weights, under a ``pretrained`` of mumic.toml."""
    workspace: Workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    model = replace(workspace.settings.model, pretrained="openai")
    (workspace.root / "mumic.toml").write_text(render(replace(workspace.settings, model=model)))
    for name, options in (("first", []), ("later", ["--model", "local-dir:runs/first"])):
        _call(workspace, main, "train", "--run", name, *options)
    _call(workspace, main, "evaluate", "--no-baselines")
    _call(workspace, main, "baseline", "linear-probe")
    with pytest.raises(InputError, match="stands on another model") as raised:
        _call(workspace, compare, "later", "linear-probe")
    (command,) = re.findall("`(.*)`", str(raised.value))
    assert command == "mumic baseline linear-probe --model local-dir:runs/first"
    assert f"Make it again with `{command}`." in _call(workspace, compare)["notes"][0]
    _call(workspace, main, *shlex.split(command)[1:])
    found = _call(workspace, compare, "later", "linear-probe")
    assert list(found["methods"]) == ["later", "linear probe, same frozen tower"]


def test_what_had_not_saturated_is_marked(made: Workspace, folder: Path) -> None:
    """By one rule: an epoch after the best. A run of one has none; the best trial counts."""
    record = read_json(folder / "baseline.json", "")
    shared = {"lr": 0.1, "gamma_negative": 4.0, "clip": 0.05}
    trials = [
        shared | {"lr": 0.2, "failed": "logits are not numbers"},
        shared | {"lr": 0.3, "epochs": 10, "best_epoch": 10},
    ]
    for epochs, shown in ((8, "8+"), (9, "8")):
        found = {
            "best": shared,
            "searched": [*trials, shared | {"epochs": epochs, "best_epoch": 8}],
            "epochs_to_saturation": 8,
        }
        write_json(folder / "baseline.json", record | found)
        compared = _call(made, compare, "main", "two-prompts")
        (note,) = [each for each in compared["notes"] if "(marked +)" in each]
        assert ("main" in note, TITLE in note) == (True, shown == "8+")
        assert {name: cost["saturated"] for name, cost in compared["costs"].items()} == {
            "main": False,
            TITLE: shown == "8",
        }
        lines = comparison_lines(compared)
        costs = lines[lines.index("Table 2: what it took") :]
        assert next(line for line in costs if line.startswith("main ")).split()[1] == "1+"
        assert f" {shown} " in next(line for line in costs if line.startswith(TITLE))
