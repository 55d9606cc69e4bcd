"""Results of Mechanical Turk: assignments as XML or JSON, and the CSV of a batch.

A crowd-form sends one answer ``taskAnswers`` whose text is a JSON list of one object; a plain form
sends one answer a field. Which image a task showed stands in the HIT: in its RequesterAnnotation,
or in a column ``Input.*`` of the CSV.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from annotate.answers.found import parse_json
from annotate.answers.history.past import Past, PastAnswer, SetAside
from annotate.errors import InputError
from annotate.outside_xml import parse_xml

PREFIX = "Answer."
_TIMES = {"AcceptTime": "acceptanceTime", "SubmitTime": "submissionTime"}
Fields = Mapping[str, Any]


def xml_page(data: bytes) -> dict[str, Any] | None:
    """A document with ``Assignment`` and ``HIT`` elements, in the form of the service's JSON.

    None where it is no XML. Entities and document types are refused, whatever they hold.
    """
    root = _parsed(data)
    if root is None:
        return None
    return {
        plural: [
            {_name(part): part.text or "" for part in found}
            for found in root.iter()
            if _name(found) == single
        ]
        for single, plural in (("Assignment", "Assignments"), ("HIT", "HITs"))
    }


def _parsed(data: bytes | str) -> Element | None:
    try:
        return parse_xml(data)
    except InputError:
        return None


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def read_pages(pages: Sequence[Any], file: str) -> Iterator[Past]:
    """Pages of ListAssignmentsForHIT and ListHITs (or GetHIT), mixed as they come."""
    entries = [page for page in pages if isinstance(page, dict)]
    hits = [hit for page in entries for hit in _list(page, "HITs", "HIT")]
    images = {
        hit["HITId"]: hit.get("RequesterAnnotation")
        for hit in hits
        if isinstance(hit, dict) and isinstance(hit.get("HITId"), str)
    }
    assignments = [one for page in entries for one in _list(page, "Assignments", "Assignment")]
    for number, one in enumerate(assignments, 1):
        if not isinstance(one, dict) or not isinstance(one.get("Answer"), str):
            yield SetAside(file, number, "not an assignment with an answer")
            continue
        image = images.get(str(one.get("HITId"))) or one.get("RequesterAnnotation")
        yield _assignment(one, image, answer_fields(one["Answer"]), file, number)


def _list(page: Fields, plural: str, single: str) -> list[Any]:
    found = page.get(plural)
    return found if isinstance(found, list) else [page[single]] if single in page else []


def answer_fields(document: str) -> dict[str, str] | None:
    """The fields of a ``QuestionFormAnswers`` document; None where it is none.

    >>> answer_fields("<QuestionFormAnswers><Answer><QuestionIdentifier>a</QuestionIdentifier>"
    ...     "<FreeText>on</FreeText></Answer></QuestionFormAnswers>")
    {'a': 'on'}
    >>> answer_fields('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>') is None
    True
    """
    root = _parsed(document.strip())
    if root is None or _name(root) != "QuestionFormAnswers":
        return None
    fields = {}
    for answer in root:
        parts = {_name(part): part.text or "" for part in answer}
        value = parts.get("FreeText", parts.get("SelectionIdentifier"))
        if "QuestionIdentifier" in parts and value is not None:
            fields[parts["QuestionIdentifier"]] = value
    return fields


def _assignment(
    about: Fields, image: Any, fields: Mapping[str, str] | None, file: str, number: int
) -> Past:
    if str(about.get("AssignmentStatus", "")) == "Rejected":
        return SetAside(file, number, "the assignment was rejected")
    if not isinstance(image, str) or not image:
        reason = "names no image: give the HITs too, whose RequesterAnnotation says it"
        return SetAside(file, number, reason)
    if not fields:
        return SetAside(file, number, "the answer is not QuestionFormAnswers XML with fields")
    response: dict[str, Any] = {
        "workerId": about.get("WorkerId"),
        "answerContent": _content(fields),
        **{ours: about[theirs] for theirs, ours in _TIMES.items() if about.get(theirs)},
    }
    seconds = str(about.get("WorkTimeInSeconds", ""))
    if re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,6})?", seconds):
        response["timeSpentInSeconds"] = float(seconds)
    return PastAnswer(file, number, image, response)


def _content(fields: Mapping[str, str]) -> Any:
    """What a crowd-form sent, or each field of a plain form as one box."""
    if "taskAnswers" in fields:
        return parse_json(fields["taskAnswers"])
    return {name: {"on": value} for name, value in fields.items()}


def read_batch(path: Path, file: str, known: Mapping[str, str]) -> Iterator[Past]:
    """The CSV of a batch's results.

    Args:
        path: the CSV.
        file: its name in messages.
        known: addresses and ids of images; the ``Input.*`` column that holds one names the image.
    """
    csv.field_size_limit(10_000_000)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            for row in reader:
                cells = {str(name): value or "" for name, value in row.items() if name is not None}
                inputs = [value for name, value in cells.items() if name.startswith("Input.")]
                image = next((value for value in inputs if value in known), None)
                fields = {
                    name.removeprefix(PREFIX): value
                    for name, value in cells.items()
                    if name.startswith(PREFIX) and value
                }
                if inputs and image is None:
                    yield SetAside(file, reader.line_num, "unknown image")
                    continue
                image = image or cells.get("RequesterAnnotation")
                yield _assignment(cells, image, fields, file, reader.line_num)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        yield SetAside(file, 1, f"not readable as a CSV in UTF-8 ({error})")
