"""The benchmark of measures publishes nothing where ours differ from a peer's."""

from __future__ import annotations

import pytest

from benchmarks.metrics import Run, _largest_difference


def test_a_difference_from_a_peer_ends_the_benchmark() -> None:
    def variants(off: float) -> dict[str, dict[str, Run]]:
        return {
            "GAP": {"ours": lambda: 0.5, "scikit-learn": lambda: 0.5},
            "F1": {"ours": lambda: [0.5, 0.25], "scikit-learn": lambda: [0.5, 0.25 + off]},
        }

    assert _largest_difference(variants(1e-12), "scikit-learn") == pytest.approx(1e-12, abs=1e-15)
    for off in (1e-8, float("nan")):
        with pytest.raises(ValueError, match="ours differ from scikit-learn: F1"):
            _largest_difference(variants(off), "scikit-learn")
