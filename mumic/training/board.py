"""The curves of a training for TensorBoard, in the run's folder ``tensorboard/``."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FOLDER = "tensorboard"


class Board:
    """Writes scalars; without a folder, or once they cannot be written, it does nothing.

    They are written in this thread: torch's ``SummaryWriter`` has one of its own, which prints a
    traceback where the disk is full.

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
        self._records: Any = None
        self._on_note = on_note
        if folder is not None:
            with self._or_note():
                self._begin(folder / FOLDER, last_step + 1)

    def add(self, step: int, **values: float) -> None:
        """Record what is known after an optimiser step."""
        if self._records is not None:
            from tensorboard.compat.proto.summary_pb2 import Summary

            points = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
            with self._or_note():
                self._write(step=step, summary=Summary(value=points))

    def close(self) -> None:
        """Write what is left."""
        if self._records is not None:
            with self._or_note():
                self._records.close()

    def _begin(self, folder: Path, first_step: int) -> None:
        """A file of its own for each start, which hides earlier points from its first step on."""
        from tensorboard.compat.proto.event_pb2 import SessionLog  # slow to import
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(exist_ok=True)
        # TensorBoard takes files with this beginning, in the order of their names.
        about = f"{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self._records = RecordWriter((folder / f"events.out.tfevents.{about}").open("xb"))
        self._write(file_version="brain.Event:2")
        self._write(step=first_step, session_log=SessionLog(status=SessionLog.START))

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **content).SerializeToString())
        self._records.flush()

    @contextmanager
    def _or_note(self) -> Iterator[None]:
        """Curves are no reason to end a training: where they cannot be written, it goes on."""
        try:
            yield
        except OSError as error:
            records, self._records = self._records, None
            if records is not None:
                with suppress(OSError):  # it tries once more to write what it holds
                    records.close()
            if self._on_note is not None:
                self._on_note(f"warning: no more curves for TensorBoard: {error}")
