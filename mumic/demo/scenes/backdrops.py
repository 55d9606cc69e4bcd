"""What lies behind the things: a room, the sky, a table top."""

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.variant import Paint, Variant


def interior(pen: Pen, v: Variant, c: Paint, horizon: float) -> None:
    """Walls and floor; parts: boards or stripes; extra: place of a corner (0: none)."""
    wall = c.main
    pen.sub(0, 0, 1, horizon).gradient(shade(wall, 1.03), shade(wall, 0.93), 10)
    if "stripe" in v.form:
        for k in range(v.parts):
            pen.rect(k / v.parts, 0, (k + 0.5) / v.parts, horizon, (*shade(wall, 0.88), 110))
    if "dado" in v.form:
        pen.rect(0, horizon * 0.68, 1, horizon, mix(wall, c.palette["trim"], 0.7))
        pen.rect(0, horizon * 0.67, 1, horizon * 0.69, shade(wall, 0.8))
    if "tile" in v.form:
        _grid(
            pen.sub(0, horizon * 0.3, 1, horizon),
            v.parts,
            mix(c.palette["tile"], c.palette["trim"], 0.4),
            c,
        )
    if v.extra > 0:
        pen.poly([(0, 0), (v.extra, 0.08), (v.extra, horizon), (0, horizon + 0.2)], (0, 0, 0, 26))
    floor = c.second
    pen.sub(0, horizon, 1, 1).gradient(shade(floor, 0.85), shade(floor, 1.08), 10)
    if "plank" in v.form:
        for k in range(v.parts + 3):
            u = (k + 0.5) / (v.parts + 3)
            pen.line(
                [(0.5 + (u - 0.5) * 0.8, horizon), (0.5 + (u - 0.5) * 2.2, 1)],
                (*shade(floor, 0.7), 170),
                0.006,
            )
    if "rug" in v.form:
        y = horizon + (1 - horizon) * 0.35
        pen.oval(0.14, y, 0.86, 0.99, c.pick("fabric", "fabric2", "fabric3"))
        pen.oval(0.2, y + 0.03, 0.8, 0.96, c.pick("fabric2", "fabric3"))
    pen.rect(0, horizon - 0.018, 1, horizon + 0.008, c.palette["trim"])


def _grid(pen: Pen, count: int, fill: tuple[int, ...], c: Paint) -> None:
    pen.rect(0, 0, 1, 1, fill)
    for k in range(count + 1):
        pen.line([(k / count, 0), (k / count, 1)], (255, 255, 255, 150), 0.01)
        pen.line([(0, k / count), (1, k / count)], (255, 255, 255, 150), 0.01)


def sky(pen: Pen, v: Variant, c: Paint, horizon: float, hour: str) -> None:
    """Sky by day, at sunset or at night, and plain ground; parts: clouds; extra: their height."""
    area = pen.sub(0, 0, 1, horizon + 0.02)
    if hour == "sunset":
        area.gradient(
            mix(c.palette["dusk"], c.palette["ember"], 0.42),
            mix(c.palette["ember"], c.palette["glow"], 0.6),
            20,
        )
        u = float(c.rng.uniform(0.2, 0.8))
        for grow in (0.2, 0.14):
            area.disc(u, 0.8, grow * 1.3, (*c.palette["glow"], 80))
        area.disc(u, 0.8, 0.11, mix(c.palette["glow"], c.palette["trim"], 0.2))
    elif hour == "night":
        area.gradient(shade(c.palette["dusk"], 0.6), shade(c.palette["dusk"], 1.5), 16)
        for _ in range(26):
            area.disc(
                float(c.rng.uniform(0, 1)), float(c.rng.uniform(0, 0.8)), 0.006, c.palette["glow"]
            )
        u = float(c.rng.uniform(0.1, 0.9))
        area.disc(u, 0.2, 0.08, c.palette["glow"])
        if "crescent" in v.form:
            area.disc(u + 0.035, 0.185, 0.075, shade(c.palette["dusk"], 0.8))
    else:
        area.gradient(c.palette["sky"], c.palette["haze"], 16)
        if "sun" in v.form:
            area.disc(
                float(c.rng.uniform(0.1, 0.9)),
                0.15,
                0.07,
                mix(c.palette["glow"], c.palette["snow"], 0.4),
            )
    _clouds(area, v, c, hour)
    pen.sub(0, horizon, 1, 1.01).gradient(shade(c.second, 0.9), shade(c.second, 1.08), 8)


def _clouds(area: Pen, v: Variant, c: Paint, hour: str) -> None:
    if hour == "night":
        return
    white = c.palette["snow"] if hour == "day" else mix(c.palette["ember"], c.palette["dusk"], 0.35)
    for _ in range(v.parts):
        u = float(c.rng.uniform(-0.1, 0.9))
        y = float(c.rng.uniform(0.02, 0.2 + 0.4 * v.extra))
        if "streak" in v.form:
            area.oval(u, y, u + 0.42, y + 0.05, (*white, 150))
            area.oval(u + 0.1, y + 0.03, u + 0.6, y + 0.07, (*white, 120))
        else:
            for du, dv, size in ((0, 0.03, 0.12), (0.07, 0, 0.15), (0.16, 0.03, 0.12)):
                area.oval(u + du, y + dv, u + du + size, y + dv + size * 0.8, (*white, 215))


def table(pen: Pen, v: Variant, c: Paint, horizon: float) -> None:
    """A table top seen from above; parts: boards or checks."""
    pen.sub(0, 0, 1, horizon).gradient(shade(c.main, 0.8), shade(c.main, 0.95), 6)
    top = c.second
    pen.sub(0, horizon, 1, 1.01).gradient(shade(top, 0.9), shade(top, 1.06), 8)
    for k in range(v.parts):
        u = (k + 0.5) / v.parts
        if "check" in v.form:
            pen.rect(k / v.parts, horizon, (k + 0.5) / v.parts, 1.01, (*c.palette["tomato"], 90))
            y = horizon + (1 - horizon) * k / v.parts
            pen.rect(0, y, 1, y + (1 - horizon) * 0.5 / v.parts, (*c.palette["tomato"], 70))
        else:
            pen.line(
                [(0.5 + (u - 0.5) * 0.9, horizon), (0.5 + (u - 0.5) * 1.8, 1)],
                (*shade(top, 0.7), 170),
                0.006,
            )


def facade(pen: Pen, v: Variant, c: Paint, horizon: float) -> None:
    """The wall of a house close by, and the pavement; parts: courses of brick."""
    wall = c.main
    pen.rect(0, 0, 1, horizon, wall)
    if "brick" in v.form:
        for k in range(v.parts):
            y = horizon * k / v.parts
            pen.rect(0, y, 1, y + 0.006, shade(wall, 0.8))
            for m in range(9):
                u = m / 9 + 0.055 * (k % 2)
                pen.rect(u, y, u + 0.005, y + horizon / v.parts, shade(wall, 0.8))
    pen.sub(0, horizon, 1, 1.01).gradient(shade(c.second, 0.85), c.second, 6)


def plain(pen: Pen, v: Variant, c: Paint, horizon: float) -> None:
    """A studio background: two soft tones; extra: strength of the spot of light."""
    pen.gradient(shade(c.main, 1.05), shade(c.main, 0.85), 12)
    pen.rect(0, horizon, 1, 1.01, (*shade(c.second, 0.95), 150))
    pen.oval(0.1, 0.05, 0.9, 0.95, (255, 255, 255, round(70 * v.extra)))


def snowfall(pen: Pen, c: Paint) -> None:
    """Flakes in front of everything."""
    for _ in range(int(c.rng.integers(15, 55))):
        size = float(c.rng.uniform(0.004, 0.011))
        pen.disc(float(c.rng.uniform(0, 1)), float(c.rng.uniform(0, 1)), size, (255, 255, 255, 220))
