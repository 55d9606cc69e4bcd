"""Place the things of a scene, and say what is true of it."""

from dataclasses import replace

import numpy as np

from mumic.demo.concepts import with_ancestors
from mumic.demo.scenes.canvas import Box, Camera
from mumic.demo.scenes.families import FAMILIES
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.layout import Anchor, Layout
from mumic.demo.scenes.palettes import Palette
from mumic.demo.scenes.scene import Placed, Request, Scene, World, one_of

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
    return replace(scene, concepts=truth(scene))


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


def truth(scene: Scene) -> frozenset[str]:
    """Return every concept that a scene shows, ancestors included."""
    family = FAMILIES[scene.family]
    found = {concept for thing in scene.things if (concept := KINDS[thing.kind].concept)}
    if scene.studio:
        return with_ancestors(found)
    found |= set(family.concepts)
    if "swimming_pool" in found:
        found.add("outdoor_swimming_pool" if family.outdoors else "indoor_swimming_pool")
    if family.outdoors:
        found |= {"winter"} if scene.winter else set()
        found |= {scene.hour} if scene.hour != "day" else set()
    return with_ancestors(found)
