"""Where answers lie: ``*.jsonl`` files, and folders that Ground Truth left. Nothing is judged here.

``annotate.answers.packing`` decides what counts. This module only finds the answers and says where
each stood, so that whatever is set aside can be found again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from annotate.answers.found import RawAnswers, parse_json
from annotate.errors import InputError

__all__ = ["RawAnswers", "find_answers"]

TREE = "annotations/worker-response"


def find_answers(folder: Path, manifest_images: Sequence[str] = ()) -> Iterator[RawAnswers]:
    """All answers under a folder, sorted by file.

    Read are ``*.jsonl`` in the folder itself, and the output folder of a Ground Truth job put
    anywhere below it (``annotations/worker-response/iteration-N/INDEX/TIME.json``), whose ``INDEX``
    counts the manifest's lines from 0.

    Args:
        folder: ``data/answers``.
        manifest_images: image ids in the order of the manifest that the job was given.

    Raises:
        InputError: a file may not be read.
    """
    for path in line_files(folder):
        yield from _lines(path, path.name)
    yield from job_answers(folder, manifest_images)


def line_files(folder: Path) -> list[Path]:
    """The ``*.jsonl`` files of a folder, sorted."""
    return [path for path in sorted(folder.glob("*.jsonl")) if path.is_file()]


def job_answers(folder: Path, manifest_images: Sequence[str]) -> Iterator[RawAnswers]:
    """Answers in output folders of Ground Truth below a folder, sorted by file."""
    for path in sorted(folder.glob(f"**/{TREE}/iteration-*/*/*.json")):
        yield _tree_file(path, path.relative_to(folder).as_posix(), manifest_images)


def _lines(path: Path, name: str) -> Iterator[RawAnswers]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield image_line(raw, name, number)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


def image_line(raw: bytes, name: str, number: int) -> RawAnswers:
    """The answers of an image from a line of a file."""
    entry = parse_json(raw)
    if not isinstance(entry, dict):
        return RawAnswers(name, number, problem="not a JSON object")
    return RawAnswers(name, number, entry.get("image-id"), entry.get("answers"))


def _tree_file(path: Path, name: str, images: Sequence[str]) -> RawAnswers:
    try:
        entry = parse_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    index = path.parent.name
    if not (index.isascii() and index.isdigit() and len(index) < 10 and int(index) < len(images)):
        return RawAnswers(name, 1, problem=f"the manifest has no line for object {index[:20]}")
    if not isinstance(entry, dict):
        return RawAnswers(name, 1, images[int(index)], problem="not a JSON object")
    return RawAnswers(name, 1, images[int(index)], entry.get("answers"))
