"""Calls a command as a user does, in the folder of a workspace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from annotate.cli import main as annotate
from annotate.workspace import Workspace


def call(workspace: Workspace, command: Any, *arguments: str) -> Result:
    """What came of it; an error is in it, and not raised."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(workspace.root)
        return CliRunner().invoke(command, list(arguments))


def call_json(workspace: Workspace, command: Any, *arguments: str) -> Any:
    """What it prints with ``--json``; an error is raised."""
    result = call(workspace, command, *arguments, "--json")
    if result.exception:
        raise result.exception
    return json.loads(result.stdout)


def scan_photos(workspace: Workspace) -> None:
    """Make the catalogue of the photos of a tiny workspace."""
    call_json(workspace, annotate, "catalog", "photos")
