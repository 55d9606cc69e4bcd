"""Self-contained HTML pages from the templates: styles and pictures are inside."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from annotate.files import atomic
from annotate.images.thumbnails import thumbnails
from annotate.templates import Templates
from annotate.workspace import Workspace

STYLE = "pages.css"


def write_page(workspace: Workspace, template: str, values: dict[str, Any], target: Path) -> None:
    """Render a template into a file, atomically; a workspace's own template wins.

    Args:
        workspace: whose ``templates/`` is looked into first.
        template: name of the file.
        values: what it shows; ``style`` is added.
        target: the HTML file.

    Raises:
        InputError: a template of one's own is broken.
    """
    templates = Templates(workspace.templates)
    html = templates.render(template, **values, style=Markup(templates.text(STYLE)))
    with atomic(target) as file:
        file.write(html.encode("utf-8", "replace"))  # a file's name may hold half a character


def data_uri(data: bytes, kind: str) -> str:
    """A picture's bytes as the address of an ``img``; ``kind`` is ``jpeg`` or ``png``."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def pictures(workspace: Workspace, uris: Sequence[str], height: int = 160) -> Iterator[str]:
    """Thumbnails as data URIs, in the order of the images; empty where one cannot be read."""
    small = thumbnails(
        list(uris), root=workspace.root, limits=workspace.settings.catalog, height=height
    )
    return (data_uri(found.jpeg, "jpeg") if found.jpeg else "" for found in small)
