"""The contact sheet of a round: one HTML page that shows every candidate, and why it was drawn.

The page holds its thumbnails itself and asks no host and no other file for anything. They stand at
its end as blocks of data and become pictures only where the reader scrolls, so that the page is
there at once and stays quick with thousands of images. Names come from taxonomies, tables and file
systems: they are escaped in the markup and in the JSON, and the page's policy (a CSP of hashes)
lets no other script run than its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pandas as pd
from markupsafe import Markup

from annotate.errors import InputError
from annotate.files import atomic
from annotate.images.thumbnails import Thumbnail, height_for, thumbnails
from annotate.storage.store import is_remote
from annotate.templates import Templates
from annotate.workspace import Workspace

TEMPLATE = "contact-sheet.html.j2"
STRATA = 50  # rows of the chart
FIELDS = ("group", "query", "rank", "score", "stratum", "property_id", "chance")

OnProgress = Callable[[int], object] | None


@dataclass(frozen=True)
class Sheet:
    """What a contact sheet shows.

    Attributes:
        title: the heading.
        facts: names and values under it: round, strategy, seed, how many images each rule left.
        entries: one row per image and group. ``image_id``, ``uri`` and ``group`` (what the page is
            divided by: a class's name, or a stratum) are needed; ``query``, ``rank``, ``score``,
            ``stratum``, ``property_id`` and ``chance`` (of being drawn, 0 to 1) may be missing or
            null. Groups keep the order of their first row.
        strata: ``stratum``, ``population`` and ``drawn`` (images), for the bars of the largest;
            None: no bars.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    entries: pd.DataFrame
    strata: pd.DataFrame | None = None


def write_sheet(
    sheet: Sheet, target: Path, workspace: Workspace, on_progress: OnProgress = None
) -> None:
    """Write a contact sheet, atomically.

    A picture that is gone or broken has a placeholder with the reason in its place.

    Args:
        sheet: what to show.
        target: the HTML file.
        workspace: where relative URIs start. Pictures and files beyond the limits of its catalogue
            are not read; its own templates win over the packaged ones.
        on_progress: called with 1 for each picture.

    Raises:
        InputError: ``entries`` or ``strata`` lack a column, or a template of one's own is broken.
    """
    _check_columns(sheet)
    pictures = sheet.entries.drop_duplicates("image_id")[["image_id", "uri"]].reset_index(drop=True)
    root, height = workspace.root, height_for(len(pictures))
    limits = workspace.settings.catalog
    small = thumbnails(list(pictures["uri"]), root=root, limits=limits, height=height)
    values = {
        "title": sheet.title,
        "facts": [(str(name), str(value)) for name, value in sheet.facts],
        "strata": [] if sheet.strata is None else strata_bars(sheet.strata),
        "other_strata": None if sheet.strata is None else other_strata(sheet.strata),
        "count": len(sheet.entries),
        "data": _embedded(_data(sheet.entries, pictures, root, target.parent)),
        "thumbnails": _blocks(small, on_progress),
    }
    parts = _rendered(Templates(workspace.templates), values)
    with atomic(target) as file:
        for part in parts:
            file.write(part.encode("utf-8", "replace"))  # a file's name may hold half a character


def strata_bars(strata: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the chart: shares of the population and of the sample, largest stratum first.

    Args:
        strata: ``stratum``, ``population``, ``drawn``.

    Returns:
        For the :data:`STRATA` largest: ``name``, ``population``, ``drawn``, their shares in percent
        (``before``, ``after``), and both as percent of the widest bar (``before_width``,
        ``after_width``).
    """
    ordered = _largest_first(strata)
    before, after = (
        (100 * ordered[column] / max(ordered[column].sum(), 1.0)).head(STRATA)
        for column in ("population", "drawn")
    )
    widest = max(before.max(), after.max(), 1e-9) if len(ordered) else 1.0
    return [
        {
            "name": name,
            "population": int(population),
            "drawn": int(drawn),
            "before": b,
            "after": a,
            "before_width": round(100 * b / widest, 2),
            "after_width": round(100 * a / widest, 2),
        }
        for name, population, drawn, b, a in zip(
            *(ordered[column].head(STRATA) for column in ("stratum", "population", "drawn")),
            before,
            after,
            strict=True,
        )
    ]


def other_strata(strata: pd.DataFrame) -> dict[str, int] | None:
    """What :func:`strata_bars` leaves out: ``strata``, their ``population`` and ``drawn``.

    Returns:
        None where nothing is left out.
    """
    rest = _largest_first(strata).iloc[STRATA:]
    if rest.empty:
        return None
    sums = {column: int(rest[column].sum()) for column in ("population", "drawn")}
    return {"strata": len(rest)} | sums


def _largest_first(strata: pd.DataFrame) -> pd.DataFrame:
    counts = {
        column: pd.to_numeric(strata[column]).fillna(0).astype(float)
        for column in ("population", "drawn")
    }
    names = strata["stratum"].astype("string").fillna("(none)")
    return strata.assign(**counts, stratum=names).sort_values(
        ["population", "drawn", "stratum"], ascending=[False, False, True], kind="stable"
    )


def original_link(uri: str, root: Path, folder: Path) -> str | None:
    """Link from a page in ``folder`` to the picture itself, None where a browser cannot open it.

    >>> original_link("photos/a b.jpg", Path("/w"), Path("/w/data/candidates"))
    '../../photos/a%20b.jpg'
    >>> original_link("s3://bucket/a.jpg", Path("/w"), Path("/w/data"))
    """
    if is_remote(uri):
        return uri if urlsplit(uri).scheme in {"http", "https"} else None
    # Quoting also keeps a file that is called javascript:x from being an address.
    return quote(os.path.relpath(root / uri, folder).encode("utf-8", "surrogateescape"))


def _check_columns(sheet: Sheet) -> None:
    needed = [("entries", sheet.entries, ("image_id", "uri", "group"))]
    if sheet.strata is not None:
        needed.append(("strata", sheet.strata, ("stratum", "population", "drawn")))
    for name, frame, columns in needed:
        if missing := [column for column in columns if column not in frame.columns]:
            raise InputError(f"the contact sheet's {name} lack {', '.join(missing)}.")


def _data(
    entries: pd.DataFrame, pictures: pd.DataFrame, root: Path, folder: Path
) -> dict[str, Any]:
    """What the page's script reads: pictures once, and one entry for each row."""
    position = {image_id: at for at, image_id in enumerate(pictures["image_id"])}
    columns = {name: entries[name] for name in FIELDS if name in entries.columns}
    columns["group"] = entries["group"].astype(object).where(entries["group"].notna(), "(none)")
    shown = {
        name: values.astype(object).where(values.notna(), None).tolist()
        for name, values in columns.items()
        if values.notna().any()
    }
    return {
        "pictures": [
            {"id": str(image_id), "uri": str(uri), "link": original_link(str(uri), root, folder)}
            for image_id, uri in zip(pictures["image_id"], pictures["uri"], strict=True)
        ],
        "picture": [position[image_id] for image_id in entries["image_id"]],
        **shown,
    }


def _blocks(found: Iterator[Thumbnail], on_progress: OnProgress) -> Iterator[dict[str, Any]]:
    for thumbnail in found:
        if thumbnail.jpeg is None:
            yield {"broken": True, "json": _embedded({"reason": thumbnail.reason})}
        else:
            jpeg = base64.b64encode(thumbnail.jpeg).decode()
            yield {"broken": False, "json": _embedded({"jpeg": jpeg})}
        if on_progress is not None:
            on_progress(1)


def _embedded(value: Any) -> Markup:
    """JSON for the inside of a script element: ASCII, and without the sign that could end it.

    >>> str(_embedded({"a": "</script>"}))
    '{"a": "\\\\u003c/script>"}'
    """
    # default: NumPy's scalars, which tables are full of.
    text = json.dumps(value, allow_nan=False, default=lambda scalar: scalar.item())
    return Markup(text.replace("<", "\\u003c"))


def _rendered(templates: Templates, values: dict[str, Any]) -> Iterator[str]:
    """The page in parts, so that the thumbnails are never in memory together."""
    style, script = (templates.text(f"contact-sheet.{kind}") for kind in ("css", "js"))
    return templates.generate(
        TEMPLATE,
        style=Markup(style),
        script=Markup(script),
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
        **values,
    )


def _policy_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
