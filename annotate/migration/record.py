"""Migrations on disk: ``data/migrations/NNNN/``. Reading answers needs them for ever.

A folder appears whole, by a rename; from then on answers are read by it. ``done.json`` says that
everything that follows from it was made as well.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.errors import DamagedError, InputError
from annotate.files import read_json
from annotate.migration.carry import Step
from annotate.taxonomy.diff import Source
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace

MADE_BY = "mumic-annotate taxonomy migrate"
BEFORE, AFTER, FACTS, DONE = "before.yaml", "after.yaml", "migration.json", "done.json"
TAXONOMY = "taxonomy.yaml"  # AFTER with the thresholds that went over; there only if some did


@dataclass(frozen=True)
class Migration:
    """One migration.

    Attributes:
        number: from 1.
        folder: where it is kept.
        step: how votes go over.
        questions: classes of each question of the plan before it.
        thresholds: vote threshold of each class of the taxonomy before it that had its own.
        facts: the whole ``migration.json``.
    """

    number: int
    folder: Path
    step: Step
    questions: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]
    facts: Mapping[str, Any]

    @property
    def present_file(self) -> Path:
        """The label list that it migrated to."""
        carried = self.folder / TAXONOMY
        return carried if carried.is_file() else self.folder / AFTER

    @property
    def done(self) -> bool:
        """Whether it was carried through."""
        return (self.folder / DONE).is_file()


def migrations_folder(workspace: Workspace) -> Path:
    """Where migrations are kept."""
    return workspace.data / "migrations"


def load_migrations(workspace: Workspace) -> tuple[Migration, ...]:
    """All migrations of a workspace, the first one first.

    Raises:
        DamagedError: a record cannot be read; answers would be lost without it.
    """
    folders = sorted(migrations_folder(workspace).glob("[0-9]*"))
    return tuple(_load(folder) for folder in folders if folder.is_dir())


def _load(folder: Path) -> Migration:
    facts = read_json(folder / FACTS, MADE_BY)
    try:
        sources = {
            name: tuple(Source(entry["id"], bool(entry["whole"])) for entry in found)
            for name, found in facts["sources"].items()
        }
        step = Step(sources, {name: tuple(ids) for name, ids in facts["above"].items()})
        questions = {name: tuple(ids) for name, ids in facts["questions"].items()}
        thresholds = {name: float(value) for name, value in facts["thresholds"].items()}
        return Migration(int(folder.name), folder, step, questions, thresholds, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedError(
            f"{folder / FACTS}: not the record of a migration ({error!r}). Restore it from a copy: "
            "older answers cannot be read without it."
        ) from error


def keep_snapshot(workspace: Workspace) -> None:
    """Keep a copy of the label list as it is, so that a later one can be compared with it.

    The file's time says when the list was last used.
    """
    taxonomy = load_taxonomy(workspace.taxonomy)
    target = _snapshots(workspace) / f"{taxonomy.hash}.yaml"
    if target.is_file():
        target.touch()
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = target.with_suffix(".yaml.tmp")
        shutil.copyfile(workspace.taxonomy, copy)
        copy.replace(target)


def find_snapshot(workspace: Workspace, class_ids: set[str], present: str) -> Path:
    """The newest kept label list, other than the present one, that asks for all of some classes.

    Args:
        workspace: its ``data/taxonomies``.
        class_ids: of the questions that people have answered.
        present: hash of the present label list.

    Raises:
        InputError: there is none.
    """
    files = sorted(
        _snapshots(workspace).glob("*.yaml"), key=lambda file: file.stat().st_mtime, reverse=True
    )
    for file in files:
        if file.stem == present:
            continue
        asked = {entry.id for entry in load_taxonomy(file).classes if not entry.replaced_by}
        if class_ids <= asked:
            return file
    raise InputError(
        f"{_snapshots(workspace)} keeps no other label list that has all classes of "
        "questions.yaml. If yours has changed, name the one that the answers were given for: "
        "`mumic-annotate taxonomy migrate --from before.yaml` "
        "(`git show HEAD~1:label_taxonomy/travel.yaml > before.yaml` gets it back)."
    )


def _snapshots(workspace: Workspace) -> Path:
    return workspace.data / "taxonomies"
