"""``taxonomy migrate``: looks at what a changed label list means for everything that rests on it.

Nothing is written here; :mod:`annotate.migration.apply` does that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.answers.files import find_answers
from annotate.errors import InputError
from annotate.golden.in_force import settings_in_force
from annotate.labels.decisions import label_frame
from annotate.labels.experts import close_experts
from annotate.labels.imported import labelled_votes
from annotate.labels.result import Basis, label_answers
from annotate.labels.stage import read_answers
from annotate.migration.asking import to_ask
from annotate.migration.carry import Step
from annotate.migration.golden import carried_experts
from annotate.migration.labels import carry_labels
from annotate.migration.plan import migrate_plan
from annotate.migration.record import (
    Migration,
    find_snapshot,
    load_migrations,
    migrations_folder,
)
from annotate.migration.thresholds import (
    Replaced,
    carried_thresholds,
    replaced_thresholds,
    with_thresholds,
)
from annotate.questions.file import read_classes, read_plan
from annotate.questions.planning import QuestionPlan
from annotate.tables import LABELS, empty, read
from annotate.taxonomy.diff import Diff, diff
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace


@dataclass(frozen=True)
class Outlook:
    """What a migration would do.

    Attributes:
        before, after: the label lists, whole.
        before_file: where the first one was found.
        found: their difference.
        classes: ``[project] classes`` afterwards; empty: the whole taxonomy.
        old_plan, new_plan: the questions; None where there are none yet.
        migration: the record that answers will be read by.
        thresholds: vote thresholds that go over to the classes that take others' place.
        replaced: classes for which some old threshold no longer counts.
        labels: ``tables.LABELS`` afterwards; None where there are none yet.
        labels_from_answers: whether they were made of answers, else of labels (an import).
        ask: pairs of ``class_id`` and ``image_id`` to ask again.
    """

    before: Taxonomy
    after: Taxonomy
    before_file: Path
    found: Diff
    classes: tuple[str, ...]
    old_plan: QuestionPlan | None
    new_plan: QuestionPlan | None
    migration: Migration
    thresholds: dict[str, float]
    replaced: dict[str, Replaced]
    labels: pd.DataFrame | None
    labels_from_answers: bool
    ask: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """For JSON: changes, questions, and images to ask by class."""
        asked = self.ask.groupby("class_id", sort=False)["image_id"].size()
        return {
            "number": self.migration.number,
            "before": str(self.before_file),
            "before_hash": self.before.hash,
            "after_hash": self.after.hash,
            **self.found.as_dict(),
            "questions": self._question_summary(),
            "classes": list(self.classes),
            "thresholds_carried": self.thresholds,
            "thresholds_replaced": {name: asdict(each) for name, each in self.replaced.items()},
            "labels": None if self.labels is None else len(self.labels),
            "ask": {str(name): int(count) for name, count in asked.items()},
            "ask_images": int(self.ask["image_id"].nunique()),
        }

    def _question_summary(self) -> dict[str, Any]:
        if self.old_plan is None or self.new_plan is None:
            return {"kept": [], "closed": [], "added": []}
        old = {question.id for question in self.old_plan.questions}
        new = {question.id: question for question in self.new_plan.questions}
        added = [question for name, question in new.items() if name not in old]
        return {
            "kept": [name for name in new if name in old],
            "closed": sorted(old - set(new)),
            "added": [{"id": question.id, "classes": list(question.classes)} for question in added],
        }


def look_ahead(workspace: Workspace, before: Path | None = None) -> Outlook:
    """Work out what the present label list means for answers, labels and questions.

    Args:
        workspace: its label list has been edited.
        before: the label list as it was; None: the newest kept one that fits ``questions.yaml``.

    Raises:
        MissingError: no label list.
        InputError: the label list is wrong, nothing has changed, no earlier list is known, or a
            migration was begun and not finished.
    """
    history = load_migrations(workspace)
    after = load_taxonomy(workspace.taxonomy)
    before_file = before or _last_label_list(workspace, history, after)
    old = load_taxonomy(before_file)
    found = diff(old, after)
    if not found.changes:
        raise InputError(
            f"{workspace.taxonomy} says what {before_file} says; there is nothing to carry over."
        )
    classes = _project_classes(workspace.settings.project.classes, old, after, found)
    part = after.subset(classes) if classes else after
    own = Diff(found.changes, {name: found.sources[name] for name in _asked_of(part)})
    old_plan = read_plan(workspace.questions, old) if workspace.questions.is_file() else None
    new_plan = None
    if old_plan is not None:
        new_plan = migrate_plan(
            old_plan,
            own,
            part,
            workspace.settings.questions,
            taken={name for migration in history for name in migration.questions},
            seed=workspace.settings.project.seed,
        )
    migration = _migration(workspace, len(history) + 1, old, found, old_plan)
    # Decided as they will be, or the forecast would ask other images than --apply does.
    carried = carried_thresholds(old, after, found)
    decided = with_thresholds(after, carried)
    labels, from_answers = _labels(
        workspace, (decided, with_thresholds(part, carried)), new_plan, (*history, migration)
    )
    default = settings_in_force(workspace).vote_threshold
    return Outlook(
        before=old,
        after=after,
        before_file=before_file,
        found=found,
        classes=classes,
        old_plan=old_plan,
        new_plan=new_plan,
        migration=migration,
        thresholds=carried,
        replaced=replaced_thresholds(old, decided, found, default),
        labels=labels,
        labels_from_answers=from_answers,
        ask=to_ask(empty(LABELS) if labels is None else labels, own, part),
    )


def _last_label_list(workspace: Workspace, history: Sequence[Migration], after: Taxonomy) -> Path:
    """The label list of the last migration, else the newest kept one that fits the questions."""
    if history:
        return history[-1].present_file
    return find_snapshot(workspace, _plan_classes(workspace), after.hash)


def _asked_of(taxonomy: Taxonomy) -> list[str]:
    return [entry.id for entry in taxonomy.classes if not entry.replaced_by]


def _plan_classes(workspace: Workspace) -> set[str]:
    """The classes that ``questions.yaml`` names, whether or not the taxonomy still has them."""
    if not workspace.questions.is_file():
        return set()
    return {name for ids in read_classes(workspace.questions).values() for name in ids}


def _project_classes(
    classes: Sequence[str], old: Taxonomy, after: Taxonomy, found: Diff
) -> tuple[str, ...]:
    """``[project] classes`` with every class replaced by those that hold its place, and new ones.

    A class that has just been added to the label list is meant to be worked on.
    """
    if not classes:
        return ()
    kept = {name for name in classes if name in after.by_id and name not in old.by_id}
    for name, sources in found.sources.items():
        if not sources or any(source.id in classes for source in sources):
            kept.add(name)
    return tuple(name for name in after.ids if name in kept)


def _migration(
    workspace: Workspace, number: int, old: Taxonomy, found: Diff, plan: QuestionPlan | None
) -> Migration:
    questions = {question.id: question.classes for question in plan.questions} if plan else {}
    thresholds = {
        entry.id: entry.vote_threshold for entry in old.classes if entry.vote_threshold is not None
    }
    step = Step(found.sources, dict(old.ancestor_table))
    folder = migrations_folder(workspace) / f"{number:04}"
    return Migration(number, folder, step, questions, thresholds, {})


def _labels(
    workspace: Workspace,
    taxonomies: tuple[Taxonomy, Taxonomy],
    plan: QuestionPlan | None,
    history: Sequence[Migration],
) -> tuple[pd.DataFrame | None, bool]:
    """The labels afterwards, decided as those of now were, and whether they follow from answers.

    Args:
        workspace: as it is now.
        taxonomies: the new one, whole, and the part of it that is worked on.
        plan: the questions afterwards.
        history: all migrations, this one too.
    """
    after, part = taxonomies
    of_votes = labelled_votes(workspace) is not None
    if plan is not None and not of_votes and any(find_answers(workspace.answers)):
        settings = settings_in_force(workspace)
        questions = {question.id: question.classes for question in plan.questions}
        answers, asked = read_answers(workspace, questions, settings, history)
        golden = carried_experts(workspace.golden, history[-1].step, after)
        experts = None if golden is None else close_experts(golden, part)
        _, decisions, _ = label_answers(answers.packed, Basis(asked, part, settings, experts))
        return label_frame(decisions), True
    file = workspace.labels / "labels.parquet"
    if not file.is_file():
        return None, False
    return carry_labels(read(LABELS, file), history[-1].step, part), False
