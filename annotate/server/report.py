"""Progress, pace and the owner's report, read from the database."""

from __future__ import annotations

import json
import sqlite3
from statistics import median

import numpy as np

from annotate.files import number_or_none
from annotate.labels.agreement import nominal_alpha, percent_agreement
from annotate.labels.intervals import wilson_interval
from annotate.server.answering import golden_counts
from annotate.server.content import votes_of
from annotate.server.export import effective
from annotate.server.model import (
    AnnotatorReport,
    ClassAgreement,
    OwnerReport,
    Pace,
    Progress,
    Rules,
)
from annotate.server.people import as_annotator

LATEST_IMAGES = 1000  # agreement is of these, so that the owner's page stays quick
MOST_DISAGREEMENTS = 50

Tally = dict[str, tuple[int, int]]


def progress(db: sqlite3.Connection, rules: Rules, hour_ago: str) -> Progress:
    """How far the batch is."""
    row = db.execute(
        "SELECT count(*) AS images, coalesce(sum(counted >= wanted), 0) AS done, "
        "coalesce(sum(broken), 0) AS broken, coalesce(sum(counted), 0) AS answers FROM task"
    ).fetchone()
    active = db.execute("SELECT count(*) FROM annotator WHERE state = 'active'").fetchone()[0]
    lack = db.execute(
        "SELECT wanted - counted - (? - (SELECT count(*) FROM (SELECT annotator_id FROM seat "
        "WHERE seat.task_id = task.id UNION SELECT annotator_id FROM refusal "
        "WHERE refusal.task_id = task.id) JOIN annotator ON annotator.id = annotator_id "
        "WHERE state = 'active')) AS lack FROM task WHERE open = 1",
        (active,),
    )
    lacking = [entry["lack"] for entry in lack if entry["lack"] > 0]
    recent = db.execute("SELECT count(*) FROM answer WHERE submitted > ?", (hour_ago,))
    return Progress(
        images=row["images"],
        done=row["done"],
        broken=row["broken"],
        short=len(lacking),
        annotators_short=max(lacking, default=0),
        answers=row["answers"],
        per_hour=recent.fetchone()[0],
        rule=rules.name,
    )


def pace(db: sqlite3.Connection, annotator_id: str, midnight: str) -> Pace:
    """One annotator's progress; ``left`` counts open pages that she has not answered."""
    done = db.execute("SELECT count(*) FROM seat WHERE annotator_id = ?", (annotator_id,))
    today = db.execute(
        "SELECT count(*) FROM answer WHERE annotator_id = ? AND submitted >= ?",
        (annotator_id, midnight),
    )
    left = db.execute(
        "SELECT (SELECT count(*) FROM task WHERE open = 1) - (SELECT count(*) FROM (SELECT task_id "
        "FROM seat WHERE annotator_id = :me UNION SELECT task_id FROM refusal "
        "WHERE annotator_id = :me) JOIN task ON task.id = task_id WHERE open = 1)",
        {"me": annotator_id},
    )
    return Pace(
        done.fetchone()[0], today.fetchone()[0], _speed(db, annotator_id), left.fetchone()[0]
    )


def _speed(db: sqlite3.Connection, annotator_id: str) -> float | None:
    rows = db.execute(
        "SELECT seconds FROM answer WHERE annotator_id = ? ORDER BY id DESC LIMIT 50",
        (annotator_id,),
    ).fetchall()
    return median(row["seconds"] for row in rows) if rows else None


def owner_report(db: sqlite3.Connection, rules: Rules, hour_ago: str) -> OwnerReport:
    """Everything of the owner's page."""
    tallies = _tallies(db)
    people = db.execute("SELECT * FROM annotator ORDER BY created, id").fetchall()
    broken = db.execute("SELECT DISTINCT image_id FROM task WHERE broken ORDER BY image_id")
    return OwnerReport(
        progress=progress(db, rules, hour_ago),
        annotators=tuple(_person(db, row, rules) for row in people),
        classes=_agreement(tallies),
        disagreements=_disagreements(tallies),
        broken_images=tuple(row["image_id"] for row in broken),
        agreement_images=len(tallies),
    )


def _person(db: sqlite3.Connection, row: sqlite3.Row, rules: Rules) -> AnnotatorReport:
    golden = golden_counts(db, row["id"])
    answers = db.execute("SELECT count(*) FROM seat WHERE annotator_id = ?", (row["id"],))
    refusals = dict(
        db.execute(
            "SELECT kind, count(*) FROM refusal WHERE annotator_id = ? GROUP BY kind", (row["id"],)
        ).fetchall()
    )
    return AnnotatorReport(
        annotator=as_annotator(row),
        answers=answers.fetchone()[0],
        median_seconds=_speed(db, row["id"]),
        golden_images=golden.images,
        golden_positives=golden.positives,
        golden_ticks=golden.ticks,
        golden_hits=golden.hits,
        recall=wilson_interval(golden.hits, golden.positives, rules.golden_confidence),
        precision=wilson_interval(golden.hits, golden.ticks, rules.golden_confidence),
        skipped=refusals.get("skipped", 0),
        broken=refusals.get("broken", 0),
    )


def _tallies(db: sqlite3.Connection) -> dict[str, Tally]:
    """Yes and no votes by image and class, of the images answered last."""
    tasks = db.execute(
        "SELECT task.* FROM (SELECT task_id, max(answer_id) AS latest FROM seat GROUP BY task_id "
        "ORDER BY latest DESC LIMIT ?) JOIN task ON task.id = task_id ORDER BY latest DESC",
        (LATEST_IMAGES,),
    ).fetchall()
    tallies: dict[str, Tally] = {}
    for task in tasks:
        tally = tallies.setdefault(task["image_id"], {})
        for answer in effective(db, task):
            for class_id, said in votes_of(json.loads(answer["content"])).items():
                yes, no = tally.get(class_id, (0, 0))
                tally[class_id] = (yes + (said is True), no + (said is False))
    return tallies


def _agreement(tallies: dict[str, Tally]) -> tuple[ClassAgreement, ...]:
    counts: dict[str, list[tuple[int, int]]] = {}
    for tally in tallies.values():
        for class_id, pair in tally.items():
            counts.setdefault(class_id, []).append(pair)
    return tuple(
        ClassAgreement(
            class_id,
            votes=int(np.sum(pairs)),
            yes=sum(yes for yes, _ in pairs),
            agreement=number_or_none(percent_agreement(pairs).item()),
            alpha=number_or_none(nominal_alpha(pairs).item()),
        )
        for class_id, pairs in sorted(counts.items())
    )


def _disagreements(tallies: dict[str, Tally]) -> tuple[tuple[str, Tally], ...]:
    """Images with classes on which at least one voted against the others, most votes first."""
    split = [
        (image_id, {name: pair for name, pair in tally.items() if min(pair) > 0})
        for image_id, tally in tallies.items()
    ]
    split = [entry for entry in split if entry[1]]
    split.sort(key=lambda entry: (-sum(min(pair) for pair in entry[1].values()), entry[0]))
    return tuple(split[:MOST_DISAGREEMENTS])
