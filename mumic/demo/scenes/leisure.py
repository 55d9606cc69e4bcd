"""Pools, tubs, golf and playgrounds."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.figures import people
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def pool(pen: Pen, v: Variant, c: Paint) -> None:
    """A swimming pool; parts: lanes or ripples; curve: roundness; extra: perspective."""
    rim, water = shade(c.palette["trim"], 0.96), c.palette["water"]
    lean = 0.08 + 0.16 * v.extra
    if "round" in v.form:
        pen.oval(0, 0, 1, 1, rim)
        pen.oval(0.03, 0.05, 0.97, 0.92, shade(water, 0.82))
        pen.oval(0.03, 0.09, 0.97, 0.93, water)
    elif "kidney" in v.form:
        for grow, fill in ((0.03, rim), (0.0, water)):
            pen.oval(0.03 - grow, 0.15 - grow, 0.6 + grow, 0.95 + grow, fill)
            pen.oval(0.38 - grow, 0.06 - grow, 0.97 + grow, 0.72 + grow, fill)
            pen.rect(0.3 - grow, 0.3 - grow, 0.66 + grow, 0.75 + grow, fill, 0.4)
    else:
        pen.poly([(lean, 0), (1 - lean, 0), (1.02, 1), (-0.02, 1)], rim)
        pen.poly(
            [(lean + 0.02, 0.05), (0.98 - lean, 0.05), (0.96, 0.93), (0.04, 0.93)],
            shade(water, 0.8),
        )
        pen.poly([(lean + 0.02, 0.11), (0.98 - lean, 0.11), (0.965, 0.93), (0.035, 0.93)], water)
    for k in range(v.parts):
        y = 0.2 + 0.62 * k / v.parts
        if "lane" in v.form:
            u = 0.2 + 0.6 * (k + 0.5) / v.parts
            pen.line(
                [(0.5 + (u - 0.5) * (1 - 2 * lean), 0.1), (u, 0.93)], c.palette["tomato"], 0.014
            )
        else:
            u = 0.18 + 0.5 * ((k * 3) % 5) / 5
            pen.line(
                [(u, y), (u + 0.05, y - 0.025), (u + 0.1, y), (u + 0.15, y - 0.025), (u + 0.2, y)],
                (*c.palette["trim"], 200),
                0.02,
            )
    for u in (0.76, 0.82):
        pen.line(
            [(u, 0.2), (u, -0.06), (u + 0.02, -0.1), (u + 0.03, 0.02)], c.palette["metal"], 0.03
        )


def hot_tub(pen: Pen, v: Variant, c: Paint) -> None:
    """A steaming tub; parts: bubbles; extra: height of the water."""
    shadow(pen)
    if "stone" in v.form:
        pen.rect(0, 0.3, 1, 0.98, c.palette["rock"], v.curve)
        for k in range(12):
            pen.rect(
                0.02 + 0.16 * (k % 6),
                0.5 + 0.22 * (k // 6),
                0.16 + 0.16 * (k % 6),
                0.68 + 0.22 * (k // 6),
                shade(c.palette["rock"], 0.82 + 0.06 * (k % 5)),
                0.4,
            )
    else:
        wood = c.palette["wood2"]
        pen.pie((0, 0.55, 1, 1.0), 0, 180, wood)
        pen.rect(0, 0.36, 1, 0.78, wood)
        for k in range(14):
            pen.rect(k / 14, 0.36, k / 14 + 0.008, 0.86, shade(wood, 0.6))
        pen.rect(0, 0.62, 1, 0.67, c.palette["dark"])
    rim = c.palette["wood"] if "stone" not in v.form else c.palette["tile"]
    pen.oval(-0.03, 0.18, 1.03, 0.62, rim)
    pen.oval(0.04, 0.22, 0.96, 0.57, mix(c.palette["water"], c.palette["trim"], 0.2))
    for k in range(v.parts):
        u = 0.14 + 0.7 * k / v.parts
        pen.disc(u, 0.32 + 0.14 * ((k * 2) % 3) / 2, 0.045, (255, 255, 255, 230))
    for k in range(3):
        u = 0.22 + 0.24 * k
        pen.line(
            [(u, 0.3), (u + 0.06, 0.12), (u - 0.02, -0.05), (u + 0.05, -0.25)],
            (255, 255, 255, 105),
            0.07,
        )


def sunbed(pen: Pen, v: Variant, c: Paint) -> None:
    """A sunbed under a sunshade."""
    pen.rect(0.14, 0.1, 0.17, 0.9, c.palette["wood"])
    pen.pie((-0.25, -0.05, 0.56, 0.55), 180, 360, c.second)
    pen.poly([(0.15, 0.7), (0.45, 0.62), (1.0, 0.68), (1.0, 0.78), (0.4, 0.8)], c.main)
    pen.poly([(0.22, 0.42), (0.3, 0.4), (0.5, 0.68), (0.42, 0.74)], shade(c.main, 1.15))
    for u in (0.4, 0.9):
        pen.rect(u, 0.75, u + 0.04, 0.98, c.palette["wood"])


def golf(pen: Pen, v: Variant, c: Paint) -> None:
    """A golf course: green, bunkers, flag; parts: bunkers; extra: place of the flag."""
    grass = c.palette["grass"]
    pen.rect(0, 0, 1, 1.02, grass)
    for k in range(5):
        pen.poly(
            [(k / 5, 0), (k / 5 + 0.1, 0), (k / 4 + 0.05, 1.02), (k / 4 - 0.15, 1.02)],
            shade(grass, 1.07),
        )
    pen.oval(0.12, 0.25, 0.88, 0.85, shade(grass, 1.25))
    for k in range(v.parts):
        u, y = (0.02, 0.62, 0.3)[k], (0.55, 0.08, 0.82)[k]
        pen.oval(u, y, u + 0.28, y + 0.17, c.palette["sand"])
        pen.oval(u + 0.03, y + 0.03, u + 0.25, y + 0.15, shade(c.palette["sand"], 0.9))
    u = 0.32 + 0.36 * v.extra
    pen.oval(u - 0.03, 0.52, u + 0.03, 0.56, c.palette["dark"])
    pen.rect(u - 0.006, -0.25, u + 0.006, 0.54, c.palette["trim"])
    if "square" in v.form:
        pen.rect(u, -0.25, u + 0.15, -0.06, c.palette["tomato"])
    else:
        pen.poly([(u, -0.25), (u + 0.17, -0.16), (u, -0.06)], c.palette["tomato"])
    pen.disc(u + 0.12, 0.62, 0.03, c.palette["trim"])
    if "player" in v.form:
        body = pen.sub(0.7, 0.12, 0.86, 0.78)
        people(body, Variant("stand hat", 0.4, 1, 0.5, 0.0), c)
        pen.line([(0.71, 0.4), (0.64, 0.76)], c.palette["dark"], 0.02)
    if "cart" in v.form:
        pen.rect(0.06, 0.22, 0.26, 0.42, c.palette["trim"], 0.2)
        pen.rect(0.06, 0.04, 0.26, 0.08, c.palette["trim"])
        pen.rect(0.08, 0.06, 0.1, 0.3, c.palette["dark"])
        for wheel in (0.1, 0.22):
            pen.disc(wheel, 0.42, 0.06, c.palette["dark"])


def playground(pen: Pen, v: Variant, c: Paint) -> None:
    """A swing and a slide; parts: swings; extra: steepness of the slide."""
    shadow(pen)
    frame = c.main
    pen.line([(0.02, 1), (0.1, 0.1), (0.18, 1)], frame, 0.04)
    pen.line([(0.46, 1), (0.52, 0.1), (0.58, 1)], frame, 0.04)
    pen.line([(0.08, 0.1), (0.54, 0.1)], frame, 0.05)
    for k in range(v.parts):
        u = 0.2 + 0.26 * k / max(1, v.parts - 0.5)
        sway = 0.04 * (1 if k % 2 else -1)
        pen.line([(u, 0.1), (u + sway, 0.72)], c.palette["dark"], 0.012)
        pen.line([(u + 0.09, 0.1), (u + 0.09 + sway, 0.72)], c.palette["dark"], 0.012)
        pen.rect(u - 0.01 + sway, 0.71, u + 0.1 + sway, 0.77, c.second)
    top = 0.3 - 0.12 * v.extra
    for u in (0.64, 0.72):
        pen.rect(u, top, u + 0.02, 1, c.palette["cheese"])
    for k in range(5):
        pen.rect(0.64, top + 0.1 + 0.14 * k, 0.74, top + 0.13 + 0.14 * k, c.palette["cheese"])
    pen.poly(
        [(0.72, top), (0.78, top - 0.02), (1.0, 0.88), (1.06, 0.92), (0.94, 0.97)],
        c.palette["tomato"],
    )
    if "roof" in v.form:
        pen.poly([(0.58, top - 0.08), (0.69, top - 0.3), (0.8, top - 0.08)], c.palette["water"])
    if "sandpit" in v.form:
        pen.oval(0.6, 0.9, 1.0, 1.05, c.palette["sand"])
