"""What every command says whose figures rest on the small CLIP of the demo world."""

from __future__ import annotations

DEMO_MODEL = "The model stems from the small CLIP of the demo world."


def demo_lines(is_demo: bool) -> list[str]:
    """One line where a model stems from the small CLIP, else none.

    >>> demo_lines(False)
    []
    """
    return [DEMO_MODEL] if is_demo else []
