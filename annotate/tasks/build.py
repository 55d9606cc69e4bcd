"""``tasks`` in a workspace: its files, and the stages between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.answers.excluded import read_excluded
from annotate.errors import InputError, MissingError
from annotate.files import atomic, read_json
from annotate.jobs.request import job_name, make_request
from annotate.questions.file import read_plan
from annotate.questions.planning import Forecast, QuestionPlan, price_work
from annotate.questions.rules import lint_plan
from annotate.settings import TaskSettings
from annotate.tables import CATALOG, read
from annotate.tasks.again import asked_again
from annotate.tasks.answered import answered_images
from annotate.tasks.examples import examples_in, examples_of
from annotate.tasks.manifest import read_manifest
from annotate.tasks.objects import (
    TaskSet,
    candidate_images,
    describe_tasks,
    label_categories,
    make_manifest,
    manifest_bytes,
    telling_addresses,
)
from annotate.tasks.page import (
    check_template,
    make_template,
    render_preview,
    render_previews,
)
from annotate.tasks.pictures import inlined, inlined_examples
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

MANIFEST = "manifest.jsonl"
TEMPLATE = "template.liquid.html"
ABOUT = "tasks.json"


@dataclass(frozen=True)
class BuiltTasks:
    """Tasks before they are written.

    Attributes:
        tasks: what ``data/tasks/`` will hold; None where no image is left to ask.
        candidates: images in all rounds.
        answered: of these, how many have all their answers.
        gone: of these, how many are not in the catalogue any more.
        forecast: people-hours and money.
        warnings: what the questions leave out, or that they are older than the taxonomy.
    """

    tasks: TaskSet | None
    candidates: int
    answered: int
    gone: int
    forecast: Forecast
    warnings: tuple[str, ...]


def build_tasks(
    workspace: Workspace,
    settings: TaskSettings,
    *,
    everything: bool = False,
    limit: int | None = None,
) -> BuiltTasks:
    """Make template, manifest and preview of the candidates that wait for answers.

    Args:
        workspace: with catalogue, candidates and questions.
        settings: of the page and its cost.
        everything: ask answered images again.
        limit: images at most.

    Raises:
        MissingError: catalogue, candidates or questions are not there.
        InputError: the questions, a template or a setting is wrong.
    """
    _check_settings(settings)
    taxonomy, plan = read_questions(workspace)
    candidates = candidate_images(workspace.candidates)
    if not candidates:
        raise MissingError("no candidates yet. Find some with `mumic-annotate mine --all`.")
    catalog = read_catalog(workspace)
    order = _manifest_order(workspace)
    people = settings.annotators
    excluded = read_excluded(workspace.desk)
    questions = {question.id: question.classes for question in plan.questions}
    answered = answered_images(workspace, questions, people) & set(candidates)
    again = asked_again(
        workspace.candidates,
        workspace.answers,
        plan,
        annotators=people,
        images=order,
        excluded=excluded,
    )
    again = {} if everything else {image: again[image] for image in again if image in answered}
    answered -= again.keys()
    wanted = candidates if everything else [image for image in candidates if image not in answered]
    seed = workspace.settings.project.seed
    manifest = make_manifest(wanted, catalog, plan, settings, seed=seed, limit=limit, again=again)
    known = set(catalog.loc[catalog["present"].astype(bool), "image_id"])
    gone = sum(image not in known for image in candidates)
    asked = sum(len(entry["questions"]) for entry in manifest)
    cost = price_work(plan, settings, objects=len(manifest), asked=asked)
    tasks = None
    if manifest:
        tasks = make_task_set(workspace, (taxonomy, plan), settings, manifest, catalog, cost)
    findings = lint_plan(plan, taxonomy, workspace.settings.questions)
    warnings = [
        f"{finding.message}; see `mumic-annotate questions lint`"
        for finding in findings
        if not finding.question
    ]
    warnings += telling_addresses(manifest)
    if tasks:
        warnings += _left_out(taxonomy, plan, settings, len(tasks.about["examples"]))
    return BuiltTasks(tasks, len(candidates), len(answered), gone, cost, tuple(warnings))


def make_task_set(
    workspace: Workspace,
    asked: tuple[Taxonomy, QuestionPlan],
    settings: TaskSettings,
    manifest: list[dict[str, Any]],
    catalog: pd.DataFrame,
    cost: Forecast,
) -> TaskSet:
    """The page of a manifest, and everything that lies beside it.

    Args:
        workspace: gives templates, pictures and the place of jobs.
        asked: the classes, and the questions about them.
        settings: of the page.
        manifest: one object per image.
        catalog: where the images lie.
        cost: people-hours and money.
    """
    taxonomy, plan = asked
    template = make_template(plan, taxonomy, settings, workspace.templates)
    examples = examples_in(template, taxonomy, settings)
    about = describe_tasks(taxonomy, plan, settings, cost, template, manifest)
    return TaskSet(
        template,
        manifest,
        label_categories(plan),
        preview_pages(workspace, template, manifest[:1], catalog, examples)[0],
        {**about, "examples": examples},
        _request(workspace, settings, template, manifest),
    )


def _left_out(
    taxonomy: Taxonomy, plan: QuestionPlan, settings: TaskSettings, shown: int
) -> list[str]:
    """A warning where the page has no room for all examples."""
    given = {
        example.address
        for question in plan.questions
        for class_id in question.classes
        for example in examples_of(taxonomy.by_id[class_id], settings)
    }
    if shown == len(given):
        return []
    return [
        f"{len(given) - shown:,} of {len(given):,} example images are left out: the template has "
        "no room for them; give fewer, or ask fewer classes"
    ]


def _request(
    workspace: Workspace,
    settings: TaskSettings,
    template: str,
    manifest: Sequence[Mapping[str, Any]],
) -> dict[str, Any] | None:
    """The request that ``job launch`` would send for these very files."""
    job = workspace.settings.job
    if not job.location:
        return None
    name = job_name(manifest_bytes(manifest), template.encode())
    return make_request(name, settings, job)


def _check_settings(settings: TaskSettings) -> None:
    if not 1 <= settings.annotators <= 9:
        raise InputError(
            f"[tasks] annotators = {settings.annotators}: 1 to 9 people answer an image."
        )
    if not 0 <= settings.examples <= 9:
        raise InputError(f"[tasks] examples = {settings.examples}: 0 to 9 images of each kind.")
    for name in ("seconds_per_question", "fee_per_object", "pay_per_hour", "largest_price"):
        if not 0 <= getattr(settings, name) < float("inf"):
            raise InputError(f"[tasks] {name} must be a number of 0 or more.")


def read_questions(workspace: Workspace) -> tuple[Taxonomy, QuestionPlan]:
    """The classes that this workspace works on, and the questions about them."""
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    return taxonomy, read_plan(workspace.questions, taxonomy)


def read_catalog(workspace: Workspace) -> pd.DataFrame:
    """Ids and places of all images."""
    columns = ["image_id", "uri", "present"]
    return read(CATALOG, workspace.catalog / "images.parquet", columns)


def _manifest_order(workspace: Workspace) -> list[str]:
    manifest = workspace.tasks / MANIFEST
    return [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []


def preview_pages(
    workspace: Workspace,
    template: str,
    manifest: Sequence[Mapping[str, Any]],
    catalog: pd.DataFrame,
    examples: Mapping[str, str],
) -> list[str]:
    """A preview of each object of a manifest, its pictures inside.

    Args:
        workspace: gives the templates and the limits of pictures.
        template: from ``make_template``.
        manifest: the objects.
        catalog: where their images lie.
        examples: where the classes' example images lie, by their address in the template.
    """
    small = inlined_examples(workspace, examples, template)
    uris = dict(zip(catalog["image_id"], catalog["uri"], strict=True))
    return [
        render_preview(
            template,
            entry,
            inlined(workspace, uris.get(entry["image-id"], "")),
            workspace.templates,
            small,
        )
        for entry in manifest
    ]


def write_preview(workspace: Workspace, target: Path, *, images: int) -> int:
    """Write a preview of the first tasks that were built; how many it shows.

    Raises:
        MissingError: the tasks are not built.
        InputError: the template or the manifest was altered so that it does not render.
    """
    template_file = workspace.tasks / TEMPLATE
    tasks = read_manifest(workspace.tasks / MANIFEST)[:images]
    if not template_file.is_file() or not tasks:
        raise MissingError(
            f"no tasks in {workspace.tasks}. Build them with `mumic-annotate tasks`."
        )
    template = template_file.read_text("utf-8")
    check_template(template)
    objects = [
        {"source-ref": task.image_id, "image-id": task.image_id, "questions": list(task.questions)}
        for task in tasks
    ]
    catalog = read_catalog(workspace)
    pages = preview_pages(workspace, template, objects, catalog, _examples(workspace))
    title = workspace.settings.tasks.title
    page = pages[0] if len(pages) == 1 else render_previews(pages, title, workspace.templates)
    with atomic(target) as file:
        file.write(page.encode())
    return len(pages)


def _examples(workspace: Workspace) -> dict[str, str]:
    about = read_json(workspace.tasks / ABOUT, "mumic-annotate tasks")
    examples = about.get("examples") if isinstance(about, dict) else None
    if not isinstance(examples, dict):
        return {}  # tasks that were built before the page showed examples
    return {str(address): str(place) for address, place in examples.items()}
