"""The curves of a training for TensorBoard, in the run's folder ``tensorboard/``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


class Board:
    """Writes scalars; without a folder, or once they cannot be written, it does nothing.

    Args:
        folder: the run's; None: no curves.
        last_step: of the checkpoint, 0 without one; later points of a part that was cut off are
            hidden.
        on_note: told where the curves end early, as on a full disk.
    """

    def __init__(
        self,
        folder: Path | None,
        last_step: int,
        on_note: Callable[[str], object] | None = None,
    ) -> None:
        self._writer: Any = None
        self._on_note = on_note
        if folder is not None:
            from torch.utils.tensorboard import SummaryWriter  # slow to import

            with self._or_note():
                self._writer = SummaryWriter(str(folder / FOLDER), purge_step=last_step + 1)

    def add(self, step: int, **values: float) -> None:
        """Record what is known after an optimiser step."""
        if self._writer is not None:
            with self._or_note():
                for name, value in values.items():
                    self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            with self._or_note():
                self._writer.close()

    @contextmanager
    def _or_note(self) -> Iterator[None]:
        """Curves are no reason to end a training: where they cannot be written, it goes on."""
        try:
            yield
        except OSError as error:
            self._writer = None
            if self._on_note is not None:
                self._on_note(f"warning: no more curves for TensorBoard: {error}")
