"""``mumic-annotate consolidate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.console import emit, json_option, note, open_workspace, progress
from annotate.settings.dataset import METHODS

if TYPE_CHECKING:
    from annotate.settings import ConsolidateSettings
    from annotate.workspace import Workspace

VOTE_COLUMNS = ("image", "class", "annotator", "answer")
_SHOWN = 5


@click.command()
@click.option("--threshold", type=float, help="Share of yes votes that makes a label.")
@click.option("--min-votes", type=int, help="Fewer yes and no votes leave a label unknown.")
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="majority: the share of yes. The others estimate how each annotator errs, in each class "
    "or (pooled) over all of them, and give probabilities.",
)
@click.option(
    "--votes",
    "votes_files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Votes of another tool in place of data/answers: a CSV or Parquet table with a row per "
    "vote, Label Studio's JSON or CVAT's XML. Can be given several times.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="OURS=THEIRS",
    help="What a table of votes calls the column image, class, annotator or answer.",
)
@click.option(
    "--images",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder at which the votes' image paths start; else where the file lies.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --votes: folder for the labels (data/labels, or labels outside a workspace).",
)
@click.option("--until", help="Set answers aside that were submitted after this day or time (UTC).")
@json_option
def consolidate(
    threshold: float | None,
    min_votes: int | None,
    method: str | None,
    votes_files: tuple[Path, ...],
    columns: tuple[str, ...],
    images: Path | None,
    output: Path | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Turn the annotators' answers into labels.

    Answers that cannot count are set aside with their reason in data/labels/rejects.parquet. Only
    answers that are new since the last time are read; labels that they change are listed in
    data/labels/changes.parquet.

    With --votes the command needs no workspace.

    \b
    Example:
      mumic-annotate consolidate
      mumic-annotate consolidate --method pooled-dawid-skene
      mumic-annotate consolidate --votes votes.csv --column image=photo
    """
    from dataclasses import replace

    from annotate.answers.reading import Keeping
    from annotate.labels.stage import label_images
    from annotate.memory import keep_freed_memory

    keep_freed_memory()
    workspace = _workspace(needed=not votes_files)
    options = {
        "vote_threshold": threshold,
        "min_votes": min_votes,
        "method": method,
        "until": until,
    }
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    settings = replace(_settings(workspace), **given)
    if threshold is not None and settings.method != "majority":
        raise click.UsageError(
            f"--threshold goes with the method majority, a share of votes. By {settings.method} "
            "the probability_threshold under [consolidate] in mumic.toml makes a label."
        )
    if votes_files and until:
        raise click.UsageError("--until does not go with --votes, which have no time.")
    if votes_files or workspace is None:
        _label_votes(votes_files, _renamed(columns), images, output, settings, as_json)
        return
    if columns or images or output:
        raise click.UsageError("--column, --images and --output go with --votes.")
    with progress(None, "answers") as bar:
        summary = label_images(workspace, settings, Keeping(bar.update, _say_read))
    _tell(summary, str(workspace.labels), as_json)


def _workspace(*, needed: bool) -> Workspace | None:
    """The workspace of this folder; None where there is none and none is needed."""
    from annotate.errors import MissingError

    try:
        return open_workspace()
    except MissingError:
        if needed:
            raise
        return None


def _settings(workspace: Workspace | None) -> ConsolidateSettings:
    from annotate.settings import ConsolidateSettings

    return ConsolidateSettings() if workspace is None else workspace.settings.consolidate


def _renamed(columns: tuple[str, ...]) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in columns]
    for ours, sign, theirs in pairs:
        if not sign or not theirs or ours not in VOTE_COLUMNS:
            raise click.BadParameter(
                f"{ours}{sign}{theirs}: write OURS=THEIRS, with {', '.join(VOTE_COLUMNS)} for OURS",
                param_hint="--column",
            )
    return {ours: theirs for ours, _, theirs in pairs}


def _label_votes(
    files: tuple[Path, ...],
    columns: dict[str, str],
    images: Path | None,
    output: Path | None,
    settings: ConsolidateSettings,
    as_json: bool,
) -> None:
    from annotate.labels.imported import VoteFiles, label_votes
    from annotate.settings import Settings

    workspace = _workspace(needed=False)
    known = Settings() if workspace is None else workspace.settings
    folder = output or (Path("labels") if workspace is None else workspace.labels)
    found = VoteFiles(files, columns, images)
    summary = label_votes(found, settings, folder, workspace, known.tasks.annotators)
    _tell(summary, str(folder), as_json)


def _say_read(new: int, known: int) -> None:
    if known:
        note(f"{new:,} lines of answers are new or changed, {known:,} were read before")


def _tell(summary: dict[str, Any], folder: str, as_json: bool) -> None:
    estimate = summary.get("estimate")
    if estimate is not None and not estimate["converged"]:
        note(
            f"The estimate had not settled after {estimate['iterations']} rounds; raise "
            "[consolidate] iterations in mumic.toml."
        )
    emit(summary, _lines(summary, folder), as_json=as_json)


def _lines(summary: dict[str, Any], folder: str) -> list[str]:
    by = "" if summary["method"] == "majority" else f" by {summary['method']}"
    lines = [
        f"{folder}: {summary['labels']:,} labels of {summary['images']:,} images{by}, "
        f"{summary['positives']:,} positive, {summary['unknown']:,} unknown "
        f"({summary['answers']:,} answers of {summary['annotators']} annotators)"
    ]
    lines += _change_lines(summary.get("changes"), folder)
    if rule := summary.get("annotation_rule"):
        lines.append(f"Answers of an image by the server's rule: {rule}")
    if golden := summary["decided"].get("golden"):
        lines.append(f"Decided by experts: {golden:,} labels")
    if summary["set_aside"]:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in summary["set_aside_kinds"].items())
        lines.append(f"Set aside: {summary['set_aside']:,} answers or lines ({kinds})")
        lines += _some(summary["reasons"].items(), lambda entry: f"{entry[1]:,} x {entry[0]}")
    few = summary["too_few_annotators"]
    if few["images"]:
        examples = ", ".join(few["examples"])
        lines.append(
            f"Fewer than {few['wanted']} people answered a question of {_count(few['images'])} "
            f"({examples}); all of them: {folder}/lacking.parquet"
        )
    agreement = summary["agreement"]
    if agreement["mean_alpha"] is not None:
        lines.append(
            f"Agreement: Krippendorff's alpha {agreement['mean_alpha']:.3f}, "
            f"equal votes {agreement['mean_percent']:.1%} (means over classes)"
        )
    return lines + _conflict_lines(summary["conflicts"])


def _change_lines(changes: dict[str, int] | None, folder: str) -> list[str]:
    """What is other than before; nothing where no labels were there."""
    if changes is None:
        return []
    if not any(changes.values()):
        return ["Since the last time no vote and no label has changed"]
    said = "no label of the images that were there has changed"
    if changes["images"]:
        said = (
            f"{changes['images']:,} images changed: +{changes['to_yes']:,} yes, "
            f"-{changes['from_yes']:,} yes, {changes['other']:,} between no and unknown "
            f"({folder}/changes.parquet)"
        )
    others = (("other_votes", "with other votes"), ("new_images", "new"), ("gone_images", "gone"))
    counted = [f"{changes[key]:,} {what}" for key, what in others if changes[key]]
    return [f"Since the last time {said}" + (f"; images: {', '.join(counted)}" if counted else "")]


def _conflict_lines(conflicts: dict[str, Any]) -> list[str]:
    lines = []
    if overruled := conflicts["parent_voted_no"]:
        lines.append("Conflicts, yes although most said no to the parent:")
        lines += _some(
            overruled,
            lambda entry: f"{entry['child']} below {entry['parent']}: {_images(entry)}",
        )
    if together := conflicts["exclusive"]:
        lines.append("Conflicts, both yes although they exclude one another:")
        lines += _some(
            together, lambda entry: f"{' and '.join(entry['classes'])}: {_images(entry)}"
        )
    return lines


def _images(entry: dict[str, Any]) -> str:
    return f"{_count(entry['images'])}, such as {', '.join(entry['examples'][:2])}"


def _count(images: int) -> str:
    return "1 image" if images == 1 else f"{images:,} images"


def _some(entries: Any, line: Any) -> list[str]:
    """The first entries, a line each; how many more there are."""
    listed = list(entries)
    lines = [f"  {line(entry)}" for entry in listed[:_SHOWN]]
    more = len(listed) - _SHOWN
    return lines + ([f"  and {more} more; see summary.json"] if more > 0 else [])
