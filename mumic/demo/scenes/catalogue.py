"""The catalogue world: "hotel photos", eight of each property."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from mumic.demo.scenes.composing import compose
from mumic.demo.scenes.families import FAMILIES, Family
from mumic.demo.scenes.layouts_catalogue import CATALOGUE_LAYOUTS
from mumic.demo.scenes.palettes import CATALOGUE_PALETTES
from mumic.demo.scenes.properties import Property, family_weights, make_property
from mumic.demo.scenes.scene import Request, Scene, World
from mumic.demo.scenes.variants_catalogue import CATALOGUE_VARIANTS
from mumic.demo.scenes.visibility import hides_a_must, without_hidden

CATALOGUE: Final = World("catalogue", CATALOGUE_PALETTES, CATALOGUE_VARIANTS, CATALOGUE_LAYOUTS)
CATALOGUE_SEED: Final = 4_100_000
"""Added to the user's seed, so that no picture of the two worlds has the same one."""

IMAGES_PER_PROPERTY: Final = 8
NEAR_DUPLICATES: Final = 0.03

_RATES: Final[dict[str, float]] = {
    "tv": 0.26,
    "mirror": 0.15,
    "painting": 0.25,
    "ceiling_fan": 0.07,
    "air_conditioner": 0.1,
    "desk": 0.14,
    "window": 0.35,
    "lamp": 0.28,
    "plant": 0.22,
    "armchair": 0.16,
    "people": 0.2,
    "dog": 0.05,
    "cat": 0.05,
    "fireplace": 0.08,
    "door": 0.037,
    "wardrobe": 0.2,
    "vase": 0.15,
    "refrigerator": 0.45,
    "toaster": 0.22,
    "coffee": 0.34,
    "plate": 0.25,
    "bathtub": 0.3,
    "toilet": 0.5,
    "shower": 0.35,
    "basin": 0.5,
    "hot_tub": 0.12,
    "sunbed": 0.4,
    "house": 0.4,
    "palm": 0.3,
    "tree": 0.45,
    "mountains": 0.22,
    "patio": 0.1,
    "car": 0.4,
    "bicycle": 0.16,
    "bird": 0.14,
    "tower": 0.25,
    "awning": 0.25,
    "church": 0.08,
    "fountain": 0.2,
    "boat": 0.4,
    "horse": 0.12,
    "cow": 0.15,
    "sheep": 0.15,
    "woods": 0.3,
    "pool": 0.06,
}
_ATTEMPTS: Final = 12
_MUST_WEIGHTS: Final = {"bunk_bed": 0.12}


@dataclass(frozen=True)
class CataloguePhoto:
    """A planned photo and the property it belongs to."""

    index: int
    owner: Property
    scene: Scene

    @property
    def path(self) -> str:
        """Path below the catalogue's folder."""
        return f"photos/{self.owner.property_id}/{self.index:05d}.jpg"


def plan_catalogue(index: int, *, images: int, seed: int = 0) -> CataloguePhoto:
    """Plan the photo of that number in a catalogue of ``images``; any number, in any order.

    A few per cent are near-duplicates of an earlier photo of the same property.
    """
    world_seed = CATALOGUE_SEED + seed
    rng = np.random.default_rng([world_seed, index])
    if index > 0 and rng.random() < NEAR_DUPLICATES:
        source = plan_catalogue(
            int(rng.integers(max(0, index - 40), index)), images=images, seed=seed
        )
        return CataloguePhoto(index, source.owner, _retake(source.scene, rng))
    count = max(1, images // IMAGES_PER_PROPERTY)
    owner = _owner(int(count * rng.random() ** 1.25), world_seed)
    return CataloguePhoto(index, owner, _scene(owner, rng))


@lru_cache(maxsize=4096)
def _owner(number: int, world_seed: int) -> Property:
    return make_property(number, seed=world_seed, palettes=len(CATALOGUE_PALETTES))


def _retake(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same view, cropped a little and lit a little differently."""
    left, top = (float(x) for x in rng.uniform(0.0, 0.04, 2))
    camera = replace(
        scene.camera,
        gamma=scene.camera.gamma * float(rng.uniform(0.9, 1.1)),
        seed=int(rng.integers(2**31)),
    )
    return replace(scene, camera=camera, crop=(left, top, left + 0.96, top + 0.96))


def _scene(owner: Property, rng: np.random.Generator) -> Scene:
    weights = family_weights(owner.property_type)
    name = list(weights)[int(rng.choice(len(weights), p=list(weights.values())))]
    family = FAMILIES[name]
    hour, winter = "day", False
    if family.outdoors:
        hour = ("day", "sunset", "night")[int(rng.choice(3, p=(0.74, 0.14, 0.12)))]
        winter = bool(
            rng.random() < (owner.snowy if name not in ("beach", "golf", "outdoor_pool") else 0.0)
        )
    kinds = tuple(_must(group, owner, rng) for group in family.musts) + _extras(family, owner, rng)
    palette = owner.palette if rng.random() < 0.7 else int(rng.integers(len(CATALOGUE_PALETTES)))
    request = Request(name, kinds, hour, winter)
    size = _size(rng)
    for _ in range(_ATTEMPTS):
        scene = compose(CATALOGUE, request, CATALOGUE_PALETTES[palette], size, rng)
        if not hides_a_must(scene):
            break
    return _inked(without_hidden(scene), rng)


def _inked(scene: Scene, rng: np.random.Generator) -> Scene:
    """The catalogue's own look: outlines in ink, and colours muted and warm."""
    ink = float(rng.uniform(1.6, 2.8)) * (0.4 if scene.winter or scene.hour == "night" else 1.0)
    warm = (1.0, float(rng.uniform(0.86, 0.94)), float(rng.uniform(0.52, 0.72)))
    muted = float(rng.uniform(0.4, 0.65))
    camera = replace(scene.camera, ink=ink, saturation=muted, cast=warm)
    return replace(scene, camera=camera)


def _must(group: tuple[str, ...], owner: Property, rng: np.random.Generator) -> str:
    weights = np.array([_MUST_WEIGHTS.get(name, 1.0) for name in group])
    if owner.property_type == "hostel" and "bunk_bed" in group:
        weights = np.ones(len(group))
    return group[int(rng.choice(len(group), p=weights / weights.sum()))]


def _extras(family: Family, owner: Property, rng: np.random.Generator) -> tuple[str, ...]:
    rates = dict(_RATES)
    if owner.property_type == "chalet":
        rates.update(fireplace=0.3, mountains=0.45, air_conditioner=0.0)
    if owner.property_type == "resort":
        rates.update(palm=0.5, ceiling_fan=0.14)
    order = rng.permutation(len(family.extras))
    return tuple(
        family.extras[int(k)] for k in order if rng.random() < rates[family.extras[int(k)]]
    )


def _size(rng: np.random.Generator) -> tuple[int, int]:
    side = int(rng.integers(168, 225))
    ratio = (4 / 3, 3 / 2, 16 / 10, 1.0, 3 / 4)[int(rng.choice(5, p=(0.4, 0.25, 0.12, 0.13, 0.1)))]
    return (round(side * ratio), side) if ratio >= 1 else (side, round(side / ratio))
