"""``mumic-annotate tasks``: the page that annotators see and the manifest of images."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace
from annotate.errors import InputError, MissingError

if TYPE_CHECKING:
    from annotate.settings import TaskSettings
    from annotate.tasks.build import BuiltTasks


@click.group(cls=Stage, main="build")
def tasks() -> None:
    """The tasks: one page template, and a manifest of images with their questions.

    Without a command: builds them.
    """


@tasks.command()
@click.option("--all", "everything", is_flag=True, help="Ask images again that have all answers.")
@click.option("--limit", type=click.IntRange(1), help="Images at most.")
@click.option("--annotators", type=click.IntRange(1, 9), help="People who answer each image.")
@click.option("--image-prefix", help="s3:// prefix that replaces local paths in the manifest.")
@click.option("--yes", is_flag=True, help="Do not ask about a price above the limit.")
@json_option
def build(
    everything: bool,
    limit: int | None,
    annotators: int | None,
    image_prefix: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Build template, manifest and preview of all candidates that wait for answers.

    Says first what the answers will cost, and asks where that is more than [tasks] largest_price.

    \b
    Example:
      mumic-annotate tasks build --limit 500
    """
    from dataclasses import replace

    from annotate.tasks.build import build_tasks
    from annotate.tasks.objects import write_tasks

    workspace = open_workspace()
    settings = workspace.settings.tasks
    if annotators is not None:
        settings = replace(settings, annotators=annotators)
    if image_prefix is not None:
        settings = replace(settings, image_prefix=image_prefix)
    built = build_tasks(workspace, settings, everything=everything, limit=limit)
    if built.gone:
        note(f"{built.gone:,} candidates are left out: the catalogue has no such image any more.")
    for warning in built.warnings:
        note(f"Warning: {warning}.")
    if built.tasks is None:
        counts = {"images": 0, "candidates": built.candidates, "answered": built.answered}
        line = (
            f"Nothing is left to ask: {built.answered:,} of {built.candidates:,} candidates have "
            "all their answers. The tasks are kept; --all builds them for all candidates."
        )
        emit(counts, [line], as_json=as_json)
        return
    note(_cost_line(built))
    if not yes:
        _confirm(built, settings)
    write_tasks(built.tasks, workspace.tasks)
    summary = {
        "folder": str(workspace.tasks),
        "candidates": built.candidates,
        "answered": built.answered,
        **built.tasks.about,
    }
    lines = [
        f"{workspace.tasks}: {len(built.tasks.manifest):,} images, "
        f"{built.forecast.questions} questions each, "
        f"template of {len(built.tasks.template):,} characters",
        f"Look at a task: {workspace.tasks / 'preview.html'}",
    ]
    emit(summary, lines, as_json=as_json)


def _cost_line(built: BuiltTasks) -> str:
    cost = built.forecast
    return (
        f"{cost.objects:,} images x {cost.questions} questions, {cost.answers:,} answers: "
        f"{cost.hours:,.1f} people-hours, {cost.money:,.2f} {cost.currency}"
    )


def _confirm(built: BuiltTasks, settings: TaskSettings) -> None:
    """Ask a person about a price above the limit; without a person, refuse it."""
    limit = settings.largest_price
    if not limit or built.forecast.money <= limit:
        return
    more = f"That is more than [tasks] largest_price = {limit:,.2f} {settings.currency}"
    if not sys.stdin.isatty():
        raise InputError(f"{more}. Nothing was written; repeat the command with --yes to agree.")
    note(f"{more}.")
    click.confirm("Write the tasks?", abort=True, err=True)


@tasks.command()
@click.option(
    "--images", type=click.IntRange(1, 50), default=3, show_default=True, help="How many."
)
@click.option("--output", type=click.Path(path_type=Path), help="HTML file; else preview.html.")
@click.option("--open", "show", is_flag=True, help="Open it in a browser.")
@json_option
def preview(images: int, output: Path | None, show: bool, as_json: bool) -> None:
    """Render the first tasks as annotators will see them, in one file that needs no network.

    \b
    Example:
      mumic-annotate tasks preview --images 5 --open
    """
    from annotate.tasks.build import write_preview

    workspace = open_workspace()
    target = output or workspace.tasks / "preview.html"
    shown = write_preview(workspace, target, images=images)
    if show and not webbrowser.open(target.resolve().as_uri()):
        note("No browser could be opened here; open the file yourself.")
    emit(
        {"file": str(target), "images": shown}, [f"{target}: {shown} tasks to try"], as_json=as_json
    )


@tasks.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--manifest", type=click.Path(path_type=Path), help="Its lines say which keys there are."
)
@json_option
def lint(file: Path | None, manifest: Path | None, as_json: bool) -> None:
    """Check a Ground Truth template: the one that was built, or any other FILE.

    \b
    Example:
      mumic-annotate tasks lint my-page.liquid.html --manifest my-manifest.jsonl
    """
    from dataclasses import asdict

    from annotate.tasks.lint import OWN_KEYS, lint_template, read_template
    from annotate.tasks.manifest import manifest_keys

    path, own_templates = file or Path(), Path("templates")
    try:
        workspace = open_workspace()
        path, own_templates = file or workspace.tasks / "template.liquid.html", workspace.templates
    except MissingError:
        if file is None:
            raise
    keys = manifest_keys(manifest) if manifest else OWN_KEYS
    found = lint_template(read_template(path), keys=keys, own_templates=own_templates)
    errors = sum(finding.error for finding in found)
    lines = [
        f"{path}:{finding.line}: {'error' if finding.error else 'warning'} ({finding.rule}): "
        f"{finding.what}; {finding.remedy}."
        for finding in found
    ]
    warnings = len(found) - errors
    lines.append(f"{path}: {errors} errors, {warnings} warnings" if found else f"{path}: no faults")
    summary = {"file": str(path), "errors": errors, "warnings": warnings}
    emit({**summary, "findings": [asdict(each) for each in found]}, lines, as_json=as_json)
    if errors:
        raise SystemExit(1)
