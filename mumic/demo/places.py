"""Houses, monuments, streets and what stands in them."""

import math

from mumic.demo.canvas import Pen
from mumic.demo.colour import Colour, mix, shade
from mumic.demo.furniture import shadow
from mumic.demo.variant import Paint, Variant


def _pane(c: Paint) -> Colour:
    lit = c.night and c.rng.random() < 0.7
    return c.palette["glow"] if lit else mix(c.palette["sky"], c.palette["dark"], 0.45)


def _windows(pen: Pen, rows: int, columns: int, c: Paint, shutters: bool = False) -> None:
    frame = c.palette["trim"]
    for row in range(rows):
        for column in range(columns):
            u, y = (column + 0.22) / columns, (row + 0.2) / rows
            w, h = 0.56 / columns, 0.56 / rows
            if shutters:
                pen.rect(u - 0.4 * w, y, u + 1.4 * w, y + h, c.palette["leaf"])
            pen.rect(u - 0.06 * w, y - 0.05 * h, u + 1.06 * w, y + 1.08 * h, frame)
            pen.rect(u + 0.06 * w, y + 0.06 * h, u + 0.94 * w, y + 0.96 * h, _pane(c))


def _entrance(pen: Pen, u: float, wide: float, top: float, c: Paint) -> None:
    pen.rect(
        u - wide / 2 - 0.01, top - 0.015, u + wide / 2 + 0.01, 1, shade(c.palette["wood"], 0.6)
    )
    pen.rect(
        u - wide / 2, top, u + wide / 2, 1, c.palette["glow"] if c.night else c.palette["wood"]
    )


def house(pen: Pen, v: Variant, c: Paint) -> None:
    """A house or hotel; parts: storeys; extra: height of the roof."""
    shadow(pen)
    wall = c.main
    roof = 0.12 + 0.28 * v.extra if "flat" not in v.form else 0.03
    pen.rect(0.05, roof, 0.95, 1, wall)
    pen.rect(0.7, roof, 0.95, 1, shade(wall, 0.86))
    columns = max(2, round(3 * v.ratio))
    facade = pen.sub(0.07, roof + 0.03, 0.93, 0.78 if v.parts > 1 else 0.7)
    _windows(facade, v.parts, columns, c, "shutter" in v.form)
    if "gable" in v.form:
        pen.poly([(-0.02, roof + 0.02), (0.5, -0.02), (1.02, roof + 0.02)], c.palette["roof"])
        pen.poly([(0.05, roof + 0.02), (0.5, 0.06), (0.95, roof + 0.02)], shade(wall, 0.92))
        pen.rect(0.44, roof * 0.5, 0.56, roof * 0.85, _pane(c))
    elif "hip" in v.form:
        pen.poly(
            [(-0.02, roof + 0.01), (0.16, 0), (0.84, 0), (1.02, roof + 0.01)], c.palette["roof"]
        )
        pen.rect(0.72, -0.08, 0.8, 0.06, c.palette["brick"])
    else:
        pen.rect(0.02, 0, 0.98, roof + 0.02, shade(wall, 0.75))
    if "log" in v.form:
        for k in range(10):
            pen.rect(
                0.05,
                roof + (1 - roof) * k / 10,
                0.95,
                roof + (1 - roof) * k / 10 + 0.008,
                shade(wall, 0.7),
            )
    _entrance(pen, 0.5, 0.13, 0.8, c)
    if "sign" in v.form:
        pen.rect(0.3, 0.73, 0.7, 0.79, c.palette["dark"])
        for k in range(5):
            pen.rect(0.34 + 0.07 * k, 0.745, 0.38 + 0.07 * k, 0.775, c.palette["glow"])


def tower(pen: Pen, v: Variant, c: Paint) -> None:
    """A tall block; parts: storeys; extra: width of the glass."""
    shadow(pen)
    pen.rect(0, 0, 1, 1, c.main)
    pen.rect(0.72, 0, 1, 1, shade(c.main, 0.8))
    if "glass" in v.form:
        for k in range(v.parts):
            y = 0.03 + 0.82 * k / v.parts
            pen.rect(0.05, y, 0.95, y + 0.55 / v.parts, _pane(c))
        for k in range(1, 5):
            pen.rect(k / 5, 0, k / 5 + 0.02, 0.86, c.main)
    else:
        _windows(pen.sub(0.04, 0.02, 0.96, 0.86), v.parts, 4, c)
    if "balcony" in v.form:
        for k in range(v.parts):
            y = 0.02 + 0.84 * (k + 0.75) / v.parts
            pen.rect(0.02, y, 0.98, y + 0.025, c.palette["trim"])
    _entrance(pen, 0.5, 0.3, 0.89, c)


def castle(pen: Pen, v: Variant, c: Paint) -> None:
    """A castle; parts: towers; extra: height of the spires."""
    stone = c.main
    pen.rect(0.06, 0.48, 0.94, 1, stone)
    for k in range(9):
        pen.rect(0.06 + 0.1 * k, 0.43, 0.12 + 0.1 * k, 0.5, stone)
    _blocks(pen.sub(0.06, 0.5, 0.94, 1), stone, c)
    for k in range(v.parts):
        u = 0.02 + 0.8 * k / max(1, v.parts - 1)
        top = 0.26 - 0.08 * (k % 2)
        pen.rect(u, top, u + 0.16, 1, shade(stone, 0.9 - 0.06 * (k % 2)))
        pen.rect(u + 0.06, top + 0.12, u + 0.1, top + 0.24, _pane(c))
        if "spire" in v.form:
            pen.poly(
                [(u - 0.03, top), (u + 0.08, top - 0.12 - 0.14 * v.extra), (u + 0.19, top)],
                c.palette["roof"],
            )
        else:
            for m in range(3):
                pen.rect(
                    u - 0.01 + 0.065 * m,
                    top - 0.07,
                    u + 0.035 + 0.065 * m,
                    top + 0.01,
                    shade(stone, 0.9),
                )
        if "flag" in v.form and k % 2 == 0:
            pen.line([(u + 0.08, top - 0.1), (u + 0.08, top - 0.36)], c.palette["dark"], 0.012)
            pen.poly(
                [(u + 0.08, top - 0.36), (u + 0.2, top - 0.31), (u + 0.08, top - 0.26)],
                c.palette["tomato"],
            )
    pen.pie((0.4, 0.64, 0.6, 1.0), 180, 360, c.palette["dark"])
    pen.rect(0.4, 0.81, 0.6, 1, c.palette["dark"])


def _blocks(pen: Pen, stone: Colour, c: Paint) -> None:
    for _ in range(22):
        u, y = float(c.rng.uniform(0, 0.92)), float(c.rng.uniform(0, 0.9))
        pen.rect(u, y, u + 0.07, y + 0.07, shade(stone, float(c.rng.uniform(0.82, 1.1))))


def temple(pen: Pen, v: Variant, c: Paint) -> None:
    """A temple with columns; parts: columns; extra: height of the pediment."""
    stone = c.main
    roof = 0.14 + 0.2 * v.extra
    if "dome" in v.form:
        pen.pie((0.2, -0.22, 0.8, 0.6), 180, 360, shade(stone, 0.9))
        pen.rect(0.47, -0.32, 0.53, -0.15, stone)
        roof = 0.2
    else:
        pen.poly([(-0.02, roof), (0.5, 0.0), (1.02, roof)], shade(stone, 0.94))
        pen.poly([(0.12, roof - 0.02), (0.5, 0.05), (0.88, roof - 0.02)], shade(stone, 0.8))
    pen.rect(0, roof, 1, roof + 0.09, shade(stone, 1.06))
    pen.rect(0.04, roof + 0.09, 0.96, 0.88, shade(stone, 0.45))
    for k in range(v.parts):
        u = 0.03 + 0.94 * (k + 0.5) / v.parts
        w = 0.26 / v.parts
        top = roof + 0.09 + (0.25 * ((k * 3) % 4) / 4 if "ruin" in v.form else 0)
        pen.rect(u - w, top, u + w, 0.88, shade(stone, 1.1))
        pen.rect(u + w * 0.3, top, u + w, 0.88, shade(stone, 0.86))
        pen.rect(u - w * 1.4, top, u + w * 1.4, top + 0.04, stone)
    for k in range(3):
        pen.rect(
            0.02 - 0.03 * k,
            0.87 + 0.045 * k,
            0.98 + 0.03 * k,
            0.92 + 0.045 * k,
            shade(stone, 1.0 - 0.08 * k),
        )


def church(pen: Pen, v: Variant, c: Paint) -> None:
    """An old church; parts: arched windows; extra: height of the spire."""
    stone = c.main
    pen.rect(0.3, 0.5, 1, 1, stone)
    pen.poly([(0.26, 0.52), (0.38, 0.3), (0.94, 0.3), (1.04, 0.52)], c.palette["roof"])
    for k in range(v.parts):
        u = 0.4 + 0.56 * k / v.parts
        pen.pie((u, 0.6, u + 0.1, 0.74), 180, 360, _pane(c))
        pen.rect(u, 0.67, u + 0.1, 0.85, _pane(c))
    spire = 0.3 - 0.25 * v.extra
    pen.rect(0.05, 0.32, 0.33, 1, shade(stone, 0.88))
    if "onion" in v.form:
        pen.oval(0.03, spire, 0.35, 0.38, c.palette["roof"])
        pen.poly(
            [(0.13, spire + 0.05), (0.19, spire - 0.16), (0.25, spire + 0.05)], c.palette["roof"]
        )
    else:
        pen.poly([(0.02, 0.34), (0.19, spire - 0.12), (0.36, 0.34)], c.palette["roof"])
    pen.disc(0.19, 0.46, 0.07, c.palette["trim"])
    pen.pie((0.12, 0.74, 0.26, 0.98), 180, 360, c.palette["dark"])
    pen.rect(0.12, 0.86, 0.26, 1, c.palette["dark"])
    pen.line([(0.19, spire - 0.26), (0.19, spire - 0.1)], c.palette["dark"], 0.015)
    pen.line([(0.15, spire - 0.21), (0.23, spire - 0.21)], c.palette["dark"], 0.015)


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
