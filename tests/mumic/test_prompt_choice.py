"""Which text a class gets: by validation's intervals, confirmed on test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from mumic.cli import main
from mumic.metrics import Metrics
from mumic.series.compare import Seen
from mumic.series.prompt_choice import DESCRIPTION, NAME, confirm


def _seen(arm: str, precisions: list[float], samples: list[list[float]]) -> Seen:
    metrics = Metrics(*[0] * 20)
    return Seen(arm, 0, metrics, np.array(precisions), np.array(samples), np.zeros(2))


def test_the_chosen_texts_are_held_against_the_others_by_hand() -> None:
    nan = float("nan")
    description = _seen(DESCRIPTION, [0.6, 0.2, 0.9], [[0.7, 0.5], [0.1, nan], [0.9, 0.9]])
    name = _seen(NAME, [0.5, 0.5, 0.1], [[0.5, 0.5], [0.4, 0.4], [0.1, 0.1]])
    found = confirm([description, name], ["a", "b", "c"], {"a": DESCRIPTION, "b": NAME})
    assert found.value == pytest.approx((0.1 + 0.3) / 2)  # c was not chosen
    drawn = [(0.2 + 0.3) / 2, 0.0]  # the second resample holds no positive of b
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    nothing = confirm([description, name], ["a", "b", "c"], {})
    assert nothing.to_json() == {"value": None, "low": None, "high": None}


def test_the_command_writes_what_validation_carries(
    tmp_path: Path, tiny_workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tiny_workspace(tmp_path / "ws", epochs=1)
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(main, ["prompts", "--allow-demo-model", "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    for row in summary["validation"]["per_class"]:
        sure = row["low"] is not None and (row["low"] > 0 or row["high"] < 0)
        assert (row["class_id"] in summary["chosen"]) <= sure
    assert set(summary["changes"]) == {
        class_id
        for class_id, text in summary["chosen"].items()
        if summary["prompts"][class_id] != text
    }
    assert Path(summary["figure"]).read_bytes()[:4] == b"\x89PNG"
