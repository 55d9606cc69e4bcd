"""The dataset after a migration: built anew with the settings that it had."""

from __future__ import annotations

from dataclasses import replace

from annotate.dataset.build import MADE_BY
from annotate.dataset.files import write_dataset
from annotate.dataset.lock import LOCK_FILE, locked_settings
from annotate.files import read_json
from annotate.settings import DatasetSettings
from annotate.workspace import Workspace


def rebuild_dataset(workspace: Workspace) -> tuple[int, list[str]]:
    """Build the dataset anew, as its lock says and whatever ``mumic.toml`` says today.

    A dataset that was to lack no class leaves out those that a split lacks now: most of them wait
    for their first answers, and a migration must come to its end.

    Returns:
        How many images it has, and the classes that were left out.

    Raises:
        DamagedError: the lock is not one.
    """
    settings = _built_with(workspace)
    if settings.missing == "refuse":
        settings = replace(settings, missing="leave-out")
    stats = write_dataset(workspace, settings)
    return int(sum(stats["images"].values())), list(stats["classes_left_out"])


def _built_with(workspace: Workspace) -> DatasetSettings:
    """Settings of the lock; of ``mumic.toml`` only what an older lock does not state."""
    file = workspace.dataset / LOCK_FILE
    settings = workspace.settings.dataset
    if not file.is_file():
        return settings
    return locked_settings(read_json(file, MADE_BY), file, settings)
