"""``mumic``: from a dataset to a trained, measured classifier and its use.

Only click and the standard library are imported here and at the top of the command modules, so that
``--help`` answers at once; a command imports what it needs when it runs.
"""

from __future__ import annotations

import click

from annotate.cli.console import Program
from annotate.cli.status import show_status
from mumic.cli.baseline import baseline
from mumic.cli.blend import blend
from mumic.cli.demo import demo
from mumic.cli.evaluate import compare, evaluate
from mumic.cli.predict import predict
from mumic.cli.prompts import prompts
from mumic.cli.report import report
from mumic.cli.series import ablate
from mumic.cli.thresholds import thresholds
from mumic.cli.train import train
from mumic.cli.tune import tune
from mumic.cli.zero_shot import zero_shot


@click.group(cls=Program, invoke_without_command=True)
@click.version_option(package_name="mumic")
@click.pass_context
def main(ctx: click.Context) -> None:
    """From a labelled dataset to a trained, measured classifier.

    Without a command: where this workspace stands and what comes next.
    """
    if ctx.invoked_subcommand is None:
        show_status("mumic")


COMMANDS = (
    train,
    baseline,
    evaluate,
    compare,
    tune,
    prompts,
    ablate,
    blend,
    report,
    thresholds,
    predict,
    zero_shot,
    demo,
)
for command in COMMANDS:
    main.add_command(command)
