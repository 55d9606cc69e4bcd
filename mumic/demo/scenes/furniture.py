"""Beds, seats, tables and other furniture."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.variant import Paint, Variant


def shadow(pen: Pen, width: float = 1.0) -> None:
    """Lay a soft shadow at the foot of the box."""
    for k in range(3):
        grow = 0.04 * k
        pen.oval(
            0.5 - width / 2 - grow,
            0.93 - grow,
            0.5 + width / 2 + grow,
            1.05 + grow / 2,
            (0, 0, 0, 26),
        )


def bed(pen: Pen, v: Variant, c: Paint) -> None:
    """A bed from its foot ("front") or its side; extra: height of the headboard."""
    shadow(pen)
    (_bed_front if "front" in v.form else _bed_side)(pen, v, c)


def _headboard(pen: Pen, v: Variant, c: Paint) -> None:
    wood = c.pick("wood", "wood2", "fabric2")
    if "arch" in v.form:
        pen.oval(0, 0, 1, 0.9, wood)
        pen.rect(0, 0.45, 1, 1, wood)
        pen.oval(0.06, 0.08, 0.94, 0.9, shade(wood, 1.15))
    elif "slats" in v.form:
        for k in range(9):
            pen.rect(k / 9, 0.1, k / 9 + 0.06, 1, wood)
        pen.rect(0, 0, 1, 0.14, wood)
    elif "tufted" in v.form:
        pen.rect(0, 0, 1, 1, c.second, 0.2)
        for k in range(18):
            pen.disc((k % 6 + 0.5) / 6, (k // 6 + 0.5) / 3, 0.05, shade(c.second, 0.7))
    else:
        pen.rect(0, 0, 1, 1, wood, v.curve)
        pen.rect(0.05, 0.12, 0.95, 0.9, shade(wood, 1.18), v.curve)


def _bed_front(pen: Pen, v: Variant, c: Paint) -> None:
    linen, top = c.palette["fabric3"], 0.12 + 0.3 * v.extra
    _headboard(pen.sub(0.08, 0, 0.92, top + 0.25), v, c)
    pen.poly([(0.12, top + 0.12), (0.88, top + 0.12), (1, 0.78), (0, 0.78)], linen)
    for k in range(v.parts):
        u = 0.14 + 0.72 * k / v.parts
        pen.rect(u, top + 0.01, u + 0.66 / v.parts, top + 0.2, shade(linen, 1.03), 0.5)
        pen.rect(u + 0.04, top + 0.15, u + 0.62 / v.parts, top + 0.2, shade(linen, 0.86), 0.5)
    fold = top + 0.3 * (0.78 - top) + 0.08
    pen.poly([(0.07, fold), (0.93, fold), (1, 0.78), (0, 0.78)], c.main)
    pen.poly(
        [(0.07, fold), (0.93, fold), (0.94, fold + 0.05), (0.06, fold + 0.05)], shade(c.main, 1.25)
    )
    pen.rect(0, 0.77, 1, 0.93, shade(c.main, 0.72), 0.1)
    for u in (0.03, 0.9):
        pen.rect(u, 0.92, u + 0.07, 1, c.palette["wood"])


def _bed_side(pen: Pen, v: Variant, c: Paint) -> None:
    linen, wood = c.palette["fabric3"], c.pick("wood", "wood2")
    head = 0.35 - 0.35 * v.extra
    _headboard(pen.sub(0, head, 0.1, 0.95), v, c)
    pen.rect(0, head, 0.07, 1, wood, 0.3)
    pen.rect(0.94, 0.5, 1, 1, wood, 0.3)
    pen.rect(0.04, 0.78, 0.97, 0.9, shade(wood, 0.9))
    pen.rect(0.05, 0.56, 0.96, 0.8, linen, v.curve)
    for k in range(v.parts):
        pen.rect(
            0.07 + 0.07 * k,
            0.42 - 0.03 * k,
            0.27 + 0.06 * k,
            0.6,
            shade(linen, 0.96 - 0.08 * k),
            0.6,
        )
    pen.rect(0.36, 0.52, 0.96, 0.8, c.main, v.curve)
    pen.rect(0.36, 0.52, 0.44, 0.8, shade(c.main, 1.25), 0.2)


def bunk_bed(pen: Pen, v: Variant, c: Paint) -> None:
    """Two bunks above each other; parts: rungs of the ladder; extra: its place."""
    shadow(pen)
    wood = c.pick("wood", "wood2", "metal")
    for level in (0.2, 0.66):
        pen.rect(0.04, level, 0.96, level + 0.13, c.palette["fabric3"], v.curve)
        pen.rect(0.06, level - 0.07, 0.24, level + 0.03, shade(c.palette["fabric3"], 0.95), 0.5)
        pen.rect(
            0.34, level - 0.03, 0.96, level + 0.12, c.main if level < 0.5 else c.second, v.curve
        )
        pen.rect(0.02, level + 0.11, 0.98, level + 0.19, wood)
    if "rail" in v.form:
        pen.rect(0.02, 0.08, 0.98, 0.11, wood)
        for k in range(7):
            pen.rect(0.04 + 0.15 * k, 0.08, 0.06 + 0.15 * k, 0.32, wood)
    for u in (0, 0.94):
        pen.rect(u, 0.02 if "post" in v.form else 0.08, u + 0.06, 1, shade(wood, 0.85))
    u = 0.12 + 0.58 * v.extra
    for side in (u, u + 0.14):
        pen.rect(side, 0.1, side + 0.025, 1, shade(wood, 1.2))
    for k in range(v.parts):
        y = 0.3 + 0.62 * k / v.parts
        pen.rect(u, y, u + 0.16, y + 0.03, shade(wood, 1.2))


def sofa(pen: Pen, v: Variant, c: Paint) -> None:
    """A sofa from the front; parts: seats; extra: height of the arms."""
    shadow(pen)
    body = c.main
    for u in (0.06, 0.88):
        pen.rect(u, 0.86, u + 0.05, 1, c.palette["dark"])
    pen.rect(0.05, 0.02, 0.95, 0.75, shade(body, 0.82), v.curve)
    pen.rect(0.05, 0.5, 0.95, 0.9, shade(body, 0.7), 0.1)
    for k in range(v.parts):
        u0, u1 = 0.13 + 0.74 * k / v.parts, 0.13 + 0.74 * (k + 1) / v.parts
        pen.rect(u0 + 0.005, 0.08, u1 - 0.005, 0.6, body, v.curve * 0.7)
        pen.rect(u0, 0.5, u1 - 0.008, 0.72, shade(body, 1.16), v.curve)
    arm = 0.5 - 0.3 * v.extra
    for u in (0, 0.87):
        pen.rect(u, arm, u + 0.13, 0.92, shade(body, 0.92), v.curve)
    if "cushion" in v.form:
        for u in (0.16, 0.66):
            pen.rect(u, 0.25, u + 0.16, 0.55, c.second, 0.3)
    if "chaise" in v.form:
        pen.rect(0.6, 0.55, 0.9, 0.97, shade(body, 1.1), v.curve)


def armchair(pen: Pen, v: Variant, c: Paint) -> None:
    """A single seat; not a sofa."""
    shadow(pen, 0.8)
    pen.rect(0.15, 0, 0.85, 0.75, shade(c.second, 0.8), v.curve)
    pen.rect(0.2, 0.5, 0.8, 0.72, shade(c.second, 1.1), 0.3)
    for u in (0.05, 0.77):
        pen.rect(u, 0.35, u + 0.18, 0.85, c.second, v.curve)
    for u in (0.12, 0.8):
        pen.rect(u, 0.84, u + 0.06, 1, c.palette["wood"])


def desk(pen: Pen, v: Variant, c: Paint) -> None:
    """A writing desk with a chair and a lamp or a computer; parts: drawers."""
    shadow(pen)
    wood = c.pick("wood", "wood2")
    pen.rect(0, 0.42, 1, 0.5, shade(wood, 1.15))
    if v.parts:
        pen.rect(0.66, 0.5, 0.97, 0.98, wood)
        for k in range(v.parts):
            y = 0.53 + 0.43 * k / v.parts
            pen.rect(0.69, y, 0.94, y + 0.36 / v.parts, shade(wood, 1.25))
            pen.disc(0.815, y + 0.18 / v.parts, 0.02, c.palette["dark"])
    for u in (0.03, 0.92):
        pen.rect(u, 0.5, u + 0.05, 1, shade(wood, 0.8))
    if "laptop" in v.form:
        pen.poly([(0.4, 0.2), (0.68, 0.2), (0.66, 0.42), (0.42, 0.42)], c.palette["dark"])
        pen.poly([(0.42, 0.22), (0.66, 0.22), (0.64, 0.4), (0.44, 0.4)], c.palette["sky"])
    if "lamp" in v.form:
        pen.line([(0.14, 0.42), (0.12, 0.2), (0.22, 0.1)], c.palette["dark"], 0.03)
        pen.poly([(0.16, 0.02), (0.3, 0.12), (0.22, 0.2)], c.palette["glow"])
    if "books" in v.form:
        for k in range(5):
            pen.rect(
                0.74 + 0.04 * k,
                0.22 + 0.03 * (k % 2),
                0.77 + 0.04 * k,
                0.42,
                c.pick("fabric", "fabric2", "flower", "leaf"),
            )
    pen.rect(0.28, 0.3 + 0.1 * v.extra, 0.54, 0.62, c.main, v.curve)
    pen.rect(0.26, 0.68, 0.56, 0.75, shade(c.main, 0.8), 0.3)
    for u in (0.28, 0.5):
        pen.rect(u, 0.74, u + 0.03, 1, c.palette["dark"])


def wardrobe(pen: Pen, v: Variant, c: Paint) -> None:
    """A wardrobe; parts: doors; extra: height of its top moulding."""
    shadow(pen)
    pen.rect(0, 0.03, 1, 0.96, shade(c.main, 0.8), v.curve)
    pen.rect(-0.03, 0, 1.03, 0.04 + 0.05 * v.extra, shade(c.main, 0.65))
    for k in range(v.parts):
        u0, u1 = 0.04 + 0.92 * k / v.parts, 0.04 + 0.92 * (k + 1) / v.parts - 0.02
        if "open" in v.form and k == v.parts - 1:
            pen.rect(u0, 0.1, u1, 0.92, c.palette["dark"])
            for m in range(5):
                w = (u1 - u0) / 5
                pen.rect(
                    u0 + m * w,
                    0.18,
                    u0 + (m + 0.75) * w,
                    0.6 + 0.06 * (m % 3),
                    c.pick("fabric", "fabric2", "flower", "fabric3"),
                )
            continue
        pen.rect(u0, 0.1, u1, 0.92, c.main)
        if "panel" in v.form:
            for y in (0.14, 0.54):
                pen.rect(u0 + 0.04, y, u1 - 0.04, y + 0.34, shade(c.main, 1.18), v.curve)
        if "louvre" in v.form:
            for m in range(12):
                pen.rect(
                    u0 + 0.03, 0.14 + 0.06 * m, u1 - 0.03, 0.17 + 0.06 * m, shade(c.main, 0.85)
                )
        knob = u1 - 0.05 if k % 2 == 0 else u0 + 0.02
        pen.rect(knob, 0.46, knob + 0.03, 0.58, c.palette["dark"])
    for u in (0.04, 0.88):
        pen.rect(u, 0.95, u + 0.08, 1, shade(c.main, 0.6))


def dining_set(pen: Pen, v: Variant, c: Paint) -> None:
    """A dining table with chairs and plates; parts: chairs; extra: length of the cloth."""
    shadow(pen, 0.9)
    wood = c.pick("wood", "wood2")
    for k in range(v.parts):
        u = 0.1 + 0.8 * k / max(1, v.parts - 1) - 0.07
        pen.rect(u, 0.02, u + 0.14, 0.5, shade(wood, 0.75), v.curve)
        pen.rect(u + 0.03, 0.07, u + 0.11, 0.3, c.main, v.curve)
    if "round" in v.form:
        pen.rect(0.46, 0.5, 0.54, 0.95, wood)
        pen.rect(0.3, 0.92, 0.7, 0.98, wood, 0.5)
        pen.oval(0.05, 0.36, 0.95, 0.62, shade(wood, 1.2))
        if v.extra > 0:
            pen.oval(0.05, 0.36, 0.95, 0.62, c.palette["fabric3"])
            pen.pie((0.05, 0.3, 0.95, 0.62 + 0.3 * v.extra), 0, 180, c.palette["fabric3"])
    else:
        for u in (0.06, 0.88):
            pen.rect(u, 0.55, u + 0.06, 1, shade(wood, 0.85))
        pen.poly([(0.08, 0.38), (0.92, 0.38), (1, 0.56), (0, 0.56)], shade(wood, 1.2))
        pen.rect(0, 0.56, 1, 0.62 + 0.2 * v.extra, c.palette["fabric3"] if v.extra else wood)
    for k in range(3):
        u = 0.2 + 0.3 * k
        pen.oval(u - 0.09, 0.42, u + 0.09, 0.53, c.palette["trim"])
        pen.oval(u - 0.05, 0.44, u + 0.05, 0.51, shade(c.palette["trim"], 0.85))
    pen.rect(0.48, 0.22, 0.54, 0.44, mix(c.palette["leaf"], c.palette["water"], 0.4), 0.4)
    for u in (0.0, 0.8):
        if "near" in v.form:
            pen.rect(u, 0.5, u + 0.2, 0.72, shade(c.main, 0.9), v.curve)
            pen.rect(u + 0.02, 0.7, u + 0.05, 1, shade(wood, 0.7))
            pen.rect(u + 0.15, 0.7, u + 0.18, 1, shade(wood, 0.7))


def reception(pen: Pen, v: Variant, c: Paint) -> None:
    """A reception counter with keys behind it; parts: panels; extra: depth of its top."""
    shadow(pen)
    rack = c.palette["wood"]
    pen.rect(0.22, 0, 0.78, 0.4, rack)
    for k in range(18):
        u, y = 0.25 + 0.088 * (k % 6), 0.04 + 0.12 * (k // 6)
        pen.rect(u, y, u + 0.07, y + 0.09, shade(rack, 0.55))
        pen.disc(u + 0.035, y + 0.05, 0.02, c.palette["glow"])
    clerk = c.pick("skin", "skin2")
    pen.disc(0.5, 0.3, 0.08, clerk)
    pen.rect(0.44, 0.37, 0.56, 0.6, c.palette["dark"], 0.3)
    pen.rect(0, 0.48, 1, 0.98, c.main, v.curve * 0.3)
    for k in range(v.parts):
        u = 0.03 + 0.94 * k / v.parts
        pen.rect(
            u,
            0.6,
            u + 0.88 / v.parts,
            0.92,
            shade(c.main, 1.2 if "light" in v.form else 0.75),
            v.curve,
        )
    pen.rect(-0.03, 0.44, 1.03, 0.5 + 0.06 * v.extra, c.palette["trim"])
    pen.pie((0.16, 0.36, 0.26, 0.52), 180, 360, c.palette["cheese"])
    if "lamps" in v.form:
        for u in (0.08, 0.88):
            pen.poly(
                [(u, 0.2), (u + 0.06, 0.2), (u + 0.09, 0.32), (u - 0.03, 0.32)], c.palette["glow"]
            )
            pen.rect(u + 0.02, 0.32, u + 0.04, 0.45, c.palette["dark"])
