"""Equality of numbers that are computed twice."""

from __future__ import annotations

from typing import Any

import pytest


def assert_close(found: Any, expected: Any, rel: float = 1e-6) -> None:
    """Computed twice: a matrix product's last bits may depend on where it lies in memory."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(found[name], value, rel)
    elif isinstance(expected, list):
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other, rel)
    else:
        close = pytest.approx(expected, rel=rel) if isinstance(expected, float) else expected
        assert found == close
