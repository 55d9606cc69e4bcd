"""A training does what its recipe says: its loss, its rate, the clamp, and the weights it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from annotate import tables
from annotate.clip.loading import load_clip
from annotate.workspace import Workspace
from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.run import Run
from mumic.scores import run_logits
from mumic.training.noise import with_label_noise
from mumic.training.step import accumulate_gradients
from mumic.training.train import TrainOptions, train
from mumic.training.validation import validation_logits
from tests.mumic.training.test_train import WEIGHTS, _history

Matrix = npt.NDArray[np.float64]
ONE_STEP = {"epochs": 1, "batch_size": 64}
GRADIENTS = "mumic.training.cuda_graph.accumulate_gradients"


def _matrix(column: pd.Series[Any]) -> Matrix:
    """Float64 (images, classes), NaN for null."""
    return np.array([np.asarray(row, np.float64) for row in column])


def _training_images(workspace: Workspace) -> pd.DataFrame:
    frame = tables.read(tables.DATASET, workspace.dataset / "images.parquet")
    return frame[frame["split"] == "train"]


def _start_logits(workspace: Workspace, tiny_model: Path, texts: tuple[str, ...]) -> Matrix:
    """Of the training images, by Pillow and plain open_clip, at the paper's temperature."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{tiny_model}")
    tokens = open_clip.get_tokenizer(f"local-dir:{tiny_model}")(list(texts))
    pictures = [Image.open(workspace.root / uri) for uri in _training_images(workspace)["uri"]]
    squashed = [picture.resize((32, 32), Image.Resampling.BICUBIC) for picture in pictures]
    with torch.no_grad():
        pixels = torch.stack([preprocess(picture) for picture in squashed])
        images = model.eval().encode_image(pixels, normalize=True).double()
        cosines = images @ model.encode_text(tokens, normalize=True).double().T
    logits: Matrix = np.exp(3.652) * cosines.numpy()
    return logits


def _equation_1(z: Matrix, y: Matrix, p: list[float]) -> float:
    """Wang et al., AAAI 2023: the mean over the known cells; y is NaN where a label is unknown."""
    s = 1 / (1 + np.exp(-z))
    return float(np.nanmean(-(np.array(p) * y * np.log(s) + (1 - y) * np.log(1 - s))))


def _rates_unlike_the_labels(workspace: Workspace) -> None:
    """Of every fourth known label there is no rate: experts gave it."""
    file = workspace.dataset / "images.parquet"
    frame, rng = tables.read(tables.DATASET, file), np.random.default_rng(8)
    labels = _matrix(frame["labels"])
    rates = np.where(np.isnan(labels), np.nan, rng.random(labels.shape))
    rates[rng.random(labels.shape) < 0.25] = np.nan
    frame["rates"] = [[None if np.isnan(rate) else rate for rate in row] for row in rates.tolist()]
    tables.write(tables.DATASET, frame, file)


def test_the_first_loss_is_equation_1_of_rates_smoothing_and_weights(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path
) -> None:
    workspace = tiny_workspace(
        tmp_path / "ws",
        precision="fp32",
        soft_labels=True,
        label_smoothing=0.2,
        positive_weight="pets=20, 10",
        **ONE_STEP,
    )
    _rates_unlike_the_labels(workspace)
    run = train(workspace)
    images = _training_images(workspace)
    labels, rates = _matrix(images["labels"]), _matrix(images["rates"])
    assert 10 < np.isnan(rates[~np.isnan(labels)]).sum() < 40
    y = 0.8 * np.where(np.isnan(rates), labels, rates) + 0.1
    z = _start_logits(workspace, tiny_model, run.texts)
    expected = _equation_1(z, y, [10, 10, 10, 20])
    assert float(_history(run)[0]["loss"]) == pytest.approx(expected, rel=1e-3)


def test_a_training_learns_the_flipped_labels(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", precision="fp32", label_noise=0.3, **ONE_STEP)
    run = train(workspace)
    labels = _matrix(_training_images(workspace)["labels"])
    seed = workspace.settings.project.seed
    flipped = with_label_noise(load_dataset(workspace), 0.3, seed).split("train").cells
    noisy = np.where(flipped.mask, flipped.labels, np.nan)
    assert 15 < (np.abs(noisy - labels) == 1).sum() < 40
    z = _start_logits(workspace, tiny_model, run.texts)
    clean, expected = (_equation_1(z, y, [10] * 4) for y in (labels, noisy))
    assert abs(clean - expected) > 0.1
    assert float(_history(run)[0]["loss"]) == pytest.approx(expected, rel=1e-3)


def test_the_first_step_is_as_long_as_its_rate(tmp_path: Path, tiny_workspace: Any) -> None:
    """Adam's first step moves every weight by its rate: a tenth of lr at the first of ten steps."""
    workspace = tiny_workspace(tmp_path / "ws", lr=1e-3, warmup_steps=10, **ONE_STEP)
    run = train(workspace)
    assert abs(run.logit_scale - 3.652) == pytest.approx(1e-4, rel=0.01)
    before = load_clip(workspace.settings.model, workspace.root).model.state_dict()
    after = load_file(run.path / WEIGHTS)
    for name in ("visual.proj", "text_projection", "visual.ln_post.weight"):
        moved = float((after[name] - before[name]).abs().max())
        assert moved == pytest.approx(1e-4, rel=0.05), name  # decay adds a hundredth of a weight


def test_the_temperature_is_clamped_after_each_step(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gradient always pushes upwards here: 6 steps of 1/1024, of which the clamp leaves 4."""

    def upwards(model: Any, *rest: Any) -> float:
        loss = accumulate_gradients(model, *rest)
        model.towers.logit_scale.grad.fill_(-1.0)
        return loss

    monkeypatch.setattr(GRADIENTS, upwards)
    highest = 3.5 + 4.5 / 1024
    settings = {"lr": 1 / 1024, "logit_scale": 3.5, "max_logit_scale": highest}
    run = train(tiny_workspace(tmp_path / "ws", cuda_graph=False, **settings))
    scales = [float(row["logit_scale"]) for row in _history(run)]
    free = [3.5 + step / 1024 for step in (1, 2, 3, 4)]
    assert scales[:4] == pytest.approx(free, abs=1e-5)
    assert scales[4:] == [float(np.float32(highest))] * 2


def test_at_temperature_1_nothing_moves_it(tmp_path: Path, tiny_workspace: Any) -> None:
    run = train(tiny_workspace(tmp_path / "ws", epochs=1, loss="bce"))
    assert [float(row["logit_scale"]) for row in _history(run)] == [0.0] * 3
    assert load_file(run.path / WEIGHTS)["logit_scale"].item() == run.logit_scale == 0.0


def _state(run: Run, kind: str) -> dict[str, torch.Tensor]:
    """What the last checkpoint has under ``model.`` or ``ema.``, by the parameter's name."""
    stored = load_file(run.path / "last" / "checkpoint.safetensors")
    named = {name: tensor for name, tensor in stored.items() if name.startswith(kind)}
    return {name.removeprefix(kind): tensor for name, tensor in named.items()}


def _moved(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in first if not torch.equal(first[name], second[name])}


@pytest.mark.parametrize(("gaps", "best"), [((0.5, 0.4), 1), ((0.4, 0.5), 2)])
def test_a_run_holds_the_weights_of_its_best_epoch(
    tmp_path: Path,
    tiny_workspace: Any,
    monkeypatch: pytest.MonkeyPatch,
    gaps: tuple[float, float],
    best: int,
) -> None:
    """And what is made of them: as a training has that ends with this epoch."""
    told = iter((*(0.1, 0.2)[:best], *gaps))
    monkeypatch.setattr("mumic.training.loop.gap", lambda *_: next(told))
    until = train(tiny_workspace(tmp_path / "until", epochs=best), TrainOptions(run="one"))
    run = train(tiny_workspace(tmp_path / "ws", epochs=2), TrainOptions(run="one"))
    assert run.record["best_epoch"] == best
    for name in (WEIGHTS, "text_embeddings.safetensors", "thresholds.json"):
        assert (run.path / name).read_bytes() == (until.path / name).read_bytes(), name
    assert run.logit_scale == until.logit_scale
    assert bool(_moved(load_file(run.path / WEIGHTS), _state(run, "model."))) == (best == 1)


def test_averaged_weights_are_measured_and_kept(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[npt.NDArray[np.float32]] = []

    def remember(training: Any) -> npt.NDArray[np.float32]:
        measured.append(validation_logits(training))
        return measured[-1]

    monkeypatch.setattr("mumic.training.loop.validation_logits", remember)
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, ema=0.9)
    run = train(workspace)
    kept, averages, raw = load_file(run.path / WEIGHTS), _state(run, "ema."), _state(run, "model.")
    assert kept.keys() == averages.keys()
    assert _moved(kept, averages) == set()
    assert _moved(kept, raw) >= {"visual.proj", "text_projection", "logit_scale"}
    expected = 3.652
    for step, row in enumerate(_history(run)):  # early steps keep less of the average
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * float(row["logit_scale"])
    assert run.logit_scale == averages["logit_scale"].item() == pytest.approx(expected, abs=1e-6)
    validation = load_dataset(workspace).split("validation")
    pixels, clip = pixel_rows(workspace, validation.images, 32), run.load(workspace)
    of_averages = run_logits(workspace, run, clip, pixels, validation)
    assert measured[0] == pytest.approx(of_averages, abs=1e-3)
    clip.model.load_state_dict(raw)
    assert np.abs(measured[0] - run_logits(workspace, run, clip, pixels, validation)).max() > 0.01
