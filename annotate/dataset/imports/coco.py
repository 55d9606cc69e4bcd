"""COCO JSON: the categories of an image's annotations are its labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from annotate.dataset.imports.found import Found, load_json, split_name, text_or_none
from annotate.errors import InputError

_FOLDERS = ("images/{0}", "{0}", "{0}2017", "{0}2014", "images", "")


def read_coco(source: Path, images: Path | None) -> Found:
    """Read a file, or all of a folder's ``annotations/``; the name of a file tells its split.

    Where images name ``neg_category_ids``, as LVIS and our export do, what is in neither list is
    unknown; else COCO's convention holds, that all of every category was annotated.

    Raises:
        InputError: not COCO.
    """
    files = [source] if source.is_file() else sorted((source / "annotations").glob("*.json"))
    base = source if source.is_dir() else source.parent
    if images is None and source.is_file() and base.name == "annotations":
        base = base.parent
    found = Found(images or base)
    for file in files:
        _read_file(found, file, base if images is None else None)
    return found


def _read_file(found: Found, file: Path, base: Path | None) -> None:
    content = load_json(file)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise InputError(f"{file}: no list `images`, so this is not COCO's JSON.")
    names = _categories(found, content.get("categories"), file)
    split = split_name(file.stem)
    by_id: dict[Any, Any] = {}
    for at, entry in enumerate(content["images"]):
        where = f"{file.name} images[{at}]"
        path = entry.get("file_name") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not path or not isinstance(entry.get("id"), int | str):
            found.reject(where, "no id and file_name")
            continue
        if base is not None and "://" not in path:
            path = _below(base, split, path)
        image = found.image(path, where)
        image.tell(
            split, text_or_none(entry.get("property_id")), text_or_none(entry.get("caption"))
        )
        by_id[entry["id"]] = image
        if isinstance(entry.get("neg_category_ids"), list):
            found.explicit = True
            image.no |= {names[key] for key in entry["neg_category_ids"] if _known(key, names)}
    annotations = content.get("annotations")
    for at, entry in enumerate(annotations if isinstance(annotations, list) else []):
        where = f"{file.name} annotations[{at}]"
        key = entry.get("category_id") if isinstance(entry, dict) else None
        if not _known(key, names):
            found.reject(where, f"unknown category_id {key!r}")
        elif not _known(entry.get("image_id"), by_id):
            found.reject(where, f"unknown image_id {entry.get('image_id')!r}")
        else:
            by_id[entry["image_id"]].yes.add(names[key])


def _known(key: Any, table: dict[Any, Any]) -> bool:
    return isinstance(key, int | str) and key in table


def _categories(found: Found, listed: Any, file: Path) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for at, entry in enumerate(listed if isinstance(listed, list) else []):
        name = (
            text_or_none(entry.get("class_id") or entry.get("name"))
            if isinstance(entry, dict)
            else None
        )
        if name is None or not isinstance(entry.get("id"), int | str):
            found.reject(f"{file.name} categories[{at}]", "no id and name")
            continue
        names[entry["id"]] = name
        found.classes.setdefault(name, text_or_none(entry.get("supercategory")) or "")
    if not names:
        raise InputError(f"{file}: no categories, so there are no labels to import.")
    return names


def _below(base: Path, split: str | None, path: str) -> str:
    """Where the images of a split usually lie, seen from the annotations."""
    words = [split, "val"] if split == "validation" else [split or "train"]
    for pattern in _FOLDERS:
        for word in words:
            folder = pattern.format(word)
            if (base / folder / path).is_file():
                return f"{folder}/{path}" if folder else path
    return path
