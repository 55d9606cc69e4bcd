"""Files that travel with the package: templates, the label list and the small CLIP.

In a wheel ``templates/`` and ``label_taxonomy/`` lie in this folder; in a checkout they stand at
the repository's root.
"""

from __future__ import annotations

from pathlib import Path

from annotate.errors import MissingError

_HERE = Path(__file__).parent
SMALL_CLIP = _HERE / "small_clip"


def resource(*parts: str) -> Path:
    """Path of a packaged file or folder, such as ``resource("templates", "task.html.j2")``.

    Raises:
        MissingError: the installation is incomplete.
    """
    for base in (_HERE, _HERE.parent.parent):
        path = base.joinpath(*parts)
        if path.exists():
            return path
    raise MissingError(f"the packaged file {'/'.join(parts)} is missing; install mumic again.")
