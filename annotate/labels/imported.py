"""``consolidate --votes``: labels from votes of other tools, in a workspace or without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.answers.excluded import leave_out, read_excluded
from annotate.answers.votes_file import FileVotes, Find, Names, join_votes, read_votes
from annotate.errors import InputError
from annotate.files import read_json, sha256
from annotate.labels.consolidate import check_settings
from annotate.labels.experts import read_experts
from annotate.labels.lacking import Wanted
from annotate.labels.result import Basis, write_labels
from annotate.locks import exclusive
from annotate.settings import ConsolidateSettings
from annotate.storage.store import canonical_uri
from annotate.tables import CATALOG, LABELS, read
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from annotate.workspace import Workspace


@dataclass(frozen=True)
class VoteFiles:
    """Files of votes.

    Attributes:
        paths: of the files.
        columns: the files' names of the columns image, class, annotator and answer.
        images: folder at which relative paths of images start; None: that of the file.
    """

    paths: Sequence[Path]
    columns: Mapping[str, str]
    images: Path | None = None


def label_votes(
    files: VoteFiles,
    settings: ConsolidateSettings,
    output: Path,
    workspace: Workspace | None,
    annotators: int,
) -> dict[str, Any]:
    """Turn votes of other tools into labels.

    With a catalogue, images are found by id or path and others are set aside; without one they are
    called what the file calls them. Likewise classes and the workspace's label list.

    Args:
        files: the votes.
        settings: method, threshold and least number of votes.
        output: folder for the labels.
        workspace: gives catalogue and label list; None: there is none.
        annotators: answers that each image should have.

    Returns:
        What ``summary.json`` holds.

    Raises:
        MissingError, InputError: a file is not there or not readable, or not one vote counts.
    """
    check_settings(settings)
    taxonomy = None
    if workspace is not None and workspace.taxonomy.is_file():
        taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    class_id = _class_finder(taxonomy)

    def read_one(path: Path) -> FileVotes:
        image = _image_finder(workspace, files.images or path.resolve().parent)
        return read_votes(path, Names(files.columns, image, class_id))

    answers = join_votes(map(read_one, files.paths))
    if workspace is not None:
        answers = leave_out(answers, read_excluded(workspace.desk))
    if not len(answers.packed):
        raise InputError(_nothing(files, answers.rejects["reason"].tolist()))
    classes = answers.packed.question.values
    experts = None
    if taxonomy is None or workspace is None:
        taxonomy = _flat(classes)
    else:
        experts = read_experts(workspace.golden / "labels.parquet", taxonomy)
    ordered = [name for name in taxonomy.ids if name in set(classes)]
    basis = Basis({name: (name,) for name in ordered}, taxonomy, settings, experts)
    with exclusive(output / ".lock", busy=f"another process is making {output}. Wait for it."):
        return write_labels(output, answers, basis, Wanted(annotators), {"votes": _stated(files)})


def labelled_votes(workspace: Workspace) -> VoteFiles | None:
    """The files of votes that ``data/labels/`` was made of; None where there are none.

    Raises:
        DamagedError: the summary of the labels cannot be read.
    """
    summary = workspace.labels / "summary.json"
    said = read_json(summary, LABELS.made_by).get("votes") if summary.is_file() else None
    if said is None:
        return None
    images = Path(said["images"]) if said["images"] else None
    return VoteFiles([Path(file) for file in said["files"]], said["columns"], images)


def _stated(files: VoteFiles) -> dict[str, Any]:
    """Where votes came from, for the summary: the same from any folder."""
    return {
        "files": [str(path.resolve()) for path in files.paths],
        "sha256": [sha256(path) for path in files.paths],
        "columns": dict(files.columns),
        "images": str(files.images.resolve()) if files.images else "",
    }


def _nothing(files: VoteFiles, reasons: Sequence[str]) -> str:
    first = f"the first, because: {reasons[0]}" if reasons else "the files are empty"
    return f"none of the votes in {', '.join(map(str, files.paths))} counts; {first}."


def _class_finder(taxonomy: Taxonomy | None) -> Find:
    def find(name: str) -> str | None:
        if taxonomy is None:
            return name or None
        try:
            return taxonomy.resolve(name).id
        except InputError:
            return None

    return find


def _image_finder(workspace: Workspace | None, folder: Path) -> Find:
    if workspace is None or not (workspace.catalog / "images.parquet").is_file():
        return lambda name: name or None
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
    ids = set(catalog["image_id"])
    by_uri: dict[str, str] = dict(zip(catalog["uri"], catalog["image_id"], strict=True))
    root = workspace.root

    def find(name: str) -> str | None:
        if name in ids:
            return name
        for base in (folder, root):
            try:
                image = by_uri.get(canonical_uri(name, base, root))
            except (OSError, ValueError, RuntimeError):  # no path at all
                return None
            if image is not None:
                return image
        return None

    return find


def _flat(classes: Sequence[str]) -> Taxonomy:
    """A label list of classes that are only known by name."""
    entries = tuple(TaxonomyClass(name, name, "all") for name in classes)
    return Taxonomy("votes", "1", (Category("all", "All"),), entries)
