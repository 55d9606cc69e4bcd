"""What Linux says about processes."""

from __future__ import annotations

from pathlib import Path


def alive(process: int) -> bool:
    """Whether it is there, and has not ended without its parent's knowing yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children(process: int) -> list[int]:
    """Those that it has started and that it has not seen end."""
    tasks = Path(f"/proc/{process}/task")
    return [int(c) for task in tasks.iterdir() for c in (task / "children").read_text().split()]
