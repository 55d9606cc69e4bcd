"""When the next checkpoint is due, by a clock of the test's own."""

from __future__ import annotations

import pytest

from mumic.training.pace import Pace


@pytest.mark.parametrize(
    ("cost", "waited", "due"),
    [
        (0.5, 0.0, True),  # quick ones come whenever asked for
        (4.0, 75.0, False),  # 4 of 79 seconds are more than a twentieth
        (4.0, 76.0, True),
    ],
)
def test_slow_checkpoints_take_a_twentieth_of_the_time(
    monkeypatch: pytest.MonkeyPatch, cost: float, waited: float, due: bool
) -> None:
    now = [100.0]
    monkeypatch.setattr("mumic.training.pace.time.monotonic", lambda: now[0])
    pace = Pace()
    assert pace.due()
    with pace:
        now[0] += cost
    now[0] += waited
    assert pace.due() is due
