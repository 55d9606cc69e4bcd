"""The golden set in terms of the next taxonomy: experts' labels and how they were sampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from annotate.migration.carry import Step
from annotate.migration.labels import carry_labels
from annotate.tables import GOLDEN_LABELS, GOLDEN_SAMPLE, Table, read, write
from annotate.taxonomy.model import Taxonomy

_NAMES = ("labels.parquet", "sample.parquet")  # below data/golden
_TABLES: Mapping[str, Table] = dict(zip(_NAMES, (GOLDEN_LABELS, GOLDEN_SAMPLE), strict=True))
_BEFORE, _AFTER = "golden-before", "golden"  # folders of a migration
_REASONS = ("near", "clear", "random", "question")  # the one that says most first

Questions = Mapping[str, Sequence[str]]


def prepare_golden(
    golden: Path, folder: Path, step: Step, taxonomy: Taxonomy, questions: Questions
) -> None:
    """Lay the golden set down in a migration's folder, as it was and as it will be.

    Args:
        golden: ``data/golden``.
        folder: of the migration.
        step: the change.
        taxonomy: the new one.
        questions: classes of each question of the new plan.
    """
    for name, table in _TABLES.items():
        if not (golden / name).is_file():
            continue
        frame = read(table, golden / name)
        write(table, frame, folder / _BEFORE / name)
        if table is GOLDEN_LABELS:
            carried = _carry_experts(frame, step, taxonomy)
        else:
            carried = carry_sample(frame, step, questions)
        write(table, carried, folder / _AFTER / name)


def put_golden(folder: Path, golden: Path) -> bool:
    """Put a migration's golden set in its place; say whether there is one."""
    names = [name for name in _NAMES if (folder / _AFTER / name).is_file()]
    for name in names:
        write(_TABLES[name], read(_TABLES[name], folder / _AFTER / name), golden / name)
    return bool(names)


def carried_experts(golden: Path, step: Step, taxonomy: Taxonomy) -> pd.DataFrame | None:
    """Experts' labels as they will be, ``tables.GOLDEN_LABELS``; None where there are none.

    Args:
        golden: ``data/golden``.
        step: the change.
        taxonomy: the new one.
    """
    file = golden / _NAMES[0]
    if not file.is_file():
        return None
    return _carry_experts(read(GOLDEN_LABELS, file), step, taxonomy)


def _carry_experts(golden: pd.DataFrame, step: Step, taxonomy: Taxonomy) -> pd.DataFrame:
    labels = golden.assign(yes=0, no=0, unsure=0, rate=float("nan"), decided="golden")
    carried = carry_labels(labels, step, taxonomy)
    own = carried[(carried["decided"] == "golden").to_numpy(bool)]
    return own[list(GOLDEN_LABELS.columns)]


def carry_sample(sample: pd.DataFrame, step: Step, questions: Questions) -> pd.DataFrame:
    """Translate the probabilities with which experts were asked.

    A class with a new id keeps its rows. A merged class has them where one question asked for all
    its parts, so that its label is known with that question's probability. A part of a class that
    was split has none: experts said no to it, or nothing, so that what is known of it is no sample.

    Args:
        sample: ``tables.GOLDEN_SAMPLE`` of the old taxonomy.
        step: the change.
        questions: classes of each question of the new plan.

    Returns:
        ``tables.GOLDEN_SAMPLE``, in the order of the old rows. A class keeps its old question where
        the new plan does not ask for it.
    """
    new_ids = step.new_ids
    simple = sample[sample["class_id"].isin(new_ids)]
    parts = [simple.assign(class_id=simple["class_id"].map(new_ids))]
    for name, sources in step.composed.items():
        if all(source.whole for source in sources):
            parts.append(_merged(sample, step.covering(name)).assign(class_id=name))
    carried = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    asked_in = {each: question for question, ids in questions.items() for each in ids}
    question = carried["class_id"].map(asked_in).astype(object)
    return carried.assign(question_id=question.fillna(carried["question_id"]))


def _merged(sample: pd.DataFrame, parts: Sequence[str]) -> pd.DataFrame:
    """A row per image and question that asked for all the parts."""
    rows = sample[sample["class_id"].isin(parts)]
    place = rows["drawn_for"].map(_REASONS.index)
    rows = rows.assign(place=place, row=rows.index).sort_values(["place", "row"], kind="stable")
    key = ["image_id", "question_id"]
    whole = rows.groupby(key)["class_id"].transform("nunique") == len(parts)
    return rows[whole].drop_duplicates(key)[list(GOLDEN_SAMPLE.columns)]
