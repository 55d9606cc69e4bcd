"""The annotation server under load: 50 simulated annotators over HTTP, and its death among them.

Every annotator is a thread with one connection. First each asks for everything that a browser asks
for, and thinks two seconds about a page: ten times the pace of people. Then all of them take pages
and answer them without a pause until none is left, so that their requests queue and times follow
from the number of people; afterwards the export is compared with what the server acknowledged. Then
that with half of the pages, the server killed with SIGKILL in the middle and started again.
"""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from annotate.server.run import DATABASE
from annotate.workspace import Workspace
from benchmarks.report import QUICK, write_report
from benchmarks.serve_people import Log, crowd, make_people, serving, start
from benchmarks.serve_tasks import VOTES, make_workspace, questions_of

ANNOTATORS, IMAGES = (50, 60) if QUICK else (50, 1000)
THINKING = 2.0  # mean seconds that somebody looks at a page, exponentially distributed
FAULTS = ("lost", "duplicates", "altered", "beyond_votes", "short")


def exported(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """The answers of each image as the server exported them."""
    lines = (workspace.answers / "serve.jsonl").read_text("utf-8").splitlines()
    return {entry["image-id"]: entry["answers"] for entry in map(json.loads, lines)}


def check(workspace: Workspace, log: Log, *, votes: int, whole: bool) -> dict[str, int]:
    """Compare the export with what was sent and acknowledged.

    Returns:
        ``lost``: acknowledged answers that are not there, or not byte for byte. ``duplicates``: of
        a person and an image, in the export or the database. ``altered``: stored, but sent by
        nobody like this. ``unacknowledged``: stored, its sender does not know; ``by_one``: the
        most of these that one person has. ``beyond_votes`` and ``short``: images.
    """
    found = exported(workspace)
    stored = [
        ((entry["workerId"], image), json.dumps(entry["answerContent"]))
        for image, entries in found.items()
        for entry in entries
    ]
    sent = {key: json.dumps(content) for key, content in log.sent.items()}
    texts = dict(stored)
    unknown = Counter(person for person, image in texts.keys() - set(log.acknowledged))
    return {
        "acknowledged": len(log.acknowledged),
        "stored": len(stored),
        "lost": sum(texts.get(key) != sent[key] for key in log.acknowledged),
        "duplicates": max(len(stored), rows(workspace)) - len(texts),
        "altered": sum(text != sent.get(key) for key, text in stored),
        "unacknowledged": unknown.total(),
        "by_one": max(unknown.values(), default=0),
        "beyond_votes": sum(len(entries) > votes for entries in found.values()),
        "short": sum(len(entries) < votes for entries in found.values()) if whole else 0,
    }


def rows(workspace: Workspace) -> int:
    """Answers in the database; it is append-only."""
    with contextlib.closing(sqlite3.connect(workspace.desk / DATABASE)) as db:
        return int(db.execute("SELECT count(*) FROM answer").fetchone()[0])


def steady(
    workspace: Workspace, people: int, votes: int, thinking: float = 0.0
) -> tuple[dict[str, int], Log]:
    """Answer everything."""
    log = Log()
    with serving(workspace.root) as served:
        everybody = make_people(served, people)
        for thread in crowd(served.origin, everybody, questions_of(workspace), log, thinking):
            thread.join(600)
    return check(workspace, log, votes=votes, whole=True), log


def killed(workspace: Workspace, people: int, votes: int, after: int) -> dict[str, int]:
    """Kill the server after so many answers, start it again, answer the rest."""
    log, questions = Log(), questions_of(workspace)
    served = start(workspace.root)
    everybody = make_people(served, people)
    threads = crowd(served.origin, everybody, questions, log)
    until = time.monotonic() + 300
    while len(log.acknowledged) < after and time.monotonic() < until:
        time.sleep(0.002)
    with served.process as process:  # waits, and closes its pipes
        process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(60)
    before = len(log.acknowledged)
    with serving(workspace.root) as served:
        for thread in crowd(served.origin, everybody, questions, log):
            thread.join(600)
    return check(workspace, log, votes=votes, whole=True) | {"before_the_kill": before}


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds."""
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "count": len(seconds)}


def main() -> None:
    names = [f"Class {number}" for number in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        few = IMAGES // 5
        paced, at_pace = steady(
            make_workspace(Path(folder) / "p", few, names), ANNOTATORS, VOTES, THINKING
        )
        whole = make_workspace(Path(folder) / "a", IMAGES, names)
        started = time.perf_counter()
        counts, log = steady(whole, ANNOTATORS, VOTES)
        seconds = time.perf_counter() - started
        images = max(IMAGES // 2, 20)
        after = images * VOTES // 3
        again = killed(make_workspace(Path(folder) / "b", images, names), ANNOTATORS, VOTES, after)
    figures = {
        "at_ten_times_the_pace_of_people": paced
        | {
            "next": percentiles(at_pace.next_seconds),
            "submit": percentiles(at_pace.submit_seconds),
        },
        "without_a_pause": counts
        | {"next": percentiles(log.next_seconds), "submit": percentiles(log.submit_seconds)},
        "answers_per_second": round(counts["stored"] / seconds, 1),
        "killed": again,
    }
    print(json.dumps(figures, indent=1))
    size = f"{ANNOTATORS} annotators, {IMAGES} images of 4 questions, {VOTES} votes"
    write_report("serve", size, figures)
    wrong = [name for run in (paced, counts, again) for name in FAULTS if run[name]]
    if wrong:
        sys.exit(f"wrong: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
