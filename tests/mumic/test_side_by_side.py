"""Trainings in processes of their own are those that a series makes itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mumic.series.ablations import train_series
from mumic.series.arms import Arm
from mumic.series.side_by_side import train_side_by_side
from mumic.train import Reports, TrainOptions


def test_what_was_trained_side_by_side_is_taken_and_equals_what_was_not(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    arms = (Arm("own", {}), Arm("no bias", {"loss": "bce"}))
    here, alone = (tiny_workspace(tmp_path / name) for name in ("side by side", "alone"))
    train_side_by_side(here, "series", arms, [0])
    steps: list[str] = []
    options = TrainOptions(device="cpu")

    def reports(title: str) -> Reports:
        return Reports(on_step=lambda report: steps.append(title))

    taken = train_series(here, "series", arms, [0], options, reports)
    assert steps == []
    made = train_series(alone, "series", arms, [0], options, reports)
    assert len(set(steps)) == 2
    for ours, theirs in zip(taken, made, strict=True):
        weights = [entry.run.path / "open_clip_model.safetensors" for entry in (ours, theirs)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
