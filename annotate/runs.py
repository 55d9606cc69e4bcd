"""Training runs as folders: which of them are finished, and which one a name means."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from annotate.errors import DamagedError, InputError, MissingError, closest
from annotate.files import read_json

MADE_BY = "mumic train"
NAME_RULE = "up to 100 letters, digits, dots, dashes and underscores, a letter or digit first"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def checked_name(name: str) -> str:
    """A run's name, if it can be a folder's.

    Raises:
        InputError: it does not keep :data:`NAME_RULE`.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"run {name!r}: use {NAME_RULE}.")
    return name


def readable_record(file: Path) -> dict[str, Any]:
    """A ``run.json`` where runs are looked through: a damaged one says nothing of its run."""
    try:
        record = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def finished_runs(folder: Path) -> list[Path]:
    """The finished runs of a folder, the newest last (by the time in their ``run.json``)."""
    found = [
        (str(readable_record(file).get("finished") or ""), file.parent)
        for file in folder.glob("*/run.json")
    ]
    return [run for finished, run in sorted(found) if finished]


def finished_run(folder: Path, name: str | None = None) -> Path:
    """A finished run in a folder of runs: by its name, else the newest.

    Raises:
        InputError: the name is none, such as a path.
        MissingError: there is none of that name, none at all, or it is unfinished.
        DamagedError: what the named one says of itself cannot be read.
    """
    if name is None:
        finished = finished_runs(folder)
        if not finished:
            raise MissingError(f"no finished run in {folder}. Train one with `{MADE_BY}`.")
        return finished[-1]
    file = folder / checked_name(name) / "run.json"
    if not file.is_file():
        known = [other.parent.name for other in folder.glob("*/run.json")]
        raise MissingError(
            f"no run {name} in {folder}{closest(name, known) or '.'} Name another, or none for the "
            f"newest; `{MADE_BY}` trains one."
        )
    record = read_json(file, MADE_BY)
    if not isinstance(record, dict):
        raise DamagedError(f"{file} is no record of a run. Delete its folder, or restore it.")
    if not record.get("finished"):
        raise MissingError(f"run {name} is unfinished. Go on with `{MADE_BY} --run {name}`.")
    return file.parent
