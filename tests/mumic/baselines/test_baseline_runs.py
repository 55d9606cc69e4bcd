"""`mumic baseline`: every baseline through its command, the loss against a formula, resuming."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from annotate.clip.loading import load_clip
from annotate.errors import DamagedError
from annotate.settings import BaselineSettings, render
from annotate.workspace import Workspace
from mumic.baselines.backbones import HeadOnTower, load_backbone
from mumic.baselines.frozen import single_label
from mumic.baselines.store import known_baselines, open_baseline
from mumic.baselines.supervised import Material, Trial, asl_sum, fit, trials
from mumic.cli import main
from mumic.data import load_dataset
from mumic.pixels import pixel_rows
from tests.mumic.commands import call

BACKBONE = "test_resnet"  # timm's smallest
QUICK = ("--max-epochs", "2", "--patience", "1", "--batch-size", "8")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    found: Workspace = tiny_workspace(tmp_path_factory.mktemp("baselines") / "ws", images=40)
    return found


def _record(workspace: Workspace, *arguments: str) -> Any:
    result = call(workspace, main, "baseline", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["baselines"][-1]


def test_without_a_name_the_four_that_train_no_tower(workspace: Workspace) -> None:
    result = call(workspace, main, "baseline")
    assert result.exit_code == 0, result.output
    names = {entry.name for entry in known_baselines(workspace)}
    assert names >= {"two-prompts", "cosine", "softmax", "linear-probe"}
    dataset = load_dataset(workspace)
    for entry in known_baselines(workspace):
        scores = entry.scores("test")
        assert scores.image_ids == list(dataset.split("test").images["image_id"])
        assert scores.logits.shape == (len(scores.image_ids), 4)
        assert entry.record["dataset"] == dataset.fingerprint
        assert len(entry.thresholds().logits) == 4
    assert "Next: mumic compare" in result.stdout


def test_zero_shot_baselines_are_products_of_their_texts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By open_clip and numpy alone, and timed on the texts that are used."""
    timed: dict[str, list[str]] = {}
    for name in ("cosine", "two-prompts"):
        monkeypatch.setattr(
            "mumic.baselines.runs.time_texts",
            lambda clip, texts, name=name: float(len(timed.setdefault(name, list(texts)))),
        )
        assert _record(workspace, name)["text_seconds"] == 4.0
    classes = load_dataset(workspace).classes
    by_name = [f"a photo of {entry.name.lower()}" for entry in classes]
    assert [text.lower() for text in timed["two-prompts"]] == by_name
    described = zip(classes, timed["cosine"], strict=True)
    assert sum(entry.description in text for entry, text in described) == 2  # the others are named
    clip = load_clip(workspace.settings.model, workspace.root)
    model: Any = clip.model
    dataset = load_dataset(workspace).split("test")
    pixels = pixel_rows(workspace, dataset.images, clip.image_size)
    images = torch.from_numpy(pixels.gather(list(dataset.images["content_hash"])))
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (clip.mean, clip.std))
    with torch.inference_mode():
        seen = model.encode_image((images / 255 - mean) / std, normalize=True)
        said = model.encode_text(clip.tokenizer(timed["cosine"]), normalize=True)
        expected = model.logit_scale.exp() * seen @ said.T
    found = open_baseline(workspace, "cosine").scores("test")
    assert found.image_ids == list(dataset.images["image_id"])
    assert found.logits == pytest.approx(expected.numpy(), abs=1e-3)


def test_one_softmax_is_torchs() -> None:
    z = np.random.default_rng(0).normal(scale=8, size=(20, 6)).astype(np.float32)
    expected = torch.softmax(torch.from_numpy(z).double(), dim=1)
    said = torch.sigmoid(torch.from_numpy(single_label(z)).double())
    assert torch.allclose(said, expected, atol=1e-6)
    sharp = single_label(np.array([[500.0, 100.0], [600.0, 100.0]], np.float32))
    assert sharp[:, 0].tolist() == [400.0, 500.0]  # no tie, although both probabilities are 1


def test_asl_is_its_papers_formula() -> None:
    """In float64 by numpy: equation 7 of the paper, over the observed cells."""
    rng = np.random.default_rng(1)
    z, y = rng.normal(scale=3, size=(9, 5)), (rng.random((9, 5)) < 0.4).astype(float)
    mask = rng.random((9, 5)) < 0.8
    p = 1 / (1 + np.exp(-z))
    for gamma, clip in ((4.0, 0.05), (2.0, 0.0)):
        shifted = np.maximum(p - clip, 0)
        cost = -y * np.log(p) - (1 - y) * shifted**gamma * np.log(1 - shifted)
        logits, labels = torch.from_numpy(z), torch.from_numpy(np.where(mask, y, 77))
        found = asl_sum(logits, labels, torch.from_numpy(mask), Trial(1e-4, gamma, clip))
        assert float(found) == pytest.approx(cost[mask].sum(), rel=1e-5)


def test_every_search_begins_with_the_papers_loss() -> None:
    found = trials(1e-5, 12)
    assert len(set(found)) == 12
    assert found[0] == Trial(1e-5, 4.0, 0.05)
    assert trials(1e-5, 3) == found[:3]


def test_a_new_head_learns_faster_than_the_tower_and_better_than_at_its_rate(
    workspace: Workspace,
) -> None:
    """At the tower's rate alone it stays where chance has put it."""
    dataset = load_dataset(workspace)
    train = dataset.split("train")
    size = load_clip(workspace.settings.model, workspace.root).image_size
    material = Material(train, train, pixel_rows(workspace, dataset.images, size), seed=0)
    trial, gaps = trials(1e-5, 1)[0], {}
    for head_lr in (1e-5, 1e-3):
        clip = load_clip(workspace.settings.model, workspace.root)
        network = HeadOnTower(clip, len(dataset.classes), 0, bf16=False)
        before = {name: each.detach().clone() for name, each in network.named_parameters()}
        settings = BaselineSettings(max_epochs=20, patience=20, batch_size=2, head_lr=head_lr)
        told: dict[int, float] = {}
        fitted = fit(network, material, trial, settings, told.__setitem__)
        assert list(told) == list(range(1, fitted.epochs + 1))
        gaps[head_lr] = fitted.validation_gap
        for name, now in network.named_parameters():
            moved = float((now.detach() - before[name]).abs().max())
            rate = head_lr if name.startswith("head.") else 1e-5
            # A step of Adam is at most about as long as its rate.
            assert moved <= 1.5 * rate * fitted.best_epoch * len(train) / 2
            assert moved > rate / 2
    assert gaps[1e-3] > gaps[1e-5] + 0.05


def test_a_head_never_learns_slower_than_its_tower(workspace: Workspace) -> None:
    clip = load_clip(workspace.settings.model, workspace.root)
    network = HeadOnTower(clip, 4, 0, bf16=False)
    (tower, tower_rate), (head, head_rate) = network.rates(1e-2, 1e-3)
    assert (tower_rate, head_rate) == (1e-2, 1e-2)
    assert {id(each) for each in head} == {id(each) for each in network.head.parameters()}
    assert {id(each) for each in tower + head} == {id(each) for each in network.parameters()}


def test_asl_with_a_head_is_searched_and_goes_on_where_it_was(workspace: Workspace) -> None:
    first = _record(workspace, "asl-head", "--trials", "1", *QUICK)
    folder = Path(first["path"])
    kept = json.loads((folder / "trials.json").read_text())["trials"]
    result = call(workspace, main, "baseline", "asl-head", "--trials", "2", *QUICK)
    assert "trial 2 of 2" in result.stderr
    assert "trial 1" not in result.stderr
    rows = json.loads((folder / "trials.json").read_text())["trials"]
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
    assert len(lines) == rows[1]["epochs"]
    after = json.loads((folder / "trials.json").read_text())["trials"]
    assert after[0] == kept[0]
    second = json.loads((folder / "baseline.json").read_text())
    best = max(after, key=lambda row: row["validation_gap"])
    assert second["best"]["lr"] == best["lr"]
    assert second["epochs_to_saturation"] == best["best_epoch"]
    assert second["seconds_per_epoch"] > 0
    again = _record(workspace, "asl-head", "--trials", "1", *QUICK)
    assert again["best"]["lr"] == kept[0]["lr"]  # the same budget, whatever was tried beyond it
    settings = workspace.settings  # of another baseline, which is none of this one's business
    baseline = replace(settings.baseline, backbone=BACKBONE, weights="x.pth", backbone_lr=1.0)
    (workspace.root / "mumic.toml").write_text(render(replace(settings, baseline=baseline)))
    assert (
        "trial" not in call(workspace, main, "baseline", "asl-head", "--trials", "2", *QUICK).stderr
    )
    (workspace.root / "mumic.toml").write_text(render(settings))
    other = call(workspace, main, "baseline", "asl-head", "--trials", "1", "--seed", "5", *QUICK)
    assert "trial 1 of 1" in other.stderr  # another seed is another search


def test_asl_on_a_timm_backbone_from_a_file(workspace: Workspace, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model(BACKBONE, pretrained=False)  # with a classifier of 1000 classes
    save_file(dict(model.state_dict()), tmp_path / "weights.safetensors")
    file = str(tmp_path / "weights.safetensors")
    found = _record(
        workspace,
        "asl-timm",
        "--backbone",
        BACKBONE,
        "--weights",
        file,
        "--trials",
        "1",
        *QUICK,
    )
    assert found["title"] == f"ASL, {BACKBONE}"
    assert found["start_model"]["weights"] == file
    assert found["start_model"]["weights_hash"] == sha256(Path(file).read_bytes()).hexdigest()
    torn = tmp_path / "torn.safetensors"
    torn.write_bytes(Path(file).read_bytes()[:1000])
    other = timm.create_model("test_vit", pretrained=False)
    save_file(dict(other.state_dict()), tmp_path / "other.safetensors")
    for wrong in (torn, tmp_path / "other.safetensors"):
        error = call(
            workspace, main, "baseline", "asl-timm", "--backbone", BACKBONE, "--weights", str(wrong)
        ).exception
        assert isinstance(error, SystemExit)
    with pytest.raises(DamagedError, match="other"):
        load_backbone(BACKBONE, "other.safetensors", 3, root=tmp_path, random_init=False, seed=0)


def test_another_weights_file_of_the_same_name_is_another_search(
    workspace: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "weights.safetensors"
    command = ["asl-timm", "--backbone", BACKBONE, "--weights", str(file), "--trials", "1", *QUICK]
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = timm.create_model(BACKBONE, pretrained=False)
        save_file(dict(model.state_dict()), file)
        assert "trial 1 of 1" in call(workspace, main, "baseline", *command).stderr
        assert (
            "trial" not in call(workspace, main, "baseline", *command).stderr
        )  # nothing new: kept


def test_a_backbone_without_weights_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = call(
        workspace, main, "baseline", "asl-timm", "--backbone", BACKBONE, "--trials", "1", *QUICK
    )
    assert result.exit_code == 1
    assert "--random-init" in result.output
    found = _record(
        workspace, "asl-timm", "--backbone", BACKBONE, "--random-init", "--trials", "1", *QUICK
    )
    assert found["start_model"]["random_init"]
