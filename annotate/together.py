"""Files of a folder that change together: a killed process leaves all of the old ones or the new.

Renaming one file is atomic, renaming four is not. So they are written to a folder of their own, and
renaming that folder decides: from then on they are the present ones, and whoever comes next moves
those that a killed process had not moved.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_WRITING, _DECIDED = ".writing", ".decided"


@contextlib.contextmanager
def together(folder: Path) -> Iterator[Path]:
    """A folder to write files to; when the block ends without an error they move to ``folder``.

    Only one process may be at it; see ``locks.exclusive``.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp())
    >>> with together(target) as stage:
    ...     _ = (stage / "a.txt").write_text("whole")
    >>> [path.name for path in target.iterdir()]
    ['a.txt']
    """
    finish(folder)
    stage = folder / _WRITING
    shutil.rmtree(stage, ignore_errors=True)  # of a killed process
    stage.mkdir(parents=True)
    try:
        yield stage
        os.replace(stage, folder / _DECIDED)
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise
    finish(folder)


def finish(folder: Path) -> None:
    """Move the files that a killed process had decided on; mostly there are none."""
    decided = folder / _DECIDED
    for path in sorted(decided.glob("*")):
        with contextlib.suppress(FileNotFoundError):  # another process moves them too
            os.replace(path, folder / path.name)
    with contextlib.suppress(OSError):
        decided.rmdir()
