"""Which options of ``mumic train`` go together; one without effect is wrong usage."""

from __future__ import annotations

import click

from annotate.cli.given import given_options
from annotate.settings import Settings


def check_usage(ctx: click.Context, settings: Settings) -> None:
    """Refuse options that were given and have no effect.

    Args:
        ctx: of the command.
        settings: with the options in them.

    Raises:
        click.UsageError: names one, and what it belongs to.
    """
    from annotate.clip.loading import names_weights
    from mumic.checks import USED_BY
    from mumic.training.loss import LOSSES

    given, loss, model = given_options(ctx), settings.train.loss, settings.model.name
    for name, losses in USED_BY.items():
        if name in given and loss in LOSSES and loss not in losses:  # others are refused later
            raise _idle(given[name], f"it is for the loss {' or '.join(losses)}, this is {loss}")
    if "pretrained" in given and "random_init" in given:
        raise _idle(given["pretrained"], "--random-init starts from none")
    if "pretrained" in given and names_weights(model):
        raise _idle(given["pretrained"], f"the model {model} has its own weights")


def _idle(flag: str, why: str) -> click.UsageError:
    return click.UsageError(f"{flag} would have no effect: {why}. Leave it out.")
