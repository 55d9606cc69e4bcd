"""Answers of strangers: what counts, what is set aside and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.answers.files import RawAnswers, find_answers
from annotate.answers.packing import Answers, check_answers
from annotate.tables import ANSWER_REJECTS, ANSWERS, read, write

QUESTIONS = {"q01": ("dog", "cat"), "q02": ("pool",)}
IMAGES = {"i1", "i2"}


def response(
    content: Any, worker: Any = "ann", time: Any = "2026-01-05T10:00:00.000Z", **more: Any
) -> dict[str, Any]:
    return {"workerId": worker, "submissionTime": time, "answerContent": content, **more}


def boxes(*ticked: str) -> dict[str, dict[str, bool]]:
    everything = ("dog", "cat", "__none__", "__unsure__")
    return {"q01": {name: name in ticked for name in everything}}


def check(*responses: Any, image: Any = "i1") -> Answers:
    return check_answers([RawAnswers("a.jsonl", 1, image, list(responses))], QUESTIONS, IMAGES)


def only_reason(result: Any) -> str:
    assert result.answers.empty
    assert len(result.rejects) == 1
    return str(result.rejects.loc[0, "reason"])


def test_an_answer_that_counts() -> None:
    result = check(response(boxes("dog"), timeSpentInSeconds=12.5))
    assert result.rejects.empty
    row = result.answers.iloc[0]
    assert (row["image_id"], row["question_id"], row["annotator_id"]) == ("i1", "q01", "ann")
    assert row["ticked"] == ["dog"]
    assert not row["none"]
    assert not row["unsure"]
    assert row["seconds"] == 12.5
    assert row["submitted"] == "2026-01-05T10:00:00.000Z"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"q09": {"dog": True}}, "unknown question"),
        ({"q09": {"bird": True, "__none__": False}}, "unknown question"),
        ({"q09": {"labels": ["dog"]}}, "unknown question"),
        ({"comment": 7}, "unknown question"),
        ({"q01": {"dgo": True}}, "unknown class dgo"),
        ({"q01": ["dog"]}, "not a mapping of choices"),
        ({"q01": None}, "not a mapping of choices"),
        ({"q01": {"dog": "yes"}}, "a choice is neither true nor false"),
        ({"q01": {"dog": 1}}, "a choice is neither true nor false"),
        ({"q01": {"dog": 10**400}}, "a choice is neither true nor false"),
        ({"q01": {"dog": float("nan")}}, "a choice is neither true nor false"),
        ({"q01": {"dog": {"value": True}}}, "a choice is neither true nor false"),
        ({"q01": {"dog": False}}, "class cat was not among the choices"),
        (boxes("dog", "__none__"), "contradictory: none of these together with a tick"),
        (boxes("__unsure__", "__none__"), "contradictory: none of these together with unsure"),
        (boxes(), "empty"),
        ({"q01": {}}, "empty"),
        ({}, "no answerContent"),
        (None, "no answerContent"),
        ("no json", "no answerContent"),
        ([1, 2], "no answerContent"),
        (17, "no answerContent"),
    ],
)
def test_set_aside_with_a_reason(content: Any, reason: str) -> None:
    assert only_reason(check(response(content))) == reason


@pytest.mark.parametrize("worker", [None, "", 7, "x" * 201, "\ud800", ["ann"]])
def test_an_annotator_needs_a_usable_id(worker: Any) -> None:
    assert only_reason(check(response(boxes("dog"), worker=worker))) == "no usable workerId"


@pytest.mark.parametrize("image", ["i9", None, 3, ["i1"], {"i1": 1}])
def test_unknown_image(image: Any) -> None:
    assert only_reason(check(response(boxes("dog")), image=image)) == "unknown image"


def test_a_bad_answer_does_not_spoil_the_others() -> None:
    content = {**boxes("dog"), "q02": {"pool": True, "__none__": True}, "q03": {}}
    result = check(response(content), "rubbish", response(boxes("cat"), worker="bob"))
    assert result.answers["annotator_id"].tolist() == ["ann", "bob"]
    assert len(result.rejects) == 3


@pytest.mark.parametrize("field", ["too dark", "", {"consent": True}, {"labels": ["old"]}])
def test_a_field_of_the_template_that_is_no_question_is_passed_over(field: Any) -> None:
    result = check(response({"comment": field, **boxes("dog")}))
    assert result.answers["ticked"].tolist() == [["dog"]]
    assert result.rejects.empty


@pytest.mark.parametrize("wrap", [lambda c: [c], json.dumps, lambda c: json.dumps([c])])
def test_content_in_a_list_or_as_a_text(wrap: Any) -> None:
    assert check(response(wrap(boxes("cat")))).answers["ticked"].tolist() == [["cat"]]


def test_ticks_alone_are_enough() -> None:
    assert check(response({"q01": {"dog": True}})).answers["ticked"].tolist() == [["dog"]]


@pytest.mark.parametrize("time", [None, 5, "soon", "0001-01-01T00:00:00+23:59", "2026-99-99"])
@pytest.mark.parametrize("seconds", [None, True, "9", float("inf"), float("nan"), 10**400, -1])
def test_times_are_optional(time: Any, seconds: Any) -> None:
    result = check(response(boxes("dog"), time=time, timeSpentInSeconds=seconds))
    assert result.answers["submitted"].tolist() == [None]
    assert result.answers["seconds"].isna().all()


def test_the_later_of_two_answers_counts_whatever_their_order_and_zone() -> None:
    early = response(boxes("dog"), time="2026-01-05T11:30:00+02:00")
    late = response(boxes("cat"), time="2026-01-05T10:00:00.5Z")
    for pair in ((early, late), (late, early)):
        result = check(*pair)
        assert result.answers["ticked"].tolist() == [["cat"]]
        assert result.rejects["reason"].tolist() == ["replaced by a later answer"]


def test_of_equal_times_the_later_place_counts() -> None:
    result = check(response(boxes("dog")), response(boxes("cat")))
    assert result.answers["ticked"].tolist() == [["cat"]]


def test_nothing_is_lost(tmp_path: Path) -> None:
    lines = [response(boxes(name), worker=f"w{at}") for at, name in enumerate(["dog", "cat", "x"])]
    result = check(*lines, *lines)
    assert len(result.answers) + len(result.rejects) == 6
    write(ANSWERS, result.answers, tmp_path / "a.parquet")
    write(ANSWER_REJECTS, result.rejects, tmp_path / "r.parquet")
    assert len(read(ANSWERS, tmp_path / "a.parquet")) == 2


def test_order_of_lines_and_files_is_irrelevant() -> None:
    found = [
        RawAnswers("a", at, image, [response(boxes(tick), worker=worker)])
        for at, (image, worker, tick) in enumerate(
            [("i1", "ann", "dog"), ("i2", "bob", "cat"), ("i1", "bob", "cat"), ("i2", "ann", "dog")]
        )
    ]
    forward = check_answers(found, QUESTIONS, IMAGES).answers
    backward = check_answers(found[::-1], QUESTIONS, IMAGES).answers
    pd.testing.assert_frame_equal(forward, backward)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["i1", "q01", "dog", "__none__"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["q01", "dog", "__none__", "workerId", "answerContent", "x", "\ud800"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_answers_without_a_single_tick_can_be_stored(tmp_path: Path) -> None:
    write(ANSWERS, check(response(boxes("__none__"))).answers, tmp_path / "a.parquet")
    stored = read(ANSWERS, tmp_path / "a.parquet")
    assert [list(ticked) for ticked in stored["ticked"]] == [[]]


@settings(max_examples=60, deadline=None)
@given(image=st.just("i1") | json_values, answers=st.lists(json_values, max_size=3) | json_values)
def test_no_json_breaks_it_and_all_of_it_can_be_stored(
    image: Any, answers: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrapped = [RawAnswers("a", 1, image, answers), RawAnswers("a", 2, "i1", [response(answers)])]
    result = check_answers(wrapped, QUESTIONS, IMAGES)
    folder = tmp_path_factory.mktemp("tables")
    write(ANSWERS, result.answers, folder / "a.parquet")
    write(ANSWER_REJECTS, result.rejects, folder / "r.parquet")


def test_lines_of_a_file(tmp_path: Path) -> None:
    good = json.dumps({"image-id": "i1", "answers": [response(boxes("dog"))]}).encode()
    raw = [
        b"\xef\xbb\xbf" + good,
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b"9" * 5000,
        b"[1]",
        good,
    ]
    (tmp_path / "b.jsonl").write_bytes(b"\r\n".join(raw))
    (tmp_path / "a.jsonl").write_bytes(good)  # no newline at the end
    (tmp_path / "c.jsonl").mkdir()
    (tmp_path / "notes.txt").write_text("not answers")
    found = list(find_answers(tmp_path))
    assert [(raw.file, raw.line) for raw in found if raw.problem is None] == [
        ("a.jsonl", 1),
        ("b.jsonl", 1),
        ("b.jsonl", 8),
    ]
    assert [raw.line for raw in found if raw.problem] == [3, 4, 5, 6, 7]


def test_no_folder_is_no_answers(tmp_path: Path) -> None:
    assert list(find_answers(tmp_path / "none")) == []


def test_output_of_a_ground_truth_job(tmp_path: Path) -> None:
    job = tmp_path / "job" / "annotations" / "worker-response"
    for iteration, index, worker in ((1, "1", "ann"), (2, "1", "bob"), (1, "7", "cy")):
        folder = job / f"iteration-{iteration}" / index
        folder.mkdir(parents=True)
        body = {"answers": [response(boxes("dog"), worker=worker)]}
        (folder / "2026-01-05_10-00-00.json").write_text(json.dumps(body))
    result = check_answers(find_answers(tmp_path, ["i1", "i2"]), QUESTIONS, IMAGES)
    assert result.answers[["image_id", "annotator_id"]].to_numpy().tolist() == [
        ["i2", "ann"],
        ["i2", "bob"],
    ]
    assert result.rejects["reason"].tolist() == ["the manifest has no line for object 7"]


@pytest.mark.parametrize(
    "dialect",
    [
        {"q01": {"labels": ["dog"]}},
        {"q01": {"dog": "on", "cat": "off"}},
        {"q01": {"dog": "true", "cat": False}},
        {"q01": json.dumps({"dog": True, "cat": False})},
        {"answer": json.dumps({"q01": {"dog": True}})},
        {"answer": json.dumps([{"q01": {"dog": True, "cat": False}}]), **boxes("dog")},
    ],
)
def test_every_spelling_of_a_tick(dialect: Any) -> None:
    result = check(response(dialect))
    assert result.rejects.empty
    assert result.answers["ticked"].tolist() == [["dog"]]


def test_a_hidden_copy_that_says_otherwise() -> None:
    content = {**boxes("dog"), "copy": json.dumps(boxes("cat"))}
    assert "hidden copy" in only_reason(check(response(content)))


def test_a_copy_of_an_answer_is_named_so() -> None:
    result = check(response(boxes("dog")), response(boxes("dog")))
    assert len(result.answers) == 1
    assert result.rejects["reason"].tolist() == ["a copy of an answer that is there"]
