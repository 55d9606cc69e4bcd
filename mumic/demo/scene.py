"""Scenes: a cheap plan of a picture, and the drawing of it.

Planning decides everything that is true about a picture without touching a pixel; the same
plan always gives the same bytes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from PIL import Image

from mumic.demo import backdrops
from mumic.demo.canvas import Box, Camera, Pen, blank, photograph
from mumic.demo.colour import Colour, shade
from mumic.demo.concepts import with_ancestors
from mumic.demo.families import FAMILIES, Family
from mumic.demo.kinds import KINDS
from mumic.demo.layout import Anchor, Layout
from mumic.demo.palettes import Palette
from mumic.demo.variant import Paint, Variant

T = TypeVar("T")

_ORDER = (
    "back",
    "ground",
    "woods",
    "house",
    "tree",
    "ceiling",
    "wall",
    "main",
    "floor",
    "counter",
    "table",
    "pool",
    "tub",
    "terrace",
    "water",
    "front",
    "guest",
)


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


@dataclass(frozen=True)
class Request:
    """What a scene shall show, before anything is placed."""

    family: str
    kinds: tuple[str, ...]
    hour: str = "day"
    winter: bool = False
    stage: str | None = None
    backdrop: str | None = None


def compose(
    world: World,
    request: Request,
    palette: Palette,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Scene:
    """Place the requested kinds; those that find no anchor are left out."""
    family = FAMILIES[request.family]
    layout = one_of(rng, world.layouts[request.stage or family.stage])
    backdrop = one_of(rng, world.variants[request.backdrop or family.backdrop])
    things = _place(world, request, layout, size, rng)
    camera = _camera(rng, request.hour)
    scene = Scene(
        request.family,
        layout,
        palette,
        backdrop,
        things,
        request.hour,
        request.winter,
        size,
        camera,
        int(rng.integers(2**31)),
        frozenset(),
    )
    return replace(scene, concepts=_truth(scene, family, request))


def one_of(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of the options, by chance."""
    return options[int(rng.integers(len(options)))]


def _place(
    world: World, request: Request, layout: Layout, size: tuple[int, int], rng: np.random.Generator
) -> tuple[Placed, ...]:
    mirrored = bool(rng.random() < 0.5)
    free = {
        mount: list(rng.permutation(len(anchors)))
        if mount not in ("main", "house")
        else list(range(len(anchors)))
        for mount, anchors in layout.anchors.items()
    }
    things = []
    for name in request.kinds:
        kind = KINDS[name]
        variant = one_of(rng, world.variants[name])
        box = _spread_box(kind.mount, kind.height, layout.horizon, rng)
        if box is None:
            spot = _free_spot(kind.mount, free)
            if spot is None:
                continue
            mount, number = spot
            anchor = layout.anchors[mount][number]
            if mirrored:
                anchor = (1 - anchor[0], anchor[1], anchor[2])
            box = _anchored_box(mount, kind.height * anchor[2], variant.ratio, anchor, size, rng)
        things.append(
            Placed(name, variant, box, bool(rng.random() < 0.5), int(rng.integers(2**31)))
        )
    things.sort(key=lambda t: (_ORDER.index(KINDS[t.kind].mount), t.box[3]))
    return tuple(things)


_FALLBACK = {
    "floor": "guest",
    "tub": "main",
    "terrace": "main",
    "pool": "main",
    "guest": "floor",
    "main": "floor",
}


def _free_spot(mount: str, free: dict[str, list[int]]) -> tuple[str, int] | None:
    for option in (mount, _FALLBACK.get(mount, "")):
        if free.get(option):
            return option, free[option].pop(0)
    return None


def _spread_box(mount: str, height: float, horizon: float, rng: np.random.Generator) -> Box | None:
    if mount == "back":
        return (0.0, horizon - height * float(rng.uniform(0.75, 1.15)), 1.0, horizon + 0.02)
    if mount == "ground":
        return (0.0, horizon, 1.0, 1.0)
    if mount == "woods":
        return (0.0, float(rng.uniform(-0.05, 0.1)), 1.0, float(rng.uniform(0.78, 0.9)))
    if mount == "front":
        return (0.0, float(rng.uniform(0.42, 0.52)), 1.0, 1.0)
    return None


def _anchored_box(
    mount: str,
    height: float,
    ratio: float,
    anchor: Anchor,
    size: tuple[int, int],
    rng: np.random.Generator,
) -> Box:
    h = height * float(rng.uniform(0.85, 1.18))
    w = h * ratio * float(rng.uniform(0.9, 1.1)) * size[1] / size[0]
    limit = 1.15 if mount == "pool" else 0.98
    if w > limit:
        w, h = limit, h * max(0.6, limit / w)
    x = anchor[0] + float(rng.uniform(-0.05, 0.05))
    y = anchor[1] + float(rng.uniform(-0.02, 0.02))
    x = min(max(x, 0.35 * w), 1 - 0.35 * w)
    top = {"wall": y - h / 2, "ceiling": y}.get(mount, y - h)
    return (x - w / 2, top, x + w / 2, top + h)


def _camera(rng: np.random.Generator, hour: str) -> Camera:
    light = rng.uniform(0.86, 1.0, 4)
    cast = rng.uniform(0.93, 1.0, 3)
    return Camera(
        light=(float(light[0]), float(light[1]), float(light[2]), float(light[3])),
        vignette=float(rng.uniform(0, 0.4)),
        cast=(float(cast[0]), float(cast[1]), float(cast[2])),
        gamma=float(rng.uniform(0.7, 1.1) * (0.85 if hour == "night" else 1.0)),
        contrast=float(rng.uniform(0.88, 1.12)),
        blur=float(rng.choice([0.0, 0.0, 0.4, 0.8])),
        noise=float(rng.uniform(0, 6)),
        seed=int(rng.integers(2**31)),
    )


def _truth(scene: Scene, family: Family, request: Request) -> frozenset[str]:
    found = {concept for thing in scene.things if (concept := KINDS[thing.kind].concept)}
    if request.stage != "studio":
        found |= set(family.concepts)
        if "swimming_pool" in found:
            found.add("outdoor_swimming_pool" if family.outdoors else "indoor_swimming_pool")
        if family.outdoors:
            found |= {
                name
                for name, holds in (
                    ("winter", request.winter),
                    (request.hour, request.hour != "day"),
                )
                if holds
            }
    return with_ancestors(found)


def draw(scene: Scene) -> Image.Image:
    """Draw a planned scene."""
    rng = np.random.default_rng(scene.seed)
    family = FAMILIES[scene.family]
    palette = scene.palette
    if family.outdoors:
        palette = palette.tinted(
            winter=scene.winter, sunset=scene.hour == "sunset", night=scene.hour == "night"
        )
    image, pen = blank(*scene.size, palette["wall"])
    paint = Paint(
        palette,
        _jitter(palette[one_of(rng, ("wall", "wall", "fabric3", "plaster"))], rng),
        _jitter(palette[one_of(rng, family.ground)], rng),
        rng,
        scene.winter,
        scene.hour == "night",
    )
    _draw_backdrop(pen, scene, family, paint)
    for thing in scene.things:
        _draw_thing(pen, thing, scene, palette)
    if scene.winter and family.outdoors:
        backdrops.snowfall(pen, paint)
    if scene.crop:
        left, top, right, bottom = scene.crop
        image = image.crop(
            (
                round(left * image.width),
                round(top * image.height),
                round(right * image.width),
                round(bottom * image.height),
            )
        )
    return photograph(image, scene.camera)


def _draw_backdrop(pen: Pen, scene: Scene, family: Family, paint: Paint) -> None:
    horizon = scene.layout.horizon
    if scene.layout.name.startswith("pretraining-studio"):
        backdrops.plain(pen, scene.backdrop, paint, horizon)
    elif family.backdrop == "sky":
        backdrops.sky(pen, scene.backdrop, paint, horizon, scene.hour)
    elif family.backdrop == "table":
        backdrops.table(pen, scene.backdrop, paint, horizon)
    elif family.backdrop == "facade":
        brick = replace(paint, main=_jitter(paint.pick("brick", "plaster", "rock"), paint.rng))
        backdrops.facade(pen, scene.backdrop, brick, horizon)
    else:
        backdrops.interior(pen, scene.backdrop, paint, horizon)


def _draw_thing(pen: Pen, thing: Placed, scene: Scene, palette: Palette) -> None:
    rng = np.random.default_rng(thing.colour_seed)
    kind = KINDS[thing.kind]
    main = _jitter(palette[one_of(rng, kind.roles)], rng)
    second = _jitter(palette[one_of(rng, ("fabric", "fabric2", "fabric3", "flower", "wood2"))], rng)
    paint = Paint(palette, main, second, rng, scene.winter, scene.hour == "night")
    sub = pen.sub(*thing.box)
    kind.draw(Pen(sub._draw, sub.box, flip=thing.flip), thing.variant, paint)


def _jitter(colour: Colour, rng: np.random.Generator) -> Colour:
    r, g, b = (
        int(min(255, max(0, channel + rng.integers(-14, 15))))
        for channel in shade(colour, float(rng.uniform(0.9, 1.1)))
    )
    return r, g, b
