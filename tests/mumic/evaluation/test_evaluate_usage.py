"""Options of `mumic evaluate` without effect are wrong usage; those with effect are not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mumic.cli.evaluate import evaluate

FILES = ["--scores", "a.csv", "--labels", "b.csv"]
PAIR = ["--compare", "main", "scratch"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--scores", "a.csv"], "--scores needs --labels"),
        (["--classes", "c.txt"], "--classes would"),
        (["--unit", "auto"], "--unit would"),
        (
            ["--validation-scores", "v.csv", "--validation-labels", "w.csv"],
            "--validation-scores and --validation-labels would",
        ),
        ([*PAIR, "--no-baselines"], "--no-baselines would"),
        ([*PAIR, "--device", "cpu"], "--device would"),
        ([*PAIR, "--allow-demo-model"], "--allow-demo-model would"),
        ([*PAIR, "--run", "main", "--against", "main"], "--run and --against would"),
        ([*PAIR, "--unit", "logit"], "files need --labels"),
        ([*FILES, "--split", "test"], "--split would"),
        ([*FILES, "--device", "auto"], "--device would"),
        ([*FILES, "--no-baselines", "--allow-demo-model"], "--no-baselines and --allow-demo-model"),
        ([*FILES, "--baselines"], "--baselines would"),
        ([*FILES, "--run", "main", "--against", "main"], "--run and --against would"),
    ],
)
def test_what_has_no_effect_is_refused(arguments: list[str], named: str) -> None:
    result = CliRunner().invoke(evaluate, arguments)
    assert result.exit_code == 2
    assert named in " ".join(result.output.split())


@pytest.mark.parametrize(
    "arguments",
    [
        [*FILES, "--classes", "c.txt", "--unit", "logit", "--min-positives", "1", "--json"],
        [*FILES, "--validation-scores", "v.csv", "--validation-labels", "w.csv"],
        ["--labels", "b.csv", *PAIR, "--bootstrap", "5"],
        [*PAIR, "--split", "validation", "--min-positives", "1", "--json"],
        ["--run", "x", "--against", "y", "--split", "test", "--no-baselines", "--device", "cpu"],
    ],
)
def test_what_has_an_effect_is_no_wrong_usage(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(evaluate, arguments).exit_code != 2
