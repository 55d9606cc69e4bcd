"""Probabilities for new labels, against float64 formulas and plain open_clip."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from annotate.catalog.sources import LINKED
from annotate.errors import InputError
from mumic.cli import main
from mumic.evaluation.methods import MUMIC
from mumic.prediction.picking import sampled
from mumic.prediction.zero_shot import (
    CLIP_MULTI,
    CLIP_SINGLE,
    pairwise_softmax,
    parse_labels,
    single_softmax,
    zero_shot,
)
from mumic.start import load_start
from mumic.training.train import TrainOptions, train
from tests.mumic.pages import Page


def _unit(rng: np.random.Generator, rows: int) -> Any:
    values = rng.normal(size=(rows, 16)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def test_both_softmaxes_are_torchs_in_float64() -> None:
    rng = np.random.default_rng(1)
    images, labels, neutral = _unit(rng, 6), _unit(rng, 3), _unit(rng, 1)
    scale = 4.6052
    wide = [torch.from_numpy(rows.astype(np.float64)) for rows in (images, labels, neutral)]
    logits = np.exp(scale) * wide[0] @ torch.cat(wide[1:]).T
    for column in range(3):
        pair = torch.softmax(logits[:, [column, 3]], dim=1)[:, 0]
        ours = pairwise_softmax(images, labels, neutral, scale)[:, column]
        assert ours == pytest.approx(pair.numpy(), abs=1e-5)
    single = torch.softmax(logits[:, :3], dim=1).numpy()
    assert single_softmax(images, labels, scale) == pytest.approx(single, abs=1e-9)


def test_a_sample_of_what_is_scored_whole_is_refused() -> None:
    asked = ["zero-shot", "photos", "--labels", "museum", "--sample", "200"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 2
    assert "--sample would have no effect" in result.output


def test_a_sample_is_drawn_from_the_whole_list_by_the_seed() -> None:
    uris = [f"{at:03d}.png" for at in range(1_000)]
    samples = [sampled(uris, 10, seed) for seed in range(20)]
    for drawn in samples:
        assert drawn == sorted(set(drawn))
        assert len(drawn) == 10
    assert len({tuple(drawn) for drawn in samples}) == 20
    assert sampled(uris, 10, 3) == samples[3]
    # 200 draws of which 100 are expected in the first half, give or take 7.
    assert 70 < sum(uri < "500" for drawn in samples for uri in drawn) < 130
    assert sampled(uris[::-1], 1_000, 0) == uris[::-1]


def test_labels_are_counted() -> None:
    with pytest.raises(InputError, match="names 0 labels"):
        parse_labels([" , "])
    with pytest.raises(InputError, match="names 201 labels"):
        parse_labels([",".join(f"label {at}" for at in range(201))])


def test_new_labels_are_read_by_the_run_and_by_the_model_before_it(
    tmp_path: Path, tiny_workspace: Any, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1, logit_bias=-2.0)
    run = train(workspace, TrainOptions(run="one"))
    uris = ["photos/000.png", "photos/001.png", "photos/gone.png"]
    clips = run.load(workspace), load_start(workspace, run)
    found = zero_shot(workspace, run, clips, ["museum", "Bed"], uris)
    assert found.uris == tuple(uris[:2])
    assert [uri for uri, _ in found.rejects] == ["photos/gone.png"]
    assert found.known == ("Bed",)
    expected = {
        MUMIC: _plain_open_clip(workspace, run.path, ["a photo with museum", "a photo with bed"]),
        "start": _plain_open_clip(
            workspace, tiny_model, ["a photo of museum", "a photo of bed", "a photo"]
        ),
    }
    own = torch.sigmoid(expected[MUMIC])
    assert found.probabilities[MUMIC] == pytest.approx(own.numpy(), abs=1e-3)
    start = expected["start"]
    multi = torch.sigmoid(start[:, :2] - start[:, 2:])
    assert found.probabilities[CLIP_MULTI] == pytest.approx(multi.numpy(), abs=1e-3)
    single = torch.softmax(start[:, :2], dim=1)
    assert found.probabilities[CLIP_SINGLE] == pytest.approx(single.numpy(), abs=1e-3)
    _command(workspace.root, monkeypatch)


def _plain_open_clip(workspace: Any, folder: Path, texts: list[str]) -> torch.Tensor:
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    squashed = [
        Image.open(workspace.root / uri).resize((32, 32), Image.Resampling.BICUBIC)
        for uri in ("photos/000.png", "photos/001.png")
    ]
    with torch.no_grad():
        images = torch.stack([preprocess(image) for image in squashed])
        tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(texts)
        logits: torch.Tensor = model.eval().get_logits(images, tokens)[0]
    return logits


def _command(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    labels = ["zero-shot", "--labels", "<b>museum</b>, door", "--allow-demo-model"]
    result = CliRunner().invoke(main, [*labels, "photos/000.png", "--json"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert [entry["label"] for entry in printed["images"][0]["labels"]] == ["<b>museum</b>", "door"]
    page = (root / "data" / "zero-shot.html").read_text("utf-8")
    assert "<b>museum</b>" not in page  # escaped
    assert "data:image/jpeg;base64," in page
    assert Page(page).outside == []
    # Three bars a label, told apart by more than their colours: for readers and for eyes.
    for name, short in ((MUMIC, MUMIC), (CLIP_MULTI, "multi"), (CLIP_SINGLE, "single")):
        assert page.count(f'<span class="spoken">{name}: </span>') == 2
        assert page.count(f'<small aria-hidden="true">{short}</small>') == 2
    _rejects_of_the_listing_come_first(root, [*labels, "--no-page"])
    wrong = CliRunner().invoke(main, [*labels[:2], ",", "photos/000.png"])
    assert wrong.exit_code == 1
    assert "names 0 labels" in wrong.output
    assert CliRunner().invoke(main, ["zero-shot"]).exit_code == 2


def _rejects_of_the_listing_come_first(root: Path, command: list[str]) -> None:
    folder = root / "new"
    folder.mkdir()
    shutil.copy(root / "photos" / "000.png", folder / "good.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "more").symlink_to(root / "photos")
    result = CliRunner().invoke(main, [*command, "new", "--json"])
    assert result.exit_code == 0, result.output
    rejects = [(entry["uri"], entry["reason"]) for entry in json.loads(result.stdout)["rejects"]]
    assert [uri for uri, _ in rejects] == ["new/more", "new/broken.png"]
    assert rejects[0][1] == LINKED
    assert (
        json.loads((root / "data" / "zero-shot.json").read_text())["rejects"][0]["reason"] == LINKED
    )
    told = CliRunner().invoke(main, [*command, "new"])
    assert f"2 set aside (listed in the JSON file), such as new/more: {LINKED}" in told.output
