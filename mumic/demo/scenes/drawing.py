"""Draw a planned scene."""

from dataclasses import replace

import numpy as np
from PIL import Image

from mumic.demo.scenes import backdrops
from mumic.demo.scenes.canvas import Pen, blank, photograph
from mumic.demo.scenes.colour import Colour, shade
from mumic.demo.scenes.families import FAMILIES, Family
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.palettes import Palette
from mumic.demo.scenes.scene import Placed, Scene, one_of
from mumic.demo.scenes.variant import Paint


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
    if scene.studio:
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
    kind.draw(pen.sub(*thing.box, flip=thing.flip), thing.variant, paint)


def _jitter(colour: Colour, rng: np.random.Generator) -> Colour:
    r, g, b = (
        min(255, max(0, channel + int(rng.integers(-14, 15))))
        for channel in shade(colour, float(rng.uniform(0.9, 1.1)))
    )
    return r, g, b
