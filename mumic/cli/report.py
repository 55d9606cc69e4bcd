"""``mumic report``."""

from __future__ import annotations

from pathlib import Path

import click

from annotate.cli.console import emit, json_option, open_workspace, progress


@click.command()
@click.argument("run", required=False)
@click.option("--split", default="test", show_default=True, help="train, validation or test.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; default: report/ in the run.")
@click.option("--open", "launch", is_flag=True, help="Open the page in a browser.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
def report(
    run: str | None,
    split: str,
    out: Path | None,
    launch: bool,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Write one page about a run, with all figures of the paper, and the figures as PNG files.

    RUN is a run's name; default: the newest. A run that has not been evaluated on the split is
    evaluated first.

    \b
    Example:
      mumic report --open
    """
    from mumic.report.material import gather
    from mumic.report.page import write_report
    from mumic.run import open_run

    workspace = open_workspace()
    opened = open_run(workspace, run)
    with progress(None, "reading") as bar:
        material = gather(
            workspace,
            opened,
            split,
            device=device,
            allow_demo_model=allow_demo_model,
            on_progress=bar.update,
        )
    name = "report" if split == "test" else f"report-{split}"
    found = write_report(workspace, material, out or opened.path / name)
    figures = len(found["figures"])
    summary = {"run": opened.id, "split": split} | found
    emit(summary, [f"Page: {found['page']}", f"{figures} figures beside it."], as_json=as_json)
    if launch:
        click.launch(found["page"])
