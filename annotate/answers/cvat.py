"""CVAT's export "CVAT for images 1.1": tags of images.

A file of a job or a task holds one person's tags, who is its assignee, else the file's name. In one
of a project each image names its task, and the tags are those of that task's assignee. The labels
that could be given stand in the file, so a tagged image has a no to all others. An image without
any tag says nothing: CVAT does not tell whether anybody looked at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from annotate.answers.foreign import ForeignVotes
from annotate.errors import InputError
from annotate.outside_xml import parse_xml

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

UNTAGGED = "no tag: CVAT does not say whether anybody looked"


def read_cvat(path: Path) -> ForeignVotes:
    """Read an export. ``line`` of what is set aside counts the images from 1.

    Raises:
        InputError: it is not such an XML file, or does not tell which of its assignees tagged an
            image.
    """
    try:
        root = parse_xml(path.read_bytes())
    except InputError as error:
        raise InputError(f"{path}: {error}.") from error
    if root.tag != "annotations":
        raise InputError(f'{path}: not an export "CVAT for images 1.1" (<annotations>).')
    named = (entry.text or "" for entry in root.iterfind("meta//labels/label/name"))
    labels = list(dict.fromkeys(named))
    people = _People.of(root, path)
    votes = ForeignVotes()
    for number, image in enumerate(root.iterfind("image"), 1):
        name = image.get("name", "")
        tags = {tag.get("label", "") for tag in image.iterfind("tag")}
        if not tags:
            votes.aside.append((number, name, UNTAGGED))
            continue
        annotator = people.annotator(image)
        for label in [*labels, *sorted(tags - set(labels))]:
            votes.add(name, label, annotator, "yes" if label in tags else "no")
    return votes


@dataclass(frozen=True)
class _People:
    """Whose tags a file holds.

    Attributes:
        file: the export.
        by_task: annotator of each task of a project, by its id.
        others: assignees that the file names, if no image said its task.
    """

    file: Path
    by_task: dict[str, str]
    others: tuple[str, ...]

    @classmethod
    def of(cls, root: Element, file: Path) -> _People:
        tasks = {
            entry.findtext("id", ""): _assignee(entry) for entry in root.iterfind("meta//task")
        }
        alone = len(tasks) < 2
        by_task = {
            number: who or (file.stem if alone else f"{file.stem}-task-{number}")
            for number, who in tasks.items()
        }
        # A project has an assignee too, who need not have tagged anything.
        own = [who for who in tasks.values() if who]
        own += [who for entry in root.iterfind("meta//job") if (who := _assignee(entry))]
        anybody = [entry.text for entry in root.iterfind("meta//assignee/username") if entry.text]
        return cls(file, by_task, tuple(dict.fromkeys(own or anybody)))

    def annotator(self, image: Element) -> str:
        """Who has tagged an image."""
        known = self.by_task.get(image.get("task_id", ""))
        if known is not None:
            return known
        if len(self.others) > 1:
            raise InputError(
                f"{self.file}: it has several assignees ({', '.join(self.others[:5])}), and image "
                f"{image.get('name', '')!r} does not name its task, so nobody knows whose tags "
                "these are. Export each task, or each job, to a file of its own."
            )
        return self.others[0] if self.others else self.file.stem


def _assignee(entry: Element) -> str:
    return (entry.findtext("assignee/username") or "").strip()
