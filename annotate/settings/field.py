"""How a setting is declared."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, comment: str) -> Any:
    """A dataclass field that carries its line of ``mumic.toml``."""
    return field(default=default, metadata={"comment": comment})
