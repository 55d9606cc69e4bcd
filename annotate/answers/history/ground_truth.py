"""Results of Ground Truth: folders of worker responses, consolidation requests, output manifests.

Metadata is spelled in several ways (``job-name`` and ``job_name``, ``groundTruth/`` and
``groundtruth/``); only the parts that all spell alike are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from annotate.answers.files import TREE, find_answers
from annotate.answers.found import parse_json
from annotate.answers.history.past import Past, PastAnswer, PastLabels, SetAside
from annotate.errors import InputError

OUTPUT = "manifests/output/output.manifest"


def job_folders(folder: Path) -> list[Path]:
    """Folders below one (or it itself) that hold a job's worker responses."""
    return sorted({path.parents[1] for path in folder.glob(f"**/{TREE}") if path.is_dir()})


def read_tree(folder: Path, manifest: Path | None) -> Iterator[Past]:
    """The worker responses of a job's output folder.

    Args:
        folder: that holds ``annotations/worker-response``.
        manifest: that the job was given; else the job's own output manifest, which has its order.

    Raises:
        InputError: there is no manifest to say which object is which image.
    """
    objects = manifest or folder / OUTPUT
    if not objects.is_file():
        raise InputError(
            f"{folder}: which image an answer belongs to stands in the job's manifest, and "
            f"{objects} is not there. Give the manifest that the job was given with --manifest."
        )
    images = [image_of(entry) or "" for _, entry in manifest_lines(objects)]
    for found in find_answers(folder, images):
        if f"{TREE}/" not in found.file:
            continue
        if found.problem is not None or not isinstance(found.answers, list):
            reason = found.problem or "no list of answers"
            yield SetAside(found.file, found.line, reason)
            continue
        if not found.image_id:
            yield SetAside(found.file, found.line, "the object's line of the manifest is no image")
            continue
        for response in found.answers:
            yield from _answer(found.file, found.line, found.image_id, response)


def _answer(file: str, line: int, image: Any, response: Any) -> Iterator[Past]:
    if not isinstance(response, dict):
        yield SetAside(file, line, "not a worker response")
    elif not isinstance(image, str) or not image:
        yield SetAside(file, line, "names no image")
    else:
        yield PastAnswer(file, line, image, response)


def read_requests(file: str, batch: Sequence[Any]) -> Iterator[Past]:
    """A consolidation request: objects with the annotations of all people."""
    for number, entry in enumerate(batch, 1):
        data = entry.get("dataObject") if isinstance(entry, dict) else None
        if not isinstance(data, dict) or not isinstance(entry.get("annotations"), list):
            yield SetAside(file, number, "not an object with annotations")
            continue
        image = data.get("s3Uri") or data.get("s3uri") or data.get("content")
        line = parse_json(image) if isinstance(image, str) else None
        image = image_of(line) if isinstance(line, dict) else image
        for annotation in entry["annotations"]:
            held = annotation.get("annotationData") if isinstance(annotation, dict) else None
            if not isinstance(held, dict) or "content" not in held:
                yield SetAside(file, number, "the annotation is kept elsewhere (s3Uri)")
                continue
            content = held["content"]  # JSON in a text, and that text sometimes in JSON again
            content = parse_json(content) if isinstance(content, str) else content
            response = {"workerId": annotation.get("workerId"), "answerContent": content}
            yield from _answer(file, number, image, response)


def manifest_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Number and JSON (None where it is none) of each line of a manifest.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield number, parse_json(raw)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error


def image_of(entry: Any) -> str | None:
    """The image of a manifest's object: our id where it has one, else its address."""
    if not isinstance(entry, dict):
        return None
    found = entry.get("image-id") or entry.get("source-ref") or entry.get("source")
    return found if isinstance(found, str) else None


def read_consolidated(path: Path, file: str) -> Iterator[Past]:
    """An output manifest: the labels that the service, or a Lambda, made."""
    for number, entry in manifest_lines(path):
        image = image_of(entry)
        if image is None:
            yield SetAside(file, number, "not an object of a manifest")
            continue
        found: dict[str, float] = {}
        labelled, reason = False, "no label attribute"
        for name, value in entry.items():
            metadata = entry.get(f"{name}-metadata")
            if not isinstance(metadata, dict):
                continue
            if why := metadata.get("failure-reason"):
                reason = f"the job failed on it: {str(why)[:100]}"
                continue
            labels = _labels(value, metadata)
            if labels is None:
                reason = "labels of a kind that is not known; read the worker responses instead"
                continue
            labelled = True
            found.update(labels)
        if labelled:
            yield PastLabels(file, number, image, found)
        else:
            yield SetAside(file, number, reason)


def _labels(value: Any, metadata: Mapping[str, Any]) -> dict[str, float] | None:
    """Names and confidences: of a multi-label attribute, or of one attribute for each label."""
    names = metadata.get("class-map")
    if isinstance(value, list) and isinstance(names, dict):
        sure = metadata.get("confidence-map")
        sure = sure if isinstance(sure, dict) else {}
        return {
            str(names[str(index)]): _confidence(sure.get(str(index), 1.0))
            for index in value
            if str(index) in names
        }
    name = metadata.get("class-name")
    if isinstance(name, str) and isinstance(value, int | float):
        # Rekognition's way: one attribute a label, 1 where it is there.
        return {name: _confidence(metadata.get("confidence", 1.0)) if value else 0.0}
    return None


def _confidence(value: Any) -> float:
    known = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
    return float(value) if known else 0.0
