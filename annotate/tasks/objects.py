"""Which images are asked which questions: candidates to the manifest of a labelling job."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.errors import InputError
from annotate.files import atomic, write_json
from annotate.mining.round_files import round_files
from annotate.questions.planning import Forecast, QuestionPlan
from annotate.settings import TaskSettings
from annotate.tables import CANDIDATES, read
from annotate.taxonomy.model import Taxonomy

# Of Ground Truth's input manifests (developer guide, sms-input-data-input-manifest and limits).
LONGEST_LINE = 100_000
LONGEST_ATTRIBUTE = 20_000
MOST_OBJECTS = 100_000
LABEL_DOCUMENT = "2018-11-28"
_TELLING = re.compile(r"(^|/)gold(en)?([-_ ]?(images|photos|set))?/", re.IGNORECASE)


@dataclass(frozen=True)
class TaskSet:
    """Everything that ``data/tasks/`` holds.

    Attributes:
        template: the page, in Liquid.
        manifest: one object per image, in the order of the work.
        labels: Ground Truth's label category file.
        preview: the page of the first image, to look at.
        about: settings, counts, cost and hashes.
        request: for a labelling job of Ground Truth; None while ``[job] location`` is empty.
    """

    template: str
    manifest: list[dict[str, Any]]
    labels: dict[str, Any]
    preview: str
    about: dict[str, Any]
    request: dict[str, Any] | None = None


def candidate_images(folder: Path) -> list[str]:
    """Ids of the images of all rounds of mining, each once, in the order of the rounds.

    Raises:
        DamagedError: a round cannot be read.
    """
    rounds = [read(CANDIDATES, path, columns=["image_id"]) for path in round_files(folder)]
    return list(dict.fromkeys(image for frame in rounds for image in frame["image_id"]))


def make_manifest(
    images: Iterable[str],
    catalog: pd.DataFrame,
    plan: QuestionPlan,
    settings: TaskSettings,
    *,
    seed: int = 0,
    limit: int | None = None,
    again: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """One object per image that the catalogue has, shuffled.

    The order follows a hash of the image's id, so that it is the same every time and images that
    were mined for one class do not come in a row.

    Args:
        images: ids.
        catalog: columns ``image_id``, ``uri`` and ``present``.
        plan: all its questions are asked of every image.
        settings: ``image_prefix`` replaces local paths.
        seed: changes the order.
        limit: images at most.
        again: for images that were asked before, the questions that they are asked now.

    Raises:
        InputError: ``image_prefix`` is no bucket, or a limit of Ground Truth is passed.
    """
    check_prefix(settings.image_prefix)
    present = catalog.loc[catalog["present"].astype(bool), ["image_id", "uri"]]
    uris = dict(zip(present["image_id"], present["uri"], strict=True))
    questions = [question.id for question in plan.questions]
    ordered = sorted(
        (image for image in images if image in uris), key=lambda image: _order(image, seed)
    )
    manifest = [
        {
            "source-ref": source_ref(uris[image], settings.image_prefix),
            "image-id": image,
            "questions": list((again or {}).get(image, questions)),
        }
        for image in ordered[:limit]
    ]
    check_manifest(manifest)
    return manifest


def _order(image: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{image}".encode()).hexdigest()


def source_ref(uri: str, prefix: str) -> str:
    """The image's address in the manifest: local paths below the prefix, if there is one.

    >>> source_ref("photos/a.jpg", "s3://bucket/hotels/"), source_ref("photos/a.jpg", "")
    ('s3://bucket/hotels/photos/a.jpg', 'photos/a.jpg')
    """
    if not prefix or "://" in uri:
        return uri
    return f"{prefix.rstrip('/')}/{uri.lstrip('/')}"


def telling_addresses(manifest: Sequence[Mapping[str, Any]]) -> list[str]:
    """Warnings about images whose address tells annotators that they are being tested.

    Nothing else in a line can: all have the same keys, and their order is that of a hash.
    """
    telling = [entry["source-ref"] for entry in manifest if _TELLING.search(entry["source-ref"])]
    if not telling:
        return []
    return [
        f"{len(telling):,} images lie in a folder that says golden, such as {telling[0]}; "
        "annotators can see it, so move these images among the others"
    ]


def check_prefix(prefix: str) -> None:
    """Make sure that local paths can stand below a prefix.

    Raises:
        InputError: it names no bucket.
    """
    if prefix and not (prefix.startswith("s3://") and len(prefix) > len("s3://")):
        raise InputError(
            f"[tasks] image_prefix {prefix!r} must name a bucket, as in s3://bucket/photos/"
        )


def check_manifest(manifest: Sequence[Mapping[str, Any]]) -> None:
    """Make sure that Ground Truth takes a manifest.

    Raises:
        InputError: too many objects, or an object that is too long.
    """
    if len(manifest) > MOST_OBJECTS:
        raise InputError(
            f"{len(manifest):,} images, and a labelling job takes {MOST_OBJECTS:,}; "
            f"build fewer at a time with `mumic-annotate tasks --limit {MOST_OBJECTS}`."
        )
    for number, entry in enumerate(manifest, 1):
        longest = max(entry, key=lambda key: len(json.dumps(entry[key], ensure_ascii=False)))
        if len(manifest_line(entry)) > LONGEST_LINE:
            raise InputError(
                f"manifest line {number} has more than {LONGEST_LINE:,} characters; "
                f"shorten its {longest!r}."
            )
        if len(json.dumps(entry[longest], ensure_ascii=False)) > LONGEST_ATTRIBUTE:
            raise InputError(
                f"manifest line {number}: {longest!r} has more than {LONGEST_ATTRIBUTE:,} "
                "characters; shorten it."
            )


def manifest_line(entry: Mapping[str, Any]) -> str:
    """An object as its line of the manifest, without the line's end."""
    return json.dumps(entry, ensure_ascii=False)


def manifest_bytes(manifest: Iterable[Mapping[str, Any]]) -> bytes:
    """All lines of a manifest, as the file holds them."""
    return b"".join(manifest_line(entry).encode() + b"\n" for entry in manifest)


def label_categories(plan: QuestionPlan) -> dict[str, Any]:
    """Ground Truth's label category file: the ids of all classes that are asked for."""
    labels = [{"label": class_id} for question in plan.questions for class_id in question.classes]
    return {"document-version": LABEL_DOCUMENT, "labels": labels}


def describe_tasks(
    taxonomy: Taxonomy,
    plan: QuestionPlan,
    settings: TaskSettings,
    cost: Forecast,
    template: str,
    manifest: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """What ``tasks.json`` says: settings, counts, cost, and hashes of what the tasks rest on."""
    lines = "\n".join(map(manifest_line, manifest))
    return {
        "settings": asdict(settings),
        "images": len(manifest),
        "questions": len(plan.questions),
        "classes": sum(len(question.classes) for question in plan.questions),
        "forecast": asdict(cost),
        "taxonomy_hash": taxonomy.hash,
        "template_sha256": hashlib.sha256(template.encode()).hexdigest(),
        "manifest_sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "template_characters": len(template),
    }


def write_tasks(tasks: TaskSet, folder: Path) -> None:
    """Write all files of ``data/tasks/``, the manifest last: with it the tasks are there."""
    for name, text in (("template.liquid.html", tasks.template), ("preview.html", tasks.preview)):
        with atomic(folder / name) as file:
            file.write(text.encode())
    write_json(folder / "label-categories.json", tasks.labels)
    write_json(folder / "tasks.json", tasks.about)
    if tasks.request is None:
        (folder / "job.json").unlink(missing_ok=True)
    else:
        write_json(folder / "job.json", tasks.request)
    with atomic(folder / "manifest.jsonl") as file:
        file.write(manifest_bytes(tasks.manifest))
