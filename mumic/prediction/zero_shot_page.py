"""The page of ``mumic zero-shot``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from annotate.pages import pictures, write_page
from annotate.workspace import Workspace
from mumic.evaluation.methods import MUMIC
from mumic.prediction.zero_shot import CLIP_MULTI, CLIP_SINGLE, ZeroShot

KINDS = {MUMIC: "own", CLIP_MULTI: "multi", CLIP_SINGLE: "single"}
SHORT = KINDS | {MUMIC: MUMIC}  # beside a bar, so that colour is not all that tells them apart
BEST = 8  # images of each label
SHOWN = 48  # images with all their labels


def write_zero_shot_page(
    workspace: Workspace, found: ZeroShot, facts: dict[str, Any], target: Path
) -> None:
    """Write it: the best images of each label, then the first images with all labels.

    Args:
        workspace: where the pictures lie.
        found: what :func:`mumic.prediction.zero_shot.zero_shot` gave.
        facts: ``run``, ``start`` (the model before training) and ``demo``.
        target: the HTML file.
    """
    own = found.probabilities[MUMIC]
    best = {
        label: np.argsort(-own[:, at], kind="stable")[:BEST]
        for at, label in enumerate(found.labels)
    }
    first = range(min(SHOWN, len(found.uris)))
    needed = sorted({int(at) for rows in best.values() for at in rows} | set(first))
    source = dict(zip(needed, pictures(workspace, [found.uris[at] for at in needed]), strict=True))
    values = facts | {
        "labels": found.labels,
        "known": found.known,
        "count": len(found.uris),
        "methods": [
            {"name": name, "kind": kind, "short": SHORT[name]} for name, kind in KINDS.items()
        ],
        "best": [
            {
                "name": label,
                "images": [
                    {"src": source[at], "text": f"{own[at, column]:.2f}"}
                    for at in map(int, best[label])
                ],
            }
            for column, label in enumerate(found.labels)
        ],
        "images": [_image(found, at, source[at]) for at in first],
    }
    write_page(workspace, "zero-shot.html.j2", values, target)


def _image(found: ZeroShot, at: int, src: str) -> dict[str, Any]:
    return {
        "src": src,
        "uri": found.uris[at],
        "labels": [
            {
                "name": label,
                "bars": [
                    {
                        "name": name,
                        "kind": KINDS[name],
                        "short": SHORT[name],
                        "percent": f"{100 * values[at, column]:.1f}",
                        "text": f"{values[at, column]:.2f}",
                    }
                    for name, values in found.probabilities.items()
                ],
            }
            for column, label in enumerate(found.labels)
        ],
    }
