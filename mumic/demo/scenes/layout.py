"""The record of where things stand in a picture."""

from collections.abc import Mapping
from dataclasses import dataclass

Anchor = tuple[float, float, float]


@dataclass(frozen=True)
class Layout:
    """A name, the height of the horizon, and anchors by mount."""

    name: str
    horizon: float
    anchors: Mapping[str, tuple[Anchor, ...]]
