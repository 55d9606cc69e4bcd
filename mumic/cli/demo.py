"""``mumic demo``."""

from __future__ import annotations

from pathlib import Path

import click

from annotate.cli.console import emit, json_option


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Few photos and a short training, to look around.")
@json_option
def demo(folder: Path, quick: bool, as_json: bool) -> None:
    """Run the whole path in a new folder, on drawn hotel photos with simulated annotators.

    Prints every command before it runs it. Leaves a workspace to go on with, summary.json with all
    figures, and demo.html with pictures.

    \b
    Example:
      mumic demo my-demo
    """
    import sys

    from mumic.demo.run import run_demo

    result = run_demo(folder, quick=quick, output=sys.stderr if as_json else sys.stdout)
    emit(result.figures, result.lines(), as_json=as_json)
