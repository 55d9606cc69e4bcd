"""Blends: the mean by a float64 formula, a run that open_clip loads, and what unseen labels say."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from sklearn.metrics import average_precision_score

from annotate import tables
from annotate.errors import InputError
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.data import load_dataset
from mumic.prediction.blend import blend_run, blended
from mumic.run import WEIGHTS, open_run
from mumic.scores import read_scores
from mumic.training.train import TrainOptions, train


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    found: Workspace = tiny_workspace(
        tmp_path_factory.mktemp("blend") / "ws", epochs=1, logit_bias=-4.0
    )
    train(found, TrainOptions(run="one"))
    images = load_dataset(found).images
    frame = images[["image_id", "uri", "content_hash"]].assign(
        bytes=1,
        width=48,
        height=40,
        orientation=1,
        perceptual_hash="0",
        property_id=None,
        text=None,
        present=True,
    )
    # A photo that was replaced: its URI stands there twice.
    gone = frame.iloc[:1].assign(image_id="before", content_hash="0" * 64, present=False)
    frame = pd.concat([gone, frame], ignore_index=True)
    tables.write(tables.CATALOG, frame, found.catalog / "images.parquet")
    return found


def _call(workspace: Workspace, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        return CliRunner().invoke(main, list(arguments))


def _json(workspace: Workspace, *arguments: str) -> Any:
    result = _call(workspace, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_mean_of_two_states() -> None:
    start = {"w": torch.tensor([1.0, 2.0]), "steps": torch.tensor(3)}
    tuned = {"w": torch.tensor([3.0, 0.0]), "steps": torch.tensor(4), "logit_bias": torch.ones(())}
    found = blended(start, tuned, 0.25)
    assert found["w"].tolist() == [1.5, 1.5]
    assert (int(found["steps"]), float(found["logit_bias"])) == (4, 0.25)
    with pytest.raises(InputError, match="another shape"):
        blended({"w": torch.zeros(3)}, {"w": torch.zeros(2)}, 0.5)
    for alpha in (-0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="must be 0"):
            blended(start, tuned, alpha)


def test_a_blend_is_a_run_that_open_clip_loads(workspace: Workspace, tiny_model: Path) -> None:
    made = open_run(workspace, _json(workspace, "blend", "one", "--alpha", "0.3")["run"])
    before, after, blend = (
        load_file(folder / WEIGHTS) for folder in (tiny_model, workspace.runs / "one", made.path)
    )
    assert blend.keys() == after.keys()
    for name, tensor in blend.items():
        start = before[name].double() if name in before else torch.zeros((), dtype=torch.float64)
        expected = 0.7 * start + 0.3 * after[name].double()
        assert torch.allclose(tensor.double(), expected, rtol=1e-6, atol=1e-7), name
    model = open_clip.create_model(f"local-dir:{made.path}")
    tokens = open_clip.get_tokenizer(f"local-dir:{made.path}")(list(made.texts))
    with torch.no_grad():
        rows = model.encode_text(tokens, normalize=True).numpy()
    assert np.allclose(rows, made.text_rows(), atol=1e-5)
    assert made.logit_scale == pytest.approx(float(model.logit_scale.detach()))
    assert made.logit_bias == pytest.approx(float(model.logit_bias.detach()))
    again = _call(workspace, "blend", "one", "--alpha", "0.3")
    assert again.exit_code == 1
    assert "already" in again.output


def test_alpha_one_is_the_run_itself(workspace: Workspace) -> None:
    _json(workspace, "blend", "one", "--alpha", "1", "--name", "same")
    for name in ("one", "same"):
        _json(workspace, "evaluate", "--run", name, "--no-baselines")
    first, second = (read_scores(workspace.runs / name, "test") for name in ("one", "same"))
    before, after = (load_file(workspace.runs / name / WEIGHTS) for name in ("one", "same"))
    assert all(torch.equal(before[name], after[name]) for name in after)
    # A run's own texts were encoded only as far as the longest of them, which rounds otherwise.
    assert np.allclose(first.logits, second.logits, atol=1e-4)
    cuts, kept = (open_run(workspace, name).thresholds().logits for name in ("one", "same"))
    assert cuts == pytest.approx(kept, abs=1e-4)


def test_a_bias_that_the_run_does_not_use_stays_unused(
    tiny_model: Path, tiny_workspace: Any, tmp_path: Path
) -> None:
    """A SigLIP brings one; a run without ``logit_bias`` has its logits without it."""
    siglip = shutil.copytree(tiny_model, tmp_path / "siglip")
    file = siglip / "open_clip_config.json"
    config = json.loads(file.read_text("utf-8"))
    config["model_cfg"]["init_logit_bias"] = -12.0
    file.write_text(json.dumps(config))
    save_file(load_file(siglip / WEIGHTS) | {"logit_bias": torch.tensor(-12.0)}, siglip / WEIGHTS)
    found = tiny_workspace(tmp_path / "ws", epochs=1)
    model = replace(found.settings.model, name=f"local-dir:{siglip}")
    found = replace(found, settings=replace(found.settings, model=model))
    run = train(found, TrainOptions(run="one"))
    made = blend_run(found, run, 1.0)
    for entry in (run, made, blend_run(found, run, 0.5)):
        assert entry.logit_bias == 0
        plain = open_clip.create_model(f"local-dir:{entry.path}")
        assert float(plain.logit_bias.detach()) == 0  # open_clip's get_logits adds it
        assert json.loads((entry.path / file.name).read_text())["model_cfg"]["init_logit_bias"] == 0
    assert made.thresholds().logits == pytest.approx(run.thresholds().logits, abs=1e-4)


def test_the_grid_judges_seen_and_unseen(workspace: Workspace, tmp_path: Path) -> None:
    images = load_dataset(workspace).images
    outside = images[images["split"] != "train"]
    bright = [number % 3 == 0 for number in range(len(outside))]
    file = tmp_path / "unseen.csv"
    pd.DataFrame({"uri": outside["uri"], "old_town": [int(yes) for yes in bright]}).to_csv(
        file, index=False
    )
    found = _json(workspace, "blend", "one", "--unseen", str(file))
    assert [row["alpha"] for row in found["rows"]] == [0, 0.25, 0.5, 0.75, 1]
    assert found["judged"]["unseen"] == {"images": len(outside), "classes": 1}
    _json(workspace, "evaluate", "--run", "one", "--split", "validation", "--no-baselines")
    cells = load_dataset(workspace).split("validation").cells
    scores = read_scores(workspace.runs / "one", "validation").logits
    expected = average_precision_score(cells.labels[cells.mask], scores[cells.mask])
    assert found["rows"][-1]["seen"]["gap"] == pytest.approx(expected)
    values = [row["unseen"]["macro_map"] for row in found["rows"]]
    model = open_clip.create_model(f"local-dir:{workspace.runs / 'one'}")
    expected = _by_open_clip(workspace, model, outside, bright)
    assert values[-1] == pytest.approx(expected, abs=1e-6)


def test_the_grid_leaves_out_what_was_trained_with_before_splits_were_made_anew(
    workspace: Workspace, tmp_path: Path
) -> None:
    file, labels = workspace.dataset / "images.parquet", tmp_path / "unseen.csv"
    frame = tables.read(tables.DATASET, file)
    trained = frame.index[frame["split"] == "train"][0]
    labels.write_text(f"uri,old town\n{frame.loc[trained, 'uri']},1\n")
    before = file.read_bytes()
    try:
        frame.loc[trained, "split"] = "test"
        tables.write(tables.DATASET, frame, file)
        refused = _call(workspace, "blend", "one", "--unseen", str(labels))
    finally:
        file.write_bytes(before)
    assert refused.exit_code == 1
    assert "no positive on an image outside" in " ".join(refused.output.split())


def _by_open_clip(workspace: Workspace, model: Any, images: pd.DataFrame, truth: Any) -> float:
    from annotate.clip.loading import load_clip
    from annotate.settings import ModelSettings
    from mumic.pixels import pixel_rows

    folder = f"local-dir:{workspace.runs / 'one'}"
    clip = load_clip(ModelSettings(folder, ""), workspace.root)
    pixels = pixel_rows(workspace, images, 32).gather(list(images["content_hash"]))
    mean, std = (
        torch.tensor(clip.folder_config()["preprocess_cfg"][key]).view(3, 1, 1)
        for key in ("mean", "std")
    )
    with torch.no_grad():
        rows = model.encode_image((torch.from_numpy(pixels) / 255 - mean) / std, normalize=True)
        tokens = open_clip.get_tokenizer(folder)(["a photo with old town"])
        text = model.encode_text(tokens, normalize=True)
    return float(average_precision_score(truth, (rows @ text.T).numpy()[:, 0]))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("uri,pets\n{uri},1\n", "was trained on pets"),
        ("uri,old town\nnowhere.png,1\n", "not in the catalogue"),
        ("uri,old town\n{uri},0\n", "no positive on an image outside"),
        ("uri,old town\n{uri},7\n", "a label is 1, 0"),
        ("old town\n1\n", "no column for the image"),
    ],
)
def test_labels_that_judge_nothing(
    workspace: Workspace, tmp_path: Path, content: str, problem: str
) -> None:
    images = load_dataset(workspace).images
    uri = images["uri"][images["split"] == "test"].iloc[0]
    file = tmp_path / "labels.csv"
    file.write_text(content.format(uri=uri))
    result = _call(workspace, "blend", "one", "--unseen", str(file))
    assert result.exit_code == 1
    assert problem in result.output
