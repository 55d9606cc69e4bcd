"""``questions.yaml``: written by the planner, edited by people, checked with line numbers."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from annotate.errors import InputError, MissingError, closest
from annotate.files import atomic
from annotate.questions.planning import STRATEGIES, Question, QuestionPlan
from annotate.taxonomy.fields import Field, Kind
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.nodes import parse_nodes
from annotate.taxonomy.problems import Problems
from annotate.taxonomy.records import Marked, Record, read_record, read_records

LARGEST_FILE = 1 << 20
ROOT_FIELDS = (
    Field("taxonomy", Kind.TEXT, "Hash of the taxonomy that the plan is for.", required=True),
    Field("strategy", Kind.CHOICE, "How it was planned.", required=True, choices=STRATEGIES),
    Field("similarity", Kind.TEXT, "The model whose view of the classes' texts was used."),
    Field("questions", Kind.RECORDS, "Classes that are shown together.", required=True),
)
QUESTION_FIELDS = (
    Field("id", Kind.ID, "Answers are stored under it.", required=True),
    Field("title", Kind.TEXT, "Shown to annotators.", required=True),
    Field("classes", Kind.IDS, "Ids of classes, in the order of the page.", required=True),
    Field("after", Kind.IDS, "Asked only if one of these classes was not voted no."),
)
_REMEDY = "make it anew with `mumic-annotate questions plan --force`"
_CHECKSUM = re.compile(r"# checksum ([0-9a-f]{12})\n")
_HEADER = """\
# The questions that annotators are asked: classes that are shown together. Edit freely: move
# classes between questions, change titles. `mumic-annotate questions lint` checks the result.
# `mumic-annotate questions plan` leaves an edited file alone unless it is told to --force.
"""


def write_plan(plan: QuestionPlan, path: Path, *, force: bool = False) -> bool:
    """Write a plan, but not over somebody's edits.

    Args:
        plan: what to write.
        path: ``questions.yaml``.
        force: replace a file that was edited since it was planned.

    Returns:
        True when the file was written, False when it already holds this plan.

    Raises:
        InputError: the file was edited (or is not one of ours) and ``force`` is not given.
    """
    text = render_plan(plan)
    if path.exists():
        present = _read_text(path)
        if present == text:
            return False
        if not (force or _untouched(present)):
            raise InputError(
                f"{path} was edited by hand and differs from the new plan; nothing was changed. "
                "Keep it and go on, or replace it with `mumic-annotate questions plan --force`."
            )
    with atomic(path) as file:
        file.write(text.encode())
    return True


def render_plan(plan: QuestionPlan) -> str:
    """The text of ``questions.yaml``, with a checksum by which an edit is noticed."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 10_000
    buffer = io.StringIO()
    content = {
        "taxonomy": plan.taxonomy_hash,
        "strategy": plan.strategy,
        **({"similarity": plan.similarity} if plan.similarity else {}),
        "questions": [_entry(question) for question in plan.questions],
    }
    yaml.dump(content, buffer)
    body = buffer.getvalue()
    return f"{_HEADER}# checksum {_checksum(body)}\n{body}"


def _entry(question: Question) -> dict[str, Any]:
    classes = list(question.classes)
    entry = {"id": question.id, "title": question.title, "classes": classes}
    return entry | {"after": list(question.after)} if question.after else entry


def _checksum(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:12]


def _untouched(text: str) -> bool:
    """True for a file that nobody has changed since a planner wrote it."""
    found = _CHECKSUM.search(text)
    return bool(found and _checksum(text[found.end() :]) == found[1])


def read_plan(path: Path, taxonomy: Taxonomy) -> QuestionPlan:
    """Read and check ``questions.yaml``.

    Args:
        path: the file.
        taxonomy: whose classes the questions are about.

    Raises:
        MissingError: no such file.
        InputError: unknown keys or classes, a class or id that stands twice, an empty question; all
            problems are named as ``file:line: what; remedy``.
    """
    problems = Problems(str(path))
    root = parse_nodes(_read_text(path), problems)
    problems.raise_if_any()
    if root is None:
        raise InputError(f"{path}:1: it is empty; {_REMEDY}.")
    top = read_record(root, ROOT_FIELDS, "the plan", problems)
    records = read_records(root, "questions", QUESTION_FIELDS, "question", problems)
    _check(records, taxonomy, problems)
    problems.raise_if_any()
    if top is None:
        raise InputError(f"{path}:1: it is no plan; {_REMEDY}.")
    questions = tuple(
        Question(
            record.text("id"),
            record.text("title"),
            tuple(entry.text for entry in record.texts("classes")),
            tuple(entry.text for entry in record.texts("after")),
        )
        for record in records
    )
    return QuestionPlan(
        top.text("taxonomy"), top.text("strategy"), questions, top.text("similarity")
    )


def read_classes(path: Path) -> dict[str, tuple[str, ...]]:
    """The class ids of each question by its id, whether or not a taxonomy still has them.

    Raises:
        MissingError: no such file.
        InputError: it is no such file.
    """
    problems = Problems(str(path))
    root = parse_nodes(_read_text(path), problems)
    problems.raise_if_any()
    records = read_records(root, "questions", QUESTION_FIELDS, "question", problems) if root else []
    return {
        record.text("id"): tuple(entry.text for entry in record.texts("classes"))
        for record in records
    }


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError as error:
        raise MissingError(
            f"no questions at {path}. Plan them with `mumic-annotate questions`."
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(data) > LARGEST_FILE:
        raise InputError(f"{path}: larger than {LARGEST_FILE:,} bytes; {_REMEDY}.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8; save the file as UTF-8.") from error


def _check(records: Sequence[Record], taxonomy: Taxonomy, problems: Problems) -> None:
    """Ids are unique; every class is known and stands once; no question is empty."""
    ids: dict[str, Marked] = {}
    classes: dict[str, Marked] = {}
    for record in records:
        if "id" in record.singles:
            _check_once(record.singles["id"], ids, "question", problems)
        if record.lists.get("classes") == ():
            problems.add(record.line, "classes is empty; add a class or delete the question")
        for entry in record.texts("classes"):
            _check_known(entry, taxonomy, problems)
            _check_once(entry, classes, "class", problems)
        for entry in record.texts("after"):
            _check_known(entry, taxonomy, problems)


def _check_known(entry: Marked, taxonomy: Taxonomy, problems: Problems) -> None:
    if entry.text not in taxonomy.by_id:
        hint = closest(entry.text, taxonomy.ids) or "; see `mumic-annotate taxonomy show`"
        problems.add(entry.line, f"unknown class id {entry.text!r}{hint}")


def _check_once(entry: Marked, seen: dict[str, Marked], what: str, problems: Problems) -> None:
    first = seen.setdefault(entry.text, entry)
    if first is not entry:
        message = f"{what} {entry.text} stands in line {first.line} too; delete one of them"
        problems.add(entry.line, message)
