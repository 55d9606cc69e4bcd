"""Carries a migration through: atomic where answers depend on it, and repeatable for the rest.

First everything that the migration needs is laid down in a folder of its own, which gets its name
by one rename. From then on answers are read by it. What follows (questions, settings, the round,
labels, dataset) is made from that folder, each file atomically; a command that was killed is
finished by the next one, with the same result.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.errors import InputError
from annotate.files import atomic, read_json, write_json
from annotate.golden.in_force import settings_in_force
from annotate.labels.consolidate import thresholds
from annotate.labels.stage import label_images
from annotate.locks import exclusive
from annotate.migration.asking import STRATEGY, as_candidates
from annotate.migration.dataset import rebuild_dataset
from annotate.migration.golden import prepare_golden, put_golden
from annotate.migration.imports import prepare_imports, put_imports
from annotate.migration.listing import listing_file
from annotate.migration.migrate import Outlook
from annotate.migration.record import (
    AFTER,
    BEFORE,
    DONE,
    FACTS,
    MADE_BY,
    TAXONOMY,
    Migration,
    keep_snapshot,
    load_migrations,
    migrations_folder,
)
from annotate.mining.draw import Mined
from annotate.mining.round_files import new_round, round_files, round_number, save_round
from annotate.questions.file import render_plan
from annotate.tables import CANDIDATES, LABELS, POOLS, empty, read, write
from annotate.taxonomy.edit import write_values
from annotate.taxonomy.load import load_taxonomy
from annotate.together import together
from annotate.workspace import SETTINGS_FILE, Workspace

_OLD_QUESTIONS, _QUESTIONS, _SETTINGS = "questions-before.yaml", "questions.yaml", SETTINGS_FILE
_LABELS, _ASK = "labels.parquet", "ask.parquet"
_IN_OLD_IDS = ("answers.parquet", "annotators.json", "changes.parquet")  # below data/labels

Told = Callable[[str], object]


def unfinished(workspace: Workspace) -> Migration | None:
    """A migration that was begun and not carried through."""
    return next((each for each in load_migrations(workspace) if not each.done), None)


def begin(workspace: Workspace, outlook: Outlook) -> Migration:
    """Lay a migration down. With this, answers are read by it.

    Raises:
        InputError: the settings hold the classes in a form that cannot be changed, or another
            process is at work.
    """
    folder = outlook.migration.folder
    parent = folder.parent
    with exclusive(_lock(workspace), busy="another process migrates this workspace. Wait for it."):
        made = parent / f".{folder.name}"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(parents=True)
        shutil.copyfile(outlook.before_file, made / BEFORE)
        shutil.copyfile(workspace.taxonomy, made / AFTER)
        _prepare_files(workspace, outlook, made)
        write(CANDIDATES, as_candidates(outlook.ask, 0), made / _ASK)
        if outlook.labels is not None and not outlook.labels_from_answers:
            write(LABELS, outlook.labels, made / _LABELS)
        prepare_imports(workspace, outlook.migration.step, outlook.after, made)
        questions = outlook.new_plan.questions if outlook.new_plan else ()
        prepare_golden(
            workspace.golden,
            made,
            outlook.migration.step,
            outlook.after,
            {question.id: question.classes for question in questions},
        )
        write_json(made / FACTS, _facts(outlook))
        made.rename(folder)
    return load_migrations(workspace)[-1]


def _lock(workspace: Workspace) -> Path:
    return migrations_folder(workspace).with_name(".migrations.lock")


def _facts(outlook: Outlook) -> dict[str, Any]:
    migration = outlook.migration
    return {
        **outlook.summary(),
        "before": outlook.before_file.name,  # the same wherever the workspace lies
        "sources": {
            name: [{"id": source.id, "whole": source.whole} for source in sources]
            for name, sources in migration.step.sources.items()
        },
        "above": {name: list(ids) for name, ids in migration.step.above.items() if ids},
        "thresholds": dict(migration.thresholds),
        "questions": {name: list(ids) for name, ids in migration.questions.items()},
        "question_changes": outlook.summary()["questions"],
    }


def _prepare_files(workspace: Workspace, outlook: Outlook, folder: Path) -> None:
    """The files that will take the place of the workspace's."""
    if outlook.new_plan is not None:
        shutil.copyfile(workspace.questions, folder / _OLD_QUESTIONS)
        (folder / _QUESTIONS).write_text(render_plan(outlook.new_plan), "utf-8")
    if outlook.classes != workspace.settings.project.classes:
        text = (workspace.root / SETTINGS_FILE).read_text("utf-8")
        (folder / _SETTINGS).write_text(with_classes(text, outlook.classes), "utf-8")
    if outlook.thresholds:
        shutil.copyfile(workspace.taxonomy, folder / TAXONOMY)
        write_values(folder / TAXONOMY, "vote_threshold", outlook.thresholds)


def with_classes(text: str, classes: tuple[str, ...]) -> str:
    """Settings with other ``[project] classes``; everything else stays, comments too.

    Raises:
        InputError: there is no such list where one is expected.
    """
    found = re.search(r"(?ms)^\[project\].*?^classes\s*=\s*(\[.*?\])", text)
    if found is None:
        raise InputError(
            f"{SETTINGS_FILE}: no list `classes` under [project]. Write there: "
            f"classes = [{', '.join(map(repr, classes))}]"
        )
    lines = "".join(f'\n    "{name}",' for name in classes)
    return text[: found.start(1)] + f"[{lines}\n]" + text[found.end(1) :]


def finish(
    workspace: Workspace, migration: Migration, tell: Told = lambda _: None
) -> dict[str, Any]:
    """Carry a migration through, or on.

    Args:
        workspace: with the migration laid down.
        migration: not done yet.
        tell: called with what was made, one line each.

    Returns:
        What ``done.json`` holds.
    """
    folder = migration.folder
    with exclusive(_lock(workspace), busy="another process migrates this workspace. Wait for it."):
        _check_unedited(workspace, migration)
        for name, target in (
            (TAXONOMY, workspace.taxonomy),
            (_SETTINGS, workspace.root / SETTINGS_FILE),
            (_QUESTIONS, workspace.questions),
        ):
            if (folder / name).is_file():
                with atomic(target) as file:
                    file.write((folder / name).read_bytes())
                tell(f"{target.name} changed")
        workspace = Workspace.find(workspace.root)
        made: dict[str, Any] = {"round": _write_round(workspace, migration)}
        listing_file(workspace).unlink(missing_ok=True)
        for name in put_imports(workspace, folder):
            tell(f"imported labels carried over: {name}")
        if put_golden(folder, workspace.golden):
            tell("golden set carried over")
        made |= _write_labels(workspace, folder, tell)
        keep_snapshot(workspace)
        write_json(folder / DONE, made)
    return made


def _check_unedited(workspace: Workspace, migration: Migration) -> None:
    """The label list must be the one that was migrated to, or another migration is needed."""
    files = [migration.folder / AFTER, migration.folder / TAXONOMY]
    known = {load_taxonomy(file).hash for file in files if file.is_file()}
    if load_taxonomy(workspace.taxonomy).hash not in known:
        raise InputError(
            f"{workspace.taxonomy} was edited while migration {migration.number} waits to be "
            f"finished. Put {files[0]} back in its place and run `{MADE_BY} --apply`; then make "
            "your edit, and migrate again."
        )


def _write_round(workspace: Workspace, migration: Migration) -> int | None:
    """The images to ask again, as a round of candidates."""
    ask = read(CANDIDATES, migration.folder / _ASK)
    if ask.empty:
        return None
    folder = workspace.candidates
    with new_round(folder) as following:
        number = _round_of(folder, migration) or following
        mined, summary = _round(ask.assign(round=number), migration)
        save_round(folder, number, mined, summary)
    return number


def _round(ask: pd.DataFrame, migration: Migration) -> tuple[Mined, dict[str, Any]]:
    """The round of these receipts, and its summary."""
    counts = ask.groupby("class_id", sort=False)["image_id"].size()
    drawn = {str(name): int(count) for name, count in counts.items()}
    summary = {
        "round": int(ask["round"].iloc[0]),
        "strategy": STRATEGY,
        "migration": migration.number,
        "images": int(ask["image_id"].nunique()),
        "receipts": len(ask),
        "drawn_from": [{"name": name, "pool": size, "drawn": size} for name, size in drawn.items()],
        "funnel": [],
        "settings": {"seed": 0},
        "near_copies_by": "not compared",
    }
    return Mined(ask, drawn, drawn, pool_rows=empty(POOLS)), summary


def _round_of(folder: Path, migration: Migration) -> int | None:
    """The round that a killed command wrote for this migration."""
    for file in round_files(folder):
        summary = read_json(file.with_suffix(".json"), CANDIDATES.made_by)
        if summary.get("migration") == migration.number:
            return round_number(file)
    return None


def _write_labels(workspace: Workspace, folder: Path, tell: Told) -> dict[str, Any]:
    """Labels and dataset anew, where there were any."""
    made: dict[str, Any] = {}
    had_labels = (workspace.labels / "labels.parquet").is_file()
    if (folder / _LABELS).is_file():
        _put_labels(workspace, read(LABELS, folder / _LABELS))
        made["labels"] = "carried"
        tell("labels carried over, each as it was: they were not made of data/answers")
    elif had_labels:
        summary = label_images(workspace, settings_in_force(workspace))
        made["labels"] = summary["labels"]
        tell(f"labels made anew from all answers: {summary['labels']:,}")
    if (workspace.dataset / "images.parquet").is_file():
        made |= _write_dataset(workspace, tell)
    return made


def _write_dataset(workspace: Workspace, tell: Told) -> dict[str, Any]:
    images, left_out = rebuild_dataset(workspace)
    tell(f"dataset made anew: {images:,} images, each in the split that it had")
    if not left_out:
        return {"dataset": images}
    tell(f"left out of it, because a split would lack them: {', '.join(left_out)}")
    return {"dataset": images, "classes_left_out": left_out}


def _put_labels(workspace: Workspace, labels: pd.DataFrame) -> None:
    """Labels without answers in place of those of before; files in ids of before go away."""
    folder = workspace.labels
    with exclusive(folder / ".lock", busy=f"another process is making {folder}. Wait for it."):
        summary = folder / "summary.json"
        before = read_json(summary, LABELS.made_by) if summary.is_file() else {}
        with together(folder) as stage:
            write(LABELS, labels, stage / "labels.parquet")
            if before:
                write_json(stage / "summary.json", _carried_summary(workspace, before, labels))
        for name in _IN_OLD_IDS:
            (folder / name).unlink(missing_ok=True)


def _carried_summary(
    workspace: Workspace, before: dict[str, Any], labels: pd.DataFrame
) -> dict[str, Any]:
    """What still holds of a summary of labels, and thresholds by ids of now."""
    taxonomy = load_taxonomy(workspace.taxonomy, workspace.settings.project.classes)
    present = set(labels["class_id"])
    ids = [name for name in taxonomy.ids if name in present]
    limits = thresholds(ids, taxonomy, settings_in_force(workspace))
    kept = ("method", "settings", "votes")
    return {
        "labels": len(labels),
        "questions": {},
        "thresholds": dict(zip(ids, limits, strict=True)),
        **{name: before[name] for name in kept if name in before},
    }
