"""``mumic-annotate serve``: the local annotation server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import Stage, emit, json_option, note, open_workspace, table
from annotate.cli.numbers import number_text

if TYPE_CHECKING:
    from annotate.server.requests import Site
    from annotate.workspace import Workspace

experts_option = click.option(
    "--experts",
    is_flag=True,
    help="The golden set: tasks of `golden sample`, people and answers of their own.",
)


@click.group(cls=Stage, main="run")
def serve() -> None:
    """The annotation server: people answer the tasks in a browser.

    Without a command: runs it.
    """


@serve.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on; 0: any free one.")
@click.option("--golden-rate", type=float, help="Share of pages with known labels, 0 to 1.")
@click.option(
    "--early-stop/--no-early-stop", default=None, help="End images that are decided already."
)
@click.option(
    "--votes-max", type=click.IntRange(0, 9), help="People at most where labels are open."
)
@experts_option
@json_option
def run(
    host: str | None,
    port: int | None,
    golden_rate: float | None,
    early_stop: bool | None,
    votes_max: int | None,
    experts: bool,
    as_json: bool,
) -> None:
    """Serve the tasks until ctrl-C; the answers go to data/answers/serve.jsonl.

    \b
    Example:
      mumic-annotate serve --port 8710
    """
    from dataclasses import replace

    from annotate.server.pages import differing_copies
    from annotate.server.run import serve as serve_workspace

    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "golden_rate": golden_rate,
        "early_stop": early_stop,
        "votes_max": votes_max,
    }
    workspace = _open(experts=experts)
    given = {name: value for name, value in options.items() if value is not None}
    settings = replace(workspace.settings.serve, **given)

    if copies := differing_copies(workspace.templates):
        note(
            f"Warning: {workspace.templates} has copies of {', '.join(copies)} that are not this "
            "version's, and they are served. Delete those that you did not change on purpose."
        )

    def ready(site: Site, origin: str, counts: dict[str, int]) -> None:
        summary, lines = _welcome(site, origin, workspace)
        emit(summary | {"tasks": counts}, lines, as_json=as_json)

    done = serve_workspace(workspace, settings, ready)
    note(f"Stopped. {done['folder']}: answers of {done['images']:,} images.")


def _open(*, experts: bool) -> Workspace:
    workspace = open_workspace()
    return workspace.for_experts() if experts else workspace


def _welcome(site: Site, origin: str, workspace: Workspace) -> tuple[dict[str, Any], list[str]]:
    votes = workspace.settings.tasks.annotators
    option = " --experts" if workspace.experts else ""
    owner = f"{origin}/owner/{site.keys.owner_token}"
    summary = {"url": origin, "owner": owner}
    people = len(site.desk.store.annotators())
    lines = [f"Serving at {origin}", f"Owner's page: {owner}"]
    if votes < 5 and not workspace.experts:
        lines.append(
            f"{votes} people answer each image: {votes / 5:.0%} of the cost of five, and labels "
            "that are less sure."
        )
    if people < votes:
        lines.append(
            f"{people} annotators so far, {votes} are needed. Make links in another terminal: "
            f"mumic-annotate serve links{option} --annotators {votes - people}"
        )
    if site.settings.panel_parameter:
        panel = f"{origin}/join?key={site.keys.panel_key}&{site.settings.panel_parameter}=ID"
        if site.settings.completion_parameter:
            panel += f"&{site.settings.completion_parameter}=CODE"
        summary["panel"] = panel
        lines.append(f"Link for an outside panel, which puts the person's id: {panel}")
    lines.append("ctrl-C stops it; nothing that was submitted is lost.")
    return summary, lines


@serve.command()
@click.option("--annotators", type=click.IntRange(1, 100), help="How many links; else one a name.")
@click.option("--name", "names", multiple=True, help="Name of an annotator; repeat it.")
@click.option("--output", type=click.Path(path_type=Path), help="Also a page of them to copy from.")
@experts_option
@json_option
def links(
    annotators: int | None,
    names: tuple[str, ...],
    output: Path | None,
    experts: bool,
    as_json: bool,
) -> None:
    """Make personal links for new annotators. A link is shown once; whoever has it can answer.

    \b
    Example:
      mumic-annotate serve links --annotators 5
      mumic-annotate serve links --name Ada --name Grace
    """
    from dataclasses import asdict

    from annotate.files import atomic
    from annotate.server.links import make_links
    from annotate.server.pages import Pages
    from annotate.server.run import base_url, open_store

    workspace = _open(experts=experts)
    settings = workspace.settings.serve
    count = max(annotators or len(names) or 1, len(names))
    store = open_store(workspace, settings)
    made = make_links(store, base_url(workspace, settings, store), count, names)
    if output is not None:
        page = Pages(workspace.templates).render(
            "serve-links.html.j2", links=[(link.name, link.url) for link in made]
        )
        with atomic(output) as file:
            file.write(page.html.encode())
    rows = [[link.name, link.url] for link in made]
    emit({"links": [asdict(link) for link in made]}, table(["name", "link"], rows), as_json=as_json)


@serve.command()
@click.argument("name")
@experts_option
@json_option
def revoke(name: str, experts: bool, as_json: bool) -> None:
    """Make an annotator's link useless, at once. Answers that were given stay.

    \b
    Example:
      mumic-annotate serve revoke "Annotator 3"
    """
    from annotate.server.links import find_annotator
    from annotate.server.model import REVOKED
    from annotate.server.run import open_store

    workspace = _open(experts=experts)
    store = open_store(workspace, workspace.settings.serve)
    annotator = find_annotator(store.annotators(), name)
    reopened = store.set_state(annotator.id, REVOKED)
    summary = {"id": annotator.id, "name": annotator.name, "reopened": reopened}
    emit(summary, [f"{annotator.name}: the link is revoked."], as_json=as_json)


@serve.command()
@experts_option
@json_option
def export(experts: bool, as_json: bool) -> None:
    """Write the answers so far to data/answers/serve.jsonl; the server does so by itself.

    \b
    Example:
      mumic-annotate serve export
    """
    from annotate.server.run import open_store

    workspace = _open(experts=experts)
    images = open_store(workspace, workspace.settings.serve).export(workspace.answers)
    line = f"{workspace.answers}: answers of {images:,} images"
    emit({"folder": str(workspace.answers), "images": images}, [line], as_json=as_json)


@serve.command()
@experts_option
@json_option
def status(experts: bool, as_json: bool) -> None:
    """How far the work is, and what each annotator did.

    \b
    Example:
      mumic-annotate serve status
    """
    from dataclasses import asdict

    from annotate.server.run import open_store

    workspace = _open(experts=experts)
    report = open_store(workspace, workspace.settings.serve).owner_report()
    progress = report.progress
    lines = [
        f"{progress.done:,} of {progress.images:,} images done ({progress.rule}), "
        f"{progress.answers:,} answers, {progress.per_hour:,} in the last hour"
    ]
    if progress.short:
        lines.append(
            f"{progress.short:,} images lack people: {progress.annotators_short} more needed"
        )
    rows = [
        [
            entry.annotator.name,
            entry.annotator.state,
            entry.answers,
            number_text(entry.median_seconds, ".0f"),
            entry.annotator.reason,
        ]
        for entry in report.annotators
    ]
    if rows:
        lines += table(["annotator", "state", "answers", "seconds", "why"], rows)
    emit(asdict(report), lines, as_json=as_json)
