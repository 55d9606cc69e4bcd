"""Bars of long work move with every image that is decoded, and with every one that is embedded."""

from __future__ import annotations

import re
import shutil
import sys
from importlib import import_module
from typing import Any

import pytest
from tqdm import tqdm

from annotate.workspace import Workspace
from mumic.cli import main
from mumic.data import load_dataset
from mumic.training.train import TrainOptions, train
from tests.mumic.commands import call

TRAIN, VALIDATION, TEST = 24, 8, 8  # images of each split


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any) -> Workspace:
    found: Workspace = tiny_workspace(tmp_path_factory.mktemp("progress") / "ws", epochs=1)
    for name in ("one", "other"):
        train(found, TrainOptions(run=name))
    return found


@pytest.fixture
def workspace(trained: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two runs that nobody has scored, nothing decoded, and bars that are drawn at once."""
    dataset = load_dataset(trained)
    sizes = [len(dataset.split(name)) for name in ("train", "validation", "test")]
    assert sizes == [TRAIN, VALIDATION, TEST]
    shutil.rmtree(trained.data / "cache", ignore_errors=True)
    for file in trained.runs.glob("*/scores-*.npz"):
        file.unlink()

    def at_once(total: int | None, what: str) -> Any:
        return tqdm(total=total, desc=what, unit="img", file=sys.stderr, mininterval=0)

    for module in ("baseline", "blend", "evaluate", "thresholds", "training_bars"):
        # By its import: in the package the command stands where the module's name is.
        monkeypatch.setattr(import_module(f"mumic.cli.{module}"), "progress", at_once)
    return trained


def _shown(workspace: Workspace, line: str) -> list[tuple[str, int]]:
    """What each bar said at its end, but for those of trainings."""
    result = call(workspace, main, *line.split())
    assert result.exit_code == 0, result.output
    ends = [text.rsplit("\r", 1)[-1] for text in result.stderr.split("\n")]
    found = [re.match(r"(reading|measuring): (\d+)img", end) for end in ends]
    return [(bar[1], int(bar[2])) for bar in found if bar]


@pytest.mark.parametrize(
    ("line", "decoded", "embedded"),
    [
        ("thresholds one", VALIDATION + TEST, VALIDATION + TEST),
        ("blend one", VALIDATION, 5 * VALIDATION),
        ("blend one --alpha 0.5", VALIDATION, VALIDATION),
        ("evaluate --run one --no-baselines", TEST, TEST),
        ("evaluate --run one --no-baselines --against other", TEST, 2 * TEST),
        ("baseline cosine", TRAIN + VALIDATION + TEST, VALIDATION + TEST),
        ("baseline linear-probe", TRAIN + VALIDATION + TEST, TRAIN + VALIDATION + TEST),
    ],
)
def test_a_command_tells_all_that_it_does(
    workspace: Workspace, line: str, decoded: int, embedded: int
) -> None:
    assert _shown(workspace, line) == [("reading", decoded + embedded)]


def test_what_is_stored_is_not_told_again(workspace: Workspace) -> None:
    _shown(workspace, "thresholds one")
    assert _shown(workspace, "thresholds one") == [("reading", 0)]


@pytest.mark.parametrize(
    ("line", "measured"),
    [
        # Of each arm the test images, which no training decodes: squashed, and cropped.
        ("ablate crop", [2 * TEST + 2 * TEST]),
        # Both arms read the same pixels; those of validation are there from the training.
        ("prompts", [2 * VALIDATION, TEST + 2 * TEST]),
        ("tune --search lr=1e-3,2e-3 --trials 2 --no-prune", [VALIDATION, VALIDATION]),
    ],
)
def test_a_series_tells_what_it_measures(
    workspace: Workspace, line: str, measured: list[int]
) -> None:
    assert _shown(workspace, line) == [("measuring", images) for images in measured]
