"""``dataset import``: from labels in another tool's format to catalogue, labels and dataset."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.catalog.scan import known_sources, load_catalog, save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.dataset.build import STORED_SPLITS
from annotate.dataset.files import stored_splits, write_dataset
from annotate.dataset.imported import ABOUT, imports_folder, place_of
from annotate.dataset.imports.classes import match_classes, use_taxonomy, write_stub
from annotate.dataset.imports.coco import read_coco
from annotate.dataset.imports.found import Found, FoundImage
from annotate.dataset.imports.huggingface import read_huggingface
from annotate.dataset.imports.labels import final_splits, kept_splits, label_rows
from annotate.dataset.imports.lists import SIGNS
from annotate.dataset.imports.rows import read_csv
from annotate.dataset.imports.voc import read_voc
from annotate.errors import InputError, MissingError
from annotate.files import atomic, write_json
from annotate.locks import exclusive
from annotate.settings import DatasetSettings
from annotate.storage.store import canonical_uris, is_remote
from annotate.tables import LABELS, read, write
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

READERS: dict[str, Callable[[Path, Path | None, Collection[str]], Found]] = {
    "coco": lambda source, images, _: read_coco(source, images),
    "voc": lambda source, images, _: read_voc(source, images),
    "csv": read_csv,
    "huggingface": read_huggingface,
}


@dataclass(frozen=True)
class Wishes:
    """What a person says about an import.

    Attributes:
        kind: format; None: found out.
        images: folder of the images; None: found out.
        absent: no or unknown: what a class is that a source does not mention for an image; None:
            unknown where the source says no somewhere, else no.
        skip_unknown: leave classes out that the taxonomy has not.
        new_taxonomy: make a label list of the source's classes.
        resplit: do not keep the source's splits.
    """

    kind: str | None = None
    images: Path | None = None
    absent: str | None = None
    skip_unknown: bool = False
    new_taxonomy: bool = False
    resplit: bool = False


def detect(source: Path) -> str:
    """The format of a source.

    Raises:
        MissingError: there is nothing there.
        InputError: no format looks like it.
    """
    if source.is_file():
        kinds = {".json": "coco", ".csv": "csv", ".tsv": "csv", ".jsonl": "huggingface"}
        if (kind := kinds.get(source.suffix.lower())) is not None:
            return kind
    elif not source.is_dir():
        raise MissingError(f"nothing at {source}.")
    elif (source / "Annotations").is_dir() or any(source.glob("*.xml")):
        return "voc"
    elif any((source / "annotations").glob("*.json")):
        return "coco"
    else:
        return "huggingface"
    raise InputError(
        f"{source}: which format? Name it with --format ({', '.join(READERS)}); a file is COCO's "
        "JSON, a CSV table or JSON Lines; the others are folders."
    )


def import_labels(
    workspace: Workspace,
    source: Path,
    wishes: Wishes,
    settings: DatasetSettings,
    progress: Callable[[int, str], Any],
) -> dict[str, Any]:
    """Bring labels in, catalogue their images, and build the dataset.

    The same source again replaces what it brought before; another one, though of the same name, is
    kept beside it.

    Args:
        workspace: gets catalogue entries, ``data/imports/NAME/`` and the dataset.
        source: file or folder.
        wishes: of the person.
        settings: of the dataset.
        progress: gives a bar for so many images and a name.

    Returns:
        The summary: what was taken, assumed and set aside, what became of the splits, and the
        dataset's ``stats``.

    Raises:
        InputError: not readable, unknown classes, no image that can be had, or the dataset refuses.
    """
    lock = imports_folder(workspace) / ".lock"
    with exclusive(lock, busy=f"another process imports to {lock.parent}. Wait for it."):
        workspace, summary, images = _bring_in(workspace, source, wishes, progress)
    before = stored_splits(workspace)
    stats = write_dataset(workspace, settings)
    wanted = read(STORED_SPLITS, Path(summary["folder"]) / "splits.parquet")
    kept = final_splits(images, wanted, before, stored_splits(workspace))
    return {**summary, "splits": summary["splits"] + kept, "stats": stats}


def _bring_in(
    workspace: Workspace, source: Path, wishes: Wishes, progress: Callable[[int, str], Any]
) -> tuple[Workspace, dict[str, Any], list[str]]:
    """Write ``data/imports/NAME/`` and the catalogue.

    Returns:
        The workspace, which may have another label list; the summary; ids of the images.
    """
    kind = wishes.kind or detect(source)
    whole = set() if wishes.new_taxonomy else _names_with_signs(workspace)
    found = READERS[kind](source, wishes.images, whole)
    images = _by_uri(workspace, found)
    if not images:
        raise InputError(_nothing(source, found))
    name = re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or kind
    folder, about = place_of(workspace, source, name)
    workspace, taxonomy, made = _taxonomy(workspace, found, folder.name, new=wishes.new_taxonomy)
    ids = match_classes(found.classes, taxonomy, skip=wishes.skip_unknown)
    _write_images(images, workspace, folder / "images.csv")
    catalog = _catalogue(workspace, folder / "images.csv", progress)
    image_ids = dict(zip(catalog["uri"], catalog["image_id"], strict=True))
    by_image = {image_ids[uri]: image for uri, image in images.items() if uri in image_ids}
    if not by_image:
        raise InputError(
            f"none of {len(images)} images can be read; see {workspace.catalog}/rejects.parquet."
        )
    absent = wishes.absent or ("unknown" if found.explicit else "no")
    labels = label_rows(by_image, ids, taxonomy, absent_is_no=absent == "no")
    splits, note = kept_splits(by_image, resplit=wishes.resplit)
    summary = {
        "format": kind,
        "images": len(by_image),
        "not_in_catalogue": len(images) - len(by_image),
        "classes": len(set(ids.values())),
        "classes_skipped": sorted(set(found.classes) - set(ids)),
        "labels": {
            str(value): int((labels["label"].to_numpy() == value).sum()) for value in (1, 0)
        },
        "absent": absent,
        "splits": note,
        "rejected": len(found.rejects),
        "taxonomy_written": made,
        "folder": str(folder),
    }
    # An import counts once its labels are there, so they come last.
    write(STORED_SPLITS, splits, folder / "splits.parquet")
    _write_rejects(found.rejects, folder / "rejects.csv")
    write_json(folder / ABOUT, {**summary, **about})
    write(LABELS, labels, folder / "labels.parquet")
    return workspace, summary, list(by_image)


def _by_uri(workspace: Workspace, found: Found) -> dict[str, FoundImage]:
    """The images that can be had, by the one spelling of their place: several spellings are one."""
    kept = _confined(found)
    folder = Path(os.path.realpath(found.folder))
    uris = canonical_uris([image.path for image in kept], folder, workspace.root)
    images: dict[str, FoundImage] = {}
    for uri, image in zip(uris, kept, strict=True):
        if uri in images:
            images[uri].merge(image)
        else:
            images[uri] = image
    return images


def _confined(found: Found) -> list[FoundImage]:
    """Images whose paths stay below the images' folder; the others are set aside."""
    base = os.path.realpath(found.folder)
    kept = []
    for image in found.images.values():
        if is_remote(image.path):
            kept.append(image)
            continue
        real = os.path.realpath(os.path.join(base, image.path)) if "\0" not in image.path else ""
        if not real.startswith(base.rstrip(os.sep) + os.sep):
            found.reject(image.where, f"{image.path!r} points outside {found.folder}")
        elif not os.path.isfile(real):
            found.reject(image.where, f"{image.path!r}: no such file below {found.folder}")
        else:
            kept.append(image)
    return kept


def _nothing(source: Path, found: Found) -> str:
    reasons = "; ".join(f"{where}: {reason}" for where, reason in found.rejects[:3])
    return (
        f"{source}: no image of it can be had ({reasons or 'it names none'}). Name the folder that "
        "its paths start at with --images."
    )


def _names_with_signs(workspace: Workspace) -> set[str]:
    """Names of known classes that a list of classes must not be cut in."""
    if not workspace.taxonomy.is_file():
        return set()
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    keys = (key for entry in taxonomy.classes for key in entry.lookup_keys)
    return {key for key in keys if any(sign in key for sign in SIGNS)}


def _taxonomy(
    workspace: Workspace, found: Found, name: str, *, new: bool
) -> tuple[Workspace, Taxonomy, str | None]:
    made = None
    path = f"label_taxonomy/{name}.yaml"
    if new and workspace.settings.project.taxonomy != path:  # else made by an earlier call
        if (workspace.root / path).exists():
            raise InputError(f"{path} is there already; --new-taxonomy does not replace it.")
        write_stub(found.classes, workspace.root / path)
        workspace, made = use_taxonomy(workspace, path), path
    elif not workspace.taxonomy.is_file():
        write_stub(found.classes, workspace.taxonomy)
        made = str(workspace.taxonomy)
    return workspace, load_taxonomy(workspace.taxonomy, workspace.settings.project.classes), made


def _write_images(images: dict[str, FoundImage], workspace: Workspace, path: Path) -> None:
    """The source's images as a table for the catalogue, which later scans read again."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    own = workspace.settings.catalog
    table.writerow([own.path_column or "path", own.property_column, own.text_column])
    for uri, image in images.items():
        inside = not is_remote(uri) and not os.path.isabs(uri)
        place = os.path.relpath(workspace.root / uri, path.parent) if inside else uri
        table.writerow([place, image.property_id or "", image.text or ""])
    with atomic(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))


def _catalogue(
    workspace: Workspace, table: Path, progress: Callable[[int, str], Any]
) -> pd.DataFrame:
    settings, folder = workspace.settings.catalog, workspace.catalog
    with exclusive(folder / ".lock", busy=f"another process is filling {folder}. Wait for it."):
        plan = plan_scan(known_sources(folder), [str(table)], workspace.root, settings)
        with progress(len(plan.items), "catalog") as bar:
            found = scan(plan, folder, workspace.root, settings, bar.update)
        save_scan(found, plan, settings, folder)
    catalog = load_catalog(folder)
    return catalog[catalog["present"]]


def _write_rejects(rejects: list[tuple[str, str]], path: Path) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("where", "reason"), *rejects])
    with atomic(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))
