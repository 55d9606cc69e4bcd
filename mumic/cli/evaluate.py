"""``mumic evaluate`` and ``mumic compare``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, progress, table

split_option = click.option(
    "--split", default="test", show_default=True, help="train, validation or test."
)


@click.command()
@click.option("--run", help="The run; default: the newest.")
@split_option
@click.option("--against", metavar="RUN", help="Another run, measured beside it.")
@click.option("--baselines/--no-baselines", default=True, help="Zero-shot CLIP and a linear probe.")
@click.option("--min-positives", type=int, help="Classes with fewer stay out of the means.")
@click.option("--bootstrap", type=int, help="Resamples for the 95 % intervals.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP judge real photos.")
@json_option
def evaluate(
    run: str | None,
    split: str,
    against: str | None,
    baselines: bool,
    min_positives: int | None,
    bootstrap: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Measure a run beside zero-shot CLIP and a linear probe.

    \b
    Example:
      mumic evaluate --split test --against from-scratch
    """
    from mumic.cli.options import override
    from mumic.evaluate import EvaluateOptions
    from mumic.evaluate import evaluate as evaluate_run

    workspace = override(
        open_workspace(), evaluate={"min_positives": min_positives, "bootstrap": bootstrap}
    )
    options = EvaluateOptions(run, split, against, baselines, allow_demo_model, device)
    with progress(None, "reading") as bar:
        found = evaluate_run(workspace, options, bar.update)
    emit(found, report_lines(found, split), as_json=as_json)


def report_lines(found: dict[str, Any], split: str) -> list[str]:
    """A report as text: the table of methods, what they rest on, the differences."""
    methods = found["methods"]
    own = next(iter(methods.values()))
    k = found["settings"]["k"]
    names = ["macro_map", "weighted_map", "gap", f"gap_at_{k}", "f1_micro", "f1_macro"]
    header = ["method", "macro mAP", "weighted mAP", "GAP", f"GAP@{k}", "F1 micro", "F1 macro"]
    rows = [[name, *(_number(values[key]) for key in names)] for name, values in methods.items()]
    lines = [
        f"Run {found['run']} on {own['images']} {split} images, {own['classes']} classes; "
        f"{own['classes_left_out']} with too few positives are left out of the means.",
        *table(header, rows),
    ]
    lines += [
        f"MuMIC - {name}: macro mAP {_interval(values['macro_map'])}; "
        f"GAP {_interval(values['gap'])}"
        for name, values in found["differences"].items()
    ]
    if found["demo_model"]:
        lines.append("The model stems from the small CLIP of the demo world.")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _interval(value: dict[str, Any]) -> str:
    if value["value"] is None or value["low"] is None:
        return "-"
    mark = "" if value["counts"] else ", no clear difference"
    return f"{value['value']:+.3f} (95 %: {value['low']:+.3f} to {value['high']:+.3f}{mark})"


@click.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@split_option
@json_option
def compare(first: str, second: str, split: str, as_json: bool) -> None:
    """Say whether run A differs from run B, both evaluated before.

    \b
    Example:
      mumic compare five-epochs from-scratch
    """
    from mumic.evaluate import compare as compare_runs

    found = compare_runs(open_workspace(), first, second, split)
    lines = [
        f"{first} - {second} on {split}:",
        f"  macro mAP {_interval(found['macro_map'])}",
        f"  GAP       {_interval(found['gap'])}",
    ]
    emit(found, lines, as_json=as_json)
