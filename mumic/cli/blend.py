"""``mumic blend``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, progress, table
from annotate.cli.numbers import number_text
from mumic.cli.demo_note import demo_lines


@click.command()
@click.argument("run", required=False)
@click.option("--alpha", type=float, help="Write a run: 0 is before training, 1 after it.")
@click.option("--name", help="Of the new run.")
@click.option(
    "--unseen",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labels of classes that training never saw, to judge by.",
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
def blend(
    run: str | None,
    alpha: float | None,
    name: str | None,
    unseen: Path | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Blend a run's weights with those it started from, to do better on labels it never saw.

    Without --alpha: what several shares give and take on validation. With it: a run of these
    weights, to be evaluated and used as any other. RUN: default, the newest.

    \b
    Example:
      mumic blend --unseen labels-of-other-classes.csv
      mumic blend --alpha 0.5
    """
    from mumic.run import open_run

    workspace = open_workspace()
    opened = open_run(workspace, run)
    if alpha is None:
        from mumic.prediction.blend_grid import blend_grid

        if name:
            raise click.UsageError("--name needs --alpha, without which no run is written.")
        with progress(None, "reading") as bar:
            found = blend_grid(
                workspace,
                opened,
                unseen,
                device=device,
                allow_demo_model=allow_demo_model,
                on_progress=bar.update,
            )
        emit(found, _lines(found), as_json=as_json)
        return
    if unseen is not None:
        raise click.UsageError("--unseen is for judging; leave out --alpha.")
    from mumic.prediction.blend import blend_run

    with progress(None, "reading") as bar:
        made = blend_run(
            workspace,
            opened,
            alpha,
            name,
            device=device,
            allow_demo_model=allow_demo_model,
            on_progress=bar.update,
        )
    summary: dict[str, Any] = {
        "run": made.id,
        "path": str(made.path),
        "of": opened.id,
        "alpha": alpha,
        "demo_model": bool(made.record.get("demo_model")),
    }
    lines = [f"Run {made.id}: {made.path}", *demo_lines(summary["demo_model"])]
    emit(summary, [*lines, f"Next: mumic evaluate --run {made.id}"], as_json=as_json)


def _lines(found: dict[str, Any]) -> list[str]:
    names = list(found["judged"])
    header = ["alpha", *(f"{what}, {name}" for name in names for what in ("macro mAP", "GAP"))]
    rows = [
        [f"{row['alpha']:g}"]
        + [number_text(row[name][key]) for name in names for key in ("macro_map", "gap")]
        for row in found["rows"]
    ]
    about = "; ".join(
        f"{name}: {count['images']} images, {count['classes']} classes"
        for name, count in found["judged"].items()
    )
    lines = [
        f"Run {found['run']} (alpha 1) and what it was trained from (alpha 0), by labels outside "
        f"training. {about}.",
        *table(header, rows),
    ]
    if "unseen" not in names:
        lines.append("To see what it gives for other labels: --unseen FILE, a table of some.")
    lines += demo_lines(found["demo_model"])
    return [*lines, f"Next: mumic blend {found['run']} --alpha 0.5 writes a run."]
