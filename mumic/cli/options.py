"""Options that replace settings of ``mumic.toml`` for one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from annotate.settings import ModelSettings
    from annotate.workspace import Workspace

model_option = click.option("--model", help="open_clip model, or local-dir:FOLDER, to start from.")
pretrained_option = click.option("--pretrained", help="open_clip's tag, or a weights file.")


def idle(flag: str, why: str) -> click.UsageError:
    """The refusal of an option that was given and has no effect."""
    return click.UsageError(f"{flag} would have no effect: {why}. Leave it out.")


def check_weights(given: Mapping[str, str], model: ModelSettings) -> None:
    """Refuse ``--pretrained`` where the weights are settled already.

    Args:
        given: flags by the names of the options that were given.
        model: with the options in it; an empty ``pretrained`` names no weights.

    Raises:
        click.UsageError: they are.
    """
    from annotate.clip.loading import names_weights

    if not model.pretrained or "pretrained" not in given:
        return
    if "random_init" in given:
        raise idle(given["pretrained"], "--random-init starts from none")
    if names_weights(model.name):
        raise idle(given["pretrained"], f"the model {model.name} has its own weights")


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
