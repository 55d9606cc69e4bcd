"""``mumic evaluate`` and ``mumic compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, open_workspace, progress
from mumic.cli.evaluate_lines import (
    comparison_lines,
    file_lines,
    pair_lines,
    report_lines,
)
from mumic.cli.evaluate_usage import check_usage

if TYPE_CHECKING:
    from annotate.settings import EvaluateSettings
    from annotate.workspace import Workspace

split_option = click.option(
    "--split", default="test", show_default=True, help="train, validation or test."
)


@click.command()
@click.option("--run", help="The run; default: the newest.")
@split_option
@click.option("--against", metavar="RUN", help="Another run, measured beside it.")
@click.option("--baselines/--no-baselines", default=True, help="Zero-shot CLIP and a linear probe.")
@click.option(
    "--scores",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Anybody's scores (parquet, csv, npy) instead of a run; twice: the two are compared.",
)
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE", help="Their labels.")
@click.option(
    "--classes",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Class ids, one a line, or a classes.json: the columns of an npy.",
)
@click.option(
    "--validation-scores",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Scores to tune thresholds on, for each --scores.",
)
@click.option(
    "--validation-labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Labels to tune thresholds on.",
)
@click.option(
    "--unit",
    default="auto",
    show_default=True,
    help="What scores are: logit, probability, or score (it only ranks).",
)
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Two runs (or files of scores, with --labels): the paired difference.",
)
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
    scores: tuple[Path, ...],
    labels: Path | None,
    classes: Path | None,
    validation_scores: tuple[Path, ...],
    validation_labels: Path | None,
    unit: str,
    pair: tuple[str, str] | None,
    min_positives: int | None,
    bootstrap: int | None,
    device: str,
    allow_demo_model: bool,
    as_json: bool,
) -> None:
    """Measure a run beside zero-shot CLIP and a linear probe, or anybody's scores.

    \b
    Example:
      mumic evaluate --split test --against from-scratch
      mumic evaluate --scores theirs.csv --labels truth.csv
      mumic evaluate --compare five-epochs from-scratch
    """
    check_usage(click.get_current_context())
    if labels is not None or scores:
        from mumic.evaluation.evaluate_files import Files

        if labels is None:
            raise click.UsageError("--scores needs --labels FILE")
        files = Files(
            scores + tuple(map(Path, pair or ())),
            labels,
            classes,
            validation_scores,
            validation_labels,
            unit,
        )
        measured = _measure_files(files, min_positives, bootstrap)
        emit(measured, file_lines(measured), as_json=as_json)
        return
    from mumic.cli.options import override
    from mumic.evaluation.evaluate import EvaluateOptions
    from mumic.evaluation.evaluate import evaluate as evaluate_run

    workspace = override(
        open_workspace(), evaluate={"min_positives": min_positives, "bootstrap": bootstrap}
    )
    if pair is not None:
        _emit_comparison(workspace, pair, split, as_json=as_json)
        return
    options = EvaluateOptions(run, split, against, baselines, allow_demo_model, device)
    with progress(None, "reading") as bar:
        found = evaluate_run(workspace, options, bar.update)
    emit(found, report_lines(found, split), as_json=as_json)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@split_option
@json_option
def compare(names: tuple[str, ...], split: str, as_json: bool) -> None:
    """The paper's tables 1 and 2 for your own data: quality, and what it took.

    NAMEs are runs and baselines, all scored before; the first is compared with each other. Without
    names: the newest run and every baseline of this dataset.

    \b
    Example:
      mumic compare
      mumic compare five-epochs from-scratch asl-head
    """
    from mumic.evaluation.comparison import compare as compare_all

    found = compare_all(open_workspace(), names, split)
    emit(found, comparison_lines(found), as_json=as_json)


def _emit_comparison(
    workspace: Workspace, pair: tuple[str, str], split: str, *, as_json: bool
) -> None:
    from mumic.evaluation.comparison import compare as compare_all

    first, second = pair
    found = compare_all(workspace, pair, split)
    emit({"first": first, "second": second} | found, pair_lines(found, first), as_json=as_json)


def _measure_files(files: Any, min_positives: int | None, bootstrap: int | None) -> dict[str, Any]:
    from dataclasses import replace

    from mumic.evaluation.evaluate_files import evaluate_files

    if not files.scores:
        raise click.UsageError("--labels needs --scores FILE, or --compare A B")
    given = {"min_positives": min_positives, "bootstrap": bootstrap}
    asked = {name: value for name, value in given.items() if value is not None}
    return evaluate_files(files, replace(_evaluate_settings(), **asked))


def _evaluate_settings() -> EvaluateSettings:
    """Those of the workspace that the current folder is in; in none the defaults."""
    from annotate.errors import MissingError
    from annotate.settings import EvaluateSettings
    from annotate.workspace import Workspace

    try:
        return Workspace.find().settings.evaluate
    except MissingError:
        return EvaluateSettings()
