"""Which images were annotated already, by whomever, and are not worth paying for again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from annotate.answers.files import find_answers
from annotate.dataset.imported import imported_labels
from annotate.tables import LABELS, read
from annotate.tasks.manifest import read_manifest

if TYPE_CHECKING:
    from annotate.workspace import Workspace


def annotated_images(workspace: Workspace) -> set[str]:
    """Ids of the images that have answers or labels.

    That is those that files of answers name (whether they count is not decided here), those with
    labels by ``consolidate``, of votes from elsewhere too, and those of ``dataset import``.
    """
    manifest = workspace.tasks / "manifest.jsonl"
    order = [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []
    answers = find_answers(workspace.answers, order)
    found = {raw.image_id for raw in answers if isinstance(raw.image_id, str)}
    voted = workspace.labels / "labels.parquet"
    for file in [*([voted] if voted.is_file() else []), *imported_labels(workspace)]:
        found.update(read(LABELS, file, ["image_id"])["image_id"].unique())
    return found
