"""How long a model takes for the texts of all classes."""

from __future__ import annotations

import time
from collections.abc import Sequence

from annotate.clip.encoder import encode_texts
from annotate.clip.loading import Clip


def time_texts(clip: Clip, texts: Sequence[str]) -> float:
    """Seconds for encoding the class texts once: the faster of two times."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        encode_texts(clip, texts)
        seconds.append(time.perf_counter() - started)
    return min(seconds)
