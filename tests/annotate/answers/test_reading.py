"""Answers are read once: quick and slow reading agree, and what was read before is kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.answers.blocks import scan
from annotate.answers.checking import time_of, times_of
from annotate.answers.files import find_answers
from annotate.answers.lines import question_sets, read_lines
from annotate.answers.packing import Answers, check_answers, pack
from annotate.answers.reading import Keeping, read_folder

QUESTIONS = {"q1": ("dog", "cat"), "q2": ("pool",)}
IMAGES = {"i1", "i2", "i3"}
SEPARATORS = st.sampled_from([None, (",", ":")])

boxes = st.one_of(
    st.fixed_dictionaries(
        {"dog": st.booleans(), "cat": st.booleans(), "__none__": st.booleans()},
        optional={"__unsure__": st.booleans()},
    ),
    st.sampled_from(
        [{}, {"dog": "on"}, {"labels": ["cat"]}, {"x}}": True}, None, {"dog": {"a": 1}}]
    ),
)
contents = st.one_of(
    st.fixed_dictionaries(
        {"q1": boxes}, optional={"q2": st.fixed_dictionaries({"pool": st.booleans()})}
    ),
    st.sampled_from([{}, 0, [], '{"q1": {"dog": true, "cat": false}}']),
)
people = st.sampled_from(["ann", "bob", 'c"answerContent"', "d}}", "é", "", 7])
responses = st.fixed_dictionaries(
    {"workerId": people, "answerContent": contents},
    optional={
        "submissionTime": st.sampled_from(["2026-01-05T10:00:00.000Z", "2026-01-05", "soon"]),
        "timeSpentInSeconds": st.sampled_from([1.5, 2, "x"]),
        "workerMetadata": st.sampled_from([{"answerContent": {}}, {"a": "}}"}]),
    },
)
lines = st.fixed_dictionaries(
    {"image-id": st.sampled_from(["i1", "i2", "i9", None]), "answers": st.lists(responses)}
)


def same(one: Answers, other: Answers) -> None:
    pd.testing.assert_frame_equal(one.answers, other.answers)
    pd.testing.assert_frame_equal(one.rejects, other.rejects)


@settings(max_examples=200, deadline=None)
@given(entries=st.lists(lines, max_size=4), separators=SEPARATORS, sort=st.booleans())
def test_quick_reading_equals_slow_reading(
    entries: Any, separators: Any, sort: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("answers")
    texts = [json.dumps(entry, separators=separators, sort_keys=sort) for entry in entries]
    raw = [text.encode() for text in texts]
    (folder / "a.jsonl").write_bytes(b"\n".join(raw))
    quick, _ = read_lines([scan(b"\n".join(raw))], question_sets(QUESTIONS))
    slow = check_answers(find_answers(folder), QUESTIONS, IMAGES)
    same(pack([("a.jsonl", quick)], IMAGES), slow)


@pytest.mark.parametrize("end", [', "w": [{}', ', "w": "{}', ""])
def test_no_line_goes_on_in_the_next(tmp_path: Path, end: str) -> None:
    """Together with a comma between them they would be two objects with an answer each."""
    content = '{"q2": {"pool": true, "__none__": false}}'
    answers = f'"answers": [{{"workerId": "a", "answerContent": {content}, "timeSpent": 1}}]'
    first = f'{{"image-id": "i1", {answers}{end}'
    second = '{"q": 2}]}, ' if end else "}, "
    text = f'{first}\n{second}{{"image-id": "i2", {answers}}}'
    (tmp_path / "a.jsonl").write_text(text)
    found, _ = read_lines([scan(text.encode())], question_sets(QUESTIONS))
    quick = pack([("a.jsonl", found)], IMAGES)
    same(quick, check_answers(find_answers(tmp_path), QUESTIONS, IMAGES))
    assert quick.answers.empty


def test_a_question_twice_in_one_content_is_what_the_json_parser_says() -> None:
    answer = '"q2": {"pool": %s, "__none__": %s}'
    content = ", ".join(answer % pair for pair in (("true", "false"), ("false", "true")))
    raw = f'{{"image-id": "i1", "answers": [{{"workerId": "a", "answerContent": {{{content}}}}}]}}'
    found, _ = read_lines([scan(raw.encode())], question_sets(QUESTIONS))
    answers = pack([("a", found)], IMAGES)
    assert answers.answers["ticked"].tolist() == [[]]
    assert answers.rejects.empty


@pytest.mark.parametrize(
    "answer",
    [
        '"answerContent": %s, "answer\\u0043ontent": 0',
        '"answer\\u0043ontent": %s, "answerContent": 0',
        '"answerContent": 0, "answer\\u0043ontent": %s',
        '"answer\\u0043ontent": 0, "answerContent": %s',
        '"x\\"answerContent": %s, "answer\\u0043ontent": 0',
        '"answerContent": 0, "answerContent": %s',
        '"answerContent": %s, "answerContent": 0',
    ],
)
def test_a_key_twice_however_spelled_is_what_the_json_parser_says(
    answer: str, tmp_path: Path
) -> None:
    content = answer % '{"q2": {"pool": true, "__none__": false}}'
    raw = f'{{"image-id": "i1", "answers": [{{"workerId": "a", {content}}}]}}'
    (tmp_path / "a.jsonl").write_text(raw)
    found, _ = read_lines([scan(raw.encode())], question_sets(QUESTIONS))
    same(
        pack([("a.jsonl", found)], IMAGES), check_answers(find_answers(tmp_path), QUESTIONS, IMAGES)
    )
    last = json.loads(raw)["answers"][0].get("answerContent")
    assert len(pack([("a.jsonl", found)], IMAGES).answers) == (last != 0)


def test_times_are_read_alike_one_by_one_and_together() -> None:
    spelled = [
        "2026-01-05T10:00:00.000Z",
        "2026-02-30T10:00:00.000Z",
        "0000-01-05T10:00:00.000Z",
        "0999-01-05T10:00:00.000Z",
        "2026-01-05T24:00:00.000Z",
        "2026-01-05T10:00:60.000Z",
        "2026-01-05T10:00:00.0+01",
        "2026-01-05 10:00:00.000Z",
        "2026-01-05T10:00:00,000Z",
        "2026-01-05T10:00:00+01:00",
        "2026-01-05",
        "",
        None,
        7,
    ]
    for value in spelled:
        assert times_of([value]).to_pylist() == [time_of(value)], value
    assert times_of(spelled).to_pylist() == list(map(time_of, spelled))
    assert time_of(spelled[1]) == time_of(spelled[4]) == time_of(spelled[5]) == ""
    assert time_of(spelled[9]) == "2026-01-05T09:00:00.000Z"


def line(image: str, *people: str, tick: str = "dog") -> str:
    content = {"q1": {"dog": tick == "dog", "cat": tick == "cat", "__none__": tick == "none"}}
    answers = [{"workerId": name, "answerContent": content} for name in people]
    return json.dumps({"image-id": image, "answers": answers}) + "\n"


def read(folder: Path, cache: Path | None) -> tuple[Answers, int, int]:
    found = read_folder(folder, QUESTIONS, (), cache, Keeping())
    return pack(found.files, IMAGES), found.new_lines, found.unchanged_files


def settle(path: Path) -> None:
    """As if the file had been written a while ago."""
    os.utime(path, ns=(10**18, 10**18))


def test_only_new_lines_are_read_and_the_result_is_that_of_a_full_run(tmp_path: Path) -> None:
    folder, cache = tmp_path / "answers", tmp_path / "cache"
    folder.mkdir()
    first, other = folder / "a.jsonl", folder / "b.jsonl"
    first.write_text(line("i1", "ann", "bob") + "rubbish\n" + line("i2", "ann"))
    other.write_text(line("i2", "cy", tick="none"))
    settle(first)
    settle(other)
    assert read(folder, cache)[1:] == (4, 0)
    assert read(folder, cache)[1:] == (0, 2)
    # A line is put in between, one is changed, one is added and a file goes.
    first.write_text(
        line("i3", "di") + line("i1", "ann", "bob") + "rubbish\n" + line("i2", "ann", tick="cat")
    )
    other.unlink()
    found, new, unchanged = read(folder, cache)
    assert (new, unchanged) == (2, 0)
    same(found, read(folder, None)[0])
    assert found.rejects["line"].tolist() == [3]
    assert len(list(cache.glob("*.parquet"))) == 1


def test_a_kept_file_that_is_cut_short_or_of_other_questions_is_read_anew(tmp_path: Path) -> None:
    folder, cache = tmp_path / "answers", tmp_path / "cache"
    folder.mkdir()
    (folder / "a.jsonl").write_text(line("i1", "ann"))
    settle(folder / "a.jsonl")
    whole = read(folder, cache)[0]
    [kept] = cache.glob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:50])
    again, new, _ = read(folder, cache)
    assert new == 1
    same(again, whole)
    other = read_folder(folder, {"q1": ("dog", "cat", "cow")}, (), cache, Keeping())
    assert other.new_lines == 1


def test_late_answers_are_set_aside() -> None:
    raw = [
        json.dumps(
            {
                "image-id": "i1",
                "answers": [
                    {
                        "workerId": f"w{day}",
                        "submissionTime": f"2026-01-0{day}T10:00:00Z",
                        "answerContent": {"q2": {"pool": True}},
                    }
                    for day in (4, 5, 6)
                ],
            }
        ).encode()
    ]
    found, _ = read_lines([scan(b"\n".join(raw))], question_sets(QUESTIONS))
    answers = pack([("a", found)], IMAGES, until="2026-01-05T23:59:59.999Z")
    assert answers.answers["annotator_id"].tolist() == ["w4", "w5"]
    assert answers.rejects["annotator_id"].tolist() == ["w6"]
    assert answers.rejects["reason"].tolist()[0].startswith("late")


def test_blocks_of_any_size_end_at_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = line("i1", "ann", "bob") + "\n" + "rubbish\n" + line("i2", "é" * 90) + line("i3", "di")
    (tmp_path / "a.jsonl").write_text(text[:-1])
    whole = read(tmp_path, None)[0]
    assert whole.rejects["line"].tolist() == [3]
    for size in (1, 60, 200):
        monkeypatch.setattr("annotate.answers.blocks.SIZE", size)
        same(read(tmp_path, None)[0], whole)
