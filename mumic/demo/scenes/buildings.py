"""Houses and monuments."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import Colour, mix, shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


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
