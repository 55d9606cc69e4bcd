"""Training: a run that open_clip loads, that learns, and that a SIGKILL does not change."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from annotate import tables
from annotate.clip.loading import load_clip
from annotate.errors import InputError, MissingError, MumicError
from annotate.files import write_json
from annotate.settings import ModelSettings
from annotate.workspace import Workspace
from mumic.cache import open_rows
from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from mumic.run import Run, open_run
from mumic.scores import run_logits
from mumic.training.batches import batch_rows
from mumic.training.checkpoint import Progress, save_checkpoint
from mumic.training.step import accumulate_gradients
from mumic.training.train import Reports, TrainOptions, train

WEIGHTS = "open_clip_model.safetensors"


def _with(workspace: Workspace, **values: Any) -> Workspace:
    settings = workspace.settings
    changed = replace(settings, train=replace(settings.train, **values))
    return replace(workspace, settings=changed)


def _history(run: Run) -> list[dict[str, str]]:
    return list(csv.DictReader((run.path / "history.csv").read_text().splitlines()))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> tuple[Workspace, Run]:
    workspace = tiny_workspace(tmp_path_factory.mktemp("trained") / "ws")
    return workspace, train(workspace, TrainOptions(run="first"))


def test_a_run_loads_in_plain_open_clip_with_equal_outputs(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{run.path}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{run.path}")
    dataset = load_dataset(workspace).split("test")
    clip = run.load(workspace)
    pixels = pixel_rows(workspace, dataset.images, 32)
    ours = run_logits(workspace, run, clip, pixels, dataset)
    with torch.no_grad():
        texts = model.eval().encode_text(tokenizer(list(run.texts)), normalize=True)
        images = torch.stack(
            [preprocess(Image.open(workspace.root / uri)) for uri in dataset.images["uri"]]
        )
        theirs = model.logit_scale.exp() * model.encode_image(images, normalize=True) @ texts.T
    assert run.text_rows() == pytest.approx(texts.numpy(), abs=1e-5)
    assert ours == pytest.approx(theirs.numpy(), abs=1e-3)
    assert run.logit_scale == pytest.approx(model.logit_scale.item(), abs=1e-6)
    assert {t.dtype for t in load_file(run.path / WEIGHTS).values()} == {torch.float32}


def test_the_run_folder_is_complete(trained: tuple[Workspace, Run]) -> None:
    workspace, run = trained
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        *("open_clip_config.json", WEIGHTS, "run.json", "classes.json", "taxonomy.yaml"),
        *("text_embeddings.safetensors", "thresholds.json", "dataset.lock.json", "history.csv"),
    }
    record = json.loads((run.path / "run.json").read_text())
    groups = record["parameter_groups"]
    assert "visual.proj" in groups["decay"]
    assert "logit_scale" in groups["no_decay"]
    assert record["environment"]["threads"] == 1
    assert record["finished"]
    assert run.texts[:2] == ("a photo with bed", "a photo with swimming pool, as seen by a guest")
    assert workspace.latest_run() == run.path
    history = _history(run)
    assert [row["step"] for row in history] == [str(step) for step in range(1, len(history) + 1)]
    assert [bool(row["validation_gap"]) for row in history] == [False, False, True] * 2


def test_nothing_is_pickled(trained: tuple[Workspace, Run]) -> None:
    _, run = trained
    for path in run.path.rglob("*"):
        assert path.suffix not in (".pt", ".pth", ".pkl", ".bin")
        if path.is_file():
            assert b"torch._utils" not in path.read_bytes()[:4096]


def test_training_learns(tmp_path: Path, tiny_workspace: Any) -> None:
    """Sixteen pictures, trained on and validated on: the temperature moves and GAP becomes high."""
    workspace = tiny_workspace(tmp_path / "ws", images=16, epochs=40, warmup_steps=10, early_stop=0)
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    twice = pd.concat(
        [
            frame.assign(split="train"),
            frame.assign(split="validation", image_id=frame["image_id"] + "v"),
        ]
    )
    tables.write(tables.DATASET, twice, file)
    run = train(workspace)
    gaps = [float(row["validation_gap"]) for row in _history(run) if row["validation_gap"]]
    assert gaps[0] < 0.65
    assert max(gaps) > 0.9
    assert run.record["validation_gap"] == max(gaps)
    assert run.record["best_epoch"] == 1 + int(np.argmax(gaps))
    assert run.logit_scale != pytest.approx(3.652, abs=1e-4)
    assert float(_history(run)[-1]["loss"]) < float(_history(run)[0]["loss"]) / 3


def test_names_of_runs(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    with pytest.raises(InputError, match="first is finished"):
        train(workspace, TrainOptions(run="first"))
    for name in ("../elsewhere", "_test", ".hidden", "a" * 101):
        with pytest.raises(InputError, match=r"up to 100 letters, digits.*letter or digit first"):
            train(workspace, TrainOptions(run=name))
    with pytest.raises(MissingError, match="did you mean first"):
        open_run(workspace, "frist")


def test_random_weights_give_a_run_of_their_own(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    run = train(workspace, TrainOptions(random_init=True))
    assert run.start_model["random_init"]
    start = load_clip(workspace.settings.model, workspace.root)
    assert run.start_model["weights_hash"] != start.weights_hash


def test_a_frozen_image_tower_stays_as_it_was(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, freeze="image")
    run = train(workspace)
    before = load_clip(workspace.settings.model, workspace.root).model.state_dict()
    after = load_file(run.path / WEIGHTS)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert "text_projection" in moved
    assert not any(name.startswith("visual.") for name in moved)


def test_early_stop(tmp_path: Path, tiny_workspace: Any) -> None:
    """A learning rate of nearly nothing never improves on the first epoch."""
    workspace = tiny_workspace(tmp_path / "ws", lr=1e-30, early_stop=2, epochs=9)
    run = train(workspace)
    assert (run.record["best_epoch"], run.record["steps"]) == (1, 9)  # three epochs of three steps


def test_slow_checkpoints_come_at_the_end_of_an_epoch_alone(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = []

    def remember(folder: Path, towers: Any, optimiser: Any, progress: Progress, *rest: Any) -> None:
        saved.append(progress.step)
        save_checkpoint(folder, towers, optimiser, progress, *rest)

    monkeypatch.setattr("mumic.training.loop.save_checkpoint", remember)
    monkeypatch.setattr("mumic.training.loop.Pace.due", lambda self: False)
    train(tiny_workspace(tmp_path / "ws", epochs=2, checkpoint_every=1))
    assert saved == [3, 6]
    monkeypatch.setattr("mumic.training.loop.Pace.due", lambda self: True)
    train(tiny_workspace(tmp_path / "other", epochs=2, checkpoint_every=2))
    assert saved == [3, 6, 2, 3, 4, 6]


def test_the_order_of_images_is_a_function_of_seed_and_step() -> None:
    first = [batch_rows(0, step, 10, 4) for step in range(6)]
    assert [len(rows) for rows in first] == [4, 4, 2] * 2
    for epoch in (first[:3], first[3:]):
        assert sorted(np.concatenate(epoch).tolist()) == list(range(10))
    assert not np.array_equal(first[0], first[3])
    assert not np.array_equal(first[0], batch_rows(1, 0, 10, 4))


def test_the_pixel_cache_equals_the_picture(trained: tuple[Workspace, Run]) -> None:
    workspace, _ = trained
    images = load_dataset(workspace).images.query("split == 'train'")
    rows = open_rows(workspace.data / "cache" / "pixels-32-squash-bicubic")
    for uri, content_hash in zip(images["uri"][:4], images["content_hash"][:4], strict=True):
        picture = Image.open(workspace.root / uri).convert("RGB")
        expected = np.asarray(picture.resize((32, 32), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
        pixels = rows.gather([content_hash])[0]
        # Pillow's resize to two levels, see fast_pixels; open_clip's own preprocessing is Pillow's.
        assert np.abs(pixels.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("every", [2, 1000])
@pytest.mark.parametrize("what", ["the loss is nan", "the weights are not numbers"])
def test_what_is_no_number_keeps_the_last_checkpoint(
    tmp_path: Path, tiny_workspace: Any, trained: tuple[Workspace, Run], what: str, every: int
) -> None:
    """Two good steps, then a bad one, the last of its epoch; without it the run is as any."""
    workspace = tiny_workspace(tmp_path / "ws", checkpoint_every=every, cuda_graph=False)
    steps = []

    def poisoned(model: Any, batch: Any, *rest: Any) -> float:
        steps.append(len(batch))
        if len(steps) == 3 and "loss" in what:
            batch.labels.fill_(torch.nan)
        loss = accumulate_gradients(model, batch, *rest)
        if len(steps) == 3:  # a finite loss may have a gradient that is none
            model.towers.visual.proj.grad.fill_(torch.nan)
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mumic.training.cuda_graph.accumulate_gradients", poisoned)
        with pytest.raises(MumicError, match=f"{what} at step 3") as caught:
            train(workspace, TrainOptions(run="one"))
    assert "Lower lr under [train] (`mumic train` has --lr)" in str(caught.value)
    folder = workspace.runs / "one"
    kept = folder / "last" / "checkpoint.safetensors"
    assert kept.is_file() == (every == 2)
    said = "checkpoint before it is kept" if every == 2 else "nothing had been saved yet"
    assert said in str(caught.value)
    assert not (folder / WEIGHTS).exists()  # bad weights never become the best ones
    run = train(workspace, TrainOptions(run="one"))
    assert (run.path / WEIGHTS).read_bytes() == (trained[1].path / WEIGHTS).read_bytes()


def test_logits_that_are_no_numbers_are_no_best_epoch(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")

    def not_numbers(training: Any) -> Any:
        return np.full(training.validation.cells.labels.shape, np.nan, np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mumic.training.loop.validation_logits", not_numbers)
        with pytest.raises(MumicError, match="logits of validation are not numbers at step 3"):
            train(workspace, TrainOptions(run="one"))
    assert not (workspace.runs / "one" / WEIGHTS).exists()


def test_classes_without_positives_are_named(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    frame["labels"] = [[0, *list(row)[1:]] for row in frame["labels"]]
    tables.write(tables.DATASET, frame, file)
    notes: list[str] = []
    train(workspace, reports=Reports(on_note=notes.append))
    assert any("no positive in train for 1 classes (Bed)" in note for note in notes)


def test_settings_and_datasets_that_make_no_sense(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws")
    with pytest.raises(InputError) as caught:
        train(_with(workspace, epochs=0, loss="zlpr", logit_scale=5.0))
    assert str(caught.value).count("[train]") == 3
    file = workspace.dataset / "images.parquet"
    frame = tables.read(tables.DATASET, file)
    tables.write(tables.DATASET, frame.assign(split="test"), file)
    with pytest.raises(InputError, match="0 training images"):
        train(workspace)
    tables.write(tables.DATASET, frame.iloc[:0], file)
    with pytest.raises(InputError, match="0 images and 4 classes"):
        train(workspace)
    file.unlink()
    with pytest.raises(MissingError, match="mumic-annotate dataset"):
        train(workspace)


def test_the_demo_model_is_refused_on_real_photos(tmp_path: Path, tiny_workspace: Any) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    write_json(workspace.catalog / "summary.json", {"demo": False})
    name = workspace.settings.model.name.removeprefix("local-dir:")
    copy = tmp_path / "demo-model"
    copy.mkdir()
    for file in Path(name).iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    config = json.loads((copy / "open_clip_config.json").read_text()) | {"demo": True}
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    settings = replace(workspace.settings, model=ModelSettings(f"local-dir:{copy}", ""))
    workspace = replace(workspace, settings=settings)
    with pytest.raises(InputError, match="--allow-demo-model"):
        train(workspace)
    run = train(workspace, TrainOptions(allow_demo_model=True))
    assert run.record["demo_model"]
    assert run.load(workspace).is_demo  # and so is everything trained from it
