"""Which options the user wrote, for commands that refuse those without effect."""

from __future__ import annotations

from collections.abc import Collection

import click
from click.core import ParameterSource


def given_options(ctx: click.Context) -> dict[str, str]:
    """Flags of the options that the user wrote, by parameter; ``--no-x`` where x was turned off."""
    return {
        str(option.name): (option.secondary_opts or option.opts)[0]
        if ctx.params.get(str(option.name)) is False
        else option.opts[0]
        for option in ctx.command.params
        if ctx.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
    }


def listed(flags: Collection[str]) -> str:
    """Several flags in a row.

    >>> listed(["--where", "--by", "-n"])
    '--where, --by and -n'
    """
    *first, last = flags
    return f"{', '.join(first)} and {last}" if first else last
