"""Which options of ``mumic baseline`` go with its names; one without effect is wrong usage."""

from __future__ import annotations

import click

from annotate.cli.given import given_options, listed

SEARCHED = ("linear-probe", "asl-head", "asl-timm")
TRAINED = ("asl-head", "asl-timm")
OF_CLIP = ("two-prompts", "cosine", "softmax", "linear-probe", "asl-head")
ONLY_FOR = {  # options that are not for every baseline, and the baselines they are for
    "trials": SEARCHED,
    "max_epochs": TRAINED,
    "patience": TRAINED,
    "batch_size": TRAINED,
    "backbone": ("asl-timm",),
    "weights": ("asl-timm",),
    "model": OF_CLIP,
    "pretrained": OF_CLIP,
}


def check_usage(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Refuse options that were given and have no effect.

    Args:
        ctx: of the command.
        names: of the baselines; none: those that train no tower.

    Raises:
        click.UsageError: names an option, and what it belongs to.
    """
    given = given_options(ctx)
    if set(names) - {*OF_CLIP, *SEARCHED}:
        return  # which is said where they are made
    made = names or ("linear-probe",)  # of the default ones it alone has a search
    for name, owners in ONLY_FOR.items():
        if name in given and not set(owners) & set(made):
            raise click.UsageError(
                f"{given[name]} would have no effect: it belongs to {listed(owners)}. Leave it "
                f"out, or say {' or '.join(owners)}."
            )
