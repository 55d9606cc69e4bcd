"""Annotators whose answers do not count: ``annotators.json`` beside the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from annotate.answers.packing import Answers
from annotate.errors import DamagedError
from annotate.files import read_json, write_json

FILE = "annotators.json"
MADE_BY = "mumic-annotate annotators --exclude"
EXCLUDED = "excluded annotator"


def read_excluded(folder: Path) -> dict[str, str]:
    """Ids of excluded annotators and why, from ``data/annotators.json``.

    Raises:
        DamagedError: the file is not such a list.
    """
    file = folder / FILE
    if not file.is_file():
        return {}
    content = read_json(file, MADE_BY)
    excluded = content.get("excluded") if isinstance(content, dict) else None
    if not isinstance(excluded, dict) or not all(isinstance(why, str) for why in excluded.values()):
        raise DamagedError(
            f"{file}: it must hold an object `excluded` with a reason per annotator. Mend it, or "
            f"delete it and use `{MADE_BY}` again."
        )
    return {str(name): why for name, why in excluded.items()}


def write_excluded(folder: Path, excluded: Mapping[str, str]) -> None:
    """Write the list; an empty one removes the file."""
    if excluded:
        write_json(folder / FILE, {"excluded": dict(excluded)})
    else:
        (folder / FILE).unlink(missing_ok=True)


def leave_out(answers: Answers, excluded: Mapping[str, str]) -> Answers:
    """Answers without those of some annotators, which go to the rejects."""
    packed = answers.packed
    out = np.array([name in excluded for name in packed.annotator.values], bool)
    gone = out[packed.annotator.codes]
    if not gone.any():
        return answers
    aside = packed.take(np.flatnonzero(gone))
    reasons = [f"{EXCLUDED}: {excluded.get(name, '')}" for name in packed.annotator.values]
    added = pd.DataFrame(
        {
            "file": FILE,
            "line": 1,
            "image_id": aside.image.texts(),
            "question_id": aside.question.texts(),
            "annotator_id": aside.annotator.texts(),
            "reason": np.array(reasons, object)[aside.annotator.codes],
        }
    )
    rejects = pd.concat([answers.rejects, added], ignore_index=True)
    kept = packed.take(np.flatnonzero(~gone)).compact()
    return replace(answers, packed=kept, rejects=rejects)
