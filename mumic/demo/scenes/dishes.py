"""Plates of food."""

import math

from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.colour import mix, shade
from mumic.demo.scenes.variant import Paint, Variant


def plate(pen: Pen, v: Variant, c: Paint) -> None:
    """A dish seen from above at an angle; parts: pieces; extra: rim."""
    white = c.second if "bowl" in v.form else c.palette["trim"]
    pen.oval(-0.02, 0.1, 1.02, 1.04, (0, 0, 0, 60))
    pen.oval(0, 0, 1, 0.98, shade(white, 0.88))
    pen.oval(0.02, 0.0, 0.98, 0.94, white)
    rim = 0.08 + 0.12 * v.extra
    pen.oval(rim, rim * 0.9, 1 - rim, 0.95 - rim, shade(white, 0.93))
    dish = pen.sub(rim, rim, 1 - rim, 0.94 - rim)
    for word, cook in _DISHES.items():
        if word in v.form:
            cook(dish, v, c)
    if "cutlery" in v.form:
        pen.rect(1.06, 0.1, 1.1, 0.95, c.palette["metal"], 0.5)
        pen.rect(-0.12, 0.1, -0.08, 0.95, c.palette["metal"], 0.5)


def _pizza(dish: Pen, v: Variant, c: Paint) -> None:
    dish.oval(0, 0, 1, 1, shade(c.palette["cheese"], 0.75))
    dish.oval(0.06, 0.06, 0.94, 0.94, c.palette["cheese"])
    for k in range(v.parts):
        angle, far = 2.4 * k, 0.12 + 0.26 * ((k * 7) % 5) / 5
        u, y = 0.5 + far * math.cos(angle), 0.5 + far * math.sin(angle)
        dish.oval(
            u - 0.08, y - 0.08, u + 0.08, y + 0.08, c.palette["salad" if k % 3 == 2 else "tomato"]
        )


def _salad(dish: Pen, v: Variant, c: Paint) -> None:
    for k in range(v.parts * 2):
        angle, far = 2.4 * k, 0.36 * ((k * 5) % 7) / 7
        u, y = 0.5 + far * math.cos(angle), 0.5 + far * math.sin(angle)
        role = ("salad", "leaf", "salad", "tomato", "cheese")[k % 5]
        dish.oval(u - 0.15, y - 0.1, u + 0.15, y + 0.1, shade(c.palette[role], c.near(1.0)))


def _cake(dish: Pen, v: Variant, c: Paint) -> None:
    dish.poly([(0.15, 0.45), (0.8, 0.2), (0.9, 0.5), (0.9, 0.8), (0.2, 0.85)], c.palette["cheese"])
    for k in range(v.parts):
        dish.line([(0.17, 0.5 + 0.1 * k), (0.9, 0.42 + 0.12 * k)], c.palette["tomato"], 0.05)
    dish.poly([(0.15, 0.45), (0.8, 0.2), (0.9, 0.45), (0.2, 0.56)], c.palette["fabric3"])
    dish.disc(0.6, 0.28, 0.1, c.palette["tomato"])


def _steak(dish: Pen, v: Variant, c: Paint) -> None:
    dish.rect(0.1, 0.2, 0.62, 0.75, shade(c.palette["wood"], 0.9), 0.5)
    for k in range(3):
        dish.line([(0.18 + 0.13 * k, 0.25), (0.22 + 0.13 * k, 0.7)], c.palette["dark"], 0.03)
    for k in range(v.parts):
        dish.rect(
            0.66, 0.2 + 0.6 * k / v.parts, 0.95, 0.25 + 0.6 * k / v.parts, c.palette["cheese"]
        )
    dish.oval(0.35, 0.7, 0.7, 0.95, c.palette["salad"])


def _burger(dish: Pen, v: Variant, c: Paint) -> None:
    bun = mix(c.palette["wood2"], c.palette["cheese"], 0.5)
    dish.pie((0.15, 0.0, 0.85, 0.8), 180, 360, bun)
    for k, role in enumerate(("salad", "tomato", "wood", "cheese")[: v.parts]):
        dish.rect(0.12, 0.4 + 0.1 * k, 0.88, 0.5 + 0.1 * k, c.palette[role], 0.5)
    dish.rect(0.15, 0.42 + 0.1 * v.parts, 0.85, 0.56 + 0.1 * v.parts, bun, 0.4)


def _soup(dish: Pen, v: Variant, c: Paint) -> None:
    dish.oval(0, 0, 1, 1, c.palette["tomato" if v.parts % 2 else "cheese"])
    for k in range(v.parts):
        dish.oval(
            0.2 + 0.6 * k / v.parts,
            0.3 + 0.2 * (k % 2),
            0.3 + 0.6 * k / v.parts,
            0.42 + 0.2 * (k % 2),
            c.palette["salad"],
        )


def _eggs(dish: Pen, v: Variant, c: Paint) -> None:
    for k in range(v.parts):
        u = 0.08 + 0.32 * k
        dish.oval(u, 0.15 + 0.2 * (k % 2), u + 0.42, 0.55 + 0.2 * (k % 2), c.palette["trim"])
        dish.oval(
            u + 0.13, 0.26 + 0.2 * (k % 2), u + 0.29, 0.42 + 0.2 * (k % 2), c.palette["cheese"]
        )
    dish.rect(0.2, 0.7, 0.8, 0.8, c.palette["tomato"], 0.5)


_DISHES = {
    "pizza": _pizza,
    "salad": _salad,
    "cake": _cake,
    "steak": _steak,
    "burger": _burger,
    "soup": _soup,
    "eggs": _eggs,
}
