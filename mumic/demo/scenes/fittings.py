"""Things that hang on walls and ceilings, or are built into a room."""

import math

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.furniture import shadow
from mumic.demo.scenes.variant import Paint, Variant


def tv(pen: Pen, v: Variant, c: Paint) -> None:
    """A television that shows a picture; extra: height of its stand."""
    foot = 1 - 0.3 * v.extra
    if "bench" in v.form:
        pen.rect(-0.1, foot, 1.1, 1.02, c.palette["wood"])
        pen.rect(-0.05, foot + 0.04, 0.5, 0.97, c.palette["wood2"])
    elif v.extra > 0:
        pen.rect(0.44, foot - 0.02, 0.56, 0.98, c.palette["dark"])
        pen.rect(0.3, 0.95, 0.7, 1, c.palette["dark"], 0.5)
    pen.rect(0, 0, 1, foot, c.palette["dark"], v.curve)
    screen = pen.sub(0.04, 0.06, 0.96, foot - 0.06)
    if "off" in v.form:
        screen.gradient(mix(c.palette["dark"], c.palette["sky"], 0.28), c.palette["dark"], 6)
        screen.poly([(0.1, 0), (0.35, 0), (0.1, 1), (-0.0, 1), (0, 0.5)], (255, 255, 255, 40))
        return
    screen.gradient(c.palette["sky"], c.palette["haze"], 6)
    if v.parts == 1:
        screen.poly([(0, 1), (0.3, 0.4), (0.55, 0.8), (0.75, 0.5), (1, 1)], c.palette["leaf"])
        screen.disc(0.75, 0.25, 0.12, c.palette["cheese"])
    else:
        screen.rect(0, 0, 1, 1, c.palette["grass"])
        for k in range(v.parts):
            screen.disc(
                0.15 + 0.7 * k / v.parts,
                0.3 + 0.35 * (k % 2),
                0.1,
                c.pick("tomato", "fabric", "trim"),
            )


def mirror(pen: Pen, v: Variant, c: Paint) -> None:
    """A framed mirror with glints; extra: thickness of the frame; parts: glints."""
    frame, t = c.main, 0.03 + 0.08 * v.extra
    glass = mix(c.palette["haze"], c.palette["sky"], 0.35)
    if "oval" in v.form:
        pen.oval(0, 0, 1, 1, frame)
        pen.oval(t, t, 1 - t, 1 - t, glass)
        area = pen.sub(0.2, 0.16, 0.8, 0.84)
    elif "arch" in v.form:
        pen.oval(0, 0, 1, 0.8, frame)
        pen.rect(0, 0.4, 1, 1, frame)
        pen.oval(t, t, 1 - t, 0.8, glass)
        pen.rect(t, 0.4, 1 - t, 1 - t * 0.7, glass)
        area = pen.sub(0.14, 0.25, 0.86, 0.95)
    else:
        pen.rect(0, 0, 1, 1, frame, v.curve)
        pen.rect(t, t, 1 - t, 1 - t, glass, v.curve)
        area = pen.sub(t, t, 1 - t, 1 - t)
    area.poly([(0, 1), (0, 0.75), (1, 0.55), (1, 1)], (*shade(c.palette["wall"], 0.8), 110))
    for k in range(v.parts):
        u = 0.05 + 0.3 * k
        area.poly(
            [(u + 0.3, 0.04), (u + 0.44, 0.04), (u + 0.14, 0.9), (u, 0.9)], (255, 255, 255, 150)
        )


def fireplace(pen: Pen, v: Variant, c: Paint) -> None:
    """A hearth with a burning fire; parts: flames; extra: width of the opening."""
    shadow(pen)
    body = c.main
    if "chimney" in v.form:
        pen.rect(0.22, -0.6, 0.78, 0.2, shade(body, 0.92))
    pen.rect(0.02, 0.12, 0.98, 1, body)
    if "brick" in v.form:
        for k in range(8):
            y = 0.16 + 0.105 * k
            pen.rect(0.02, y, 0.98, y + 0.012, shade(body, 0.72))
            for m in range(6):
                u = 0.04 + 0.16 * m + 0.08 * (k % 2)
                pen.rect(u, y, u + 0.012, y + 0.1, shade(body, 0.72))
    if "stone" in v.form:
        for _ in range(14):
            u, y = float(c.rng.uniform(0.02, 0.85)), float(c.rng.uniform(0.15, 0.9))
            pen.rect(u, y, u + 0.13, y + 0.09, shade(body, float(c.rng.uniform(0.8, 1.15))), 0.5)
    pen.rect(-0.05, 0.04, 1.05, 0.14, c.palette["wood"] if "beam" in v.form else shade(body, 1.2))
    half = 0.24 + 0.12 * v.extra
    dark = shade(c.palette["dark"], 0.7)
    pen.rect(0.5 - half, 0.42, 0.5 + half, 0.96, dark)
    if "arch" in v.form:
        pen.pie((0.5 - half, 0.28, 0.5 + half, 0.6), 180, 360, dark)
    for k in range(v.parts):
        u = 0.5 - half * 0.75 + 1.5 * half * (k + 0.5) / v.parts
        tall = c.near(0.34, 0.3)
        _flame(pen, u, 0.9, 0.11, tall, c)
    pen.rect(0.5 - half * 0.8, 0.86, 0.5 + half * 0.8, 0.93, c.palette["wood"], 0.5)


def _flame(pen: Pen, u: float, base: float, wide: float, tall: float, c: Paint) -> None:
    for share, role in ((1.0, "flame"), (0.6, "glow")):
        w, h = wide * share, tall * share
        pen.poly(
            [
                (u - w, base),
                (u - w * 0.9, base - h * 0.4),
                (u - w * 0.2, base - h * 0.6),
                (u + w * 0.1, base - h),
                (u + w * 0.6, base - h * 0.5),
                (u + w, base),
            ],
            c.palette[role],
        )


def ceiling_fan(pen: Pen, v: Variant, c: Paint) -> None:
    """A fan below the ceiling; parts: blades; extra: length of the rod."""
    rod = 0.15 + 0.35 * v.extra
    pen.rect(0.485, 0, 0.515, rod, c.palette["dark"])
    centre = rod + 0.12
    turn = float(c.rng.uniform(0, math.pi))
    for k in range(v.parts):
        angle = turn + 2 * math.pi * k / v.parts
        du, dv = math.cos(angle) * 0.48, math.sin(angle) * 0.26
        side_u, side_v = -math.sin(angle) * 0.07, math.cos(angle) * 0.07
        tip = 0.6 if "taper" in v.form else 1.2
        pen.poly(
            [
                (0.5 + side_u * 0.5, centre + side_v * 0.5),
                (0.5 + du + side_u * tip, centre + dv + side_v * tip),
                (0.5 + du - side_u * tip, centre + dv - side_v * tip),
                (0.5 - side_u * 0.5, centre - side_v * 0.5),
            ],
            c.main,
        )
    pen.oval(0.42, centre - 0.1, 0.58, centre + 0.12, shade(c.main, 0.7))
    if "light" in v.form:
        pen.oval(0.44, centre + 0.04, 0.56, centre + 0.26, c.palette["glow"])


def air_conditioner(pen: Pen, v: Variant, c: Paint) -> None:
    """A wall unit; parts: slats; extra: height of the outlet."""
    body = c.palette["trim"]
    pen.rect(0.01, 0.04, 1.01, 1.06, (0, 0, 0, 60), v.curve)
    pen.rect(0, 0, 1, 1, body, v.curve)
    pen.rect(0, 0, 1, 0.14, shade(body, 0.9), v.curve)
    top = 0.6 - 0.2 * v.extra
    pen.rect(0.05, top, 0.95, 0.92, shade(c.palette["metal"], 0.75), 0.2)
    for k in range(v.parts):
        y = top + (0.88 - top) * k / v.parts + 0.02
        pen.rect(0.07, y, 0.93, y + 0.12 / v.parts + 0.03, shade(body, 0.95))
    pen.disc(0.88, 0.28, 0.06, c.palette["leaf"])
    if "wind" in v.form:
        for k in range(4):
            u = 0.15 + 0.2 * k
            pen.line([(u, 1.05), (u - 0.05, 1.3), (u, 1.5)], (*c.palette["haze"], 130), 0.06)


def painting(pen: Pen, v: Variant, c: Paint) -> None:
    """A framed picture; parts: shapes in it; extra: thickness of the frame."""
    t = 0.04 + 0.1 * v.extra
    pen.rect(0.02, 0.03, 1.03, 1.04, (0, 0, 0, 50))
    pen.rect(0, 0, 1, 1, c.main)
    if "mat" in v.form:
        pen.rect(t * 0.6, t * 0.6, 1 - t * 0.6, 1 - t * 0.6, c.palette["trim"])
        t *= 1.8
    art = pen.sub(t, t, 1 - t, 1 - t)
    roles = ("tomato", "cheese", "leaf", "water", "flower", "fabric", "fabric2", "dark")
    art.rect(0, 0, 1, 1, c.pick("fabric3", "cheese", "haze", "fabric2"))
    for k in range(v.parts):
        u, y = float(c.rng.uniform(0, 0.65)), float(c.rng.uniform(0, 0.65))
        size = float(c.rng.uniform(0.2, 0.42))
        _art_shape(art, v.form, (u, y, size, k), c.pick(*roles))


def _art_shape(
    art: Pen, form: str, place: tuple[float, float, float, int], fill: tuple[int, ...]
) -> None:
    u, y, size, k = place
    if "disc" in form:
        art.oval(u, y, u + size, min(1.0, y + size), fill)
    elif "stripe" in form:
        art.rect(0, k / 6, 1, k / 6 + 0.1, fill)
    elif "hill" in form:
        art.poly([(0, 1), (0, 0.4 + 0.15 * k), (u, y), (1, 0.5 + 0.12 * k), (1, 1)], fill)
    elif "portrait" in form:
        art.oval(0.28, 0.15, 0.72, 0.65, fill)
        art.pie((0.1, 0.6, 0.9, 1.4), 180, 360, fill)
    else:
        art.poly([(u, y), (u + size, y + size / 3), (u + size / 3, min(1.0, y + size))], fill)


def vase(pen: Pen, v: Variant, c: Paint) -> None:
    """A vase with flowers on a stand; parts: flowers; extra: height of the vase."""
    pen.rect(0.2, 0.72, 0.8, 1, c.palette["wood2"])
    pen.rect(0.15, 0.7, 0.85, 0.75, c.palette["wood"])
    top = 0.7 - 0.2 - 0.15 * v.extra
    for k in range(v.parts):
        u = 0.2 + 0.6 * k / max(1, v.parts - 1)
        y = 0.1 + 0.12 * ((k * 2) % 3)
        pen.line([(0.5, top), (u, y)], c.palette["leaf"], 0.03)
        pen.disc(u, y, 0.11, c.pick("flower", "flower2", "tomato"))
        pen.disc(u, y, 0.04, c.palette["cheese"])
    if "round" in v.form:
        pen.oval(0.32, top + 0.02, 0.68, 0.72, c.main)
        pen.rect(0.42, top - 0.04, 0.58, top + 0.1, c.main)
    else:
        pen.poly([(0.36, top), (0.64, top), (0.58, 0.71), (0.42, 0.71)], c.main)
    pen.oval(0.4, top + 0.08, 0.46, 0.62, (255, 255, 255, 110))


def door(pen: Pen, v: Variant, c: Paint) -> None:
    """A closed door in its frame; parts: panels; extra: window in its upper half."""
    frame = c.palette["trim"]
    pen.rect(-0.1, -0.05, 1.1, 1, shade(frame, 0.86))
    pen.rect(-0.05, -0.02, 1.05, 1, frame)
    pen.rect(0, 0.02, 1, 1, c.main)
    if "arch" in v.form:
        pen.pie((-0.05, -0.28, 1.05, 0.3), 180, 360, frame)
        pen.pie((0, -0.24, 1, 0.3), 180, 360, shade(c.main, 0.9))
    columns = 2 if "double" in v.form else 1
    for column in range(columns):
        u0, u1 = column / columns + 0.1 / columns, (column + 1) / columns - 0.1 / columns
        for k in range(v.parts):
            y = 0.07 + 0.88 * k / v.parts
            glass = v.extra > 0.5 and k == 0
            fill = c.palette["haze"] if glass else shade(c.main, 0.78)
            pen.rect(u0, y, u1, y + 0.76 / v.parts, fill, v.curve)
            if not glass:
                pen.rect(
                    u0 + 0.03,
                    y + 0.03,
                    u1 - 0.03,
                    y + 0.76 / v.parts - 0.03,
                    shade(c.main, 1.1),
                    v.curve,
                )
    for u in (0.9,) if columns == 1 else (0.44, 0.56):
        pen.disc(u, 0.55, 0.055, c.palette["cheese"])
    pen.rect(-0.15, 0.98, 1.15, 1.03, c.palette["rock"])


def stairs(pen: Pen, v: Variant, c: Paint) -> None:
    """A staircase with a railing; parts: steps; extra: how steep."""
    step = c.main
    rise, run = 0.9 / v.parts, 1.0 / v.parts
    for k in range(v.parts):
        u, y = k * run, 1 - (k + 1) * rise
        pen.rect(u, y, 1, y + rise + 0.01, shade(step, 0.72 + 0.03 * (k % 2)))
        pen.rect(u - 0.015, y, 1, y + rise * 0.4, shade(step, 1.2))
        if "carpet" in v.form:
            pen.rect(u + run * 0.2, y + rise * 0.1, u + run, y + rise, c.second)
    rail = c.palette["dark"] if "iron" in v.form else c.palette["wood"]
    height = 0.2 + 0.12 * v.extra
    for k in range(v.parts):
        u, y = (k + 0.5) * run, 1 - (k + 1) * rise
        pen.rect(u, y - height, u + 0.014, y, rail)
    pen.line([(0.0, 1 - rise - height), (1, 0.1 - height + 0.02)], rail, 0.045)


def lamp(pen: Pen, v: Variant, c: Paint) -> None:
    """A floor lamp."""
    pen.rect(0.47, 0.2, 0.53, 0.97, c.palette["dark"])
    pen.oval(0.3, 0.94, 0.7, 1, c.palette["dark"])
    pen.poly([(0.3, 0), (0.7, 0), (0.9, 0.26), (0.1, 0.26)], c.palette["glow"])


def plant(pen: Pen, v: Variant, c: Paint) -> None:
    """A potted plant; parts: leaves."""
    shadow(pen, 0.5)
    for k in range(v.parts):
        angle = math.pi * (0.15 + 0.7 * (k + 0.5) / v.parts)
        u, y = 0.5 + 0.45 * math.cos(angle), 0.6 - 0.55 * math.sin(angle)
        pen.poly(
            [
                (0.5, 0.72),
                (0.5 + (u - 0.5) * 0.5 - 0.1, (y + 0.6) / 2),
                (u, y),
                (0.5 + (u - 0.5) * 0.5 + 0.1, (y + 0.66) / 2),
            ],
            shade(c.palette["leaf"], 0.8 + 0.1 * (k % 4)),
        )
    pen.poly([(0.3, 0.68), (0.7, 0.68), (0.63, 1), (0.37, 1)], c.second)


def window(pen: Pen, v: Variant, c: Paint) -> None:
    """A window with curtains; parts: panes; extra: width of the curtains."""
    pen.rect(0, 0, 1, 1, c.palette["trim"])
    view = pen.sub(0.06, 0.05, 0.94, 0.95)
    view.gradient(c.palette["sky"], c.palette["haze"], 8)
    view.rect(0, 0.75, 1, 1, c.palette["leaf"])
    for k in range(1, v.parts):
        pen.rect(k / v.parts - 0.02, 0, k / v.parts + 0.02, 1, c.palette["trim"])
    pen.rect(0, 0.46, 1, 0.5, c.palette["trim"])
    w = 0.12 + 0.2 * v.extra
    for u in (-0.12, 1.12 - w):
        pen.rect(u, -0.08, u + w, 1.25 if "long" in v.form else 1.05, c.second)
        for k in range(3):
            pen.rect(
                u + w * (k + 0.3) / 3, -0.08, u + w * (k + 0.45) / 3, 1.05, shade(c.second, 0.85)
            )
    pen.rect(-0.15, -0.1, 1.15, -0.05, c.palette["wood"])
