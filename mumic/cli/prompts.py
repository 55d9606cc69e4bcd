"""``mumic prompts``."""

from __future__ import annotations

from typing import Any

import click

from annotate.cli.console import emit, json_option, open_workspace, table
from annotate.cli.numbers import number_text
from mumic.cli.demo_note import demo_lines
from mumic.cli.numbers import difference_text


@click.command()
@click.option("--write", is_flag=True, help="Put the better text of a class into the taxonomy.")
@click.option("--epochs", type=int, help="Passes over the training split.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--allow-demo-model", is_flag=True, help="Let the small CLIP learn from real photos.")
@json_option
def prompts(
    write: bool, epochs: int | None, device: str, allow_demo_model: bool, as_json: bool
) -> None:
    """Find out whether classes are better named or described.

    Trains twice with the same seed, once with "a photo with {name}" and once with "a photo with
    {description}", and compares the average precision of each class on validation. A class changes
    its text only where the 95 % interval carries it; test says whether the choice holds.

    \b
    Example:
      mumic prompts --write
    """
    from mumic.cli.options import override
    from mumic.cli.series import SeriesBars
    from mumic.series.prompt_choice import compare_prompts
    from mumic.training.train import TrainOptions

    workspace = override(open_workspace(), train={"epochs": epochs})
    options = TrainOptions(allow_demo_model=allow_demo_model, device=device)
    with SeriesBars() as bars:
        summary = compare_prompts(workspace, options=options, reports_for=bars.start)
    changes = {
        class_id: text
        for class_id, text in summary["chosen"].items()
        if summary["prompts"][class_id] != text
    }
    summary |= {
        "changes": changes,
        "written": bool(write and changes),
        "train_prompts": workspace.settings.train.prompts,
    }
    if write and changes:
        from annotate.taxonomy.edit import write_values

        write_values(workspace.taxonomy, "prompt", changes)
    emit(summary, _lines(summary), as_json=as_json)


def _lines(summary: dict[str, Any]) -> list[str]:
    from mumic.metrics.intervals import ONE_GROUP

    rows = []
    for split in ("validation", "test"):
        for arm in summary[split]["arms"]:
            values = [number_text(arm[key]) for key in ("macro_map", "weighted_map", "gap")]
            rows.append([split, arm["arm"], *values])
    names = {row["class_id"]: row for row in summary["validation"]["per_class"]}
    lines = [
        *table(["split", "text", "macro mAP", "weighted mAP", "GAP"], rows),
        f"description - name on validation: macro mAP "
        f"{difference_text(summary['validation']['difference']['macro_map'])}",
    ]
    for class_id, text in summary["chosen"].items():
        row = names[class_id]
        now = "as it is" if summary["prompts"][class_id] == text else "to be changed"
        lines.append(f"  {row['name']}: {text} ({100 * abs(row['value']):.0f} points, {now})")
    overall = summary["validation"]["difference"]["macro_map"]
    if overall["value"] is not None and overall["low"] is None:
        lines.append(ONE_GROUP)
    lines.append(_confirmed(summary))
    return [
        *lines,
        *_changed(summary),
        f"Figure: {summary['figure']}",
        *demo_lines(summary["demo_model"]),
    ]


def _confirmed(summary: dict[str, Any]) -> str:
    """What test says of the choice."""
    if not summary["chosen"]:
        return "No class has a clear difference on validation; nothing is to be changed."
    held = summary["confirmed"]
    if not held["classes"]:
        return (
            f"Not confirmed: 0 of {held['chosen']} classes have positives enough in test, of more "
            "than one group ([evaluate] threshold_min_positives)."
        )
    if held["low"] is None:
        return "Not confirmed: no resample of test holds a positive of these classes."
    return (
        f"On test, the texts of {held['classes']} of {held['chosen']} classes, those with "
        f"positives enough there, are {100 * held['value']:+.1f} points ahead (95 %: "
        f"{100 * held['low']:+.1f} to {100 * held['high']:+.1f}): "
        + ("confirmed." if held["low"] > 0 else "not confirmed.")
    )


def _changed(summary: dict[str, Any]) -> list[str]:
    """What became of the changes, and whether a training will see them."""
    count, used = len(summary["changes"]), summary["train_prompts"]
    if not count:
        return []
    if summary["written"]:
        lines = [f"{count} written into the taxonomy. Next: mumic-annotate dataset"]
    else:
        lines = [f"{count} to change: write with `mumic prompts --write`."]
    if used != "taxonomy":
        lines.append(
            f'A training does not look at them: [train] prompts = "{used}" is for all classes. Set '
            'it to "taxonomy".'
        )
    return lines
