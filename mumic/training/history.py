"""``history.csv``: a row per optimiser step; an epoch's last row has the validation GAP."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from annotate.files import atomic

COLUMNS = ("step", "epoch", "loss", "logit_scale", "lr", "validation_gap")


@dataclass
class History:
    """The rows so far. Times are left out: an interrupted training has the same history."""

    file: Path
    rows: list[dict[str, str]]

    @classmethod
    def load(cls, file: Path, last_step: int) -> History:
        """Rows of an earlier part of the training, up to its checkpoint."""
        if not file.is_file():
            return cls(file, [])
        rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
        return cls(file, [row for row in rows if int(row["step"]) <= last_step])

    def add_step(self, step: int, epoch: int, loss: float, logit_scale: float, rate: float) -> None:
        """Record an optimiser step."""
        values = (str(step), str(epoch), repr(loss), repr(logit_scale), repr(rate), "")
        self.rows.append(dict(zip(COLUMNS, values, strict=True)))

    def add_epoch(self, validation_gap: float) -> None:
        """Record the validation GAP after an epoch's last step."""
        self.rows[-1]["validation_gap"] = repr(validation_gap)

    @property
    def last_gap(self) -> float:
        """The validation GAP of the last row."""
        return float(self.rows[-1]["validation_gap"])

    def save(self) -> None:
        """Write all rows."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        with atomic(self.file) as file:
            file.write(text.getvalue().encode())


def logit_scales(run: Path) -> list[float]:
    """``logit_scale`` after each step of a run, from its folder; empty without a history."""
    rows = History.load(run / "history.csv", 1 << 62).rows
    return [float(row["logit_scale"]) for row in rows]
