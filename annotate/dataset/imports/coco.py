"""COCO JSON: the categories of an image's annotations are its labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from annotate.dataset.imports.found import Found, load_json, split_name, text_or_none
from annotate.errors import InputError

_FOLDERS = ("images/{0}", "{0}", "{0}2017", "{0}2014", "images", "")


def read_coco(source: Path, images: Path | None) -> Found:
    """Read a file, or all of a folder's ``annotations/``; the name of a file tells its split.

    COCO's own folder holds captions and lists of images beside annotations with categories; such
    files are set aside.

    Where images name ``neg_category_ids``, as LVIS and our export do, what is in neither list is
    unknown; else COCO's convention holds, that all of every category was annotated.

    Raises:
        InputError: not COCO, or nothing of it says categories of images.
    """
    files = [source] if source.is_file() else sorted((source / "annotations").glob("*.json"))
    base = source if source.is_dir() else source.parent
    if images is None and source.is_file() and base.name == "annotations":
        base = base.parent
    found = Found(images or base)
    said = []
    for file in files:
        content = load_json(file)
        if not isinstance(content, dict) or not isinstance(content.get("images"), list):
            raise InputError(f"{file}: no list `images`, so this is not COCO's JSON.")
        if (lacking := _lacking(content)) is None:
            _read_file(found, file, content, base if images is None else None)
        else:
            found.reject(file.name, lacking)
            said.append(f"{file}: {lacking}, so there are no labels to import.")
    if len(said) == len(files):
        raise InputError("\n".join(said))
    return found


def _lacking(content: dict[str, Any]) -> str | None:
    """What a file would need to say categories of images; an empty list of annotations is one."""
    if not isinstance(content.get("categories"), list) or not content["categories"]:
        return "no categories"
    return None if isinstance(content.get("annotations"), list) else "no annotations"


def _read_file(found: Found, file: Path, content: dict[str, Any], base: Path | None) -> None:
    names = _categories(found, content["categories"], file)
    split = split_name(file.stem)
    by_id: dict[Any, Any] = {}
    for at, entry in enumerate(content["images"]):
        where = f"{file.name} images[{at}]"
        path = entry.get("file_name") if isinstance(entry, dict) else None
        if not isinstance(path, str) or not path or not isinstance(entry.get("id"), int | str):
            found.reject(where, "no id and file_name")
            continue
        if base is not None and "://" not in path and not os.path.isabs(path):
            path = _below(base, split, path)
        image = found.image(path, where)
        image.tell(
            split, text_or_none(entry.get("property_id")), text_or_none(entry.get("caption"))
        )
        by_id[entry["id"]] = image
        if isinstance(entry.get("neg_category_ids"), list):
            found.explicit = True
            image.no |= {names[key] for key in entry["neg_category_ids"] if _known(key, names)}
    for at, entry in enumerate(content["annotations"]):
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


def _categories(found: Found, listed: list[Any], file: Path) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for at, entry in enumerate(listed):
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
