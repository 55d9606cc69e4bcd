"""Scenes: a cheap plan of a picture, from which it is drawn.

Planning decides everything that is true about a picture without touching a pixel; the same
plan always gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mumic.demo.scenes.canvas import Box, Camera
from mumic.demo.scenes.layout import Layout
from mumic.demo.scenes.palettes import Palette
from mumic.demo.scenes.variant import Variant

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The tables of one world; the other shares none of their entries."""

    name: str
    palettes: tuple[Palette, ...]
    variants: Mapping[str, tuple[Variant, ...]]
    layouts: Mapping[str, tuple[Layout, ...]]


@dataclass(frozen=True)
class Placed:
    """A thing in a scene; box in shares of the picture."""

    kind: str
    variant: Variant
    box: Box
    flip: bool
    colour_seed: int


@dataclass(frozen=True)
class Scene:
    """A planned picture."""

    family: str
    layout: Layout
    palette: Palette
    backdrop: Variant
    things: tuple[Placed, ...]
    hour: str
    winter: bool
    size: tuple[int, int]
    camera: Camera
    seed: int
    concepts: frozenset[str]
    crop: Box | None = None

    @property
    def studio(self) -> bool:
        """Whether it shows things alone, before a plain background."""
        return self.layout.name.startswith("pretraining-studio")


@dataclass(frozen=True)
class Request:
    """What a scene shall show, before anything is placed."""

    family: str
    kinds: tuple[str, ...]
    hour: str = "day"
    winter: bool = False
    stage: str | None = None
    backdrop: str | None = None


def one_of(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of the options, by chance."""
    return options[int(rng.integers(len(options)))]
