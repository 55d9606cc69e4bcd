"""The formats of ``dataset export``, and what each can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from annotate.dataset.exports.coco import write_coco
from annotate.dataset.exports.croissant import write_croissant
from annotate.dataset.exports.data import ExportData
from annotate.dataset.exports.fiftyone import write_fiftyone
from annotate.dataset.exports.flat import write_csv, write_parquet
from annotate.dataset.exports.groundtruth import write_groundtruth
from annotate.dataset.exports.huggingface import write_huggingface
from annotate.dataset.exports.request import Request

Writer = Callable[[ExportData, Path, Request], list[str]]


@dataclass(frozen=True)
class Format:
    """A format to export to.

    Attributes:
        write: writes labels; returns the names of its files.
        pictures: folder of a split's images; empty: it never brings them along as files.
        ways: of ``images``, the default first.
        holds: what becomes of no and unknown.
    """

    write: Writer
    pictures: str
    ways: tuple[str, ...]
    holds: str


_COLUMNS = "In `images`, 1 is yes, 0 is no and an empty cell unknown; `votes` counts the votes."
FORMATS = {
    "groundtruth": Format(
        write_groundtruth,
        "",
        ("uri",),
        "A manifest's label list holds the yes labels; its `-votes` key says of every other class "
        "whether it is no or unknown: label, yes votes, no votes, how it was decided.",
    ),
    "huggingface": Format(
        write_huggingface,
        "{split}",
        ("copy", "link"),
        "`labels`, `negatives` and `unknown` list the classes that are yes, no and unknown.",
    ),
    "coco": Format(
        write_coco,
        "images/{split}",
        ("copy", "link", "uri"),
        "An annotation is a yes, `neg_category_ids` of an image lists the classes that are no; a "
        "class in neither is unknown.",
    ),
    "fiftyone": Format(
        write_fiftyone,
        "{split}/data",
        ("copy", "link", "uri"),
        "**This format holds yes labels only: no and unknown look the same in it.** Export to csv "
        "or parquet beside it where that matters.",
    ),
    "webdataset": Format(
        lambda *_: [],
        "",
        ("copy",),
        "`labels`, `negatives` and `unknown` of a sample's JSON list the classes that are yes, no "
        "and unknown; `votes` has label, yes votes, no votes and how it was decided.",
    ),
    "csv": Format(write_csv, "images/{split}", ("uri", "copy", "link"), _COLUMNS),
    "parquet": Format(write_parquet, "images/{split}", ("uri", "copy", "link"), _COLUMNS),
    "croissant": Format(
        write_croissant,
        "images/{split}",
        ("copy", "link", "uri"),
        "The record set `labels` says yes, no or unknown of each image and class.",
    ),
    "card": Format(lambda *_: [], "", ("uri",), "This card comes without the dataset."),
}
