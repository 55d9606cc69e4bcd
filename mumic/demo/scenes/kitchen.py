"""Kitchens and what stands in them."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


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
