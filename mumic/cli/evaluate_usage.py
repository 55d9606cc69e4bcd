"""Which options of ``mumic evaluate`` go together; one without effect is wrong usage."""

from __future__ import annotations

import click

from annotate.cli.given import given_options, listed

ALWAYS = {"min_positives", "bootstrap", "as_json"}
OF_FILES = {"scores", "labels", "classes", "validation_scores", "validation_labels", "unit"}
OF_RUNS = {"run", "against", "split", "baselines", "device", "allow_demo_model"}


def check_usage(ctx: click.Context) -> None:
    """Refuse options that were given and have no effect.

    Args:
        ctx: of the command.

    Raises:
        click.UsageError: names them, and what to do.
    """
    given = given_options(ctx)
    if given.keys() & {"scores", "labels"}:
        _refuse(given, OF_FILES | {"pair"}, "files are measured as they are")
    elif "pair" in given:
        _refuse(
            given,
            {"pair", "split"},
            "--compare takes two runs' stored scores (files need --labels)",
        )
    else:
        _refuse(given, OF_RUNS, "it is for files, which --scores and --labels name")


def _refuse(given: dict[str, str], allowed: set[str], why: str) -> None:
    idle = [flag for name, flag in given.items() if name not in allowed | ALWAYS]
    if idle:
        raise click.UsageError(
            f"{listed(idle)} would have no effect: {why}. Leave out one or the other."
        )
