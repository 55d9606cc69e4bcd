"""CVAT's export "CVAT for images 1.1": tags of images.

A file holds one person's tags, who is the assignee of its job or task, else the file's name. The
labels that could be given stand in the file, so a tagged image has a no to all others. An image
without any tag says nothing: CVAT does not tell whether anybody looked at it.
"""

from __future__ import annotations

from pathlib import Path

from annotate.answers.foreign import ForeignVotes
from annotate.errors import InputError
from annotate.outside_xml import parse_xml

UNTAGGED = "no tag: CVAT does not say whether anybody looked"


def read_cvat(path: Path) -> ForeignVotes:
    """Read an export. ``line`` of what is set aside counts the images from 1.

    Raises:
        InputError: it is not such an XML file.
    """
    try:
        root = parse_xml(path.read_bytes())
    except InputError as error:
        raise InputError(f"{path}: {error}.") from error
    if root.tag != "annotations":
        raise InputError(f'{path}: not an export "CVAT for images 1.1" (<annotations>).')
    labels = [entry.text or "" for entry in root.iterfind("meta//labels/label/name")]
    annotator = next(
        (entry.text for entry in root.iterfind("meta//assignee/username") if entry.text), path.stem
    )
    votes = ForeignVotes()
    for number, image in enumerate(root.iterfind("image"), 1):
        name = image.get("name", "")
        tags = {tag.get("label", "") for tag in image.iterfind("tag")}
        if not tags:
            votes.aside.append((number, name, UNTAGGED))
        for label in [*labels, *sorted(tags - set(labels))] if tags else []:
            votes.add(name, label, annotator, "yes" if label in tags else "no")
    return votes
