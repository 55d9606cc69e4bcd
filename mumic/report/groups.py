"""The best, worst and most doubtful images of a report, with what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.pages import pictures
from annotate.workspace import Workspace
from mumic.report.examples import costs, doubts, image_labels
from mumic.report.material import Material

PER_GROUP = 12
RICH = 3  # labels of an image worth showing among the best: few labels are easily right
Said = npt.NDArray[np.bool_]
Values = dict[str, Any]


def groups(workspace: Workspace, material: Material, said: Said) -> list[Values]:
    """Three groups, each with its title, a text and at most twelve images.

    Args:
        workspace: where the pictures lie.
        material: of the run.
        said: (images, classes), yes at the prediction thresholds.
    """
    cells, logits = material.dataset.cells, material.logits
    cost, doubt = costs(logits, cells), doubts(logits)
    shows = ((cells.labels == 1) & cells.mask).sum(axis=1)
    fewest = int(min(RICH, shows.max(initial=0)))
    ranked = np.argsort(cost, kind="stable")
    chosen: dict[str, tuple[str, Sequence[Any]]] = {
        "Best": (_best_text(fewest), [at for at in ranked if shows[at] >= fewest]),
        "Worst": (
            "Largest cost. A wrong label is as likely here as a wrong answer.",
            list(ranked[::-1]),
        ),
        "Most doubtful": (
            "Most entropy: the next to be annotated would be like these.",
            list(np.argsort(-doubt, kind="stable")),
        ),
    }
    return [
        {
            "title": title,
            "text": text,
            "images": _images(workspace, material, [int(at) for at in rows[:PER_GROUP]], said),
        }
        for title, (text, rows) in chosen.items()
    ]


def _best_text(fewest: int) -> str:
    """Which images are looked at; not all have that many labels where no image has three."""
    labels = ("", " with a label", " with two labels or more", " with three labels or more")[fewest]
    return f"Smallest cost, of images{labels}." if labels else "Smallest cost."


def _images(
    workspace: Workspace, material: Material, rows: Sequence[int], said: Said
) -> list[Values]:
    uris = [str(material.dataset.images["uri"].iloc[at]) for at in rows]
    return [
        {"src": src, "uri": uri, "labels": image_labels(material.dataset, at, said[at])}
        for at, uri, src in zip(rows, uris, pictures(workspace, uris), strict=True)
    ]
