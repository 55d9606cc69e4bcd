"""What a source of labels says, before anything is checked against catalogue and taxonomy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from annotate.errors import InputError, MissingError

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
MOST_BYTES = 2_000_000_000


@dataclass
class FoundImage:
    """An image and what is said of it: classes by the names of the source.

    Attributes:
        path: below the folder of images, or a remote URI.
        where: file, and line or record, for messages.
    """

    path: str
    where: str
    split: str | None = None
    property_id: str | None = None
    text: str | None = None
    yes: set[str] = field(default_factory=set)
    no: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)

    def merge(self, other: FoundImage) -> None:
        """Take in what another entry says of the same image; what was said first of it stays."""
        self.tell(other.split, other.property_id, other.text)
        self.yes |= other.yes
        self.no |= other.no
        self.unknown |= other.unknown

    def tell(self, split: str | None, property_id: str | None, text: str | None) -> None:
        """Take in what an entry says besides labels, where nothing has been said yet."""
        self.split = self.split or split
        self.property_id = self.property_id or property_id
        self.text = self.text or text


@dataclass
class Found:
    """A whole source.

    Attributes:
        images: by path, each once.
        classes: name of each class to its category, in the source's order.
        explicit: the source says no where it means no, so that what is absent is unknown.
        rejects: (where, reason) of what could not be taken.
        folder: that the images' paths start at.
    """

    folder: Path
    images: dict[str, FoundImage] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    explicit: bool = False
    rejects: list[tuple[str, str]] = field(default_factory=list)

    def image(self, path: str, where: str) -> FoundImage:
        """The image of this path, a new one at its first mention."""
        return self.images.setdefault(path, FoundImage(path, where))

    def reject(self, where: str, reason: str) -> None:
        """Set something aside."""
        self.rejects.append((where, reason))

    def add_classes(self, names: set[str], category: str = "") -> None:
        """Remember classes that an image names."""
        for name in sorted(names):
            self.classes.setdefault(name, category)


def split_name(text: str) -> str | None:
    """Train, validation or test, as a file or folder spells it.

    >>> split_name("instances_val2017"), split_name("valid"), split_name("photos")
    ('validation', 'validation', None)
    """
    words = "".join(letter if letter.isalpha() else " " for letter in text.lower()).split()
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def load_json(path: Path) -> Any:
    """Read a JSON file from outside.

    Raises:
        MissingError: no such file.
        InputError: too large, or not JSON, with the line.
    """
    data = read_outside(path)
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}.") from error


def read_outside(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file from outside.

    Raises:
        MissingError: no such file.
        InputError: it is too large.
    """
    if not path.is_file():
        raise MissingError(f"no file at {path}.")
    if path.stat().st_size > most:
        raise InputError(f"{path}: more than {most:,} bytes.")
    return path.read_bytes()


def text_or_none(value: Any) -> str | None:
    """A text that says something; numbers as text."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    return text if text and text != "nan" else None
