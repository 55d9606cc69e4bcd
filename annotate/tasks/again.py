"""Images that are asked again, for some classes only: after a migration or an audit.

Their rounds name a class in each receipt. Such an image is asked the questions about these classes,
until enough people have answered them since the round was made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from annotate.answers.files import find_answers
from annotate.answers.found import bare_content
from annotate.files import read_json
from annotate.mining.round_files import round_files
from annotate.questions.planning import QuestionPlan
from annotate.tables import CANDIDATES, read

STRATEGIES = ("migration", "audit")


def asked_again(
    candidates: Path,
    answers: Path,
    plan: QuestionPlan,
    *,
    annotators: int,
    images: Sequence[str] = (),
    excluded: Collection[str] = (),
) -> dict[str, tuple[str, ...]]:
    """The questions that images are to be asked again, in the order of the plan.

    Args:
        candidates: ``data/candidates``.
        answers: ``data/answers``.
        plan: the questions.
        annotators: people who answer each.
        images: ids in the order of the manifest, for the output folders of Ground Truth.
        excluded: ids of annotators whose answers do not count.

    Returns:
        By image id; an image that has all its answers is not there.
    """
    since = asked_since(candidates, plan)
    if not since:
        return {}
    people: dict[tuple[str, str], set[str]] = {}
    for found in find_answers(answers, images):
        for entry in found.answers if isinstance(found.answers, list) else ():
            if not isinstance(entry, dict) or str(entry.get("workerId")) in excluded:
                continue
            content = bare_content(entry.get("answerContent"))
            when = str(entry.get("submissionTime") or "")
            for question in content if isinstance(content, dict) else ():
                place = (str(found.image_id), str(question))
                if place in since and not is_before(when, since[place]):
                    people.setdefault(place, set()).add(str(entry.get("workerId")))
    order = {question.id: at for at, question in enumerate(plan.questions)}
    left: dict[str, list[str]] = {}
    for image, question in sorted(since, key=lambda place: order[place[1]]):
        if len(people.get((image, question), ())) < annotators:
            left.setdefault(image, []).append(question)
    return {image: tuple(questions) for image, questions in left.items()}


def asked_since(candidates: Path, plan: QuestionPlan) -> dict[tuple[str, str], str]:
    """What rounds ask again: by image and question, since when answers count; "": all do.

    Args:
        candidates: ``data/candidates``.
        plan: the questions.

    Returns:
        Times in ISO 8601, UTC.
    """
    of_class = {name: question.id for question in plan.questions for name in question.classes}
    since: dict[tuple[str, str], str] = {}
    for file in round_files(candidates):
        rows = read(CANDIDATES, file, ["image_id", "class_id", "strategy"])
        rows = rows[rows["strategy"].isin(STRATEGIES)]
        if rows.empty:
            continue
        asked = str(read_json(file.with_suffix(".json"), CANDIDATES.made_by).get("since") or "")
        for image, name in zip(rows["image_id"], rows["class_id"], strict=True):
            if name in of_class:
                since[image, of_class[name]] = asked
    return since


def is_before(when: str, since: str) -> bool:
    """Whether an answer was given too early to count; both in ISO 8601, UTC."""
    return when[:19] < since[:19]  # sorts as the times do, with fractions of a second or without
