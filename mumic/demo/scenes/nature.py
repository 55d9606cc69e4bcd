"""Mountains, water, trees, gardens and sand.

Drawings that fill a landscape (``mountains``, ``sea``, ``lake``, ``woods`` ...) get a box as
wide as the picture.
"""

import math

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.variant import Paint, Variant


def mountains(pen: Pen, v: Variant, c: Paint) -> None:
    """A range; parts: peaks; curve: roundness; extra: share that is snow."""
    for layer in (0, 1):
        tone = mix(c.palette["rock"], c.palette["haze"], 0.45 * (1 - layer))
        for k in range(v.parts + 1 - layer):
            centre = (k + 0.5 * layer + 0.2) / v.parts + float(c.rng.uniform(-0.08, 0.08))
            top = 0.05 + 0.28 * layer + float(c.rng.uniform(0, 0.25))
            half = (0.75 + 0.5 * v.curve) / v.parts
            _peak(pen, v, c, (centre, top, half), tone)


def _peak(
    pen: Pen, v: Variant, c: Paint, place: tuple[float, float, float], tone: tuple[int, ...]
) -> None:
    u, top, half = place
    rock = (tone[0], tone[1], tone[2])
    pen.poly([(u - half, 1.02), (u, top), (u + half, 1.02)], shade(rock, 1.08))
    pen.poly(
        [(u, top), (u + half, 1.02), (u + half * 0.1, 1.02), (u - half * 0.08, top + 0.4)],
        shade(rock, 0.82),
    )
    snow = v.extra + (0.25 if c.winter else 0)
    if snow > 0:
        d, w = (1 - top) * snow, half * snow
        teeth = [
            (u - w, top + d),
            (u - w * 0.4, top + d * 0.75),
            (u, top + d * 1.15),
            (u + w * 0.45, top + d * 0.8),
            (u + w, top + d),
        ]
        pen.poly([(u, top), *teeth], c.palette["snow"])
    if "wood" in v.form:
        pen.poly(
            [
                (u - half, 1.02),
                (u - half * 0.5, 0.75),
                (u, 0.82),
                (u + half * 0.5, 0.72),
                (u + half, 1.02),
            ],
            c.palette["leaf"],
        )


def sea(pen: Pen, v: Variant, c: Paint) -> None:
    """The sea with waves and a beach before it; parts: waves; extra: share of sand."""
    shore = 1 - 0.35 - 0.3 * v.extra
    pen.sub(0, 0, 1, shore + 0.1).gradient(
        shade(c.palette["water"], 0.75), shade(c.palette["water"], 1.12), 12
    )
    sand = c.palette["sand"]
    tilt = 0.14 * v.curve
    pen.poly(
        [
            (0, shore - tilt),
            (0.35, shore + 0.04),
            (0.7, shore),
            (1, shore + tilt),
            (1, 1.02),
            (0, 1.02),
        ],
        sand,
    )
    foam = c.palette["trim"]
    pen.line(
        [(0, shore - tilt), (0.35, shore + 0.04), (0.7, shore), (1, shore + tilt)], foam, 0.035
    )
    for k in range(v.parts):
        y = shore * (0.12 + 0.75 * k / v.parts)
        u = float(c.rng.uniform(0, 0.7))
        pen.line(
            [(u, y), (u + 0.06, y - 0.012), (u + 0.13, y), (u + 0.2, y - 0.01)], (*foam, 190), 0.014
        )
    for _ in range(16):
        u, y = float(c.rng.uniform(0, 1)), float(c.rng.uniform(shore + 0.08, 1))
        pen.disc(u, y, 0.008, shade(sand, 0.86))


def lake(pen: Pen, v: Variant, c: Paint) -> None:
    """Still water with reflections between banks; parts: ripples; extra: width of the banks."""
    grass = c.palette["grass"]
    pen.rect(0, 0, 1, 1.02, grass)
    water = c.palette["water"]
    bank = 0.04 + 0.12 * v.extra
    pen.oval(-0.1 + bank, 0.02, 1.1 - bank, 0.78 + 0.12 * v.curve, shade(c.palette["sand"], 0.85))
    pen.oval(-0.08 + bank, 0.035, 1.08 - bank, 0.74 + 0.12 * v.curve, water)
    pen.oval(0.05 + bank, 0.04, 0.95 - bank, 0.4, mix(water, c.palette["haze"], 0.35))
    for k in range(v.parts):
        y, u = 0.12 + 0.55 * k / v.parts, float(c.rng.uniform(0.15, 0.6))
        pen.rect(u, y, u + 0.22, y + 0.012, (*c.palette["trim"], 150))
    if "reed" in v.form:
        for k in range(14):
            u = 0.02 + 0.02 * k
            pen.line([(u, 1), (u + 0.01 * (k % 3), 0.62)], c.palette["leaf"], 0.014)
    if "jetty" in v.form:
        pen.poly([(0.62, 1), (0.78, 1), (0.66, 0.4), (0.6, 0.4)], c.palette["wood2"])
        for k in range(6):
            pen.line(
                [(0.61 + 0.003 * k, 0.45 + 0.09 * k), (0.67 + 0.018 * k, 0.45 + 0.09 * k)],
                c.palette["wood"],
                0.01,
            )


def woods(pen: Pen, v: Variant, c: Paint) -> None:
    """A forest around the viewer; parts: trees in a row; extra: how tall the trunks are."""
    pen.rect(0, 0, 1, 1, mix(c.palette["leaf"], c.palette["haze"], 0.35))
    for row in range(3):
        depth = 0.55 + 0.22 * row
        count = max(3, v.parts - row)
        for k in range(count):
            u = (k + 0.5) / count + float(c.rng.uniform(-0.05, 0.05))
            wide = (0.9 + 0.3 * row) / count
            tree_pen = pen.sub(
                u - wide / 2, 0.12 * (2 - row), u + wide / 2, depth + 0.02 + 0.1 * row
            )
            tone = 0.62 + 0.2 * row + float(c.rng.uniform(-0.06, 0.06))
            _tree_shape(tree_pen, v, c, tone)


def _tree_shape(pen: Pen, v: Variant, c: Paint, tone: float) -> None:
    leaf, bark = shade(c.palette["leaf"], tone), shade(c.palette["wood"], tone)
    trunk = 0.12 + 0.3 * v.extra
    pen.rect(0.44, 1 - trunk - 0.1, 0.56, 1, bark)
    if "conifer" in v.form:
        for k in range(4):
            y = 0.02 + (0.9 - trunk) * k / 4
            w = 0.18 + 0.09 * k
            pen.poly(
                [(0.5, y), (0.5 + w, y + 0.34), (0.5 - w, y + 0.34)], shade(leaf, 1 - 0.06 * k)
            )
            if c.winter:
                pen.poly(
                    [(0.5, y), (0.5 + w * 0.5, y + 0.16), (0.5 - w * 0.5, y + 0.16)],
                    c.palette["snow"],
                )
    elif "tall" in v.form:
        pen.rect(0.42, 0.2, 0.58, 1, bark)
        pen.oval(0.1, 0, 0.9, 0.95 - trunk, leaf)
    else:
        for du, dv, size in ((0.0, 0.2, 0.55), (0.42, 0.18, 0.58), (0.18, 0.0, 0.62)):
            pen.oval(
                du, dv, du + size, dv + 0.62 - 0.2 * v.extra, shade(leaf, 1 + 0.12 * (du - 0.2))
            )
        if c.winter:
            pen.oval(0.25, 0.0, 0.7, 0.2, c.palette["snow"])


def tree(pen: Pen, v: Variant, c: Paint) -> None:
    """A single tree."""
    pen.oval(0.2, 0.94, 0.9, 1.03, (0, 0, 0, 50))
    if "palm" not in v.form:
        _tree_shape(pen, v, c, c.near(1.0))
        return
    bark = c.palette["wood2"]
    pen.line([(0.52, 1), (0.46, 0.6), (0.5, 0.26)], bark, 0.1)
    for k in range(v.parts):
        angle = math.pi * (-0.15 + 1.3 * k / (v.parts - 1))
        u, y = 0.5 + 0.48 * math.cos(angle), 0.24 - 0.2 * math.sin(angle)
        pen.poly(
            [
                (0.5, 0.22),
                (0.5 + (u - 0.5) * 0.55, y - 0.06),
                (u, y + 0.12),
                (0.5 + (u - 0.5) * 0.5, y + 0.08),
            ],
            shade(c.palette["leaf"], 0.85 + 0.1 * (k % 3)),
        )
    pen.disc(0.47, 0.27, 0.05, c.palette["wood"])


def garden(pen: Pen, v: Variant, c: Paint) -> None:
    """Lawn, a path, hedges and flower beds; parts: flowers in a bed; extra: place of the path."""
    pen.rect(0, 0, 1, 1.02, c.palette["grass"])
    for k in range(4):
        pen.rect(0, 0.1 + 0.24 * k, 1, 0.2 + 0.24 * k, shade(c.palette["grass"], 1.07))
    centre = 0.3 + 0.4 * v.extra
    pen.poly(
        [(centre - 0.03, 0), (centre + 0.03, 0), (centre + 0.17, 1.02), (centre - 0.17, 1.02)],
        c.palette["sand"],
    )
    _hedge(pen, v, c)
    for side in (-1, 1):
        for k in range(v.parts):
            y = 0.22 + 0.7 * k / v.parts
            u = centre + side * (0.1 + 0.22 * y)
            size = 0.035 + 0.055 * y
            for m in range(3):
                fill = c.pick("flower", "flower2", "tomato", "flower")
                du, dv = float(c.rng.uniform(-1, 1)) * 0.06, float(c.rng.uniform(-1, 1)) * 0.05
                pen.disc(u + du, y + dv + 0.02, size, c.palette["leaf"])
                pen.disc(u + du, y + dv, size * 0.75, fill if m else c.palette["flower"])


def _hedge(pen: Pen, v: Variant, c: Paint) -> None:
    leaf = c.palette["leaf"]
    if "ball" in v.form:
        for k in range(6):
            pen.disc(k / 5, 0.03, 0.16, shade(leaf, 0.9 + 0.08 * (k % 2)))
    elif "fence" in v.form:
        pen.rect(0, -0.02, 1, 0.01, c.palette["trim"])
        for k in range(18):
            pen.rect(k / 18, -0.1, k / 18 + 0.03, 0.08, c.palette["trim"])
    else:
        pen.rect(0, -0.14, 1, 0.08, leaf)
        pen.rect(0, -0.14, 1, -0.09, shade(leaf, 1.2))


def fountain(pen: Pen, v: Variant, c: Paint) -> None:
    """A fountain; parts: basins."""
    stone, water = c.palette["rock"], c.palette["water"]
    for k in range(v.parts):
        half, y = 0.48 - 0.17 * k, 0.78 - 0.26 * k
        pen.rect(0.46, y, 0.54, 0.95, shade(stone, 0.9))
        pen.pie((0.5 - half, y - 0.14, 0.5 + half, y + 0.24), 0, 180, stone)
        pen.oval(0.5 - half, y, 0.5 + half, y + 0.1, water)
    for k in range(5):
        u = 0.5 + 0.09 * (k - 2)
        pen.line(
            [(0.5, 0.02), (u, 0.12), (u + 0.04 * (k - 2), 0.5)], (*c.palette["haze"], 210), 0.025
        )


def climber(pen: Pen, v: Variant, c: Paint) -> None:
    """A climber with helmet and rope on a rock face; parts: cracks; extra: place on the face."""
    rock = c.palette["rock"]
    pen.poly([(0.0, 1.0), (0.08, 0.35), (0.3, 0.0), (0.85, -0.05), (1.0, 0.3), (1.05, 1.0)], rock)
    pen.poly([(0.3, 0.0), (0.42, 0.4), (0.3, 1.0), (0.0, 1.0), (0.08, 0.35)], shade(rock, 0.78))
    for _ in range(v.parts):
        u, y = float(c.rng.uniform(0.1, 0.8)), float(c.rng.uniform(0.1, 0.85))
        pen.line([(u, y), (u + 0.06, y + 0.08), (u + 0.03, y + 0.16)], shade(rock, 0.6), 0.012)
    if "snowy" in v.form:
        pen.poly(
            [(0.3, 0.0), (0.85, -0.05), (0.78, 0.1), (0.6, 0.05), (0.45, 0.13)], c.palette["snow"]
        )
    u = 0.4 + 0.25 * v.extra
    rope = c.palette["tomato"] if "red" in v.form else c.palette["flower2"]
    pen.line([(u + 0.12, -0.02), (u + 0.08, 0.3), (u + 0.1, 1)], rope, 0.018)
    _climbing_figure(pen.sub(u - 0.12, 0.2, u + 0.22, 0.78), c)


def _climbing_figure(pen: Pen, c: Paint) -> None:
    skin, shirt, legs = (
        c.pick("skin", "skin2"),
        c.pick("flower", "fabric", "cheese"),
        c.palette["dark"],
    )
    pen.line([(0.45, 0.35), (0.2, 0.2), (0.22, 0.0)], skin, 0.12)
    pen.line([(0.6, 0.35), (0.85, 0.24), (0.85, 0.05)], skin, 0.12)
    pen.poly([(0.36, 0.28), (0.68, 0.28), (0.64, 0.62), (0.4, 0.62)], shirt)
    pen.line([(0.44, 0.6), (0.15, 0.68), (0.2, 0.9)], legs, 0.16)
    pen.line([(0.58, 0.6), (0.85, 0.78), (0.75, 1.0)], legs, 0.16)
    pen.disc(0.52, 0.2, 0.14, skin)
    pen.pie((0.36, 0.03, 0.68, 0.35), 180, 360, c.palette["tomato"])
    pen.rect(0.38, 0.56, 0.66, 0.64, c.palette["cheese"])
