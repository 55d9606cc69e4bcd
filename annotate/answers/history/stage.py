"""``job import`` in a workspace: results of a past job become answers, or labels, of its images."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.answers.found import parse_json, short_text
from annotate.answers.history.fields import name_fields, read_field_map
from annotate.answers.history.ground_truth import (
    job_folders,
    read_consolidated,
    read_requests,
    read_tree,
)
from annotate.answers.history.mturk import read_batch, read_pages, xml_page
from annotate.answers.history.past import LARGEST_FILE, Past, PastAnswer, PastLabels, SetAside
from annotate.answers.history.translate import Find, translate
from annotate.errors import InputError, MissingError
from annotate.files import atomic, remove_stale
from annotate.storage.store import canonical_uri
from annotate.tables import CATALOG, read
from annotate.tasks.build import read_questions
from annotate.tasks.objects import source_ref
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

FILES = (".manifest", ".jsonl", ".json", ".csv", ".xml")


@dataclass(frozen=True)
class PastJob:
    """Where the results of a past job are, and what they do not say themselves.

    Attributes:
        paths: files, and folders of files.
        manifest: that the job was given, for worker responses without an output manifest.
        labels: a label category file: the names that a category list showed.
        fields: a CSV of what the fields of a form asked, see ``annotate.answers.history.fields``.
    """

    paths: tuple[Path, ...]
    manifest: Path | None = None
    labels: Path | None = None
    fields: Path | None = None


def import_results(workspace: Workspace, job: PastJob, name: str) -> dict[str, Any]:
    """Read results of a past job.

    Answers become ``data/answers/import-NAME.jsonl``, labels ``data/imported/NAME.csv`` (columns
    ``path`` and ``class_id``), what cannot be used ``data/imported/NAME-rejects.csv``. Files of an
    earlier call with that name are replaced.

    Raises:
        MissingError: a path, the catalogue or the questions are not there.
        InputError: nothing in the paths is a result of a job, or a manifest is missing.
    """
    if not name.replace("-", "").replace("_", "").isalnum():
        raise InputError(f"--name {name!r} must be letters, digits, hyphens and underscores.")
    taxonomy, plan = read_questions(workspace)
    questions = {question.id: question.classes for question in plan.questions}
    shown = _label_names(job.labels) if job.labels else []
    fields = read_field_map(job.fields) if job.fields else {}
    known = known_images(workspace)
    find, root = finder(taxonomy), workspace.root
    answers: dict[str, list[dict[str, Any]]] = {}
    labels: dict[str, dict[str, float]] = {}
    rejects: list[tuple[str, int, str]] = []
    for past in _read_all(job, known):
        place = (past.file, past.line)
        if isinstance(past, SetAside):
            rejects.append((*place, past.reason))
            continue
        image_id = known.get(past.image) or known.get(canonical_uri(past.image, root, root))
        if image_id is None:
            rejects.append((*place, "unknown image"))
        elif isinstance(past, PastLabels):
            sure = {find(label): confidence for label, confidence in past.labels.items()}
            strange = [label for label in past.labels if find(label) is None]
            rejects += [(*place, f"unknown class {label[:80]}") for label in strange]
            labels.setdefault(image_id, {}).update(
                {class_id: value for class_id, value in sure.items() if class_id is not None}
            )
        else:
            content = name_fields(past.response.get("answerContent"), fields)
            found = translate(content, questions, find, shown)
            response, reasons = _response(past, *found)
            rejects += [(*place, reason) for reason in reasons]
            if response is not None:
                answers.setdefault(image_id, []).append(response)
    if not (answers or labels or rejects):
        raise InputError(
            f"{', '.join(map(str, job.paths))}: no results of a job. There may be folders with "
            "annotations/worker-response/, output manifests, consolidation requests, and "
            "assignments of Mechanical Turk as XML, JSON or CSV."
        )
    files = _write(workspace, name, answers, _positive(labels, taxonomy, workspace), rejects)
    return {
        "name": name,
        **files,
        "images": len(answers),
        "answers": sum(map(len, answers.values())),
        "annotators": len({one["workerId"] for given in answers.values() for one in given}),
        "labelled_images": len(labels),
        "set_aside": len(rejects),
        "reasons": dict(Counter(reason for *_, reason in rejects).most_common()),
    }


def known_images(workspace: Workspace) -> dict[str, str]:
    """Image ids of the catalogue by everything that a job may call an image by.

    These are its id, its address, and its address below ``[tasks] image_prefix``.
    """
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri", "present"])
    prefix = workspace.settings.tasks.image_prefix
    catalog = catalog.sort_values("present", kind="stable")  # present ones win
    known: dict[str, str] = {}
    for uri, image_id in zip(catalog["uri"].tolist(), catalog["image_id"].tolist(), strict=True):
        known[uri] = known[source_ref(uri, prefix)] = image_id
    return known | {image_id: image_id for image_id in catalog["image_id"].tolist()}


def finder(taxonomy: Taxonomy) -> Find:
    """Looks classes up by id, name or alias."""
    found: dict[str, str | None] = {}

    def find(name: str) -> str | None:
        if name not in found:
            try:
                found[name] = taxonomy.resolve(name).id
            except InputError:
                found[name] = None
        return found[name]

    return find


def _response(
    past: PastAnswer, content: Mapping[str, Any], reasons: list[str]
) -> tuple[dict[str, Any] | None, list[str]]:
    worker = past.response.get("workerId")
    if not isinstance(worker, str) or not worker or worker != short_text(worker):
        return None, ["no usable workerId"]
    if not content:
        return None, reasons
    times = ("acceptanceTime", "submissionTime", "timeSpentInSeconds")
    kept = {key: past.response[key] for key in times if key in past.response}
    return {"workerId": worker, **kept, "answerContent": content}, reasons


def _read_all(job: PastJob, known: Mapping[str, str]) -> Iterator[Past]:
    for path in job.paths:
        if not path.exists():
            raise MissingError(f"there is nothing at {path}.")
        trees = job_folders(path) if path.is_dir() else []
        for tree in trees:
            yield from read_tree(tree, job.manifest)
        if trees:  # the rest of a job's folder says the same again
            continue
        pages: list[Any] = []
        for file in _files(path):
            yield from _read_file(file, file.name, known, pages)
        # Assignments and their HITs may stand in files of their own.
        yield from read_pages(pages, path.name)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.suffix in FILES)


def _read_file(file: Path, name: str, known: Mapping[str, str], pages: list[Any]) -> Iterator[Past]:
    if file.suffix == ".csv":
        yield from read_batch(file, name, known)
    elif file.suffix in (".manifest", ".jsonl"):
        yield from read_consolidated(file, name)
    elif file.suffix in (".json", ".xml"):
        data = _bytes(file)
        found = xml_page(data) if file.suffix == ".xml" else parse_json(data)
        batch = found if isinstance(found, list) else [found]
        if any(isinstance(entry, dict) and "datasetObjectId" in entry for entry in batch):
            yield from read_requests(name, batch)
        elif any(isinstance(entry, dict) for entry in batch):
            pages += batch
        else:
            reason = "neither JSON nor XML (without entities and document type) of a job's results"
            yield SetAside(name, 1, reason)
    else:
        yield SetAside(name, 1, f"a file of no known kind; {', '.join(FILES)} are read")


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise InputError(f"{file}: larger than {LARGEST_FILE:,} bytes; split it.")
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}).") from error


def _label_names(path: Path) -> list[str]:
    """Names in a label category file.

    Raises:
        InputError: it is none.
    """
    if not path.is_file():
        raise MissingError(f"no label category file at {path}.")
    found = parse_json(_bytes(path))
    labels = found.get("labels") if isinstance(found, dict) else None
    names = [entry.get("label") if isinstance(entry, dict) else None for entry in labels or []]
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(f'{path}: not a label category file: {{"labels": [{{"label": "..."}}]}}.')
    return [str(name) for name in names]


def _positive(
    labels: Mapping[str, Mapping[str, float]], taxonomy: Taxonomy, workspace: Workspace
) -> list[tuple[str, str]]:
    """Image id and class of each label that is sure enough; an image without any has one row."""
    usual = workspace.settings.consolidate.vote_threshold
    rows = []
    for image_id, found in sorted(labels.items()):
        sure = [
            class_id
            for class_id, confidence in found.items()
            if confidence >= (taxonomy.by_id[class_id].vote_threshold or usual)
        ]
        rows += [(image_id, class_id) for class_id in sure or [""]]
    return rows


def _write(
    workspace: Workspace,
    name: str,
    answers: Mapping[str, Sequence[Mapping[str, Any]]],
    positive: Sequence[tuple[str, str]],
    rejects: Sequence[tuple[str, int, str]],
) -> dict[str, str | None]:
    """The three files; one without rows is removed."""
    uris = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
    uri_of = dict(zip(uris["image_id"], uris["uri"], strict=True))
    folder = workspace.data / "imported"
    located = [
        (_seen_from(uri_of[image], folder, workspace.root), class_id)
        for image, class_id in positive
    ]
    lines = [
        {"image-id": image_id, "answers": given} for image_id, given in sorted(answers.items())
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    wanted = {
        "answers_file": (workspace.answers / f"import-{name}.jsonl", text),
        "labels_file": (folder / f"{name}.csv", _csv(("path", "class_id"), located)),
        "rejects_file": (
            folder / f"{name}-rejects.csv",
            _csv(("file", "line", "reason"), rejects),
        ),
    }
    written: dict[str, str | None] = {}
    for key, (path, content) in wanted.items():
        written[key] = str(path) if content else None
        remove_stale(path.parent, path.name)
        if content:
            with atomic(path) as file:
                file.write(content.encode("utf-8", "backslashreplace"))
        else:
            path.unlink(missing_ok=True)
    return written


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not rows:
        return ""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _seen_from(uri: str, folder: Path, root: Path) -> str:
    """An image's place as a CSV in a folder names it: relative paths start there."""
    if "://" in uri or Path(uri).is_absolute():
        return uri
    depth = len(folder.relative_to(root).parts) if folder.is_relative_to(root) else None
    return str(root / uri) if depth is None else "../" * depth + uri
