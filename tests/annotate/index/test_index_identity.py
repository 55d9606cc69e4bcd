"""Equal weights under another activation or normalisation embed otherwise: no index mixes them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.clip.encoder import encode_images
from annotate.clip.loading import load_clip
from annotate.errors import DamagedError
from annotate.index.shards import load_index, write_shard
from annotate.resources import resource
from annotate.settings import ModelSettings

DrawNoise = Callable[[Path, int], None]
COMMANDS = [
    ["index"],
    ["index", "--shard", "1/2"],
    ["search", "a dog", "--no-page"],
    ["mine", "--class", "Pets", "-n", "2"],
    ["mine", "--by", "kind", "-n", "2"],
    ["mine", "--strategy", "diverse", "-n", "2"],
]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def model(
    tmp_path: Path, tiny_clip_folder: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The configuration of the model of a workspace whose photos are embedded."""
    folder = shutil.copytree(tiny_clip_folder, tmp_path / "model")
    rows = ["path,kind"]
    for number in range(6):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
        rows.append(f"photos/{number}.png,hotel")
    (tmp_path / "photos.csv").write_text("\n".join(rows), "utf-8")
    labels = resource("label_taxonomy", "travel.yaml")
    settings = f'[project]\ntaxonomy = "{labels}"\n[model]\nname = "local-dir:model"\n'
    (tmp_path / "mumic.toml").write_text(settings, "utf-8")
    monkeypatch.chdir(tmp_path)
    for command in (["catalog", "photos.csv"], ["index"]):
        assert run(*command).exit_code == 0
    return folder / "open_clip_config.json"


def change(config: Path, part: str, **values: Any) -> None:
    content = json.loads(config.read_text("utf-8"))
    content.setdefault(part, {}).update(values)
    config.write_text(json.dumps(content), "utf-8")


def forget_the_hash(root: Path) -> Path:
    """Make ``model.json`` what it was before it held the model's hash."""
    (file,) = root.glob("data/index/*/model.json")
    content = json.loads(file.read_text("utf-8"))
    del content["model_hash"]
    file.write_text(json.dumps(content), "utf-8")
    return file.parent


def rows_of(config: Path) -> Any:
    clip = load_clip(ModelSettings(name=f"local-dir:{config.parent}"), Path())
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
    return clip.weights_hash, encode_images(clip, pixels)


def refused(*command: str) -> str:
    result = run(*command)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), "a sentence, not a traceback"
    return str(result.stderr)


@pytest.mark.parametrize("command", COMMANDS)
def test_another_activation_is_refused(model: Path, command: list[str]) -> None:
    whole, before = model.read_bytes(), rows_of(model)
    change(model, "model_cfg", quick_gelu=True)
    after = rows_of(model)
    assert before[0] == after[0], "the same weights"
    assert np.abs(before[1] - after[1]).max() > 1e-4, "and other embeddings"
    message = refused(*command)
    assert "another model (model_hash differ). Its weights are equal, but not" in message
    assert "activation" in message
    assert "run `mumic-annotate index`" in message
    model.write_bytes(whole)
    assert run("search", "a dog", "--no-page").exit_code == 0, "put back, it is the same again"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("old", [True, False])
def test_another_normalisation_is_refused(model: Path, command: list[str], old: bool) -> None:
    if old:
        forget_the_hash(Path())
    change(model, "preprocess_cfg", mean=[0.1, 0.2, 0.3], std=[0.5, 0.5, 0.5])
    assert "preprocessing differ)" in refused(*command)


def test_an_index_from_before_stays_valid_and_grows(model: Path, draw_noise: DrawNoise) -> None:
    folder = forget_the_hash(Path())
    assert run("search", "a dog", "--no-page").exit_code == 0
    draw_noise(Path("photos/new.png"), 99)
    assert run("catalog", "photos").exit_code == 0
    grown = run("index", "--json")
    assert (grown.exit_code, json.loads(grown.stdout)["total"]) == (0, 7)
    rows = np.ones((1, 16), np.float16)
    write_shard(folder, 7, rows, ["0" * 64], {"model_hash": "another"})
    with pytest.raises(DamagedError, match=r"shard-00007\.npy: is of another model"):
        load_index(folder)
