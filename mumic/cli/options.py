"""Options that replace settings of ``mumic.toml`` for one call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from annotate.workspace import Workspace

model_option = click.option("--model", help="open_clip model, or local-dir:FOLDER, to start from.")
pretrained_option = click.option("--pretrained", help="open_clip's tag, or a weights file.")


def override(workspace: Workspace, **sections: dict[str, Any]) -> Workspace:
    """The workspace with some settings replaced.

    Args:
        workspace: as ``mumic.toml`` has it.
        sections: name of a section, and its settings; None leaves a setting as it is.
    """
    settings = workspace.settings
    for name, values in sections.items():
        given = {key: value for key, value in values.items() if value is not None}
        section = replace(getattr(settings, name), **given)
        settings = replace(settings, **{name: section})
    return replace(workspace, settings=settings)
