"""Which options of ``mumic-annotate mine`` go together; one without effect is wrong usage."""

from __future__ import annotations

import click

from annotate.cli.given import given_options, listed

ONLY_FOR = {  # options that are not for every strategy, and the strategies they are for
    "by": ("stratified",),
    "allocation": ("stratified",),
    "top": ("similarity", "uncertain"),
    "run": ("uncertain",),
}
HARMLESS = {"as_json", "allow_demo_model"}  # of the form of the output, or a mere permission
FOR_REPORT = {"report", "names", "every", "strategy", "no_sheet"}
FOR_SHEET = {"again"}


def check_usage(ctx: click.Context, strategy: str | None) -> None:
    """Refuse options that were given and have no effect.

    Args:
        ctx: of the command.
        strategy: of the round; None: nothing is drawn, ``--report`` or ``--sheet``.

    Raises:
        click.UsageError: names them, and what they belong to.
    """
    given = given_options(ctx)
    if strategy is None:
        mode = "report" if "report" in given else "again"
        allowed = FOR_REPORT if mode == "report" else FOR_SHEET
        if idle := [flag for name, flag in given.items() if name not in allowed | HARMLESS]:
            raise click.UsageError(
                f"{listed(idle)} would have no effect: {given[mode]} draws nothing. Leave out "
                "one or the other."
            )
        return
    for name, strategies in ONLY_FOR.items():
        if name in given and strategy not in strategies:
            raise click.UsageError(
                f"{given[name]} would have no effect: it belongs to the strategy "
                f"{' or '.join(strategies)}, and this round's is {strategy}. Leave it out, or say "
                f"--strategy {strategies[0]}."
            )


def strategy_of(strategy: str | None, *, by: bool, classes: bool) -> str:
    """The strategy that is meant, or wrong usage."""
    if strategy is None and by and not classes:
        strategy = "stratified"
    if strategy in ("stratified", "diverse") and classes:
        raise click.UsageError(f"a {strategy} sample is not for classes; leave out --class, --all.")
    if strategy in (None, "similarity") and not classes:
        raise click.UsageError("name classes with --class or --all, or strata with --by.")
    return strategy or "similarity"
