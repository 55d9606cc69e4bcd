"""Arithmetic on RGB colours."""

Colour = tuple[int, int, int]


def from_hex(code: str) -> Colour:
    """Read ``rrggbb``.

    >>> from_hex("ff8000")
    (255, 128, 0)
    """
    return int(code[0:2], 16), int(code[2:4], 16), int(code[4:6], 16)


def shade(colour: Colour, factor: float) -> Colour:
    """Multiply the brightness; the result is clipped to 0..255."""
    r, g, b = (min(255, max(0, round(channel * factor))) for channel in colour)
    return r, g, b


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Blend ``share`` of the second colour into the first.

    >>> mix((0, 0, 0), (100, 100, 100), 0.5)
    (50, 50, 50)
    """
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b
