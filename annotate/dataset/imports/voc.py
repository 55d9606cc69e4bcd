"""Pascal VOC: an XML file per image, whose objects' names are its labels."""

from __future__ import annotations

from pathlib import Path

from annotate.dataset.imports.found import Found, read_outside, split_name
from annotate.errors import InputError
from annotate.outside_xml import parse_xml

MOST_XML_BYTES = 10_000_000


def read_voc(source: Path, images: Path | None) -> Found:
    """Read ``Annotations/``, ``JPEGImages/`` and, for splits, ``ImageSets/Main/``.

    An object marked difficult is neither a yes nor a no, as in VOC's own scoring.

    Raises:
        InputError: no annotations.
    """
    folder = source / "Annotations" if (source / "Annotations").is_dir() else source
    pictures = images or (source / "JPEGImages" if (source / "JPEGImages").is_dir() else source)
    files = sorted(folder.glob("*.xml"))
    if not files:
        raise InputError(f"{folder}: no XML files, as VOC's annotations are.")
    found = Found(pictures)
    splits = _splits(source / "ImageSets" / "Main", {file.stem for file in files})
    for file in files:
        try:
            _read_file(found, file, splits.get(file.stem))
        except InputError as error:
            found.reject(file.name, str(error))
    return found


def _read_file(found: Found, file: Path, split: str | None) -> None:
    root = parse_xml(read_outside(file, MOST_XML_BYTES))
    path = (root.findtext("filename") or "").strip()
    if not path:
        raise InputError("no filename")
    image = found.image(path, file.name)
    image.tell(split, None, None)
    maybe = set()
    for entry in root.iter("object"):
        name = (entry.findtext("name") or "").strip()
        if not name:
            found.reject(file.name, "an object without a name")
        elif (entry.findtext("difficult") or "").strip() == "1":
            maybe.add(name)
        else:
            image.yes.add(name)
    image.unknown |= maybe - image.yes
    found.add_classes(image.yes | image.unknown)


def _splits(folder: Path, stems: set[str]) -> dict[str, str]:
    """Split by the stem of each image's annotations, as it is in the files of ``ImageSets/Main/``.

    A line is a stem, which may hold spaces, or a stem and a number.
    """
    splits: dict[str, str] = {}
    for file in sorted(folder.glob("*.txt")):
        # aeroplane_train.txt and the like are per class; trainval is both.
        split = split_name(file.stem) if file.stem.isalpha() else None
        if split is not None:
            text = read_outside(file, MOST_XML_BYTES).decode("utf-8-sig", "replace")
            for line in filter(None, map(str.strip, text.splitlines())):
                splits[line if line in stems else line.split()[0]] = split
    return splits
