"""What a job would be: put together from tasks and settings, and judged before it is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotate.errors import InputError, MissingError
from annotate.files import read_json
from annotate.jobs.prices import JobCost, job_cost
from annotate.jobs.record import jobs_folder, read_objects
from annotate.jobs.request import LABELS, MANIFEST, TEMPLATE, job_folder, job_name, make_request
from annotate.jobs.rules import check_objects, refuse_public
from annotate.jobs.upload import ImageFile
from annotate.jobs.validate import check_request
from annotate.migration.reading import former_questions
from annotate.migration.record import load_migrations
from annotate.questions.file import read_classes
from annotate.settings import JobSettings, TaskSettings
from annotate.storage.aws import request_shape
from annotate.storage.store import is_remote
from annotate.tables import CATALOG, read
from annotate.tasks.answered import answered_images
from annotate.tasks.objects import manifest_line, source_ref
from annotate.tasks.page import check_template
from annotate.workspace import Workspace


@dataclass(frozen=True)
class JobPlan:
    """A job before it is sent.

    Attributes:
        name: of the job.
        folder: its ``s3://`` folder.
        request: for ``CreateLabelingJob``.
        cost: forecast.
        manifest: its objects.
        files: bytes of template, label categories and manifest, by name; the manifest last.
        images: local images that annotators will open from the bucket.
        examples: local example images of classes that the page shows from the bucket.
        unplaced: example images that the page would look for on this machine.
        settings: of the job.
        answered: images of the earlier job that have all their answers; 0 if there is none.
    """

    name: str
    folder: str
    request: dict[str, Any]
    cost: JobCost
    manifest: list[dict[str, Any]]
    files: dict[str, bytes]
    images: list[ImageFile]
    examples: list[ImageFile]
    unplaced: list[str]
    settings: JobSettings
    answered: int


def plan_job(
    workspace: Workspace,
    tasks: TaskSettings,
    settings: JobSettings,
    *,
    name: str | None = None,
    chain: str | None = None,
) -> JobPlan:
    """Put together what a job needs. Nothing is sent, and nothing judged; :func:`judge` does.

    Args:
        workspace: with tasks and catalogue.
        tasks: annotators, texts, cost, and the prefix that local images are uploaded below.
        settings: of the job.
        name: of the job; else one that follows from its files.
        chain: an earlier job: take its page, and those of its images that lack answers.

    Raises:
        MissingError: no tasks, no catalogue, or no earlier job of that name.
        InputError: the manifest or a setting is wrong.
    """
    _check_given(settings)
    source = workspace.tasks if chain is None else jobs_folder(workspace) / chain
    if not (source / TEMPLATE).is_file():
        made_by = "mumic-annotate tasks" if chain is None else "mumic-annotate job launch"
        raise MissingError(f"no {TEMPLATE} in {source}. Make it with `{made_by}`.")
    objects = read_objects(source / MANIFEST)
    listed = len(objects)
    if chain is not None:
        questions = read_classes(workspace.questions)
        former = former_questions(load_migrations(workspace), questions)
        _check_chained(chain, objects, {*questions, *former})
        done = answered_images(workspace, questions, tasks.annotators)
        objects = [entry for entry in objects if entry["image-id"] not in done]
    manifest, images = _in_bucket(objects, workspace, tasks.image_prefix)
    lines = "".join(f"{manifest_line(entry)}\n" for entry in manifest).encode()
    template = (source / TEMPLATE).read_bytes()
    labels = (source / LABELS).read_bytes()
    name = name or job_name(lines, template)
    examples, unplaced = _examples(source)
    return JobPlan(
        name=name,
        folder=job_folder(name, settings),
        request=make_request(name, tasks, settings),
        cost=job_cost(manifest, tasks, settings.public_price),
        manifest=manifest,
        files={TEMPLATE: template, LABELS: labels, MANIFEST: lines},
        images=images,
        examples=examples,
        unplaced=unplaced,
        settings=settings,
        answered=listed - len(objects),
    )


def _check_given(settings: JobSettings) -> None:
    """The settings that have no default, all at once."""
    wanted = {
        "location": "s3://bucket/annotation/",
        "role": "arn:aws:iam::123456789012:role/labelling",
        "workteam": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/people",
    }
    missing = [name for name in wanted if not getattr(settings, name)]
    if missing:
        lines = "\n".join(f'  {name} = "{wanted[name]}"' for name in missing)
        raise InputError(f"mumic.toml must say under [job], for example:\n{lines}")


def _examples(source: Path) -> tuple[list[ImageFile], list[str]]:
    """The page's example images that lie on this machine: those with a place in a bucket, others.

    A job's own folder has no ``tasks.json``: a chained job's examples were sent with the first.
    """
    about = source / "tasks.json"
    listed = read_json(about, "mumic-annotate tasks") if about.is_file() else {}
    examples = listed.get("examples") or {}
    local = {address: uri for address, uri in examples.items() if not is_remote(uri)}
    files = [ImageFile(uri, address, "") for address, uri in local.items() if is_remote(address)]
    return files, [address for address in local if not is_remote(address)]


def _check_chained(
    chain: str, objects: Sequence[Mapping[str, Any]], known: Collection[str]
) -> None:
    """An earlier job's answers count only to questions that are asked still, or were migrated."""
    gone = {name for entry in objects for name in entry.get("questions", ())}.difference(known)
    if gone:
        raise InputError(
            f"job {chain} asks questions that the present plan has not ({', '.join(sorted(gone))}),"
            " so its answers would not count and all its images would be paid for again. Make new "
            "tasks with `mumic-annotate tasks`, and launch a job of them."
        )


def _in_bucket(
    objects: Sequence[Mapping[str, Any]], workspace: Workspace, prefix: str
) -> tuple[list[dict[str, Any]], list[ImageFile]]:
    """The objects with their addresses in the bucket, and the local files among them."""
    columns = ["image_id", "uri", "content_hash"]
    catalog = read(CATALOG, workspace.catalog / "images.parquet", columns)
    local = catalog[~catalog["uri"].map(is_remote).astype(bool)]
    hashes = dict(zip(local["image_id"], local["content_hash"], strict=True))
    uris = dict(zip(local["image_id"], local["uri"], strict=True))
    manifest, images = [], []
    for entry in objects:
        uri = uris.get(entry["image-id"])
        target = source_ref(uri, prefix) if uri and prefix else entry["source-ref"]
        if uri and prefix and entry["source-ref"] in (uri, target):
            images.append(ImageFile(uri, target, hashes[entry["image-id"]]))
            manifest.append({**entry, "source-ref": target})
        else:
            manifest.append(dict(entry))
    return manifest, images


def judge(plan: JobPlan, *, region: str, force_public: bool = False) -> None:
    """Make sure that the service will take a job.

    Raises:
        InputError: it will not, or the job is for the public work team; all problems are named.
    """
    refuse_public(plan.request, force=force_public)
    problems = []
    checks: list[Callable[[], object]] = [
        lambda: check_objects(plan.manifest, plan.settings.attribute),
        lambda: _check_examples(plan.unplaced),
        lambda: check_template(plan.files[TEMPLATE].decode("utf-8", "replace")),
        lambda: check_request(
            plan.request, request_shape("sagemaker", "CreateLabelingJob"), region=region
        ),
    ]
    for check in checks:
        try:
            check()
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))


def _check_examples(unplaced: Sequence[str]) -> None:
    if unplaced:
        raise InputError(
            f"the page shows example images that are not in a bucket, such as {unplaced[0]}. Build "
            "it again with `mumic-annotate tasks --image-prefix s3://bucket/photos/`."
        )


def request_text(plan: JobPlan) -> str:
    """The request as people read it."""
    return json.dumps(plan.request, indent=2, ensure_ascii=False)
