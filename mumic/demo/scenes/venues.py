"""Museums and shops."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def museum(pen: Pen, v: Variant, c: Paint) -> None:
    """A statue on a plinth, exhibits and a rope barrier; parts: posts; extra: plinth."""
    stone = shade(c.palette["trim"], 0.92)
    plinth = 0.62 + 0.14 * v.extra
    if "case" in v.form:
        pen.rect(0.32, plinth - 0.42, 0.68, plinth, (*c.palette["haze"], 130))
        pen.poly(
            [(0.42, plinth - 0.3), (0.58, plinth - 0.3), (0.54, plinth), (0.46, plinth)],
            c.palette["brick"],
        )
        pen.oval(0.4, plinth - 0.34, 0.6, plinth - 0.24, shade(c.palette["brick"], 0.7))
    elif "bust" in v.form:
        pen.pie((0.3, plinth - 0.2, 0.7, plinth + 0.2), 180, 360, stone)
        pen.rect(0.45, plinth - 0.3, 0.55, plinth - 0.15, shade(stone, 0.85))
        pen.oval(0.39, plinth - 0.52, 0.61, plinth - 0.22, stone)
    else:
        pen.poly(
            [(0.42, plinth - 0.42), (0.6, plinth - 0.42), (0.66, plinth), (0.38, plinth)], stone
        )
        pen.line([(0.58, plinth - 0.38), (0.74, plinth - 0.5), (0.7, plinth - 0.64)], stone, 0.07)
        pen.line([(0.44, plinth - 0.38), (0.34, plinth - 0.2)], shade(stone, 0.85), 0.07)
        pen.oval(0.44, plinth - 0.6, 0.57, plinth - 0.42, stone)
    pen.rect(0.28, plinth, 0.72, plinth + 0.05, shade(stone, 1.05))
    pen.rect(0.32, plinth + 0.05, 0.68, 0.96, shade(stone, 0.8))
    pen.rect(0.42, plinth + 0.1, 0.58, plinth + 0.17, c.palette["cheese"])
    for k in range(v.parts):
        u = k / max(1, v.parts - 1)
        pen.rect(u - 0.012, 0.74, u + 0.012, 1, c.palette["cheese"])
        pen.disc(u, 0.74, 0.03, c.palette["cheese"])
        if k:
            before = (k - 1) / (v.parts - 1)
            pen.line(
                [(before, 0.78), ((before + u) / 2, 0.88), (u, 0.78)], c.palette["tomato"], 0.035
            )


def shop(pen: Pen, v: Variant, c: Paint) -> None:
    """A shop: shelves of goods or a rack of clothes, and carrier bags; parts: shelves."""
    shadow(pen)
    if "rack" in v.form:
        pen.rect(0.02, 0.12, 0.98, 0.15, c.palette["metal"])
        for u in (0.03, 0.95):
            pen.rect(u, 0.12, u + 0.02, 1, c.palette["metal"])
        for k in range(v.parts * 3):
            u = 0.06 + 0.86 * k / (v.parts * 3)
            w = 0.8 / (v.parts * 3)
            pen.poly(
                [
                    (u, 0.22),
                    (u + w / 2, 0.15),
                    (u + w, 0.22),
                    (u + w * 0.95, 0.62 + 0.1 * (k % 2)),
                    (u + 0.02, 0.62 + 0.1 * (k % 2)),
                ],
                c.pick("fabric", "fabric2", "flower", "tomato", "water", "cheese"),
            )
    else:
        pen.rect(0, 0, 1, 0.95, c.palette["wood"])
        for k in range(v.parts):
            y0, y1 = 0.03 + 0.9 * k / v.parts, 0.03 + 0.9 * (k + 1) / v.parts - 0.03
            pen.rect(0.03, y0, 0.97, y1, shade(c.palette["wood2"], 1.1))
            for m in range(9):
                tall = (y1 - y0) * float(c.rng.uniform(0.5, 0.9))
                pen.rect(
                    0.05 + 0.1 * m,
                    y1 - tall,
                    0.12 + 0.1 * m,
                    y1,
                    c.pick("tomato", "cheese", "salad", "water", "flower", "fabric", "trim"),
                    v.curve,
                )
    if "sale" in v.form:
        pen.rect(0.3, -0.14, 0.7, 0.02, c.palette["tomato"])
        for k in range(4):
            pen.rect(0.35 + 0.08 * k, -0.1, 0.4 + 0.08 * k, -0.02, c.palette["trim"])
    for k in range(2 + ("bags" in v.form)):
        u = 0.08 + 0.3 * k
        fill = c.pick("flower", "cheese", "water", "tomato")
        pen.ring(u + 0.09, 0.72, 0.06, shade(fill, 0.6), 0.02)
        pen.poly([(u, 0.72), (u + 0.18, 0.72), (u + 0.2, 1), (u - 0.02, 1)], fill)
        pen.rect(u + 0.05, 0.82, u + 0.13, 0.9, c.palette["trim"])


def awning(pen: Pen, v: Variant, c: Paint) -> None:
    """A shop front with an awning and a display; parts: stripes."""
    pen.rect(0, 0, 1, 1, c.main)
    pen.rect(0.06, 0.4, 0.62, 0.92, c.palette["glow"])
    for k in range(5):
        u = 0.09 + 0.1 * k
        pen.rect(
            u,
            0.62 + 0.05 * (k % 2),
            u + 0.08,
            0.9,
            c.pick("flower", "tomato", "water", "fabric", "salad"),
            0.2,
        )
    pen.rect(0.68, 0.42, 0.92, 1, c.palette["wood"])
    pen.rect(0.71, 0.46, 0.89, 0.8, c.palette["haze"])
    for k in range(v.parts):
        u0, u1 = k / v.parts, (k + 1) / v.parts
        fill = c.second if k % 2 else c.palette["trim"]
        pen.poly([(u0, 0.22), (u1, 0.22), (u1 + 0.02, 0.38), (u0 - 0.02, 0.38)], fill)
        pen.pie((u0 - 0.02, 0.33, u1 + 0.02, 0.44), 0, 180, fill)
    pen.rect(0.1, 0.06, 0.9, 0.18, c.palette["dark"])
    for k in range(7):
        pen.rect(0.16 + 0.1 * k, 0.09, 0.22 + 0.1 * k, 0.15, c.palette["cheese"])
