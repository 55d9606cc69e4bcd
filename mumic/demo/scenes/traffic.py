"""Streets, car parks and what moves."""

import math

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def street(pen: Pen, v: Variant, c: Paint) -> None:
    """A road in perspective; parts: dashes; extra: place of the vanishing point."""
    centre = 0.3 + 0.4 * v.extra
    pen.rect(0, 0, 1, 1.02, shade(c.palette["tile"], 0.95))
    pen.poly(
        [(centre - 0.06, 0), (centre + 0.06, 0), (0.96, 1.02), (0.04, 1.02)], c.palette["road"]
    )
    for sign in (-1, 1):
        pen.line([(centre + 0.06 * sign, 0), (0.5 + 0.46 * sign, 1)], c.palette["trim"], 0.02)
    if "cobble" in v.form:
        for _ in range(40):
            y = float(c.rng.uniform(0.1, 0.98))
            u = centre + (0.5 - centre) * y + (0.05 + 0.38 * y) * float(c.rng.uniform(-1, 1))
            pen.oval(
                u, y, u + 0.05, y + 0.05, shade(c.palette["road"], float(c.rng.uniform(0.8, 1.25)))
            )
        return
    for k in range(v.parts):
        y0, y1 = (k / v.parts) ** 1.4, ((k + 0.55) / v.parts) ** 1.4
        u0, u1 = centre + (0.5 - centre) * y0, centre + (0.5 - centre) * y1
        pen.poly(
            [
                (u0 - 0.006 - 0.02 * y0, y0),
                (u0 + 0.006 + 0.02 * y0, y0),
                (u1 + 0.006 + 0.02 * y1, y1),
                (u1 - 0.006 - 0.02 * y1, y1),
            ],
            c.palette["trim"],
        )
    if "zebra" in v.form:
        for k in range(7):
            pen.poly(
                [
                    (0.15 + 0.1 * k, 0.68),
                    (0.21 + 0.1 * k, 0.68),
                    (0.22 + 0.11 * k - 0.02, 0.84),
                    (0.13 + 0.11 * k, 0.84),
                ],
                c.palette["trim"],
            )


def parking(pen: Pen, v: Variant, c: Paint) -> None:
    """A car park with marked bays and parked cars; parts: bays; extra: share taken."""
    pen.rect(0, 0, 1, 1.02, c.palette["road"])
    for k in range(v.parts + 1):
        u = k / v.parts
        lean = 0.25 * (u - 0.5) if "fan" in v.form else 0.08
        pen.line([(u, 0.1), (u + lean, 0.62)], c.palette["trim"], 0.025)
    for k in range(v.parts):
        if c.rng.random() < v.extra:
            u = k / v.parts
            _car_front(pen.sub(u + 0.1 / v.parts, 0.0, u + 0.95 / v.parts, 0.48), c)
    pen.rect(0.03, -0.35, 0.05, 0.3, c.palette["metal"])
    pen.rect(-0.02, -0.55, 0.1, -0.2, c.palette["water"], 0.15)
    pen.rect(0.02, -0.5, 0.035, -0.26, c.palette["trim"])
    pen.ring(0.048, -0.43, 0.06, c.palette["trim"], 0.03)


def _car_front(pen: Pen, c: Paint) -> None:
    paint = c.pick("tomato", "fabric", "metal", "trim", "water", "dark", "cheese")
    pen.poly([(0.2, 0.1), (0.8, 0.1), (0.92, 0.5), (0.08, 0.5)], shade(paint, 0.9))
    pen.poly(
        [(0.26, 0.16), (0.74, 0.16), (0.82, 0.46), (0.18, 0.46)],
        mix(c.palette["sky"], c.palette["dark"], 0.3),
    )
    pen.rect(0.02, 0.45, 0.98, 0.86, paint, 0.3)
    for u in (0.08, 0.74):
        pen.rect(u, 0.55, u + 0.18, 0.68, c.palette["glow"], 0.5)
        pen.rect(u, 0.84, u + 0.18, 1, c.palette["dark"], 0.2)


def car(pen: Pen, v: Variant, c: Paint) -> None:
    """A car from its side; parts: windows; extra: height of the cabin."""
    shadow(pen)
    roof = 0.2 - 0.15 * v.extra
    pen.poly([(0.18, 0.48), (0.3, roof), (0.72, roof), (0.86, 0.48)], shade(c.main, 0.9))
    glass = mix(c.palette["sky"], c.palette["dark"], 0.25)
    for k in range(v.parts):
        u = 0.27 + 0.5 * k / v.parts
        pen.poly(
            [
                (u + 0.02, 0.45),
                (u + 0.05, roof + 0.07),
                (u + 0.44 / v.parts, roof + 0.07),
                (u + 0.46 / v.parts, 0.45),
            ],
            glass,
        )
    pen.rect(0, 0.44, 1, 0.84, c.main, v.curve)
    pen.rect(0.94, 0.52, 1, 0.64, c.palette["glow"])
    for u in (0.22, 0.78):
        pen.disc(u, 0.82, 0.18, c.palette["dark"])
        pen.disc(u, 0.82, 0.08, c.palette["metal"])


def bicycle(pen: Pen, v: Variant, c: Paint) -> None:
    """A bicycle; parts: spokes; extra: shape of the handlebar."""
    dark, frame = c.palette["dark"], c.main
    for u in (0.22, 0.78):
        pen.ring(u, 0.68, 0.31, dark, 0.06)
        for k in range(v.parts):
            angle = math.pi * k / v.parts
            du, dv = 0.3 * math.cos(angle) * pen.height / pen.width, 0.3 * math.sin(angle)
            pen.line([(u - du, 0.68 - dv), (u + du, 0.68 + dv)], c.palette["metal"], 0.012)
    pen.line([(0.22, 0.68), (0.38, 0.3), (0.68, 0.3), (0.48, 0.68), (0.22, 0.68)], frame, 0.07)
    pen.line([(0.38, 0.3), (0.48, 0.68)], frame, 0.07)
    if "step" in v.form:
        pen.line([(0.7, 0.4), (0.5, 0.62)], frame, 0.07)
    pen.line([(0.78, 0.68), (0.66, 0.18)], frame, 0.06)
    pen.line([(0.38, 0.32), (0.36, 0.2)], dark, 0.05)
    pen.rect(0.28, 0.14, 0.46, 0.21, dark, 0.5)
    pen.line([(0.58 + 0.1 * v.extra, 0.06), (0.66, 0.16), (0.76, 0.08 + 0.1 * v.extra)], dark, 0.06)
    if "basket" in v.form:
        pen.poly([(0.7, 0.16), (0.94, 0.16), (0.9, 0.4), (0.74, 0.4)], c.palette["wood2"])
    pen.disc(0.48, 0.68, 0.07, c.palette["metal"])


def boat(pen: Pen, v: Variant, c: Paint) -> None:
    """A boat; parts: sails or windows; extra: height of the hull."""
    hull = 0.74 - 0.2 * v.extra
    if "sail" in v.form:
        pen.rect(0.47, 0, 0.5, hull, c.palette["wood"])
        pen.poly([(0.52, 0.03), (0.52, hull - 0.06), (0.92, hull - 0.06)], c.palette["trim"])
        if v.parts > 1:
            pen.poly([(0.45, 0.1), (0.45, hull - 0.06), (0.12, hull - 0.06)], c.second)
    elif "row" in v.form:
        pen.line([(0.3, hull + 0.02), (0.05, hull - 0.3)], c.palette["wood2"], 0.04)
        pen.line([(0.65, hull + 0.02), (0.95, hull - 0.3)], c.palette["wood2"], 0.04)
    else:
        pen.rect(0.25, hull - 0.3, 0.75, hull + 0.05, c.palette["trim"], 0.15)
        for k in range(v.parts):
            u = 0.3 + 0.42 * k / v.parts
            pen.rect(
                u,
                hull - 0.22,
                u + 0.3 / v.parts,
                hull - 0.08,
                mix(c.palette["sky"], c.palette["dark"], 0.3),
            )
        if "ferry" in v.form:
            pen.rect(0.44, hull - 0.55, 0.56, hull - 0.28, c.palette["tomato"])
    pen.poly([(0, hull), (1, hull), (0.86, 0.95), (0.16, 0.95)], c.main)
    pen.poly([(0, hull), (1, hull), (0.98, hull + 0.07), (0.02, hull + 0.07)], c.palette["trim"])
    pen.oval(-0.05, 0.88, 1.05, 1.02, (*c.palette["haze"], 120))
