"""People and animals."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def people(pen: Pen, v: Variant, c: Paint) -> None:
    """One or more people; parts: how many; curve: roundness; extra: difference in height."""
    for k in range(v.parts):
        u0, u1 = k / v.parts, (k + 1) / v.parts
        small = v.extra * (k % 2) * 0.45
        _person(pen.sub(u0 + 0.04 / v.parts, small, u1, 1), v, c)


def _person(pen: Pen, v: Variant, c: Paint) -> None:
    shadow(pen, 0.7)
    skin, hair = c.pick("skin", "skin2"), c.pick("hair", "wood", "cheese")
    shirt = c.pick("fabric", "fabric2", "tomato", "flower", "water")
    legs = c.pick("dark", "fabric", "roof")
    if "dress" in v.form:
        for u in (0.36, 0.54):
            pen.rect(u, 0.8, u + 0.1, 0.99, skin)
        pen.poly([(0.36, 0.24), (0.64, 0.24), (0.88, 0.84), (0.12, 0.84)], shirt)
    elif "sit" in v.form:
        pen.rect(0.2, 0.6, 0.95, 0.74, legs, 0.4)
        pen.rect(0.78, 0.64, 0.94, 1, legs, 0.2)
        pen.rect(0.24, 0.24, 0.72, 0.7, shirt, 0.3)
    else:
        spread = 0.08 if "walk" in v.form else 0.0
        pen.poly([(0.3, 0.56), (0.5, 0.56), (0.42 - spread, 0.99), (0.28 - spread, 0.99)], legs)
        pen.poly(
            [(0.5, 0.56), (0.7, 0.56), (0.72 + spread, 0.99), (0.58 + spread, 0.99)],
            shade(legs, 0.8),
        )
        pen.rect(0.26, 0.23, 0.74, 0.6, shirt, 0.3)
    if "wave" in v.form:
        pen.line([(0.72, 0.3), (0.95, 0.08)], skin, 0.11)
    else:
        pen.line([(0.74, 0.28), (0.86, 0.55)], shade(shirt, 0.85), 0.12)
    pen.line([(0.27, 0.28), (0.13, 0.55)], shade(shirt, 0.85), 0.12)
    pen.rect(0.44, 0.16, 0.56, 0.26, shade(skin, 0.88))
    pen.oval(0.31, -0.01, 0.69, 0.2, hair)
    pen.oval(0.34, 0.03, 0.66, 0.21, skin)
    if "hat" in v.form:
        pen.rect(0.2, 0.035, 0.8, 0.06, c.second, 0.5)
        pen.rect(0.34, -0.04, 0.66, 0.05, c.second, 0.4)


def _legs(
    pen: Pen, places: tuple[float, ...], top: float, width: float, fill: tuple[int, ...]
) -> None:
    for u in places:
        pen.rect(u, top, u + width, 1, fill, 0.3)


def dog(pen: Pen, v: Variant, c: Paint) -> None:
    """A dog, standing or sitting; parts: spots; curve: ears; extra: length of the snout."""
    shadow(pen, 0.8)
    coat = c.main
    if "sit" in v.form:
        pen.oval(0.2, 0.38, 0.75, 1.02, coat)
        pen.rect(0.55, 0.6, 0.66, 1, shade(coat, 0.85), 0.4)
        pen.rect(0.42, 0.6, 0.53, 1, shade(coat, 0.92), 0.4)
        pen.line([(0.25, 0.9), (0.08, 0.8), (0.04, 0.62)], coat, 0.09)
        head = (0.4, 0.05)
    else:
        _legs(pen, (0.14, 0.26, 0.58, 0.7), 0.6, 0.09, shade(coat, 0.82))
        pen.rect(0.1, 0.36, 0.8, 0.72, coat, 0.5)
        pen.line([(0.13, 0.45), (0.02, 0.3), (0.03, 0.12)], coat, 0.09)
        pen.poly([(0.6, 0.4), (0.72, 0.2), (0.85, 0.3), (0.8, 0.6)], coat)
        head = (0.58, 0.05)
    for k in range(v.parts):
        pen.oval(
            0.24 + 0.16 * k, 0.44 + 0.08 * (k % 2), 0.36 + 0.16 * k, 0.6 + 0.08 * (k % 2), c.second
        )
    u, y = head
    pen.oval(u, y, u + 0.34, y + 0.42, coat)
    snout = 0.14 + 0.14 * v.extra
    pen.rect(u + 0.2, y + 0.18, u + 0.3 + snout, y + 0.36, shade(coat, 1.12), 0.5)
    pen.disc(u + 0.29 + snout, y + 0.22, 0.05, c.palette["dark"])
    pen.disc(u + 0.22, y + 0.13, 0.035, c.palette["dark"])
    if "flop" in v.form:
        pen.oval(u - 0.03, y + 0.02, u + 0.12, y + 0.4, shade(coat, 0.62))
    else:
        pen.poly(
            [(u + 0.02, y + 0.12), (u + 0.06, y - 0.12), (u + 0.2, y + 0.04)], shade(coat, 0.62)
        )
    pen.rect(u + 0.04, y + 0.4, u + 0.26, y + 0.46, c.palette["tomato"], 0.3)


def cat(pen: Pen, v: Variant, c: Paint) -> None:
    """A cat, sitting or lying; parts: stripes; extra: curl of the tail."""
    shadow(pen, 0.8)
    coat = c.main
    if "lie" in v.form:
        pen.oval(0.1, 0.48, 0.92, 1.02, coat)
        pen.line([(0.88, 0.8), (1.0, 0.65), (0.92, 0.5 - 0.2 * v.extra)], coat, 0.1)
        u, y = 0.02, 0.2
    else:
        pen.oval(0.2, 0.36, 0.8, 1.02, coat)
        for leg in (0.36, 0.54):
            pen.rect(leg, 0.65, leg + 0.1, 1, shade(coat, 0.9), 0.5)
        pen.line([(0.75, 0.92), (0.95, 0.85), (0.95, 0.6 - 0.3 * v.extra)], coat, 0.09)
        u, y = 0.28, 0.02
    for k in range(v.parts):
        pen.line([(0.4 + 0.12 * k, 0.5), (0.42 + 0.12 * k, 0.72)], shade(coat, 0.6), 0.05)
    for du in (0.0, 0.26):
        pen.poly(
            [
                (u + du + 0.01, y + 0.2),
                (u + du + (0.02 if du == 0 else 0.18), y - 0.06),
                (u + du + 0.19, y + 0.14),
            ],
            shade(coat, 0.75),
        )
    pen.oval(u, y + 0.04, u + 0.45, y + 0.46, coat)
    for du in (0.12, 0.31):
        pen.disc(u + du, y + 0.22, 0.05, c.palette["salad"])
        pen.disc(u + du, y + 0.22, 0.022, c.palette["dark"])
    pen.poly([(u + 0.19, y + 0.3), (u + 0.26, y + 0.3), (u + 0.225, y + 0.35)], c.palette["flower"])
    for dv in (0.3, 0.36):
        pen.line([(u - 0.06, y + dv - 0.02), (u + 0.12, y + dv)], c.palette["trim"], 0.015)
        pen.line([(u + 0.33, y + dv), (u + 0.51, y + dv - 0.02)], c.palette["trim"], 0.015)


def horse(pen: Pen, v: Variant, c: Paint) -> None:
    """A horse; parts: legs in view; extra: how low its head hangs."""
    shadow(pen, 0.8)
    coat, mane = c.main, c.palette["dark"]
    _legs(pen, (0.2, 0.32, 0.56, 0.66)[: v.parts], 0.58, 0.065, shade(coat, 0.8))
    pen.rect(0.16, 0.36, 0.76, 0.66, coat, 0.5)
    y = 0.02 + 0.22 * v.extra
    pen.poly([(0.6, 0.45), (0.72, y + 0.06), (0.86, y + 0.04), (0.78, 0.6)], coat)
    pen.poly([(0.7, y + 0.02), (0.84, y), (1.0, y + 0.22), (0.93, y + 0.3), (0.74, y + 0.2)], coat)
    pen.poly([(0.76, y + 0.04), (0.79, y - 0.07), (0.83, y + 0.04)], coat)
    pen.line([(0.72, y + 0.03), (0.64, 0.28), (0.58, 0.4)], mane, 0.08)
    pen.line([(0.18, 0.42), (0.08, 0.5), (0.06, 0.78)], mane, 0.08)
    pen.disc(0.83, y + 0.1, 0.02, mane)


def cow(pen: Pen, v: Variant, c: Paint) -> None:
    """A cow; parts: spots; extra: length of the horns."""
    shadow(pen, 0.9)
    coat = c.palette["fur2"] if "spot" in v.form else c.main
    _legs(pen, (0.14, 0.26, 0.58, 0.7), 0.66, 0.08, shade(coat, 0.78))
    pen.rect(0.08, 0.26, 0.82, 0.76, coat, 0.3)
    for k in range(v.parts):
        u = 0.14 + 0.55 * k / v.parts
        pen.oval(u, 0.32 + 0.12 * (k % 2), u + 0.18, 0.55 + 0.12 * (k % 2), c.palette["dark"])
    pen.rect(0.74, 0.16, 0.98, 0.56, coat, 0.4)
    pen.rect(0.8, 0.42, 1.0, 0.58, c.palette["skin"], 0.5)
    for u in (0.72, 0.92):
        pen.line(
            [(u + 0.04, 0.18), (u + 0.04 + (0.08 if u > 0.8 else -0.08) * v.extra, 0.02)],
            c.palette["trim"],
            0.05,
        )
    pen.disc(0.86, 0.28, 0.03, c.palette["dark"])
    pen.oval(0.44, 0.7, 0.6, 0.82, c.palette["skin"])
    pen.line([(0.09, 0.32), (0.03, 0.7)], shade(coat, 0.8), 0.04)


def sheep(pen: Pen, v: Variant, c: Paint) -> None:
    """A sheep; parts: tufts of wool; extra: darkness of the face."""
    shadow(pen, 0.8)
    wool, dark = c.palette["fur2"], c.palette["dark"]
    _legs(pen, (0.24, 0.36, 0.58, 0.68), 0.7, 0.06, dark)
    for k in range(v.parts):
        u = 0.1 + 0.6 * k / (v.parts - 1)
        for y in (0.2, 0.42):
            pen.oval(u - 0.06, y, u + 0.2, y + 0.38, shade(wool, 1.0 - 0.07 * (k % 2)))
    face = shade(c.main, 1 - 0.6 * v.extra)
    pen.oval(0.74, 0.2, 0.96, 0.62, face)
    pen.oval(0.66, 0.26, 0.8, 0.38, face)
    pen.oval(0.72, 0.12, 0.92, 0.3, wool)
    pen.disc(0.88, 0.36, 0.03, c.palette["trim"])


def bird(pen: Pen, v: Variant, c: Paint) -> None:
    """A bird; parts: feathers in the tail; extra: length of the beak."""
    if "fly" in v.form:
        pen.oval(0.3, 0.42, 0.72, 0.66, c.main)
        pen.poly([(0.42, 0.5), (0.1, 0.02), (0.62, 0.46)], shade(c.main, 0.8))
        pen.poly([(0.5, 0.55), (0.55, 0.98), (0.66, 0.55)], shade(c.main, 0.7))
    else:
        for u in (0.42, 0.54):
            pen.line([(u, 0.7), (u, 1)], c.palette["cheese"], 0.04)
        pen.oval(0.2, 0.3, 0.76, 0.82, c.main)
        pen.oval(0.28, 0.42, 0.6, 0.7, shade(c.main, 0.72))
    for k in range(v.parts):
        pen.poly([(0.34, 0.58), (0.0, 0.5 + 0.1 * k), (0.02, 0.58 + 0.1 * k)], shade(c.main, 0.75))
    pen.disc(0.72, 0.34, 0.17, c.main)
    pen.poly([(0.84, 0.3), (0.9 + 0.16 * v.extra, 0.37), (0.84, 0.43)], c.palette["flame"])
    pen.disc(0.75, 0.3, 0.035, c.palette["dark"])
