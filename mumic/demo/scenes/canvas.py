"""The drawing surface: a pen that works in a box's own unit coordinates, and a camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter

from mumic.demo.scenes.colour import Colour

Box = tuple[float, float, float, float]
Fill = tuple[int, ...]
Point = tuple[float, float]

SUPERSAMPLING = 2


class Pen:
    """Draws inside one box; (0, 0) is its top left corner and (1, 1) its bottom right one.

    A fill of four numbers is blended with what lies below it. A flipped pen mirrors left
    and right.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, box: Box, *, flip: bool = False) -> None:
        self._draw = draw
        self.box = box
        self.flip = flip
        self.width = box[2] - box[0]
        self.height = box[3] - box[1]

    def sub(self, u0: float, v0: float, u1: float, v1: float, *, flip: bool = False) -> "Pen":
        """Return a pen for a part of this box, mirrored once more if asked."""
        return Pen(self._draw, self._corners(u0, v0, u1, v1), flip=self.flip != flip)

    def rect(
        self, u0: float, v0: float, u1: float, v1: float, fill: Fill, radius: float = 0.0
    ) -> None:
        """Fill a rectangle; ``radius`` is a share of its shorter side."""
        box = self._corners(u0, v0, u1, v1)
        if box[2] - box[0] < 1 or box[3] - box[1] < 1:
            return
        if radius <= 0:
            self._draw.rectangle(box, fill=fill)
        else:
            pixels = radius * min(box[2] - box[0], box[3] - box[1])
            self._draw.rounded_rectangle(box, radius=pixels, fill=fill)

    def oval(self, u0: float, v0: float, u1: float, v1: float, fill: Fill) -> None:
        """Fill an ellipse given by its bounding box."""
        self._draw.ellipse(self._corners(u0, v0, u1, v1), fill=fill)

    def disc(self, u: float, v: float, radius: float, fill: Fill) -> None:
        """Fill a true circle; ``radius`` is a share of the box's shorter side."""
        x, y = self._place((u, v))
        r = radius * min(self.width, self.height)
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)

    def ring(self, u: float, v: float, radius: float, fill: Fill, thick: float) -> None:
        """Draw a circle's outline."""
        x, y = self._place((u, v))
        side = min(self.width, self.height)
        r = radius * side
        width = max(1, round(thick * side))
        self._draw.ellipse((x - r, y - r, x + r, y + r), outline=fill, width=width)

    def pie(self, box: Box, start: float, end: float, fill: Fill) -> None:
        """Fill a sector; angles in degrees, clockwise from three o'clock."""
        if self.flip:
            start, end = 180 - end, 180 - start
        self._draw.pieslice(self._corners(*box), start, end, fill=fill)

    def poly(self, points: Sequence[Point], fill: Fill) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._place(point) for point in points], fill=fill)

    def line(self, points: Sequence[Point], fill: Fill, thick: float = 0.02) -> None:
        """Draw a polyline; ``thick`` is a share of the box's shorter side."""
        width = max(1, round(thick * min(self.width, self.height)))
        self._draw.line([self._place(p) for p in points], fill=fill, width=width, joint="curve")

    def gradient(self, top: Colour, bottom: Colour, bands: int = 24) -> None:
        """Fill the whole box from one colour to the other, downwards."""
        for band in range(bands):
            share = band / (bands - 1)
            fill = tuple(round(a + (z - a) * share) for a, z in zip(top, bottom, strict=True))
            self.rect(0, band / bands, 1, (band + 1) / bands, fill)

    def _place(self, point: Point) -> Point:
        u = 1 - point[0] if self.flip else point[0]
        return self.box[0] + u * self.width, self.box[1] + point[1] * self.height

    def _corners(self, u0: float, v0: float, u1: float, v1: float) -> Box:
        (xa, ya), (xb, yb) = self._place((u0, v0)), self._place((u1, v1))
        return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


@dataclass(frozen=True)
class Camera:
    """How a finished drawing is photographed.

    light: brightness at the four corners (top left, top right, bottom left, bottom right);
    vignette: darkening towards the edges; cast: gain per colour channel; gamma and contrast:
    tone; blur: radius in pixels; noise: standard deviation in grey levels; ink: darkness of
    the outlines, 0 for none; saturation: 1 leaves the colours as they are.
    """

    light: tuple[float, float, float, float]
    vignette: float
    cast: tuple[float, float, float]
    gamma: float
    contrast: float
    blur: float
    noise: float
    seed: int
    ink: float = 0.0
    saturation: float = 1.0


def blank(width: int, height: int, colour: Colour) -> tuple[Image.Image, Pen]:
    """Return an oversized empty picture and the pen for all of it."""
    size = (width * SUPERSAMPLING, height * SUPERSAMPLING)
    image = Image.new("RGB", size, colour)
    return image, Pen(ImageDraw.Draw(image, "RGBA"), (0.0, 0.0, float(size[0]), float(size[1])))


def photograph(drawing: Image.Image, camera: Camera) -> Image.Image:
    """Shrink a drawing to its true size and put light, tone, blur and noise on it."""
    image = drawing.reduce(SUPERSAMPLING)
    image = ImageChops.multiply(
        image, _light_field(camera).resize(image.size, Image.Resampling.BICUBIC)
    )
    image = image.point(_tone_table(camera) * 3)
    if camera.blur > 0.25:
        image = image.filter(ImageFilter.GaussianBlur(camera.blur))
    if camera.saturation != 1.0:
        image = ImageEnhance.Color(image).enhance(camera.saturation)
    if camera.ink > 0:
        image = ImageChops.multiply(image, _outlines(image, camera.ink))
    return _noisy(image, camera)


def _outlines(image: Image.Image, ink: float) -> Image.Image:
    """Dark lines where the brightness changes, on white."""
    edges = image.convert("L").filter(ImageFilter.GaussianBlur(0.6)).filter(ImageFilter.FIND_EDGES)
    lines = edges.point([255 - min(255, int(max(0, level - 10) * ink)) for level in range(256)])
    ImageDraw.Draw(lines).rectangle((0, 0, lines.width - 1, lines.height - 1), outline=255)
    return Image.merge("RGB", (lines, lines, lines))


def _light_field(camera: Camera, side: int = 12) -> Image.Image:
    v, u = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side), indexing="ij")
    a, b, c, d = camera.light
    field = a * (1 - u) * (1 - v) + b * u * (1 - v) + c * (1 - u) * v + d * u * v
    field = field * (1 - camera.vignette * 2 * ((u - 0.5) ** 2 + (v - 0.5) ** 2))
    coloured = field[:, :, None] * np.asarray(camera.cast)[None, None, :]
    return Image.fromarray((255 * np.clip(coloured, 0, 1)).astype(np.uint8))


def _tone_table(camera: Camera) -> list[int]:
    x = np.linspace(0, 1, 256) ** camera.gamma
    x = 0.5 + (x - 0.5) * camera.contrast
    return [int(value) for value in np.clip(np.round(255 * x), 0, 255)]


def _noisy(image: Image.Image, camera: Camera) -> Image.Image:
    if camera.noise < 0.5:
        return image
    pixels = np.asarray(image, dtype=np.float32)
    rng = np.random.default_rng(camera.seed)
    grain = rng.standard_normal(pixels.shape[:2], dtype=np.float32)[:, :, None]
    return Image.fromarray(np.clip(pixels + camera.noise * grain, 0, 255).astype(np.uint8))
