"""`make experiments`: a folder is gone on with by its own plan only, and what is told of runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from annotate.errors import InputError
from annotate.files import write_json
from annotate.workspace import Workspace
from mumic.demo import experiments
from mumic.demo.experiment_results import epochs_of, trainings
from mumic.demo.experiments import run_experiments


def _killed(*_: Any) -> Any:
    raise KeyboardInterrupt


def test_a_folder_that_was_begun_quickly_is_not_taken_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "_world", _killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_experiments(tmp_path / "made", quick=True)
    with pytest.raises(InputError, match="begun with other seeds or epochs"):
        run_experiments(tmp_path / "made", quick=False)


def test_a_workspace_of_somebody_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mumic.toml").touch()
    with pytest.raises(InputError, match="of another origin"):
        run_experiments(tmp_path, quick=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mumic.toml"]


def _run(path: Path, **changes: Any) -> None:
    """A record of 90 images in batches of 20, so 5 steps an epoch, and 15 steps."""
    record = {
        "settings": {"train": {"batch_size": 20}},
        "images": {"train": 90},
        "steps": 15,
        "best_epoch": 2,
        "seconds_per_epoch": 40.0,
        # A night lies between: the run was killed, and gone on with in the morning.
        "started": "2026-11-01T20:00:00Z",
        "finished": "2026-11-02T08:00:00Z",
    }
    write_json(path / "run.json", record | changes)


def test_trainings_are_told_by_what_they_spent_on_steps(
    tmp_path: Path, tiny_workspace: Any
) -> None:
    workspace: Workspace = tiny_workspace(tmp_path / "ws", images=10)
    series = workspace.runs / "experiments"
    _run(series / "a")
    _run(series / "b", steps=20, best_epoch=4)
    _run(series / "c", finished=None)
    _run(series / "d", blend={"alpha": 0.5})
    found = trainings(workspace)
    assert found == {"count": 2, "minutes": pytest.approx((3 * 40 + 4 * 40) / 60)}
    runs = [{"arm": "MuMIC", "path": str(series / name)} for name in ("a", "b")]
    assert epochs_of(runs) == {"MuMIC": [{"best": 2, "ended": 3}, {"best": 4, "ended": 4}]}
