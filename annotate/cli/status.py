"""What a bare ``mumic-annotate`` or ``mumic`` shows: the stages and the next command."""

from __future__ import annotations

import click

from annotate.cli.console import open_workspace, table
from annotate.errors import MissingError


def show_status(program: str) -> None:
    """Print where the workspace of the current folder stands; outside one, suggest ``init``."""
    from annotate.status import next_command, status

    try:
        workspace = open_workspace()
    except MissingError as error:
        click.echo(f"{error}\nAll commands: {program} --help")
        return
    states = status(workspace)
    click.echo(f"Workspace {workspace.root}\n")
    rows = [[state.name, state.state, state.detail, state.command] for state in states]
    click.echo("\n".join(table(["stage", "state", "what is there", "command"], rows)))
    following = next_command(states)
    if following:
        click.echo(f"\nNext: {following}")
        return
    again = "mumic-annotate mine --strategy uncertain"
    click.echo(f"\nAll done. To label more where the run is unsure: {again}")
    click.echo(f"All commands: {program} --help")
