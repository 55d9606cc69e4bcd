"""``dataset import``: from labels in another tool's format to catalogue, labels and dataset."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotate.catalog.scan import known_sources, load_catalog, save_scan, scan
from annotate.catalog.sources import plan_scan
from annotate.dataset.build import STORED_SPLITS
from annotate.dataset.files import write_dataset
from annotate.dataset.imports.classes import match_classes, use_taxonomy, write_stub
from annotate.dataset.imports.coco import read_coco
from annotate.dataset.imports.found import Found, FoundImage
from annotate.dataset.imports.huggingface import read_huggingface
from annotate.dataset.imports.rows import read_csv
from annotate.dataset.imports.voc import read_voc
from annotate.dataset.splits import SPLITS
from annotate.errors import InputError, MissingError
from annotate.files import atomic, write_json
from annotate.locks import exclusive
from annotate.settings import DatasetSettings
from annotate.storage.store import canonical_uri, is_remote
from annotate.tables import LABELS, empty, write
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

READERS = {"coco": read_coco, "voc": read_voc, "csv": read_csv, "huggingface": read_huggingface}
IMPORTED = "imported"
_NOTHING, _ABOVE = -1, 2


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

    The same source again replaces what it brought before.

    Args:
        workspace: gets catalogue entries, ``data/imports/NAME/`` and the dataset.
        source: file or folder.
        wishes: of the person.
        settings: of the dataset.
        progress: gives a bar for so many images and a name.

    Returns:
        The summary: what was taken, assumed and set aside, and the dataset's ``stats``.

    Raises:
        InputError: not readable, unknown classes, no image that can be had, or the dataset refuses.
    """
    kind = wishes.kind or detect(source)
    found = READERS[kind](source, wishes.images)
    images = _confined(found)
    if not images:
        raise InputError(_nothing(source, found))
    name = re.sub(r"[^a-z0-9]+", "-", source.stem.lower()).strip("-") or kind
    folder = workspace.data / "imports" / name
    workspace, taxonomy, made = _taxonomy(workspace, found, name, new=wishes.new_taxonomy)
    ids = match_classes(found.classes, taxonomy, skip=wishes.skip_unknown)
    uris = {image.path: _uri(workspace, found, image) for image in images}
    _write_images(images, uris, workspace, folder / "images.csv")
    catalog = _catalogue(workspace, folder / "images.csv", progress)
    image_ids = dict(zip(catalog["uri"], catalog["image_id"], strict=True))
    kept = [image for image in images if uris[image.path] in image_ids]
    if not kept:
        raise InputError(
            f"none of {len(images)} images can be read; see {workspace.catalog}/rejects.parquet."
        )
    by_image = {image_ids[uris[image.path]]: image for image in kept}
    absent = wishes.absent or ("unknown" if found.explicit else "no")
    labels = label_rows(by_image, ids, taxonomy, absent_is_no=absent == "no")
    splits, note = _splits(by_image, resplit=wishes.resplit)
    write(LABELS, labels, folder / "labels.parquet")
    write(STORED_SPLITS, splits, folder / "splits.parquet")
    _write_rejects(found.rejects, folder / "rejects.csv")
    summary = {
        "format": kind,
        "images": len(by_image),
        "not_in_catalogue": len(images) - len(kept),
        "classes": len(set(ids.values())),
        "classes_skipped": sorted(set(found.classes) - set(ids)),
        "labels": {str(value): int((labels["label"] == value).sum()) for value in (1, 0)},
        "absent": absent,
        "splits": note,
        "rejected": len(found.rejects),
        "taxonomy_written": made,
        "folder": str(folder),
    }
    write_json(folder / "import.json", {**summary, "source": str(source)})
    return {**summary, "stats": write_dataset(workspace, settings)}


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


def _uri(workspace: Workspace, found: Found, image: FoundImage) -> str:
    if is_remote(image.path):
        return canonical_uri(image.path, workspace.root, workspace.root)
    folder = Path(os.path.realpath(found.folder))
    return canonical_uri(image.path, folder, workspace.root)


def _write_images(
    images: list[FoundImage], uris: dict[str, str], workspace: Workspace, path: Path
) -> None:
    """The source's images as a table for the catalogue, which later scans read again."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    own = workspace.settings.catalog
    table.writerow([own.path_column or "path", own.property_column, own.text_column])
    for image in images:
        uri = uris[image.path]
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


def label_rows(
    images: dict[str, FoundImage], ids: dict[str, str], taxonomy: Taxonomy, *, absent_is_no: bool
) -> pd.DataFrame:
    """Labels of the images; every yes makes the classes above it yes, as with votes.

    Args:
        images: by id.
        ids: class id of each name that is taken.
        taxonomy: gives the classes above.
        absent_is_no: a class that is not mentioned for an image is a no.

    Returns:
        ``tables.LABELS``.
    """
    class_ids = [entry for entry in taxonomy.ids if entry in _with_ancestors(ids, taxonomy)]
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    mentioned = sorted({column[class_id] for class_id in ids.values()})
    cells = np.full((len(images), len(class_ids)), _NOTHING, np.int8)
    for row, image in enumerate(images.values()):
        yes, no, unknown = (
            {ids[name] for name in names if name in ids}
            for names in (image.yes, image.no, image.unknown)
        )
        if absent_is_no:
            cells[row, mentioned] = 0
        cells[row, [column[name] for name in no]] = 0
        cells[row, [column[name] for name in unknown | (yes & no)]] = _NOTHING
        sure = yes - no  # what is said both ways is unknown
        above = {other for name in sure for other in taxonomy.ancestors(name)}
        cells[row, [column[name] for name in above]] = _ABOVE
        cells[row, [column[name] for name in sure]] = 1
    rows, columns = np.nonzero(cells != _NOTHING)
    values = cells[rows, columns]
    return pd.DataFrame(
        {
            "image_id": np.array(list(images), object)[rows],
            "class_id": np.array(class_ids, object)[columns],
            "label": np.minimum(values, 1),
            "yes": 0,
            "no": 0,
            "unsure": 0,
            "rate": None,
            "decided": np.array([IMPORTED, IMPORTED, "propagated"], object)[values],
        }
    )


def _with_ancestors(ids: dict[str, str], taxonomy: Taxonomy) -> set[str]:
    return set(ids.values()).union(*map(taxonomy.ancestors, ids.values()))


def _splits(images: dict[str, FoundImage], *, resplit: bool) -> tuple[pd.DataFrame, str]:
    """The source's splits where it has all three of them, and what became of them."""
    named = {image_id: image.split for image_id, image in images.items() if image.split}
    lacking = [name for name in SPLITS if name not in named.values()]
    if resplit or not named or lacking:
        note = "made anew"
        if named and lacking and not resplit:
            note += f": the source has no {' and no '.join(lacking)}"
        return empty(STORED_SPLITS), note
    rows = [(image_id, image_id, split) for image_id, split in sorted(named.items())]
    return pd.DataFrame(rows, columns=list(STORED_SPLITS.columns)), "kept"


def _write_rejects(rejects: list[tuple[str, str]], path: Path) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("where", "reason"), *rejects])
    with atomic(path) as file:
        file.write(text.getvalue().encode("utf-8", "replace"))
