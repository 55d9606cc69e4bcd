"""``mumic-annotate init``."""

from __future__ import annotations

from pathlib import Path

import click

from annotate.cli.console import emit, json_option

DEMO_IMAGES = 10_000
QUICK_IMAGES = 1_200


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=".")
@click.option(
    "--demo", is_flag=True, help="With drawn hotel photos, their truth and the small CLIP."
)
@click.option("--quick", is_flag=True, help="With --demo: few photos, to look around.")
@json_option
def init(folder: Path, demo: bool, quick: bool, as_json: bool) -> None:
    """Make a workspace: settings, the label list and the templates, to edit.

    \b
    Example:
      mumic-annotate init my-hotels
    """
    from annotate.init import check_new, demo_settings, draw_demo_world, init_workspace
    from annotate.settings import Settings

    if quick and not demo:
        raise click.UsageError("--quick belongs to --demo.")
    check_new(folder)
    settings = Settings()
    if demo:
        classes = draw_demo_world(folder, images=QUICK_IMAGES if quick else DEMO_IMAGES)
        settings = demo_settings(classes, quick=quick)
    made = init_workspace(folder, settings)
    lines = [f"Workspace {folder}: {', '.join(made)}"]
    if folder.resolve() != Path.cwd():
        lines.append(f"Next: cd {folder}")
    lines.append(
        "Next: mumic-annotate catalog" if demo else "Next: mumic-annotate catalog FOLDER_OR_TABLE"
    )
    emit({"workspace": str(folder), "made": made, "demo": demo}, lines, as_json=as_json)
