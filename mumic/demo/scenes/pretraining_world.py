"""The pretraining world: "web photos", one a number, for contrastive pretraining."""

from typing import Final

import numpy as np

from mumic.demo.scenes.composing import compose
from mumic.demo.scenes.families import FAMILIES, Family
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.layouts_pretraining import PRETRAINING_LAYOUTS
from mumic.demo.scenes.palettes import PRETRAINING_PALETTES
from mumic.demo.scenes.scene import Request, Scene, World, one_of
from mumic.demo.scenes.variants_pretraining import PRETRAINING_VARIANTS

PRETRAINING: Final = World(
    "pretraining", PRETRAINING_PALETTES, PRETRAINING_VARIANTS, PRETRAINING_LAYOUTS
)
PRETRAINING_SEED: Final = 7_310_000
"""Added to the user's seed, so that no picture of the two worlds has the same one."""

_OFTEN: Final = {
    "bedroom": 4,
    "living_room": 4,
    "kitchen": 3,
    "bathroom": 3,
    "dining": 2,
    "lobby": 1.5,
    "hall": 1.5,
    "breakfast": 1.5,
}
_RARE: Final = frozenset(
    {
        "tv",
        "mirror",
        "painting",
        "ceiling_fan",
        "air_conditioner",
        "desk",
        "wardrobe",
        "fireplace",
        "refrigerator",
        "toaster",
        "coffee",
        "bicycle",
        "boat",
        "toilet",
        "shower",
        "bathtub",
        "horse",
        "cow",
        "sheep",
        "bird",
        "door",
    }
)
_STUDIO: Final = tuple(
    name
    for name, kind in KINDS.items()
    if kind.concept and kind.mount not in ("back", "ground", "woods", "front", "house", "pool")
)


def plan_pretraining(index: int, *, seed: int = 0) -> Scene:
    """Plan the picture of that number; any number, in any order."""
    rng = np.random.default_rng([PRETRAINING_SEED + seed, index])
    palette = one_of(rng, PRETRAINING_PALETTES)
    if rng.random() < 0.22:
        request = Request("living_room", (one_of(rng, _STUDIO),), stage="studio", backdrop="plain")
    else:
        request = _scene_request(rng)
    return compose(PRETRAINING, request, palette, _size(rng), rng)


def _scene_request(rng: np.random.Generator) -> Request:
    names = list(FAMILIES)
    weights = np.array([_OFTEN.get(name, 1.0) for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    family = FAMILIES[name]
    hour, winter = "day", False
    if family.outdoors:
        hour = one_of(rng, ("day", "day", "day", "sunset", "night"))
        winter = bool(rng.random() < 0.16)
    musts = tuple(one_of(rng, group) for group in family.musts)
    return Request(name, musts + _extras(family, rng), hour, winter)


def _extras(family: Family, rng: np.random.Generator) -> tuple[str, ...]:
    if not family.extras:
        return ()
    weights = np.array([2.5 if name in _RARE else 1.0 for name in family.extras])
    count = min(int(rng.integers(0, 5)), len(family.extras))
    chosen = rng.choice(len(family.extras), size=count, replace=False, p=weights / weights.sum())
    return tuple(family.extras[int(k)] for k in chosen)


def _size(rng: np.random.Generator) -> tuple[int, int]:
    side = int(rng.integers(112, 129))
    ratio = float(rng.uniform(0.8, 1.6))
    return (round(side * ratio), side) if ratio >= 1 else (side, round(side / ratio))
