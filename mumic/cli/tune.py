"""``mumic tune``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, table
from mumic.cli.demo_note import demo_lines


@click.command()
@click.option("--search", multiple=True, metavar="SETTING=VALUES",
              help="Of [train]: low..high, low..high:log, a,b,c, or a;b;c where values have "
              "commas. Repeatable. Default: logit_scale=0.7..5.8.")  # fmt: skip
@click.option("--trials", type=click.IntRange(1), default=12, show_default=True,
              help="How many trainings the study has in all.")  # fmt: skip
@click.option("--study", metavar="NAME", help="Its name; default: after what is searched.")
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--prune/--no-prune", default=True, help="End hopeless trainings early.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP learn from real photos.")
@json_option
def tune(
    search: tuple[str, ...],
    trials: int,
    study: str | None,
    epochs: int | None,
    prune: bool,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Search for better settings of the training, judged by GAP on validation.

    A Gaussian process proposes settings from what the trainings before have shown. Can be stopped
    at any moment; the same command goes on, and with more --trials goes further.

    \b
    Examples:
      mumic tune
      mumic tune --search lr=1e-6..1e-4:log --search freeze=none,image --trials 30
    """
    from mumic.cli.options import override
    from mumic.cli.series import SeriesBars
    from mumic.training.train import TrainOptions
    from mumic.tuning.draws import Request
    from mumic.tuning.results import write_results
    from mumic.tuning.space import parse_search
    from mumic.tuning.study import study_name
    from mumic.tuning.study import tune as run_study

    space = parse_search(search)
    request = Request(study_name(study, space), space, trials, prune)
    workspace = override(open_workspace(), train={"epochs": epochs})
    options = TrainOptions(allow_demo_model=allow_demo_model, device=device)
    with SeriesBars() as bars:
        folder, found = run_study(workspace, request, options, bars.start)
    summary = write_results(workspace, request, folder, found)
    emit(summary, _lines(summary), as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    """Table 3 of the paper: what each training began with, and what came out."""
    searched = summary["searched"]
    has_scale = "logit_scale" in searched
    header = ["trial", *searched]
    header += ["1 / temperature", "clamp", "at the end"] if has_scale else []
    header += ["GAP", "macro mAP", "weighted mAP", "epochs", ""]
    first = searched[0]
    rows = sorted(summary["trials"], key=lambda row: _sortable(row["changes"].get(first)))
    lines = ["Measured on validation.", *table(header, [_cells(row, searched) for row in rows])]
    best = summary["best"]
    if best is None:
        return [*lines, "No trial came to an end."]
    lines += [
        f"Best: trial {best['trial']}, validation GAP {best['validation_gap']:.4f}. In mumic.toml:",
        "  [train]",
        *(f"  {line}" for line in summary["settings"]),
        f"Figure: {summary['figure']}",
        *demo_lines(summary["demo_model"]),
    ]
    return lines


def _sortable(value: Any) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return number, float(value) if number else 0.0, str(value)


def _cells(row: dict[str, Any], searched: list[str]) -> list[str]:
    changes = row["changes"]
    cells = [str(row["trial"]), *(_text(changes.get(name)) for name in searched)]
    if "logit_scale" in searched:
        scales = (row.get("initial_scale"), changes.get("max_logit_scale"), row["logit_scale"])
        cells += [_text(value) for value in scales]
    cells += [_text(row[name]) for name in ("validation_gap", "macro_map", "weighted_map")]
    return [*cells, str(row["epochs"]), _ending(row)]


def _ending(row: dict[str, Any]) -> str:
    """What became of a trial that is not complete, and why."""
    if row["state"] == "complete":
        return ""
    reason = "; ".join((row["reason"] or "").splitlines())
    return f"{row['state']}: {reason}" if reason else str(row["state"])


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
