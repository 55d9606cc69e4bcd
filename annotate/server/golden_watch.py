"""Judging annotators by images with known labels. Pure functions.

Never by accuracy: most classes are absent from most images, so whoever always answers "none"
is right nearly everywhere. Recall and precision of the ticks are looked at, each with an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from annotate.labels.intervals import wilson_interval
from annotate.server.model import Rules, Vote


@dataclass(frozen=True)
class GoldenCounts:
    """Ticks against known labels: hits, misses and false alarms, over images and classes."""

    images: int = 0
    hits: int = 0
    misses: int = 0
    false_alarms: int = 0

    @property
    def positives(self) -> int:
        """Classes known to be there."""
        return self.hits + self.misses

    @property
    def ticks(self) -> int:
        """Ticks on classes with known labels."""
        return self.hits + self.false_alarms

    def __add__(self, other: GoldenCounts) -> GoldenCounts:
        return GoldenCounts(
            self.images + other.images,
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
        )


def count_golden(truth: Mapping[str, bool], vote: Vote) -> GoldenCounts:
    """One answer against the known labels.

    Only classes that were asked and are known count. "Unsure" on a class that is there is a miss:
    always being unsure finds as little as always saying none.

    >>> count_golden({"a": True, "b": True, "c": False}, {"a": True, "b": None, "c": True})
    GoldenCounts(images=1, hits=1, misses=1, false_alarms=1)
    """
    known = [
        (truth[class_id], said is True) for class_id, said in vote.items() if class_id in truth
    ]
    return GoldenCounts(
        images=1,
        hits=sum(true and said for true, said in known),
        misses=sum(true and not said for true, said in known),
        false_alarms=sum(said and not true for true, said in known),
    )


def reason_to_pause(counts: GoldenCounts, rules: Rules) -> str | None:
    """Why an annotator should be paused, or None.

    Recall is judged from ``golden_min`` known positives on, precision from as many ticks on, and
    an annotator is paused where the whole interval lies below the floor. She is looked at after
    every golden image, so the chance to pause a good one sometime is above that of a single look;
    ``golden_confidence`` is high for that.
    """
    for name, total, floor in (
        ("recall", counts.positives, rules.golden_recall_floor),
        ("precision", counts.ticks, rules.golden_precision_floor),
    ):
        interval = wilson_interval(counts.hits, total, rules.golden_confidence)
        if interval is not None and total >= rules.golden_min and interval[1] < floor:
            return (
                f"golden {name} {counts.hits}/{total}: at most {interval[1]:.2f} with "
                f"{rules.golden_confidence:.0%} confidence, below the floor of {floor:.2f}"
            )
    return None
