"""What `make experiments` measures: every number from the stored scores, by scikit-learn."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import average_precision_score

from annotate.cli import main as annotate
from annotate.files import read_json
from annotate.workspace import Workspace
from mumic.baselines.runs import BaselineOptions, Reports, run_baseline
from mumic.data import load_dataset
from mumic.demo.experiment_steps import compare_methods, temperatures, unseen_concepts
from mumic.run import WEIGHTS
from mumic.scores import read_scores
from tests.mumic.commands import call_json

Compared = tuple[Workspace, dict[str, Any]]
SEEDS = range(2)
# What a reader is told of first is MuMIC; what stands on its trainings precedes the frozen towers.
TRAINED = ["MuMIC", "ASL as the loss, same towers", "temperature 1 (plain BCE)"]
FROZEN = {
    "two-prompts": "zero-shot CLIP, two prompts",
    "cosine": "zero-shot CLIP, cosine",
    "linear-probe": "linear probe, same frozen tower",
}
HEAD = "ASL, head on the same tower"
CONCEPTS = {
    "museum": "a photo with museum",
    "mountain_climbing": "a photo with mountain climbing",
    "shopping": "a photo with shopping",
    "door": "a photo with door",
}
SHARES = {"start": 0, "quarter": 0.25, "half_way": 0.5, "run": 1}  # of the run's own weights


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Compared:
    found = tiny_workspace(tmp_path_factory.mktemp("steps") / "ws", images=60, epochs=1)
    few = replace(found.settings.baseline, max_epochs=1, patience=1, batch_size=16)
    workspace = replace(found, settings=replace(found.settings, baseline=few))
    return workspace, compare_methods(workspace, SEEDS)


def _macro_map(workspace: Workspace, scored: Path, split: str = "test") -> float:
    """Over the classes with a positive, from the scores that a run or baseline has stored."""
    dataset, scores = load_dataset(workspace).split(split), read_scores(scored, split)
    assert scores.image_ids == list(dataset.images["image_id"])
    labels, mask = dataset.cells.labels, dataset.cells.mask
    found = [
        average_precision_score(labels[known, at], scores.logits[known, at])
        for at, known in enumerate(mask.T)
        if (labels[known, at] == 1).any()
    ]
    return float(np.mean(found))


def _head(workspace: Workspace, seed: int) -> Path:
    return workspace.runs / "experiments" / f"asl-head-seed{seed}"


def test_methods_are_compared_by_their_own_scores_over_the_seeds(compared: Compared) -> None:
    workspace, summary = compared
    scored: dict[str, list[float]] = {name: [] for name in TRAINED}
    for run in summary["runs"]:
        assert run["seed"] == len(scored[run["arm"]])
        scored[run["arm"]].append(_macro_map(workspace, Path(run["path"])))
    for name, title in FROZEN.items():
        made = run_baseline(workspace, name, BaselineOptions(), Reports())
        scored[title] = [_macro_map(workspace, made.path)] * len(SEEDS)
    scored[HEAD] = [_macro_map(workspace, _head(workspace, seed)) for seed in SEEDS]

    assert [row["arm"] for row in summary["arms"]] == list(scored)
    for row in summary["arms"]:
        assert row["seeds"] == len(SEEDS)
        assert row["macro_map"] == pytest.approx(np.mean(scored[row["arm"]])), row["arm"]
        assert row["spread"]["macro_map"] == pytest.approx(np.ptp(scored[row["arm"]]))
    assert list(summary["differences"]) == list(scored)[1:]
    for name, found in summary["differences"].items():
        ahead = np.subtract(scored["MuMIC"], scored[name])
        assert found["macro_map"]["value"] == pytest.approx(ahead.mean()), name
        assert found["macro_map"]["seeds"] == len(SEEDS)
        assert found["macro_map"]["ahead_in_seeds"] == (ahead > 0).sum()
    assert len({round(np.mean(values), 9) for values in scored.values()}) > 3


def test_the_first_seed_of_the_head_searches_the_rate_of_the_others(compared: Compared) -> None:
    workspace, summary = compared
    first, second = (read_json(_head(workspace, seed) / "baseline.json", "") for seed in SEEDS)
    rate = workspace.settings.train.lr
    assert [trial["lr"] for trial in first["searched"]] == pytest.approx([rate, 0.3 * rate])
    assert [trial["lr"] for trial in second["searched"]] == [first["best"]["lr"]]
    assert (first["seed"], second["seed"]) == (0, 1)
    assert [about["trials"] for about in summary["asl_head"]] == [2, 1]


def _never_annotated(workspace: Workspace) -> dict[str, set[str]]:
    """A catalogue of drawings without labels, each of the model's own size; what they show."""
    rng, folder = np.random.default_rng(11), workspace.root / "demo"
    folder.mkdir()
    shown = {}
    for number in range(24):
        name = f"{number:03d}.png"
        pixels = rng.integers(0, 40 + 9 * number, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
        shown[name] = {concept for concept in CONCEPTS if rng.random() < 0.4}
    with (folder / "unseen_truth.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "class_id"))
        rows.writerows((name, concept) for name in shown for concept in sorted(shown[name]))
    call_json(workspace, annotate, "catalog", "demo")
    return shown


def _by_open_clip(
    workspace: Workspace, tuned: Path, shown: dict[str, set[str]]
) -> dict[str, dict[str, float]]:
    """Average precision of each concept under weights from the start's to a run's."""
    start = Path(workspace.settings.model.name.removeprefix("local-dir:"))
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{start}")
    tokens = open_clip.get_tokenizer(f"local-dir:{start}")(list(CONCEPTS.values()))
    pictures = [Image.open(workspace.root / "demo" / name) for name in shown]
    images = torch.stack([preprocess(picture) for picture in pictures])
    truth = np.array([[concept in found for concept in CONCEPTS] for found in shown.values()])
    before, after = load_file(start / WEIGHTS), load_file(tuned / WEIGHTS)
    found = {}
    for name, alpha in SHARES.items():
        model.load_state_dict({n: (1 - alpha) * before[n] + alpha * after[n] for n in after})
        with torch.no_grad():
            rows = model.eval().encode_image(images, normalize=True)
            cosines = (rows @ model.encode_text(tokens, normalize=True).T).numpy()
        scored = map(average_precision_score, truth.T, cosines.T)
        found[name] = dict(zip(CONCEPTS, scored, strict=True))
    return found


def test_concepts_without_labels_are_ranked_by_the_weights_between(compared: Compared) -> None:
    workspace, summary = compared
    shown = _never_annotated(workspace)
    found = unseen_concepts(workspace, SEEDS)
    own = [Path(run["path"]) for run in summary["runs"] if run["arm"] == "MuMIC"]
    means: dict[str, list[float]] = {}
    for run, measured in zip(own, found["seeds"], strict=True):
        assert measured["images"] == len(shown)
        for name, expected in _by_open_clip(workspace, run, shown).items():
            means.setdefault(name, []).append(float(np.mean(list(expected.values()))))
            assert measured[name] == pytest.approx(expected | {"mean": means[name][-1]}), name
    assert set(found["ahead"]) == set(means) - {"start"}
    for name, ahead in found["ahead"].items():
        gain = np.subtract(means[name], means["start"])
        assert ahead["value"] == pytest.approx(gain.mean())
        assert ahead["ahead_in_seeds"] == (gain > 0).sum()
    for row, end in zip(found["labelled"], ("", "-quarter", "-half_way"), strict=True):
        assert ("alpha" in row["arm"]) == bool(end)
        values = [_macro_map(workspace, run.with_name(run.name + end)) for run in own]
        assert row["macro_map"] == pytest.approx(np.mean(values)), row["arm"]


def test_a_training_per_start_of_the_temperature_is_judged_on_validation(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One after the other: the processes beside take longer to begin than these to train.
    monkeypatch.setattr("mumic.demo.experiment_steps.train_ahead", lambda *_: None)
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    found = temperatures(workspace)
    starts = [0.7, 1.7, 2.7, 3.652, 4.6, 5.8]
    assert [row["arm"] for row in found["arms"]] == [f"{start:g}" for start in starts]
    assert found["images"] == len(load_dataset(workspace).split("validation"))
    runs = {}
    for file in workspace.runs.glob("temperatures/*/run.json"):
        recipe = read_json(file, "")["settings"]["train"]
        assert recipe["max_logit_scale"] == max(4.605170185988092, recipe["logit_scale"])
        runs[recipe["logit_scale"]] = file.parent
    for start, row in zip(starts, found["arms"], strict=True):
        expected = _macro_map(workspace, runs[start], "validation")
        assert row["macro_map"] == pytest.approx(expected), start
        assert row["logit_scale"] == pytest.approx(start, abs=3.5e-3)  # three steps of lr
        assert row["logit_scale"] != start
