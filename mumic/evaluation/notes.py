"""What is to be known of the figures of an evaluation, as sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mumic.metrics.intervals import interval_notes

_OF_SPLIT = {
    "train": "Runs and trained baselines were trained on these very images. The figures say what "
    "they remember, not what they make of new ones.",
    "validation": "No training step saw these images, but they chose epochs and thresholds, so the "
    "figures flatter a little. Those of the test images do not.",
}


def split_notes(split: str) -> list[str]:
    """What the images of a split were to what is measured on them; nothing of test.

    >>> split_notes("test")
    []
    """
    return [_OF_SPLIT[split]] if split in _OF_SPLIT else []


def measure_notes(found: Mapping[str, Any]) -> list[str]:
    """All sentences about what an evaluation or a comparison has found.

    Args:
        found: as in ``metrics.json``; a comparison has ``notes`` of its own.
    """
    demo = ["A model here stems from the small CLIP of the demo world."]
    return [
        *interval_notes(found["methods"]),
        *split_notes(found["split"]),
        *(demo if found["demo_model"] else []),
        *found.get("notes", ()),
    ]
