"""``mumic-annotate``: from a label list and photos to a dataset.

Only click and the standard library are imported here and at the top of the command modules, so that
``--help`` answers at once; a command imports what it needs when it runs.
"""

from __future__ import annotations

import click

from annotate.cli.annotators import annotators
from annotate.cli.catalog import catalog
from annotate.cli.console import Program
from annotate.cli.consolidate import consolidate
from annotate.cli.dataset import dataset
from annotate.cli.golden import golden
from annotate.cli.index import index
from annotate.cli.init import init
from annotate.cli.job import job
from annotate.cli.mine import mine
from annotate.cli.questions import questions
from annotate.cli.search import search
from annotate.cli.serve import serve
from annotate.cli.simulate import simulate
from annotate.cli.status import show_status
from annotate.cli.tasks import tasks
from annotate.cli.taxonomy import taxonomy


@click.group(cls=Program, invoke_without_command=True)
@click.version_option(package_name="mumic")
@click.pass_context
def main(ctx: click.Context) -> None:
    """From photos and a label list to a labelled dataset.

    Without a command: where this workspace stands and what comes next.
    """
    if ctx.invoked_subcommand is None:
        show_status("mumic-annotate")


for command in (
    init,
    taxonomy,
    catalog,
    index,
    search,
    mine,
    questions,
    tasks,
    serve,
    job,
    simulate,
    consolidate,
    golden,
    annotators,
    dataset,
):
    main.add_command(command)
