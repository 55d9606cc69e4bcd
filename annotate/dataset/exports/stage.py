"""``dataset export``: from ``data/dataset/`` to a folder in a format that others read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from annotate.dataset.exports.card import CardWishes, check_card, write_card
from annotate.dataset.exports.data import ExportData, load_export_data
from annotate.dataset.exports.formats import FORMATS, Format
from annotate.dataset.exports.licence import check_licence
from annotate.dataset.exports.placing import Placement, place_images
from annotate.dataset.exports.request import Request
from annotate.dataset.exports.webdataset import remove_shards, write_shards
from annotate.dataset.lock import LOCK_FILE
from annotate.errors import InputError
from annotate.files import atomic, read_json, remove_stale, write_json
from annotate.locks import exclusive
from annotate.storage.store import is_remote
from annotate.tasks.objects import check_prefix
from annotate.workspace import Workspace

ABOUT = "export.json"
REJECTS = "rejects.csv"
MADE_BY = "mumic-annotate dataset export"
_PICTURE = re.compile(r"[0-9a-f]{20}\.[a-z]+")


def export_dataset(
    workspace: Workspace,
    name: str,
    folder: Path,
    *,
    images: str | None,
    image_prefix: str | None,
    progress: Callable[[int], Any],
) -> dict[str, Any]:
    """Write the dataset in a format.

    A killed export goes on where it was; one of another state of the dataset is brought up to date.
    Labels are written when the images are in place, and ``export.json`` last.

    Args:
        workspace: with a dataset.
        name: of the format.
        folder: new, empty, or of an earlier export to this format.
        images: copy, link or uri; None: the format's default.
        image_prefix: ``s3://`` prefix for local paths; None: that of ``[tasks]``.
        progress: gives a bar for so many images.

    Returns:
        What ``export.json`` holds.

    Raises:
        MissingError: no dataset.
        InputError: a way that the format has not, or a folder with other things in it.
    """
    chosen = FORMATS[name]
    way = images or chosen.ways[0]
    if way not in chosen.ways:
        raise InputError(
            f"--images {way} does not go with {name}: it takes {' or '.join(chosen.ways)}."
        )
    _check_folder(folder, name)
    data = load_export_data(workspace)
    request = _request(workspace, way, image_prefix)
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive(
        folder / ".lock", busy=f"another process is exporting to {folder}. Wait for it."
    ):
        return _export(workspace, data, folder, name, request, progress)


def _export(
    workspace: Workspace,
    data: ExportData,
    folder: Path,
    name: str,
    request: Request,
    progress: Callable[[int], Any],
) -> dict[str, Any]:
    chosen = FORMATS[name]
    same = {
        "format": name,
        **{key: data.lock[key] for key in ("images_hash", "votes_hash", "classes_hash")},
        "images": request.images,
        "per_shard": request.per_shard,
    }
    before = read_json(folder / ABOUT, MADE_BY) if (folder / ABOUT).is_file() else {}
    resume = all(before.get(key) == value for key, value in same.items())
    unfinished = {"format": name, "finished": False, "files": before.get("files", [])}
    if name == "webdataset" and not resume:
        # A shard is kept where it is there, so those of another state go before this one is named.
        write_json(folder / ABOUT, unfinished)
        remove_shards(folder)
    write_json(folder / ABOUT, {**same, **unfinished})
    remove_stale(folder)
    check_card(workspace.templates)  # before many pictures are copied
    with progress(len(data)) as bar:
        files: list[str] = []
        rejects: dict[str, str] = {}
        if name == "webdataset":
            files, rejects = write_shards(
                data,
                folder,
                request,
                workspace.settings.catalog,
                resume=resume,
                on_progress=bar.update,
            )
        elif chosen.pictures and request.images != "uri":
            rejects = _place(workspace, data, folder, name, request, bar.update)
    whole = data.take(~data.images["image_id"].isin(list(rejects)).to_numpy(bool))
    files += chosen.write(whole, folder, request)
    wishes = CardWishes(chosen.holds, request.licence, name == "huggingface", workspace.templates)
    files.append(write_card(whole, folder, wishes))
    _write_rejects(rejects, folder)
    about = {
        **same,
        "finished": True,
        "exported": len(whole),
        "left_out": len(rejects),
        "splits": {key: int(value) for key, value in whole.images["split"].value_counts().items()},
        "files": sorted(files),
        "holds": chosen.holds,
        "warnings": _warnings(whole, name, request),
        "taxonomy_hash": data.lock["taxonomy_hash"],
    }
    _remove_old(folder, before.get("files", []), files, _pictures(whole, chosen, request))
    write_json(folder / ABOUT, about)
    return about


def _check_folder(folder: Path, name: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with --folder.")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / ABOUT).is_file():
        raise InputError(f"{folder} holds other things; name a new or empty folder with --folder.")
    held = read_json(folder / ABOUT, MADE_BY).get("format")
    if held != name:
        raise InputError(f"{folder} holds an export to {held}; name another with --folder.")


def _request(workspace: Workspace, way: str, image_prefix: str | None) -> Request:
    settings = workspace.settings
    built = (workspace.dataset / LOCK_FILE).stat().st_mtime
    prefix = settings.tasks.image_prefix if image_prefix is None else image_prefix
    check_prefix(prefix)
    return Request(
        images=way,
        image_prefix=prefix,
        attribute=settings.job.attribute,
        created=datetime.fromtimestamp(int(built), UTC).strftime("%Y-%m-%dT%H:%M:%S.000000"),
        per_shard=settings.dataset.images_per_shard,
        licence=check_licence(settings.dataset.licence),
        root=workspace.root,
    )


def _warnings(data: ExportData, name: str, request: Request) -> list[str]:
    local = sum(not is_remote(uri) for uri in data.images["uri"])
    if name == "groundtruth" and local and not request.image_prefix:
        return [
            f"{local:,} images lie on this machine, where the service cannot read them. Copy them "
            "to a bucket and name it with --image-prefix or [tasks] image_prefix"
        ]
    return []


def _pictures(data: ExportData, chosen: Format, request: Request) -> set[str]:
    """Paths of the images in the export, relative to its folder."""
    if not chosen.pictures or request.images == "uri":
        return set()
    return {
        f"{chosen.pictures.format(split=image.split)}/{image.image_id}{image.suffix}"
        for image in data.images.itertuples(index=False)
    }


def _place(
    workspace: Workspace,
    data: ExportData,
    folder: Path,
    name: str,
    request: Request,
    on_progress: Callable[[int], object],
) -> dict[str, str]:
    where = FORMATS[name].pictures
    placements = [
        Placement(
            str(image.image_id),
            str(image.uri),
            str(image.content_hash),
            folder / where.format(split=image.split) / f"{image.image_id}{image.suffix}",
        )
        for image in data.images.itertuples(index=False)
    ]
    return place_images(
        placements,
        workspace.root,
        workspace.settings.catalog,
        link=request.images == "link",
        on_progress=on_progress,
    )


def _write_rejects(rejects: dict[str, str], folder: Path) -> None:
    if not rejects:
        (folder / REJECTS).unlink(missing_ok=True)
        return
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([("image_id", "reason"), *sorted(rejects.items())])
    with atomic(folder / REJECTS) as file:
        file.write(text.getvalue().encode())


def _remove_old(folder: Path, before: list[str], files: list[str], pictures: set[str]) -> None:
    """Delete what an earlier export wrote and this one did not; nothing else is touched."""
    for name in set(before) - set(files):
        (folder / name).unlink(missing_ok=True)
    for file in folder.rglob("*"):
        if _PICTURE.fullmatch(file.name) and file.relative_to(folder).as_posix() not in pictures:
            file.unlink()
