"""Many annotators at once, and a server that dies under them: by real HTTP and SIGKILL."""

from __future__ import annotations

from pathlib import Path

from benchmarks.serve import FAULTS, killed, steady
from benchmarks.serve_tasks import make_workspace


def test_nothing_is_lost_doubled_or_answered_once_too_often(tmp_path: Path) -> None:
    counts, _ = steady(make_workspace(tmp_path / "ws", 12, ["Bed", "Pool"]), 8, 5)
    assert counts["acknowledged"] == counts["stored"] == 12 * 5
    assert {name: counts[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)


def test_what_was_acknowledged_outlives_sigkill(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws", 20, ["Bed", "Pool"], votes=3)
    counts = killed(workspace, people=6, votes=3, after=10)
    assert 10 <= counts["before_the_kill"] < 20 * 3
    assert counts["stored"] == 20 * 3
    assert {name: counts[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    # All else that is there was on its way to its sender when the server died: one a person.
    assert counts["acknowledged"] + counts["unacknowledged"] == counts["stored"]
    assert counts["by_one"] <= 1
