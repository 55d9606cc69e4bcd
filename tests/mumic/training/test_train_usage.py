"""What `mumic train` refuses at once, or says: options and settings that do nothing, or harm."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotate.errors import InputError
from annotate.settings import ModelSettings, render
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.training.train import Reports, TrainOptions, train
from tests.mumic.conftest import TINY_MODEL
from tests.mumic.training.test_train import _with


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    made: Workspace = tiny_workspace(tmp_path_factory.mktemp("usage") / "ws", epochs=1)
    return made


def _call(workspace: Workspace, arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        return CliRunner().invoke(main, ["train", *arguments.split()])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--loss asl --positive-weight 20", "--positive-weight would have no effect"),
        ("--loss focal --positive-weight auto", "--positive-weight would have no effect"),
        ("--loss bce --logit-scale 4", "--logit-scale would have no effect"),
        ("--pretrained openai", "--pretrained would have no effect"),  # a local folder
        ("--model small-clip --pretrained openai", "--pretrained would have no effect"),
        ("--model hf-hub:some/clip --pretrained openai", "--pretrained would have no effect"),
        ("--model ViT-B-32 --pretrained openai --random-init", "--random-init starts from none"),
        ("--seed -1", "-1 is not in the range x>=0"),
    ],
)
def test_options_without_effect_are_wrong_usage(
    workspace: Workspace, arguments: str, named: str
) -> None:
    result = _call(workspace, arguments)
    assert result.exit_code == 2, result.output
    assert named in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        "--loss tempered-bce --positive-weight auto --logit-scale 3",
        "--loss bce --positive-weight 20",
        "--loss asl --logit-scale 3",
        "--loss unknown --positive-weight 20",
        "--random-init",
        "--model ViT-B-32 --pretrained openai",
    ],
)
def test_options_with_an_effect_are_not(workspace: Workspace, arguments: str) -> None:
    """No epoch is a setting out of range, which is said once the usage is right."""
    result = _call(workspace, f"{arguments} --epochs 0")
    assert result.exit_code == 1
    assert "[train] epochs must be 1 or more" in result.output


def test_settings_of_another_loss_may_stand_in_the_file(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    """They are there for the day when the loss is theirs, and the record leaves them out."""
    made = tiny_workspace(tmp_path / "ws", epochs=1, positive_weight="pets=20, 5")
    weighted = train(made, TrainOptions(run="weighted")).record["positive_weights"]
    assert weighted == {"bed": 5.0, "swimming_pool": 5.0, "kitchen": 5.0, "pets": 20.0}
    result = _call(made, "--loss asl --run asl --json")
    assert result.exit_code == 0, result.output
    assert "positive_weights" not in json.loads((made.runs / "asl" / "run.json").read_text())


def test_a_warm_up_that_outlasts_the_training_is_said(workspace: Workspace) -> None:
    """24 images in batches of 8: three steps."""
    for steps, said in ((3, False), (4, True)):
        notes: list[str] = []
        options = TrainOptions(run=f"warm-{steps}")
        train(_with(workspace, warmup_steps=steps), options, Reports(on_note=notes.append))
        assert ("warning: the training has 3 steps and a warm-up of 4, so it never reaches lr."
                in notes) == said  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_logit_scale", math.inf),
        ("lr", math.inf),
        ("logit_scale", -math.inf),
        ("logit_bias", math.nan),
        ("positive_weight", math.inf),
    ],
)
def test_numbers_are_finite(tmp_path: Path, workspace: Workspace, name: str, value: float) -> None:
    settings = replace(_with(workspace, **{name: value}).settings)
    settings = replace(settings, project=replace(settings.project, runs=str(tmp_path / "runs")))
    (tmp_path / "mumic.toml").write_text(render(settings))  # as TOML has it: inf, -inf, nan
    found = replace(workspace, settings=Workspace.find(tmp_path).settings)
    with pytest.raises(InputError, match=rf"\[train\] {name} must be a finite number") as caught:
        train(found, TrainOptions(run="one"))
    assert ("such as 100, switches the clamp off" in str(caught.value)) == (
        name == "max_logit_scale"
    )
    assert not (tmp_path / "runs").exists()


def test_a_refused_training_leaves_no_folder(tmp_path: Path, tiny_workspace: Any) -> None:
    made = tiny_workspace(tmp_path / "ws")
    nowhere = replace(made.settings, model=ModelSettings("local-dir:nowhere", ""))
    wrong = _with(replace(made, settings=nowhere), positive_weight="pest=20, 1")
    with pytest.raises(InputError, match="did you mean pets"):  # before a model is looked for
        train(wrong)
    config = TINY_MODEL | {
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16}
    }
    (tmp_path / "resnet").mkdir()
    (tmp_path / "resnet" / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
    resnet = replace(made.settings, model=ModelSettings(f"local-dir:{tmp_path / 'resnet'}", ""))
    changed = _with(replace(made, settings=resnet), lora_rank=4)
    with pytest.raises(InputError, match="has no transformer blocks"):
        train(changed, TrainOptions(random_init=True))
    assert not made.runs.exists()
