"""Wilson's interval of a share."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson_interval(hits: float, total: float, confidence: float) -> tuple[float, float] | None:
    """Wilson's score interval of a share; None of nothing.

    Args:
        hits: successes.
        total: trials; an effective number, in a weighted sample, need not be whole.
        confidence: of both sides together, such as 0.99.

    Reference:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (1927).
    """
    if total <= 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = float(hits / total), float(z * z / total)
    middle = (share + spread / 2) / (1 + spread)
    half = z * sqrt(max(0.0, share * (1 - share) + spread / 4) / total) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
