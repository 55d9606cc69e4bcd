"""What makes one bed differ from another: the shape record and the paint of a drawn thing."""

from dataclasses import dataclass

import numpy as np

from mumic.demo.scenes.colour import Colour
from mumic.demo.scenes.palettes import Palette


@dataclass(frozen=True)
class Variant:
    """The shape of one kind of thing.

    form: words that choose between shapes; ratio: width over height; parts: how many
    repeated pieces; curve: roundness in 0..1; extra: one more proportion in 0..1, whose
    meaning each drawing function states.
    """

    form: str
    ratio: float
    parts: int
    curve: float
    extra: float


@dataclass(frozen=True)
class Paint:
    """Colours and chance for one drawn thing."""

    palette: Palette
    main: Colour
    second: Colour
    rng: np.random.Generator
    winter: bool = False
    night: bool = False

    def pick(self, *roles: str) -> Colour:
        """Return the palette's colour of one of these roles, by chance."""
        return self.palette[roles[int(self.rng.integers(len(roles)))]]

    def near(self, value: float, spread: float = 0.1) -> float:
        """Return the value, changed by up to that share."""
        return float(value * (1 + spread * self.rng.uniform(-1, 1)))
