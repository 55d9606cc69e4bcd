"""``mumic-annotate search``."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress, table

if TYPE_CHECKING:
    from annotate.search.looking import Seen


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--image", "pictures", multiple=True, help="A picture to look like; repeatable.")
@click.option("-k", type=click.IntRange(1), help="How many images.")
@click.option("--where", default="", help="Only images that a rule is true for.")
@click.option("--open", "launch", is_flag=True, help="Open the page in a browser.")
@click.option("--no-page", is_flag=True, help="Write no page with pictures.")
@click.option("--allow-demo-model", is_flag=True, help="Use the small CLIP on photos of your own.")
@json_option
def search(
    texts: tuple[str, ...],
    pictures: tuple[str, ...],
    k: int | None,
    where: str,
    launch: bool,
    no_page: bool,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Look for the images that fit a text or a picture best.

    Every image is compared; of several texts and pictures, the best score counts. The hits are
    printed, and shown on a page.

    \b
    Examples:
      mumic-annotate search "a photo with a dog" -k 50
      mumic-annotate search --image beach.jpg --where "country == 'FR'" --open
    """
    if launch and no_page:
        raise click.UsageError("--open needs the page; leave out --no-page.")
    if not texts and not pictures:
        raise click.UsageError("give a text to look for, or a picture with --image.")
    for text in texts:
        if os.path.isfile(text):  # False too for what is too long for a name
            raise click.UsageError(f"{text} is a file; to look for what is like it: --image {text}")
    from annotate.search.looking import PAGE_HITS, Look, look, write_page

    workspace = open_workspace()
    count = workspace.settings.search.k if k is None else k
    seen = look(workspace, Look(texts, pictures, count, where, allow_demo_model))
    page = None
    if not no_page:
        with progress(min(len(seen.hits), PAGE_HITS), "page") as bar:
            page = write_page(workspace, seen, bar.update)
    hits = seen.hits.astype(object).where(seen.hits.notna(), None)
    summary = seen.facts | {"page": page, "hits": hits.to_dict(orient="records")}
    emit(summary, _lines(seen, page), as_json=as_json)
    if launch:
        click.launch(str(page))


def _lines(seen: Seen, page: Any) -> list[str]:
    if seen.facts["not_embedded"]:
        note(f"{seen.facts['not_embedded']:,} images are not embedded; run `mumic-annotate index`.")
    several = seen.hits["query"].nunique() > 1
    shown = seen.hits.fillna({"property_id": ""})
    columns = ["rank", "score", "uri", "property_id", *(["query"] if several else [])]
    rows = [
        [rank, f"{score:.4f}", *map(_printable, names)]
        for rank, score, *names in shown[columns].itertuples(index=False)
    ]
    header = ["rank", "score", "image", "property", *(["query"] if several else [])]
    lines = table(header, rows)
    lines += [f"Page: {page}"] if page else []
    if seen.facts["demo_model"]:
        lines.append("Found with the demo model, which knows drawings only.")
    return lines


def _printable(text: str) -> str:
    """File names may hold what would command a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
