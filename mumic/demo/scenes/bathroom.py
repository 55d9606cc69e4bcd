"""Bathtubs, showers, toilets and wash basins."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


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
