"""Kitchens, bathrooms, and what is eaten and drunk."""

import math

from mumic.demo.canvas import Pen
from mumic.demo.colour import mix, shade
from mumic.demo.furniture import shadow
from mumic.demo.variant import Paint, Variant


def kitchen_units(pen: Pen, v: Variant, c: Paint) -> None:
    """A fitted kitchen: cupboards, worktop, hob and sink; parts: doors; extra: upper height."""
    body = c.main
    up = 0.16 + 0.16 * v.extra
    for row in range(2):
        y0, y1 = ((0.0, up), (0.62, 0.98))[row]
        if row == 0 and "shelf" in v.form:
            pen.rect(0, up - 0.03, 1, up, c.palette["wood"])
            for k in range(9):
                pen.rect(
                    0.04 + 0.1 * k,
                    up - 0.14,
                    0.09 + 0.1 * k,
                    up - 0.03,
                    c.pick("trim", "fabric2", "tomato", "leaf"),
                    0.3,
                )
            continue
        for k in range(v.parts):
            u0, u1 = k / v.parts, (k + 1) / v.parts
            if row == 0 and k == v.parts // 2 and "hood" in v.form:
                pen.poly(
                    [
                        (u0 + 0.03, y0),
                        (u1 - 0.03, y0),
                        (u1 + 0.02, up + 0.06),
                        (u0 - 0.02, up + 0.06),
                    ],
                    c.palette["metal"],
                )
                continue
            pen.rect(u0, y0, u1, y1, shade(body, 0.8))
            pen.rect(u0 + 0.006, y0 + 0.015, u1 - 0.006, y1 - 0.015, body, v.curve)
            pen.rect(
                (u0 + u1) / 2 - 0.03,
                y0 + 0.04 if row else y1 - 0.06,
                (u0 + u1) / 2 + 0.03,
                y0 + 0.06 if row else y1 - 0.04,
                c.palette["dark"],
            )
    for k in range(20):
        pen.rect(
            k / 20,
            up + 0.02,
            k / 20 + 0.045,
            0.55,
            shade(c.palette["tile"], 1.05 if k % 2 else 0.97),
        )
    pen.rect(
        0,
        0.55,
        1,
        0.63,
        c.palette["wood2"] if "timber" in v.form else shade(c.palette["rock"], 1.1),
    )
    hob = v.parts // 2 / v.parts
    pen.rect(hob + 0.01, 0.66, hob + 0.98 / v.parts, 0.96, c.palette["dark"])
    pen.rect(hob + 0.03, 0.74, hob + 0.9 / v.parts, 0.92, shade(c.palette["flame"], 0.45))
    pen.rect(hob + 0.05, 0.43, hob + 0.14, 0.55, c.palette["metal"], 0.2)
    sink = 0.86 if hob < 0.5 else 0.12
    pen.rect(sink - 0.07, 0.55, sink + 0.07, 0.6, c.palette["metal"], 0.4)
    pen.line(
        [(sink, 0.55), (sink, 0.42), (sink + 0.05, 0.42), (sink + 0.05, 0.46)],
        c.palette["metal"],
        0.02,
    )


def refrigerator(pen: Pen, v: Variant, c: Paint) -> None:
    """A fridge; parts: doors; extra: share of the freezer."""
    shadow(pen)
    body = c.main
    pen.rect(0, 0, 1, 0.97, shade(body, 0.7), v.curve)
    cut = 0.25 + 0.35 * v.extra
    doors = ((0.02, 0.01, 0.98, cut), (0.02, cut + 0.015, 0.98, 0.96))
    if v.parts == 3:
        doors = ((0.02, 0.01, 0.49, 0.6), (0.51, 0.01, 0.98, 0.6))
        pen.rect(0.02, 0.62, 0.98, 0.96, body, v.curve)
        pen.rect(0.2, 0.66, 0.8, 0.69, c.palette["dark"])
    for k, (u0, y0, u1, y1) in enumerate(doors):
        pen.rect(u0, y0, u1, y1, body, v.curve)
        pen.rect(u0 + 0.06, y0 + 0.03, u0 + 0.12, y1 - 0.03, shade(body, 1.15), v.curve)
        handle = u0 + 0.02 if (v.parts == 3 and k == 1) else u1 - 0.1
        pen.rect(
            handle,
            (y0 + y1) / 2 - 0.08,
            handle + 0.05,
            (y0 + y1) / 2 + 0.08,
            c.palette["dark"],
            0.4,
        )
    if "magnet" in v.form:
        for k in range(4):
            pen.rect(
                0.3 + 0.12 * k,
                0.42 + 0.05 * (k % 2),
                0.38 + 0.12 * k,
                0.47 + 0.05 * (k % 2),
                c.pick("tomato", "cheese", "water"),
            )
    if "ice" in v.form:
        pen.rect(0.15, 0.2, 0.38, 0.38, c.palette["dark"], 0.1)


def toaster(pen: Pen, v: Variant, c: Paint) -> None:
    """A toaster with bread in it; parts: slices; extra: how far they stand out."""
    out = 0.2 + 0.2 * v.extra
    for k in range(v.parts):
        u = 0.16 + 0.66 * k / v.parts
        bread = mix(c.palette["wood2"], c.palette["cheese"], 0.4)
        pen.rect(u, 0.38 - out, u + 0.56 / v.parts, 0.6, shade(bread, 0.75), 0.4)
        pen.rect(u + 0.03, 0.41 - out, u + 0.56 / v.parts - 0.03, 0.6, shade(bread, 1.2), 0.4)
    pen.rect(0, 0.34, 1, 0.95, c.main, v.curve)
    pen.rect(0.08, 0.34, 0.92, 0.42, shade(c.palette["dark"], 1.2), 0.4)
    pen.rect(0.1, 0.5, 0.9, 0.58, (255, 255, 255, 110), 0.5)
    if "lever" in v.form:
        pen.rect(0.98, 0.5, 1.08, 0.58, c.palette["dark"])
        pen.disc(0.82, 0.78, 0.08, c.palette["dark"])
    else:
        pen.disc(0.5, 0.76, 0.09, c.palette["trim"])
        pen.rect(-0.08, 0.45, 0.02, 0.55, c.palette["dark"])
    for u in (0.1, 0.8):
        pen.rect(u, 0.94, u + 0.1, 1, c.palette["dark"])


def coffee_machine(pen: Pen, v: Variant, c: Paint) -> None:
    """A coffee maker and cups; parts: cups; extra: size of the pot."""
    dark = c.palette["dark"]
    if "moka" in v.form:
        pen.poly([(0.15, 0.5), (0.5, 0.5), (0.58, 1), (0.08, 1)], c.palette["metal"])
        pen.poly(
            [(0.1, 0.05), (0.55, 0.05), (0.48, 0.5), (0.17, 0.5)], shade(c.palette["metal"], 1.15)
        )
        pen.line([(0.12, 0.12), (-0.08, 0.15), (-0.05, 0.45)], dark, 0.06)
    else:
        pen.rect(0, 0, 0.62, 0.2, c.main, v.curve)
        pen.rect(0.0, 0.1, 0.2, 1, c.main, 0.1)
        pen.rect(0, 0.88, 0.64, 1, shade(c.main, 0.75))
        pen.rect(0.36, 0.2, 0.44, 0.3, dark)
        pot = 0.36 + 0.2 * (1 - v.extra)
        pen.rect(0.26, pot, 0.58, 0.88, (*mix(dark, c.palette["haze"], 0.3), 255), 0.2)
        pen.rect(0.28, (pot + 0.88) / 2, 0.56, 0.87, shade(c.palette["wood"], 0.5), 0.2)
        if "button" in v.form:
            for k in range(3):
                pen.disc(0.12 + 0.14 * k, 0.1, 0.035, c.pick("tomato", "leaf", "trim"))
    for k in range(v.parts):
        _cup(pen.sub(0.68 + 0.02 * k, 0.62 - 0.22 * k, 1.0 + 0.02 * k, 1 - 0.22 * k), c)


def _cup(pen: Pen, c: Paint) -> None:
    white = c.palette["trim"]
    pen.ring(0.8, 0.5, 0.22, shade(white, 0.8), 0.1)
    pen.rect(0, 0.2, 0.78, 0.95, shade(white, 0.93), 0.35)
    pen.oval(0, 0.1, 0.78, 0.36, white)
    pen.oval(0.06, 0.15, 0.72, 0.33, shade(c.palette["wood"], 0.6))


def bathtub(pen: Pen, v: Variant, c: Paint) -> None:
    """A bathtub with foam; parts: bubbles; extra: how far the water stands out."""
    shadow(pen)
    white = c.palette["trim"]
    pen.oval(0.02, 0.05, 0.98, 0.42, shade(white, 0.82))
    pen.oval(0.05, 0.1, 0.95, 0.4, c.palette["water"])
    for k in range(v.parts):
        u = 0.12 + 0.76 * k / v.parts
        pen.disc(u, 0.2 + 0.06 * (k % 2), c.near(0.13, 0.4), (255, 255, 255, 215))
    pen.pie((0.02, -0.45, 0.98, 0.9), 0, 180, white)
    if "panel" in v.form:
        pen.rect(0.0, 0.28, 1, 0.98, white, v.curve)
        pen.rect(0.06, 0.42, 0.94, 0.9, shade(white, 0.9), v.curve)
    else:
        pen.poly([(0.02, 0.25), (0.98, 0.25), (0.86, 0.88), (0.14, 0.88)], white)
        for u in (0.16, 0.76):
            pen.poly([(u, 0.85), (u + 0.1, 0.85), (u + 0.06, 1), (u + 0.02, 1)], c.palette["metal"])
    pen.rect(0, 0.2, 1, 0.3, shade(white, 0.95), 0.5)
    pen.line([(0.9, 0.2), (0.9, -0.12), (0.8, -0.12), (0.8, -0.02)], c.palette["metal"], 0.05)


def shower(pen: Pen, v: Variant, c: Paint) -> None:
    """A shower cabin with running water; parts: jets; extra: width of the glass door."""
    pen.rect(0, 0.02, 1, 0.96, shade(c.palette["tile"], 0.88))
    for k in range(10):
        pen.rect(0, k / 10, 1, k / 10 + 0.006, shade(c.palette["tile"], 1.15))
        pen.rect(k / 10, 0.02, k / 10 + 0.012, 0.96, shade(c.palette["tile"], 1.15))
    metal = shade(c.palette["metal"], 0.75)
    if "rain" in v.form:
        pen.rect(0.25, 0.08, 0.75, 0.12, metal, 0.5)
        pen.rect(0.49, 0.0, 0.52, 0.1, metal)
        span = (0.28, 0.72)
    else:
        pen.line([(0.2, 0.6), (0.2, 0.1), (0.42, 0.08)], metal, 0.035)
        pen.poly([(0.36, 0.08), (0.48, 0.06), (0.54, 0.15), (0.32, 0.17)], metal)
        span = (0.3, 0.6)
    for k in range(v.parts):
        u = span[0] + (span[1] - span[0]) * k / max(1, v.parts - 1)
        spread = (u - 0.5) * 0.35
        pen.line(
            [(u, 0.17), (u + spread, 0.86)],
            (*mix(c.palette["water"], c.palette["haze"], 0.5), 190),
            0.02,
        )
    pen.rect(0, 0.92, 1, 1, c.palette["trim"])
    glass = 0.3 + 0.35 * v.extra
    if "curtain" in v.form:
        for k in range(6):
            pen.rect(
                1 - glass + glass * k / 6,
                0.02,
                1 - glass + glass * (k + 1) / 6,
                0.94,
                shade(c.second, 0.85 + 0.15 * (k % 2)),
            )
    else:
        pen.rect(1 - glass, 0.02, 1, 0.96, (*c.palette["haze"], 120))
        pen.rect(1 - glass, 0.45, 1.02 - glass, 0.6, metal)
    for u in (0, 0.97):
        pen.rect(u, 0, u + 0.03, 1, metal)
    pen.rect(0, 0, 1, 0.02, metal)


def toilet(pen: Pen, v: Variant, c: Paint) -> None:
    """A toilet; parts: sheets on the roll beside it; extra: height of the cistern."""
    shadow(pen, 0.7)
    white = c.palette["trim"]
    top = 0.25 - 0.2 * v.extra
    if "side" in v.form:
        pen.rect(0.02, top, 0.3, 0.6, shade(white, 0.92), v.curve)
        pen.rect(0, top - 0.04, 0.32, top + 0.04, white, 0.4)
        pen.pie((0.1, 0.2, 0.98, 0.92), 0, 180, white)
        pen.poly([(0.25, 0.7), (0.7, 0.7), (0.62, 1), (0.3, 1)], shade(white, 0.85))
        pen.rect(0.18, 0.5, 0.98, 0.58, shade(white, 0.8), 0.5)
    else:
        pen.rect(0.18, top, 0.82, 0.46, shade(white, 0.93), v.curve)
        pen.rect(0.15, top - 0.03, 0.85, top + 0.05, white, 0.4)
        pen.disc(0.5, top + 0.12, 0.035, c.palette["metal"])
        pen.poly([(0.26, 0.6), (0.74, 0.6), (0.66, 1), (0.34, 1)], shade(white, 0.84))
        pen.oval(0.14, 0.42, 0.86, 0.82, white)
        pen.oval(0.24, 0.48, 0.76, 0.74, shade(white, 0.72))
        pen.oval(0.32, 0.54, 0.68, 0.7, c.palette["water"])
    if v.parts:
        pen.rect(1.05, 0.4, 1.2, 0.5, white, 0.3)
        pen.rect(1.08, 0.45, 1.17, 0.5 + 0.06 * v.parts, shade(white, 0.95))


def basin(pen: Pen, v: Variant, c: Paint) -> None:
    """A wash basin on a cupboard."""
    pen.rect(0.06, 0.3, 0.94, 1, c.main, v.curve)
    pen.rect(0.49, 0.36, 0.51, 0.98, shade(c.main, 0.7))
    pen.rect(0, 0.16, 1, 0.36, c.palette["trim"], 0.4)
    pen.line([(0.5, 0.18), (0.5, 0.0), (0.6, 0.0), (0.6, 0.08)], c.palette["metal"], 0.06)


def plate(pen: Pen, v: Variant, c: Paint) -> None:
    """A dish seen from above at an angle; parts: pieces; extra: rim."""
    white = c.second if "bowl" in v.form else c.palette["trim"]
    pen.oval(-0.02, 0.1, 1.02, 1.04, (0, 0, 0, 60))
    pen.oval(0, 0, 1, 0.98, shade(white, 0.88))
    pen.oval(0.02, 0.0, 0.98, 0.94, white)
    rim = 0.08 + 0.12 * v.extra
    pen.oval(rim, rim * 0.9, 1 - rim, 0.95 - rim, shade(white, 0.93))
    dish = pen.sub(rim, rim, 1 - rim, 0.94 - rim)
    for word, cook in _DISHES.items():
        if word in v.form:
            cook(dish, v, c)
    if "cutlery" in v.form:
        pen.rect(1.06, 0.1, 1.1, 0.95, c.palette["metal"], 0.5)
        pen.rect(-0.12, 0.1, -0.08, 0.95, c.palette["metal"], 0.5)


def _pizza(dish: Pen, v: Variant, c: Paint) -> None:
    dish.oval(0, 0, 1, 1, shade(c.palette["cheese"], 0.75))
    dish.oval(0.06, 0.06, 0.94, 0.94, c.palette["cheese"])
    for k in range(v.parts):
        angle, far = 2.4 * k, 0.12 + 0.26 * ((k * 7) % 5) / 5
        u, y = 0.5 + far * math.cos(angle), 0.5 + far * math.sin(angle)
        dish.oval(
            u - 0.08, y - 0.08, u + 0.08, y + 0.08, c.palette["salad" if k % 3 == 2 else "tomato"]
        )


def _salad(dish: Pen, v: Variant, c: Paint) -> None:
    for k in range(v.parts * 2):
        angle, far = 2.4 * k, 0.36 * ((k * 5) % 7) / 7
        u, y = 0.5 + far * math.cos(angle), 0.5 + far * math.sin(angle)
        role = ("salad", "leaf", "salad", "tomato", "cheese")[k % 5]
        dish.oval(u - 0.15, y - 0.1, u + 0.15, y + 0.1, shade(c.palette[role], c.near(1.0)))


def _cake(dish: Pen, v: Variant, c: Paint) -> None:
    dish.poly([(0.15, 0.45), (0.8, 0.2), (0.9, 0.5), (0.9, 0.8), (0.2, 0.85)], c.palette["cheese"])
    for k in range(v.parts):
        dish.line([(0.17, 0.5 + 0.1 * k), (0.9, 0.42 + 0.12 * k)], c.palette["tomato"], 0.05)
    dish.poly([(0.15, 0.45), (0.8, 0.2), (0.9, 0.45), (0.2, 0.56)], c.palette["fabric3"])
    dish.disc(0.6, 0.28, 0.1, c.palette["tomato"])


def _steak(dish: Pen, v: Variant, c: Paint) -> None:
    dish.rect(0.1, 0.2, 0.62, 0.75, shade(c.palette["wood"], 0.9), 0.5)
    for k in range(3):
        dish.line([(0.18 + 0.13 * k, 0.25), (0.22 + 0.13 * k, 0.7)], c.palette["dark"], 0.03)
    for k in range(v.parts):
        dish.rect(
            0.66, 0.2 + 0.6 * k / v.parts, 0.95, 0.25 + 0.6 * k / v.parts, c.palette["cheese"]
        )
    dish.oval(0.35, 0.7, 0.7, 0.95, c.palette["salad"])


def _burger(dish: Pen, v: Variant, c: Paint) -> None:
    bun = mix(c.palette["wood2"], c.palette["cheese"], 0.5)
    dish.pie((0.15, 0.0, 0.85, 0.8), 180, 360, bun)
    for k, role in enumerate(("salad", "tomato", "wood", "cheese")[: v.parts]):
        dish.rect(0.12, 0.4 + 0.1 * k, 0.88, 0.5 + 0.1 * k, c.palette[role], 0.5)
    dish.rect(0.15, 0.42 + 0.1 * v.parts, 0.85, 0.56 + 0.1 * v.parts, bun, 0.4)


def _soup(dish: Pen, v: Variant, c: Paint) -> None:
    dish.oval(0, 0, 1, 1, c.palette["tomato" if v.parts % 2 else "cheese"])
    for k in range(v.parts):
        dish.oval(
            0.2 + 0.6 * k / v.parts,
            0.3 + 0.2 * (k % 2),
            0.3 + 0.6 * k / v.parts,
            0.42 + 0.2 * (k % 2),
            c.palette["salad"],
        )


def _eggs(dish: Pen, v: Variant, c: Paint) -> None:
    for k in range(v.parts):
        u = 0.08 + 0.32 * k
        dish.oval(u, 0.15 + 0.2 * (k % 2), u + 0.42, 0.55 + 0.2 * (k % 2), c.palette["trim"])
        dish.oval(
            u + 0.13, 0.26 + 0.2 * (k % 2), u + 0.29, 0.42 + 0.2 * (k % 2), c.palette["cheese"]
        )
    dish.rect(0.2, 0.7, 0.8, 0.8, c.palette["tomato"], 0.5)


_DISHES = {
    "pizza": _pizza,
    "salad": _salad,
    "cake": _cake,
    "steak": _steak,
    "burger": _burger,
    "soup": _soup,
    "eggs": _eggs,
}
