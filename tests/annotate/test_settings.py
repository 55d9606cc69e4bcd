import tomllib
from dataclasses import replace

import pytest

from annotate.errors import InputError
from annotate.settings import (
    MineSettings,
    ProjectSettings,
    Settings,
    TrainSettings,
    parse,
    render,
)


def test_the_rendered_file_is_toml_with_every_default() -> None:
    raw = tomllib.loads(render(Settings()))
    assert raw["train"]["logit_scale"] == 3.652
    assert raw["train"]["positive_weight"] == 10.0
    assert raw["consolidate"]["vote_threshold"] == 0.6
    assert raw["model"] == {
        "name": "ViT-B-32-quickgelu",
        "pretrained": "openai",
        "activation": "auto",
        "precision": "auto",
    }


def test_every_setting_has_a_comment_in_the_file() -> None:
    lines = [line for line in render(Settings()).splitlines() if " = " in line]
    assert lines
    assert all("  # " in line for line in lines)


@pytest.mark.parametrize("text", ['quotes " and \\', "emoji 🏖 and עברית", ""])
def test_parse_gives_back_what_render_wrote(text: str) -> None:
    settings = replace(
        Settings(),
        project=ProjectSettings(taxonomy=text, classes=("a", text)),
        mine=MineSettings(n=7, by=("country",)),
        train=TrainSettings(flip=True, lr=1e-5),
    )
    assert parse(tomllib.loads(render(settings))) == settings


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        parse({"mine": {"topp": 3, "n": "many"}, "trian": {}, "index": 4}, "mumic.toml")
    message = str(caught.value)
    assert "[mine] has no setting 'topp'; did you mean top?" in message
    assert "[mine] n must be a whole number, not 'many'" in message
    assert "unknown section [trian]; did you mean train?" in message
    assert "index must be a section" in message


def test_a_whole_number_is_a_number_but_a_truth_value_is_neither() -> None:
    assert parse({"train": {"lr": 1}}).train.lr == 1.0
    with pytest.raises(InputError, match="epochs must be a whole number, not True"):
        parse({"train": {"epochs": True}})


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match=r"mumic.toml: \[project\] seed must be 0 or more"):
        parse({"project": {"seed": -1}})
