"""What comes out of the store: the export and the owner's report."""

import json
from pathlib import Path

import pytest

from annotate.answers.files import find_answers
from annotate.answers.packing import check_answers
from annotate.server.model import Rules
from tests.annotate.server.stores import QUESTIONS, answer, open_store, people


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        (Rules(), "5 votes"),
        (Rules(votes_max=7), "5 votes, up to 7 where open"),
        (Rules(early_stop=True), "5 votes, early stop"),
    ],
)
def test_the_export_names_its_rule(tmp_path: Path, rules: Rules, name: str) -> None:
    store = open_store(tmp_path, rules=rules)
    answer(store, people(store, 1)[0], "pool")
    store.export(tmp_path)
    about = json.loads((tmp_path / "serve.json").read_text())
    assert (about["rule"], about["adaptive"]) == (name, name != "5 votes")


def test_the_export_is_what_consolidate_reads(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for person in people(store, 5):
        for _ in range(3):
            answer(store, person, "pool", "desk")
    assert store.export(tmp_path) == 3
    questions = {name: list(classes) for name, classes in QUESTIONS.items()}
    read = check_answers(find_answers(tmp_path), questions, {"image0", "image1", "image2"})
    assert len(read.rejects) == 0
    assert len(read.answers) == 3 * 5 * 2
    assert {tuple(ticked) for ticked in read.answers["ticked"]} == {("pool",), ("desk",)}
    assert read.answers["seconds"].notna().all()


def test_disagreements_and_agreement_of_the_owner(tmp_path: Path) -> None:
    store = open_store(tmp_path, images=1)
    for number, person in enumerate(people(store, 5)):
        answer(store, person, *(["pool"] if number < 2 else []))
    report = store.owner_report()
    assert report.disagreements == (("image0", {"pool": (2, 3)}),)
    agreement = {entry.class_id: entry.agreement for entry in report.classes}
    assert agreement["pool"] == pytest.approx(0.4)  # 1 + 3 of 10 pairs
    assert agreement["bed"] == 1.0
