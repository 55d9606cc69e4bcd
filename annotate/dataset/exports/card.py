"""The dataset card: what is in a dataset, how it was labelled and split, and its limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.huggingface import features
from annotate.dataset.exports.licence import hub_licence, licence_page
from annotate.dataset.splits import SPLITS
from annotate.files import atomic
from annotate.templates import Templates

CARD = "README.md"
TEMPLATE = "dataset-card.md.j2"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


@dataclass(frozen=True)
class CardWishes:
    """What a card says that the dataset itself does not.

    Attributes:
        holds: how the format holds yes, no and unknown, or that it cannot.
        licence: as SPDX spells it; empty: unknown.
        hugging_face: the folder is one of theirs, whose columns' types stand in its card.
        own_templates: the workspace's folder; a template there wins over the packaged one.
    """

    holds: str
    licence: str
    hugging_face: bool
    own_templates: Path


def check_card(own_templates: Path) -> None:
    """Refuse a broken template before anything is exported.

    Raises:
        InputError: see :meth:`annotate.templates.Templates.check`.
    """
    _templates(own_templates).check(TEMPLATE)


def write_card(data: ExportData, folder: Path, wishes: CardWishes) -> str:
    """Write ``README.md``.

    Args:
        data: the dataset.
        folder: of the export.
        wishes: what else the card says.

    Returns:
        The file's name.

    Raises:
        InputError: a template of one's own is broken.
    """
    text = _templates(wishes.own_templates).render(
        TEMPLATE,
        front=json.dumps(_front(data, wishes), indent=2, ensure_ascii=False),
        images=len(data),
        splits={name: int((data.images["split"] == name).sum()) for name in SPLITS},
        classes=[_class(data, at) for at in range(len(data.classes))],
        lock=data.lock,
        settings=data.lock["settings"],
        groups=data.images["group_id"].nunique(),
        properties=data.images["property_id"].nunique(),
        missing=data.stats.get("missing", {}),
        holds=wishes.holds,
        licence=wishes.licence,
        licence_page=licence_page(wishes.licence),
        demo=data.demo,
    )
    with atomic(folder / CARD) as file:
        file.write(text.encode())
    return CARD


def _templates(own_templates: Path) -> Templates:
    return Templates(own_templates, autoescape=False, keep_trailing_newline=True)


def _front(data: ExportData, wishes: CardWishes) -> dict[str, Any]:
    """The card's front matter, as JSON, which is YAML too."""
    size = next((name for limit, name in _SIZES if len(data) < limit), "n>1M")
    front: dict[str, Any] = {
        **hub_licence(wishes.licence),
        "task_categories": ["image-classification"],
        "tags": ["multi-label"],
        "size_categories": [size],
    }
    if wishes.hugging_face:
        front["dataset_info"] = {"features": features()}
    return front


def _class(data: ExportData, at: int) -> dict[str, Any]:
    column = data.labels[:, at]
    entry = data.classes[at]
    return {
        "id": entry["id"],
        "name": " ".join(str(entry["name"]).split()).replace("|", "/"),
        "counts": [int((column == value).sum()) for value in (1, 0, -1)],
        "by_split": [
            int(((column == 1) & (data.images["split"] == name)).sum()) for name in SPLITS
        ],
    }
