"""How often a large checkpoint is written."""

from __future__ import annotations

import time

SHARE = 0.05  # of the time that checkpoints may take
SMALL = 1.0  # seconds; one that takes less is written whenever it is asked for


class Pace:
    """A context around each save; tells whether the next may come.

    With its optimiser's moments a checkpoint of ViT-B-32 has 1.8 GB; a fast GPU would spend more
    time writing than training.
    """

    def __init__(self) -> None:
        self._cost = 0.0
        self._began = self._ended = time.monotonic()

    def due(self) -> bool:
        """Whether enough time has passed since the last one."""
        waited = time.monotonic() - self._ended
        return self._cost < SMALL or self._cost <= SHARE * (self._cost + waited)

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self._ended = time.monotonic()
        self._cost = self._ended - self._began
