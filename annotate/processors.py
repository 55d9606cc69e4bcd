"""How many processors there are to work with."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """Processors that this process may use, which on a shared machine can be few of them."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
