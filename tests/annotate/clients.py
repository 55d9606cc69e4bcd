"""Tests change the environment in which the one client of a process was made."""

from __future__ import annotations

from annotate.storage import aws


def forget_client() -> None:
    """Make the next request look for credentials and endpoint again."""
    aws._make_client.cache_clear()
    aws._session.cache_clear()
