"""Figures of the small demo CLIP on real photos say what they are, on whichever command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotate.settings import ModelSettings, render
from annotate.workspace import Workspace
from mumic.cli import main
from mumic.training.train import TrainOptions, train
from tests.mumic.commands import call, call_json, scan_photos

SAID = "The model stems from the small CLIP of the demo world."
ALLOW = "--allow-demo-model"
LINES = (
    f"predict {ALLOW}",
    "thresholds one",
    f"blend one {ALLOW}",
    f"blend one --alpha 0.5 --name half {ALLOW}",
    f"baseline cosine softmax {ALLOW}",
    f"zero-shot --labels museum,door photos/000.png --no-page {ALLOW}",
    f"tune --search lr=1e-3,2e-3 --trials 1 {ALLOW}",
    f"prompts {ALLOW}",
)


@pytest.fixture(scope="module")
def make(
    tmp_path_factory: pytest.TempPathFactory, tiny_workspace: Any, tiny_model: Path
) -> Callable[[bool], Workspace]:
    """Makes a workspace of photos with a run, from a model of the demo world or from another."""

    def workspace(demo: bool) -> Workspace:
        root = tmp_path_factory.mktemp("demo-note") / "ws"
        found: Workspace = tiny_workspace(root, epochs=1)
        scan_photos(found)
        model = shutil.copytree(tiny_model, root.parent / "model")
        file = model / "open_clip_config.json"
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"demo": demo}))
        settings = replace(found.settings, model=ModelSettings(f"local-dir:{model}", ""))
        (root / "mumic.toml").write_text(render(settings))
        found = Workspace.find(root)
        train(found, TrainOptions(run="one", allow_demo_model=True))
        return found

    return workspace


@pytest.fixture(scope="module")
def of_demo(make: Callable[[bool], Workspace]) -> Workspace:
    return make(True)


@pytest.fixture(scope="module")
def of_another(make: Callable[[bool], Workspace]) -> Workspace:
    return make(False)


def _times_said(workspace: Workspace, line: str) -> int:
    result = call(workspace, main, *line.split())
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines().count(SAID)


@pytest.mark.parametrize("line", LINES)
def test_it_is_said_once_of_the_demo_model(of_demo: Workspace, line: str) -> None:
    assert _times_said(of_demo, line) == 1


@pytest.mark.parametrize("line", LINES)
def test_it_is_not_said_of_another(of_another: Workspace, line: str) -> None:
    assert _times_said(of_another, line) == 0


@pytest.mark.parametrize("demo", [True, False])
def test_summaries_hold_it(of_demo: Workspace, of_another: Workspace, demo: bool) -> None:
    workspace = of_demo if demo else of_another
    for line in (
        "thresholds one",
        f"blend one {ALLOW}",
        f"blend one --alpha 0.25 {ALLOW}",
        f"tune --search lr=1e-3,2e-3 --trials 1 {ALLOW}",
    ):
        assert call_json(workspace, main, *line.split())["demo_model"] is demo, line
    (file,) = workspace.runs.glob("tune-lr/summary.json")
    assert json.loads(file.read_text("utf-8"))["demo_model"] is demo
