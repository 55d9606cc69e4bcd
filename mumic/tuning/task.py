"""What a study is about, so that it never goes on with something else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from annotate.clip.loading import local_files
from annotate.errors import InputError
from annotate.files import read_json, sha256, write_json
from annotate.workspace import Workspace
from mumic.data import Dataset
from mumic.run import settings_hash
from mumic.training.run_record import NOT_DECIDING
from mumic.tuning.space import Dimension


def check_task(
    workspace: Workspace, dataset: Dataset, space: Sequence[Dimension], folder: Path
) -> None:
    """Write ``task.json`` of a new study, or make sure that a begun one is about the same.

    What changes how a training runs, and not what comes out of it, is no part of it: less memory
    may be left than at the start.

    Args:
        workspace: its settings.
        dataset: trained on.
        space: what is searched.
        folder: of the study.

    Raises:
        InputError: the study was begun with another search, other settings, another dataset or
            other weights to start from.
    """
    settings = workspace.settings
    searched = {entry.name for entry in space}
    kept = {
        name: value
        for name, value in vars(settings.train).items()
        if name not in searched and name not in NOT_DECIDING
    }
    task = settings_hash(
        {
            "space": [vars(entry) for entry in space],
            "train": kept,
            "model": vars(settings.model),
            # The bytes of a file: its tensors would have to be loaded first.
            "start": [sha256(file) for file in local_files(settings.model, workspace.root)],
            "seed": settings.project.seed,
            "dataset": dataset.fingerprint,
        }
    )
    file = folder / "task.json"
    if not file.is_file():
        write_json(file, task)
    elif read_json(file, "mumic tune") != task:
        raise InputError(
            f"the study {folder.name.removeprefix('tune-')} was begun with another search, other "
            "settings, another dataset or other weights to start from. Give the new one a name "
            f"with --study, or delete {folder}."
        )
