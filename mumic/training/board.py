"""The curves of a training for TensorBoard, in the run's folder ``tensorboard/``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


class Board:
    """Writes scalars; without a folder it writes nothing.

    Args:
        folder: the run's; None: no curves.
        last_step: of the checkpoint; later points of a part that was cut off are hidden.
    """

    def __init__(self, folder: Path | None, last_step: int) -> None:
        self._writer: Any = None
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            self._writer = SummaryWriter(
                str(folder / FOLDER), purge_step=last_step + 1 if last_step else None
            )

    def add(self, step: int, **values: float) -> None:
        """Record what is known after an optimiser step."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
