"""Terraces and balconies."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def patio(pen: Pen, v: Variant, c: Paint) -> None:
    """A terrace table with chairs and a parasol; parts: stripes; extra: size of the parasol."""
    shadow(pen)
    pen.rect(0.485, 0.1, 0.515, 0.95, c.palette["wood"])
    half = 0.38 + 0.12 * v.extra
    for k in range(v.parts):
        u0, u1 = 0.5 - half + 2 * half * k / v.parts, 0.5 - half + 2 * half * (k + 1) / v.parts
        fill = c.main if k % 2 == 0 else c.palette["fabric3"]
        if "square" in v.form:
            pen.poly(
                [
                    (u0, 0.22),
                    (u1, 0.22),
                    (0.5 + (u1 - 0.5) * 0.75, 0.06),
                    (0.5 + (u0 - 0.5) * 0.75, 0.06),
                ],
                fill,
            )
        else:
            pen.poly([(u0, 0.3), (u1, 0.3), (0.5, 0.0)], fill)
    pen.oval(0.25, 0.6, 0.75, 0.72, c.palette["wood2"])
    pen.rect(0.44, 0.54, 0.48, 0.64, c.palette["water"])
    pen.rect(0.54, 0.56, 0.58, 0.64, c.palette["tomato"])
    for u in (0.04, 0.78):
        pen.rect(u, 0.48, u + 0.18, 0.74, shade(c.main, 0.85), v.curve)
        pen.rect(u - 0.01, 0.72, u + 0.19, 0.79, shade(c.main, 1.1), 0.3)
        for leg in (u, u + 0.15):
            pen.rect(leg, 0.78, leg + 0.03, 1, c.palette["wood"])


def railing(pen: Pen, v: Variant, c: Paint) -> None:
    """A balcony seen from inside: floor, railing, door frame; parts: bars; extra: frame."""
    pen.rect(0, 0.6, 1, 1.02, c.palette["floor"])
    for k in range(6):
        pen.line(
            [(0.5 + (k / 5 - 0.5) * 0.7, 0.6), (0.5 + (k / 5 - 0.5) * 1.8, 1.02)],
            shade(c.palette["floor"], 0.8),
            0.008,
        )
    _bars(pen, v, c)
    pen.rect(0, 0.24, 1, 0.3, shade(c.main, 1.1))
    _frame(pen, v, c)
    if "chairs" in v.form:
        for u in (0.18, 0.68):
            pen.rect(u, 0.42, u + 0.14, 0.74, c.second, 0.3)
            pen.rect(u - 0.01, 0.7, u + 0.16, 0.77, shade(c.second, 1.15), 0.3)
            pen.rect(u, 0.76, u + 0.02, 0.98, c.palette["dark"])
            pen.rect(u + 0.13, 0.76, u + 0.15, 0.98, c.palette["dark"])
        pen.oval(0.38, 0.62, 0.62, 0.7, c.palette["wood2"])
        pen.rect(0.49, 0.68, 0.51, 0.95, c.palette["dark"])


def _bars(pen: Pen, v: Variant, c: Paint) -> None:
    bar = c.main
    if "glass" in v.form:
        pen.rect(0, 0.3, 1, 0.62, (*c.palette["haze"], 110))
        for k in range(4):
            pen.rect(k / 3 - 0.012, 0.26, k / 3 + 0.012, 0.64, bar)
    elif "wall" in v.form:
        pen.rect(0, 0.34, 1, 0.64, c.palette["plaster"])
        for k in range(v.parts):
            pen.rect(
                k / v.parts + 0.02,
                0.4,
                (k + 0.6) / v.parts,
                0.58,
                shade(c.palette["plaster"], 0.6),
                v.curve,
            )
    else:
        for k in range(v.parts):
            pen.rect(k / v.parts, 0.28, k / v.parts + 0.014, 0.63, bar)
        pen.rect(0, 0.6, 1, 0.63, bar)


def _frame(pen: Pen, v: Variant, c: Paint) -> None:
    side = 0.06 + 0.06 * v.extra
    if "frame" in v.form:
        pen.rect(0, -0.9, side, 1.02, c.palette["trim"])
        pen.rect(1 - side, -0.9, 1, 1.02, c.palette["trim"])
    if "curtain" in v.form:
        for k in range(4):
            pen.rect(
                side * k * 0.6,
                -0.9,
                side * (k * 0.6 + 0.5),
                0.9,
                shade(c.palette["fabric3"], 0.85 + 0.1 * (k % 2)),
            )
