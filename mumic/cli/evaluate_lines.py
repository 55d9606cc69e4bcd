"""What ``mumic evaluate`` and ``mumic compare`` print."""

from __future__ import annotations

from typing import Any

from annotate.cli.console import table
from annotate.cli.numbers import number_text
from mumic.cli.numbers import difference_text, interval_text
from mumic.cli.slice_lines import catalogue_lines, slice_lines

Table = tuple[list[str], list[list[str]]]


def report_lines(found: dict[str, Any], split: str) -> list[str]:
    """A report as text: the table of methods, what they rest on, the differences."""
    from mumic.evaluation.notes import measure_notes

    methods = found["methods"]
    own = next(iter(methods.values()))
    k = found["settings"]["k"]
    names = ["macro_map", "weighted_map", "gap", f"gap_at_{k}", "f1_micro", "f1_macro"]
    header = ["method", "macro mAP", "weighted mAP", "GAP", f"GAP@{k}", "F1 micro", "F1 macro"]
    rows = [
        [name, *(number_text(values[key]) for key in names)] for name, values in methods.items()
    ]
    lines = [
        f"Run {found['run']} on {own['images']} {split} images, {own['classes']} classes; "
        f"{own['classes_left_out']} with too few positives are left out of the means.",
        *table(header, rows),
    ]
    lines += [
        f"MuMIC - {name}: macro mAP {difference_text(values['macro_map'])}; "
        f"GAP {difference_text(values['gap'])}"
        for name, values in found["differences"].items()
    ]
    notes = measure_notes(found)
    return [*lines, *catalogue_lines(found), *slice_lines(found), *(["", *notes] if notes else [])]


def comparison_lines(found: dict[str, Any]) -> list[str]:
    """Table 1, the differences, table 2."""
    from mumic.evaluation.notes import measure_notes

    methods, own = found["methods"], next(iter(found["methods"]))
    majority = next((row for row in found["slices"] if row["kind"] == "majority"), None)
    some = methods[own]
    lines = [
        f"Table 1: {some['images']} {found['split']} images, {some['classes']} classes; "
        f"{some['classes_left_out']} with too few positives are left out of the means.",
        *table(*_quality(found, majority)),
    ]
    for name, values in found["differences"].items():
        lines.append(
            f"{own} - {name}: macro mAP {difference_text(values['macro_map'])}; "
            f"GAP {difference_text(values['gap'])}"
        )
    lines += [*catalogue_lines(found), "", "Table 2: what it took", *table(*_costs(found["costs"]))]
    return [*lines, *measure_notes(found)]


def pair_lines(found: dict[str, Any], first: str) -> list[str]:
    """The paired difference of two runs in every measure."""
    from mumic.evaluation.notes import measure_notes

    ((other, differences),) = found["differences"].items()
    return [
        f"{first} - {other} on {found['split']}:",
        *difference_lines(differences),
        *measure_notes(found),
    ]


def _quality(found: dict[str, Any], majority: dict[str, Any] | None) -> Table:
    k = found["settings"]["k"]
    names = ["gap", f"gap_at_{k}", "macro_map", "weighted_map"]
    header = ["method", "GAP", f"GAP@{k}", "macro mAP", "weighted mAP"]
    rows = [
        [name, *(number_text(values[key]) for key in names)]
        for name, values in found["methods"].items()
    ]
    if majority is not None:
        header.append(f"macro mAP, {majority['classes']} most frequent")
        for row in rows:
            row.append(number_text(majority["methods"][row[0]]["macro_map"]))
    return header, rows


def _costs(costs: dict[str, Any]) -> Table:
    header = ["method", "epochs to saturation", "s per epoch", "s for the texts", "trials"]
    keys = ["seconds_per_epoch", "text_seconds", "trials"]
    return header, [
        [name, _epochs(cost), *(number_text(cost[key], ".3g") for key in keys)]
        for name, cost in costs.items()
    ]


def _epochs(cost: dict[str, Any]) -> str:
    """Epochs to saturation; with a plus where it was not reached."""
    epochs = cost["epochs_to_saturation"]
    return "-" if epochs is None else f"{epochs}{'' if cost['saturated'] else '+'}"


def difference_lines(found: dict[str, Any]) -> list[str]:
    """A paired difference in every measure, a line each."""
    rows = {name: value for name, value in found.items() if isinstance(value, dict)}
    width = max(len(name) for name in rows)
    return [f"  {name:<{width}} {difference_text(value)}" for name, value in rows.items()]


def file_lines(found: dict[str, Any]) -> list[str]:
    """A report on files as text."""
    from mumic.metrics.intervals import interval_notes

    own = next(iter(found["methods"].values()))
    lines = [
        f"{own['images']} images, {own['classes']} classes, {own['known_cells']} known labels; "
        f"{own['classes_left_out']} classes with too few positives are left out of the means."
    ]
    for name, values in found["methods"].items():
        lines += [f"{name}:", *measure_lines(values)]
    lines += interval_notes(found["methods"])
    for name, values in found["differences"].items():
        lines += [f"{next(iter(found['methods']))} - {name}:", *difference_lines(values)]
    return [*lines, *found["notes"]]


def measure_lines(values: dict[str, Any]) -> list[str]:
    """Every measure of a method with its interval, a line each."""
    width = max(len(name) for name in values["intervals"])
    return [
        f"  {name:<{width}} {interval_text(each)}" for name, each in values["intervals"].items()
    ]
