"""Which options of ``mumic train`` go together; one without effect is wrong usage."""

from __future__ import annotations

import click

from annotate.cli.given import given_options
from annotate.settings import Settings
from mumic.cli.options import check_weights, idle


def check_usage(ctx: click.Context, settings: Settings) -> None:
    """Refuse options that were given and have no effect.

    Args:
        ctx: of the command.
        settings: with the options in them.

    Raises:
        click.UsageError: names one, and what it belongs to.
    """
    from mumic.checks import USED_BY
    from mumic.training.loss import LOSSES

    given, loss = given_options(ctx), settings.train.loss
    for name, losses in USED_BY.items():
        if name in given and loss in LOSSES and loss not in losses:  # others are refused later
            raise idle(given[name], f"it is for the loss {' or '.join(losses)}, this is {loss}")
    check_weights(given, settings.model)
