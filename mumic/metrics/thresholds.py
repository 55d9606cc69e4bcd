"""Prediction thresholds per class, tuned on the validation split only.

Not to be mixed up with the ``vote_threshold`` of the taxonomy, which turns votes into labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mumic.metrics.ranking import Cells, Floats, Ranking, best_f1_threshold, per_class, rank

BEST_F1 = "best F1 on validation"
FALLBACK = "that of all classes: too few positives in validation"


@dataclass(frozen=True)
class Thresholds:
    """One threshold per class.

    ``logits`` (classes,) is what predictions are compared with: a probability near 1 has too few
    digits for that. ``chosen`` says how each was found.
    """

    logits: npt.NDArray[np.float64]
    chosen: tuple[str, ...]

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """The same thresholds as probabilities, (classes,)."""
        return sigmoid(self.logits)

    def take(self, columns: list[int]) -> Thresholds:
        """Some classes' thresholds, by position."""
        return Thresholds(self.logits[columns], tuple(self.chosen[at] for at in columns))

    def to_json(self, class_ids: list[str]) -> dict[str, Any]:
        """What ``thresholds.json`` holds."""
        return {
            "thresholds": [
                {"class_id": class_id, "probability": float(p), "logit": float(z), "chosen": how}
                for class_id, p, z, how in zip(
                    class_ids, self.probabilities, self.logits, self.chosen, strict=True
                )
            ]
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Thresholds:
        """Read back :meth:`to_json`."""
        entries = value["thresholds"]
        return cls(
            np.array([entry["logit"] for entry in entries], dtype=np.float64),
            tuple(entry["chosen"] for entry in entries),
        )


def sigmoid(logits: Floats) -> npt.NDArray[np.float64]:
    """Probabilities in float64, right to the last digits at both ends; a new array.

    >>> sigmoid(np.array([-1000.0, 0.0, 40.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    found = np.array(logits, dtype=np.float64)
    np.negative(found, out=found)
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is the 0 that is wanted
        np.exp(found, out=found)
    found += 1
    return np.divide(1.0, found, out=found)


def tune(scores: Floats, cells: Cells, *, min_positives: int, middle: float = 0.0) -> Thresholds:
    """Per class, the threshold with the best F1 on these images.

    Classes with few positives share that of all classes, whatever the scores are of: one half would
    be none for zero-shot logits, which have no natural zero.

    Args:
        scores: logits (images, classes) of the validation split, or other scores.
        cells: its truth.
        min_positives: a class with fewer takes that of all.
        middle: what all take where no cell is positive; 0 is a probability of one half.
    """
    pooled = best_f1_threshold(rank(scores[cells.mask], cells.labels[cells.mask]))
    default = middle if pooled is None else pooled

    def best(ranking: Ranking) -> float | None:
        few = ranking.found.size < min_positives
        return None if few else best_f1_threshold(ranking)

    found = per_class(best, scores, cells.labels, cells.mask)
    return Thresholds(
        np.array([default if value is None else value for value in found], dtype=np.float64),
        tuple(FALLBACK if value is None else BEST_F1 for value in found),
    )
