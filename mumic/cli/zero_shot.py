"""``mumic zero-shot``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress, table
from annotate.cli.given import given_options
from mumic.cli.demo_note import demo_lines

if TYPE_CHECKING:
    from mumic.prediction.zero_shot import ZeroShot

PRINTED = 6  # images


@click.command("zero-shot")
@click.argument("sources", nargs=-1, metavar="[IMAGES]...")
@click.option("--labels", multiple=True, required=True, help="Names, separated by commas.")
@click.option("--run", help="The run; default: the newest.")
@click.option(
    "--sample", type=click.IntRange(1), default=200, show_default=True,
    help="Without IMAGES: how many of the catalogue, drawn at random.",
)  # fmt: skip
@click.option("--no-page", is_flag=True, help="Write no page with pictures.")
@click.option("--open", "launch", is_flag=True, help="Open the page in a browser.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
@click.pass_context
def zero_shot(
    ctx: click.Context,
    sources: tuple[str, ...],
    labels: tuple[str, ...],
    run: str | None,
    sample: int,
    no_page: bool,
    launch: bool,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Give probabilities for labels that were never annotated.

    They stand beside those of the CLIP that the run was trained from: with two prompts per label,
    and as one softmax over all labels. IMAGES are folders, tables or single photos.

    \b
    Example:
      mumic zero-shot --labels "museum, mountain climbing, shopping, door" new-photos/
    """
    if launch and no_page:
        raise click.UsageError("--open needs the page; leave out --no-page.")
    if sources and "sample" in given_options(ctx):
        raise click.UsageError(
            "--sample would have no effect: it draws from the catalogue, and IMAGES are all "
            "scored. Leave out one or the other."
        )
    from annotate.clip.loading import require_real_model
    from annotate.files import write_json
    from mumic.prediction.picking import pick_images, sampled
    from mumic.prediction.zero_shot import parse_labels
    from mumic.prediction.zero_shot import zero_shot as score
    from mumic.prediction.zero_shot_page import write_zero_shot_page
    from mumic.run import choose_device, open_run
    from mumic.start import load_start

    wanted = parse_labels(labels)
    workspace = open_workspace()
    picked = pick_images(workspace, list(sources))
    uris = picked.uris if sources else sampled(picked.uris, sample, workspace.settings.project.seed)
    opened = open_run(workspace, run)
    device = choose_device(device)
    clips = opened.load(workspace, device), load_start(workspace, opened, device)
    require_real_model(clips[0], picked.demo, allow_demo_model)
    with progress(len(uris), "scoring") as bar:
        found = score(workspace, opened, clips, wanted, uris, bar.update)
    # What the listing could not take comes first, as it was met first.
    found = replace(found, rejects=(*picked.rejects, *found.rejects))
    facts = {"run": opened.id, "start": clips[1].name, "demo": clips[0].is_demo}
    listing = workspace.data / "zero-shot.json"
    summary: dict[str, Any] = facts | found.to_json()
    write_json(listing, summary)
    page = None if no_page else workspace.data / "zero-shot.html"
    if page is not None:
        write_zero_shot_page(workspace, found, facts, page)
    if not sources and len(picked.uris) > len(uris):
        note(f"{len(uris)} of {len(picked.uris):,} images of the catalogue, drawn at random.")
    summary |= {"path": listing, "page": page}
    emit(summary, _lines(found, summary), as_json=as_json)
    if launch:
        click.launch(str(page))


def _lines(found: ZeroShot, facts: dict[str, Any]) -> list[str]:
    rows = [
        [uri if column == 0 else "", label]
        + [f"{values[at, column]:.3f}" for values in found.probabilities.values()]
        for at, uri in enumerate(found.uris[:PRINTED])
        for column, label in enumerate(found.labels)
    ]
    lines = table(["image", "label", *found.probabilities], rows)
    if found.known:
        lines.append(f"Not new: {facts['run']} was trained on {', '.join(found.known)}.")
    if found.rejects:
        uri, reason = found.rejects[0]
        lines.append(
            f"{len(found.rejects)} set aside (listed in the JSON file), such as {uri}: {reason}"
        )
    shown = f", with pictures: {facts['page']}" if facts["page"] else ""
    lines.append(f"All {len(found.uris)} images: {facts['path']}{shown}")
    return [*lines, *demo_lines(facts["demo"])]
