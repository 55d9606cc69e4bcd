"""Results of past jobs, in every dialect that is known of, as files in ``tests/data/answers``."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate.answers.files import find_answers
from annotate.answers.history.mturk import answer_fields
from annotate.answers.history.translate import translate
from annotate.answers.packing import check_answers
from annotate.cli import main
from annotate.workspace import Workspace
from benchmarks.serve_tasks import make_workspace, questions_of

DATA = Path(__file__).parents[2] / "data" / "answers"
NAMES = ["Bed", "Pool", "Sofa", "Lamp", "Desk", "Sink", "Rug"]
QUESTIONS = {"q01": ("c0", "c1", "c2", "c3", "c4"), "q02": ("c5", "c6")}
OURS = {("q01", "c0 c2"), ("q02", "none")}  # what most of the files say


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    made = make_workspace(tmp_path / "ws", 3, NAMES)
    settings = (made.root / "mumic.toml").read_text("utf-8")
    assert 'image_prefix = ""' in settings
    settings = settings.replace('image_prefix = ""', 'image_prefix = "s3://old-bucket/"')
    (made.root / "mumic.toml").write_text(settings, "utf-8")
    monkeypatch.chdir(made.root)
    return Workspace.find(made.root)


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["job", "import", "--json", *arguments])
    summary: dict[str, Any] = json.loads(result.stdout)
    used = summary["answers_file"] or summary["labels_file"]
    assert result.exit_code == (0 if used else 1), result.output
    return summary


def said(workspace: Workspace) -> dict[tuple[str, str], set[tuple[str, str]]]:
    """By photo and annotator, what each question got, as ``consolidate`` reads it."""
    from annotate.tasks.build import read_catalog

    catalog = read_catalog(workspace)
    photo = dict(zip(catalog["image_id"], catalog["uri"].str.extract(r"(\d)\.png")[0], strict=True))
    read = check_answers(find_answers(workspace.answers), questions_of(workspace), set(photo))
    assert len(read.rejects) == 0
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in read.answers.to_dict("records"):
        word = "none" if row["none"] else " ".join([*row["ticked"], *["unsure"] * row["unsure"]])
        who = (photo[row["image_id"]], row["annotator_id"].rpartition(".")[2])
        found.setdefault(who, set()).add((row["question_id"], word))
    return found


def test_a_private_job_with_the_page_of_today(workspace: Workspace) -> None:
    summary = run(str(DATA / "ground-truth-private"))
    assert said(workspace) == {
        ("0", "ab12"): OURS,
        ("1", "ab12"): {("q01", "unsure"), ("q02", "c5")},
    }
    assert (summary["answers"], summary["annotators"], summary["set_aside"]) == (2, 1, 0)
    (line, _) = (workspace.answers / "import-ground-truth-private.jsonl").read_text().splitlines()
    (answer,) = json.loads(line)["answers"]
    assert answer["timeSpentInSeconds"] == 40.5
    assert answer["submissionTime"] == "2020-12-28T18:59:58.321Z"


def test_a_public_job_with_a_category_list(workspace: Workspace) -> None:
    folder = DATA / "ground-truth-public"
    given = [str(folder), "--manifest", str(DATA / "ground-truth-public.manifest")]
    summary = run(*given)
    assert summary["answers"] == 0
    assert summary["set_aside"] == 2, "what was shown is not guessed"
    assert "--labels" in next(iter(summary["reasons"]))
    summary = run(*given, "--labels", str(folder / "label-categories.json"))
    assert said(workspace) == {("0", "W0"): {("q01", "c0 c2")}, ("1", "W1"): {("q01", "none")}}
    result = CliRunner().invoke(main, ["job", "import", str(folder)])
    assert result.exit_code == 1
    assert "--manifest" in result.output


def test_a_consolidation_request(workspace: Workspace) -> None:
    summary = run(str(DATA / "consolidation-request.json"))
    assert said(workspace) == {
        ("0", "cd34"): {("q01", "c0"), ("q02", "c6")},
        ("1", "cd34"): {("q02", "c5")},  # the page asked for no class of q01
    }
    assert summary["reasons"] == {
        "the annotation is kept elsewhere (s3Uri)": 1,
        "unknown image": 1,
    }


def test_output_manifests_are_labels_and_no_votes(workspace: Workspace) -> None:
    files = ["output-multilabel.manifest", "output-rekognition.manifest"]
    summary = run(*(str(DATA / file) for file in files), "--name", "old")
    assert summary["answers_file"] is None
    assert not (workspace.answers / "import-old.jsonl").exists()
    with (workspace.data / "imported" / "old.csv").open() as file:
        rows = {(Path(row["path"]).name, row["class_id"]) for row in csv.DictReader(file)}
    assert rows == {("00000.png", "c0"), ("00001.png", ""), ("00002.png", "c0")}
    reasons = {"the job failed on it: expired": 1, "unknown class Jacuzzi": 1}
    assert summary["reasons"] == reasons
    with (workspace.data / "imported" / "old-rejects.csv").open() as file:
        first, second = csv.DictReader(file)
    assert (first["file"], first["line"]) == ("output-multilabel.manifest", "3")
    assert second["reason"] == "unknown class Jacuzzi"


def test_imported_labels_are_read_as_truth(workspace: Workspace) -> None:
    from annotate.labels.truth import read_truth
    from annotate.tasks.build import read_catalog, read_questions

    run(str(DATA / "output-multilabel.manifest"), "--name", "old")
    taxonomy, _ = read_questions(workspace)
    file = workspace.data / "imported" / "old.csv"
    truth = read_truth(file, read_catalog(workspace), taxonomy, workspace.root)
    assert truth.positive.sum(axis=0).tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert (len(truth.image_ids), truth.unmatched) == (2, 0)


def test_assignments_of_mechanical_turk_as_json(workspace: Workspace) -> None:
    summary = run(str(DATA / "mturk"))
    assert said(workspace) == {("0", "W1"): OURS, ("1", "W2"): {("q02", "c5")}}
    assert summary["reasons"] == {
        "the assignment was rejected": 1,
        "the answer is not QuestionFormAnswers XML with fields": 1,
        "names no image: give the HITs too, whose RequesterAnnotation says it": 1,
    }


def test_assignments_of_mechanical_turk_as_xml(workspace: Workspace) -> None:
    summary = run(str(DATA / "mturk-assignments.xml"), str(DATA / "mturk-entities.xml"))
    assert said(workspace) == {("2", "W6"): OURS}
    assert summary["set_aside"] == 1
    assert "entities" in next(iter(summary["reasons"]))


def test_a_batch_of_mechanical_turk_as_csv(workspace: Workspace) -> None:
    summary = run(str(DATA / "mturk-batch.csv"))
    assert said(workspace) == {("0", "W7"): {("q02", "c5")}}
    assert summary["reasons"] == {
        "unknown class Jacuzzi": 1,
        "the assignment was rejected": 1,
        "unknown image": 1,
    }
    line = json.loads((workspace.answers / "import-mturk-batch.jsonl").read_text())
    assert line["answers"][0]["timeSpentInSeconds"] == 60


def test_fields_of_a_plain_form_by_a_list_of_what_they_asked(workspace: Workspace) -> None:
    from annotate.tasks.build import read_catalog

    image = read_catalog(workspace)["uri"].min()
    columns = ["WorkerId", "Input.url", "Answer.room", "Answer.tub", "Answer.nil", "Answer.words"]
    rows = [["A", image, "sink", "ja", "", "nice"], ["B", image, "", "", "on", ""]]
    rows += [["C", image, "sink|sofa", "", "", ""], ["D", image, "", "no", "", ""]]
    with (workspace.root / "batch.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    (workspace.root / "fields.csv").write_text(
        "field,value,class\nroom,sink,c6\ntub,,c5\nnil,,None of these\n"
    )
    summary = run("batch.csv", "--fields", "fields.csv")
    line = json.loads((workspace.answers / "import-batch.jsonl").read_text())
    ticks = {one["workerId"]: one["answerContent"]["q02"] for one in line["answers"]}
    off = {"c5": False, "c6": False, "__none__": False, "__unsure__": False}
    assert ticks["A"] == off | {"c5": True, "c6": True}
    assert ticks["B"] == off | {"__none__": True}
    assert ticks["C"] == off | {"c6": True}
    assert summary["reasons"]["unknown class room=sofa"] == 1
    assert summary["reasons"]["empty"] == 1, "a no beside a box for none is no answer"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("field,class\n", "fields.csv:1: the columns"),
        ("field,value,class\na,,c5\na,x,c6\n", "fields.csv:3"),
        ("field,value,class\na,x,c5\na,x,c6\n", "fields.csv:3"),
        ("field,value,class\n,,c5\n", "fields.csv:2"),
        ("field,value,class\na\n", "fields.csv:2"),
    ],
)
def test_a_wrong_list_of_fields_is_named(workspace: Workspace, text: str, told: str) -> None:
    (workspace.root / "fields.csv").write_text(text)
    wanted = ["job", "import", str(DATA / "mturk-batch.csv"), "--fields", "fields.csv"]
    result = CliRunner().invoke(main, wanted)
    assert result.exit_code == 1
    assert told in result.output


def test_everything_at_once_and_again_gives_the_same(workspace: Workspace) -> None:
    files = ("consolidation-request.json", "mturk-batch.csv", "output-multilabel.manifest")
    first = run(*(str(DATA / file) for file in files), "--name", "all")
    before = (workspace.answers / "import-all.jsonl").read_bytes()
    assert run(*(str(DATA / file) for file in files), "--name", "all") == first
    assert (workspace.answers / "import-all.jsonl").read_bytes() == before
    assert (first["answers"], first["labelled_images"]) == (3, 2)


@pytest.mark.parametrize(
    ("content", "answered", "reason"),
    [
        ({"g": {"c5": True, "c6": False}}, {"c5": True, "c6": False}, None),
        ({"g": {"c5": "on", "c6": "false"}}, {"c5": True, "c6": False}, None),
        ({"c5": {"on": True}, "c6": {"on": False}}, {"c5": True, "c6": False}, None),
        ([{"g": {"c5": True, "c6": True}}], {"c5": True, "c6": True}, None),
        ({"copy": json.dumps({"g": {"c5": True, "c6": False}})}, {"c5": True, "c6": False}, None),
        ({"g": {"c5": True}}, None, "no question of questions.yaml had all its classes shown"),
        ({"g": {"c5": False, "c6": False}}, None, "nothing ticked, and no box for none"),
        ({"g": {"c5": False, "c6": False, "none": False}}, None, "empty"),
        ({"g": {"c5": True, "c6": False, "none": True}}, None, "contradictory: none of these"),
        ({"g": {"c5": 3}}, None, "a choice is neither true nor false"),
        ({"a": {"c5": True, "c6": True}, "b": {"c5": False, "x": True}}, None, "contradictory: c5"),
        ({}, None, "no answerContent"),
        ("[" * 9999, None, "no answerContent"),
        ({"g": [1]}, None, "not a mapping of choices"),
    ],
)
def test_one_answer(content: Any, answered: dict[str, bool] | None, reason: str | None) -> None:
    known = {name: name for name in ("c5", "c6", "x")}
    found, reasons = translate(content, {"q02": ("c5", "c6")}, known.get)
    ticks = {name: on for name, on in found.get("q02", {}).items() if name in known}
    assert ticks == (answered or {})
    assert (reasons == []) if reason is None else reasons[0].startswith(reason)


@pytest.mark.parametrize("document", ["", "<a>", "text", "<a/>", "<?xml version='1.0'?>\x00"])
def test_what_is_no_answer_of_mechanical_turk(document: str) -> None:
    assert answer_fields(document) is None


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.json", b"{", "neither JSON nor XML"),
        ("a.txt", b"x", "no known kind"),
        ("a.manifest", b"\xff\xfe\n[]\n", "not an object of a manifest"),
        ("a.csv", b"\xff\xfe", "not readable as a CSV"),
        ("a.json", b'[{"datasetObjectId": "0"}, 3]', "not an object with annotations"),
    ],
)
def test_broken_files_are_set_aside(
    workspace: Workspace, name: str, data: bytes, told: str
) -> None:
    (workspace.root / name).write_bytes(data)
    assert any(told in reason for reason in run(name)["reasons"])


def test_nothing_there_and_nothing_in_it(workspace: Workspace) -> None:
    for path in ("missing", "photos"):
        result = CliRunner().invoke(main, ["job", "import", path])
        assert result.exit_code == 1
        assert path in result.output
