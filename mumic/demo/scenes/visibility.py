"""Which things of a scene are hidden behind others."""

from dataclasses import replace
from typing import Final

import numpy as np

from mumic.demo.scenes.composing import truth
from mumic.demo.scenes.families import FAMILIES
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.scene import Placed, Scene

_WIDE: Final = frozenset({"back", "ground", "woods", "front"})
"""Mounts that span the picture: always seen, and nothing vanishes behind them."""

_GRID: Final = np.linspace(0.04, 0.96, 12)


def hidden(scene: Scene, *, least: float = 0.3) -> frozenset[Placed]:
    """Return the things of which less than that share can be seen."""
    return frozenset(
        thing
        for number, thing in enumerate(scene.things)
        if KINDS[thing.kind].mount not in _WIDE
        and seen_share(thing, scene.things[number + 1 :]) < least
    )


def without_hidden(scene: Scene) -> Scene:
    """Take the hidden things away, and what they alone made true."""
    gone = hidden(scene)
    smaller = replace(scene, things=tuple(thing for thing in scene.things if thing not in gone))
    return replace(smaller, concepts=truth(smaller))


def hides_a_must(scene: Scene) -> bool:
    """Whether something without which the scene makes no sense is hidden."""
    musts = {kind for group in FAMILIES[scene.family].musts for kind in group}
    return any(thing.kind in musts for thing in hidden(scene))


def seen_share(thing: Placed, later: tuple[Placed, ...]) -> float:
    """Return the share of a thing's box that lies in the picture and below no later box."""
    left, top, right, bottom = thing.box
    x, y = np.meshgrid(left + (right - left) * _GRID, top + (bottom - top) * _GRID)
    seen = (x > 0) & (x < 1) & (y > 0) & (y < 1)
    for other in later:
        if KINDS[other.kind].mount not in _WIDE:
            u0, v0, u1, v1 = other.box
            seen &= ~((x > u0) & (x < u1) & (y > v0) & (y < v1))
    return float(seen.mean())
