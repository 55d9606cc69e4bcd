"""Plans side by side on their pilots: tables by hand, and scikit-learn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.metrics import precision_score, recall_score

from annotate.answers.excluded import write_excluded
from annotate.answers.packed import Packed, to_frame
from annotate.cli import main
from annotate.golden.strategies import measure_seconds
from annotate.tables import CATALOG, GOLDEN_LABELS, empty, read, write

TAXONOMY = """\
name: little
version: "1"
categories: [{id: things, name: Things}]
classes:
- {id: pool, name: Pool, category: things}
- {id: indoor, name: Indoor pool, category: things, parents: [pool]}
- {id: bed, name: Bed, category: things}
"""
HASH = 'taxonomy: "0"\n'
TOGETHER = "strategy: grouped\nquestions:\n- {id: q01, title: All, classes: [pool, indoor, bed]}\n"
FIRST = """\
strategy: grouped
questions:
- {id: q01, title: First, classes: [pool, bed]}
- {id: q02, title: Pools, classes: [indoor], after: [pool]}
"""
IMAGES = [f"{at:020d}" for at in range(8)]
TRUE: list[set[str]] = [{"pool", "indoor"}] * 3 + [{"bed"}] * 3 + [set()] * 2
PLANS: dict[str, dict[str, tuple[str, ...]]] = {
    "together": {"q01": ("pool", "indoor", "bed")},
    "first": {"q01": ("pool", "bed"), "q02": ("indoor",)},
}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY, "utf-8")
    (tmp_path / "mumic.toml").write_text(
        '[project]\ntaxonomy = "taxonomy.yaml"\n'
        "[tasks]\nfee_per_object = 0.1\npay_per_hour = 36.0\n",
        "utf-8",
    )
    (tmp_path / "together.yaml").write_text(HASH + TOGETHER, "utf-8")
    (tmp_path / "first.yaml").write_text(HASH + FIRST, "utf-8")
    rows = pd.DataFrame(
        {
            "image_id": IMAGES,
            "uri": [f"photos/{at}.jpg" for at in range(8)],
            "property_id": [f"p{at // 2}" for at in range(8)],
            "present": True,
            "content_hash": IMAGES,
            "perceptual_hash": "0" * 16,
            **dict.fromkeys(("bytes", "width", "height", "orientation"), 1),
        }
    ).reindex(columns=empty(CATALOG).columns)
    write(CATALOG, rows.astype({"text": object}), tmp_path / "data/catalog/images.parquet")
    golden = [
        (image, name, int(name in shown))
        for image, shown in zip(IMAGES, TRUE, strict=True)
        for name in ("pool", "indoor", "bed")
    ]
    write(
        GOLDEN_LABELS,
        pd.DataFrame(golden, columns=list(GOLDEN_LABELS.columns)).astype({"label": "int8"}),
        tmp_path / "data/golden/labels.parquet",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def response(
    questions: Mapping[str, Sequence[str]],
    ticked: set[str],
    person: str,
    seconds: float | None,
    hour: int,
) -> dict[str, Any]:
    content = {}
    for question, classes in questions.items():
        boxes = {name: name in ticked for name in classes}
        content[question] = boxes | {"__none__": not any(boxes.values()), "__unsure__": False}
    said = {"workerId": person, "answerContent": content}
    said["submissionTime"] = f"2026-01-01T{hour:02d}:00:00.000Z"
    return said if seconds is None else said | {"timeSpentInSeconds": seconds}


def pilots(root: Path) -> None:
    """Three people; one was not timed. Nobody sees image 2's pool when parents come first."""
    together, first = [], []
    for at, (image, shown) in enumerate(zip(IMAGES, TRUE, strict=True)):
        seen = shown | ({"bed"} if at == 7 else set())
        together.append(
            {
                "image-id": image,
                "answers": [
                    response(PLANS["together"], seen, f"p{person}", seconds, 9)
                    for person, seconds in enumerate((10.0, 40.0, None))
                ],
            }
        )
        seen = set() if at == 2 else shown
        answers = []
        for person in range(3):
            one, two = ({name: PLANS["first"][name]} for name in PLANS["first"])
            answers.append(response(one, seen, f"p{person}", 6.0, 9))
            if "pool" in seen:
                answers.append(response(two, seen, f"p{person}", 4.0, 10))
        first.append({"image-id": image, "answers": answers})
    for name, lines in (("together", together), ("first", first)):
        folder = root / f"pilot-{name}"
        folder.mkdir()
        text = "\n".join(map(json.dumps, lines))
        (folder / "answers.jsonl").write_text(text + "\n", "utf-8")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["questions", "compare", *arguments])


def done(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


BOTH = ("together.yaml=pilot-together", "first.yaml=pilot-first")


def test_two_plans_by_hand(workspace: Path) -> None:
    pilots(workspace)
    summary = done(*BOTH)
    together, first = summary["strategies"]
    assert (summary["same"], summary["classes"]) == (True, 3)
    # Nine true pairs. Together finds them and a bed too many; parents first misses two of them.
    assert (together["positives"], first["positives"]) == (9, 9)
    assert (together["precision"], together["recall"]) == (0.9, 1.0)
    assert (first["precision"], first["recall"]) == (1.0, pytest.approx(7 / 9))
    assert first["precision_change"] == pytest.approx(0.1)
    assert first["recall_change"] == pytest.approx(-2 / 9)
    assert first["recall_change_low"] < first["recall_change"] < first["recall_change_high"] <= 0
    assert together["recall_low"] < 1.0, "four properties prove little"
    # Of 24 tasks, eight have no time; the others took 10 or 40 seconds.
    assert (together["tasks"], together["tasks_without_time"]) == (24, 8)
    assert (together["seconds_median"], together["seconds_mean"]) == (25.0, 25.0)
    assert together["cost"] == pytest.approx(0.1 + 3 * 25 * 0.01)
    # Two of eight images are asked once more: 6 seconds, or 6 and 4.
    assert (first["seconds_median"], first["seconds_mean"]) == (6.0, 7.0)
    assert first["cost"] == pytest.approx(10 / 8 * 0.1 + 3 * 7 * 0.01)
    text = run(*BOTH).output
    assert "850.00" in text
    assert "together.yaml: 8 of 24 times are not known" in text
    assert "first.yaml against together.yaml: precision +0.100" in text


def test_precision_and_recall_equal_scikit_learn(workspace: Path) -> None:
    pilots(workspace)
    said = [shown | ({"bed"} if at == 7 else set()) for at, shown in enumerate(TRUE)]
    flat = [
        [name in shown for shown in table for name in ("pool", "indoor", "bed")]
        for table in (TRUE, said)
    ]
    found = done(BOTH[0])["strategies"][0]
    assert found["precision"] == pytest.approx(precision_score(*flat))
    assert found["recall"] == pytest.approx(recall_score(*flat))
    assert found["recall_change"] is None


def test_output_of_ground_truth_is_read_by_the_manifest_beside_it(workspace: Path) -> None:
    """As ``test_two_plans_by_hand``, in the tree that a job leaves, in an order of its own."""
    pilots(workspace)
    lines = (workspace / "pilot-together/answers.jsonl").read_text("utf-8").splitlines()
    job = workspace / "job/answers/out/annotations/worker-response/iteration-1"
    entries = [json.loads(line) for line in lines[::-1]]
    for index, entry in enumerate(entries):
        (job / str(index)).mkdir(parents=True)
        text = json.dumps({"answers": entry["answers"]})
        (job / str(index) / "2026-01-01_09-00-00.json").write_text(text, "utf-8")
    refused = run("together.yaml=job/answers")
    assert refused.exit_code == 1
    manifest = workspace / "job/tasks/manifest.jsonl"
    assert str(manifest) in refused.output
    manifest.parent.mkdir()
    asked = [{"image-id": entry["image-id"], "questions": ["q01"]} for entry in entries]
    manifest.write_text("".join(json.dumps(line) + "\n" for line in asked), "utf-8")
    summary = done("together.yaml=job/answers")
    (found,) = summary["strategies"]
    assert (found["precision"], found["recall"], found["seconds_mean"]) == (0.9, 1.0, 25.0)
    assert summary["set_aside"] == {"together.yaml": 0}


def test_only_answers_on_golden_images_become_a_frame(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilots(workspace)
    file = workspace / "data/golden/labels.parquet"
    golden = read(GOLDEN_LABELS, file)
    write(GOLDEN_LABELS, golden[golden["image_id"].isin(IMAGES[:2])], file)
    sizes = []

    def measured(packed: Packed) -> pd.DataFrame:
        sizes.append(len(packed))
        return to_frame(packed)

    monkeypatch.setattr("annotate.golden.strategies_stage.to_frame", measured)
    assert done(BOTH[0])["strategies"][0]["images"] == 2
    assert sizes == [2 * 3]  # two images, three people, one question


def test_only_images_that_all_plans_share_are_compared(workspace: Path) -> None:
    pilots(workspace)
    file = workspace / "pilot-first/answers.jsonl"
    lines = file.read_text("utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:4]), "utf-8")
    summary = done(*BOTH)
    assert [entry["images"] for entry in summary["strategies"]] == [4, 4]
    assert summary["strategies"][0]["precision"] == 1.0, "the wrong bed is of another image"
    assert summary["left_out"] == {"together.yaml": 4, "first.yaml": 0}

    other = workspace / "pilot-together/answers.jsonl"
    kept = other.read_text("utf-8").splitlines(keepends=True)[4:]
    other.write_text("".join(kept), "utf-8")
    apart = done(*BOTH)
    assert apart["same"] is False
    assert apart["strategies"][1]["recall_change"] is None
    assert "the images differ" in run(*BOTH).output


def test_a_csv_does_for_the_golden_set_and_pay_by_answer_needs_no_time(workspace: Path) -> None:
    pilots(workspace)
    rows = [f"photos/{at}.jpg,{name}" for at, shown in enumerate(TRUE) for name in shown or {""}]
    (workspace / "truth.csv").write_text("path,class_id\n" + "\n".join(rows) + "\n", "utf-8")
    toml = workspace / "mumic.toml"
    toml.write_text(toml.read_text("utf-8") + "pay_per_answer = 0.2\n", "utf-8")
    together, first = done(*BOTH, "--truth", "truth.csv")["strategies"]
    assert (together["precision"], first["recall"]) == (0.9, pytest.approx(7 / 9))
    assert together["cost"] == pytest.approx(0.1 + 3 * 0.2)
    assert first["cost"] == pytest.approx(10 / 8 * (0.1 + 3 * 0.2))


def test_without_any_time_the_cost_is_not_known(workspace: Path) -> None:
    pilots(workspace)
    file = workspace / "pilot-together/answers.jsonl"
    file.write_text(file.read_text("utf-8").replace("timeSpentInSeconds", "other"), "utf-8")
    found = done(BOTH[0])["strategies"][0]
    assert (found["seconds_mean"], found["cost"], found["tasks_without_time"]) == (None, None, 24)
    assert "24 of 24 times are not known" in run(BOTH[0]).output


def test_seconds_of_several_responses_add_up() -> None:
    rows = [
        ("i", "q01", "a", "t1", 5.0),
        ("i", "q02", "a", "t1", 5.0),  # the same response
        ("i", "q03", "a", "t2", 5.0),
        ("i", "q01", "b", "t1", 5.0),
        ("i", "q03", "b", "t2", None),  # so that the whole is not known
        ("k", "q01", "b", None, 2.0),
    ]
    columns = ["image_id", "question_id", "annotator_id", "submitted", "seconds"]
    found = measure_seconds(pd.DataFrame(rows, columns=columns))
    assert (found.tasks, found.missing, found.median, found.mean) == (3, 1, 6.0, 6.0)


def test_answers_of_an_excluded_annotator_do_not_count(workspace: Path) -> None:
    pilots(workspace)
    write_excluded(workspace / "data", {"p2": "ticks at random"})
    refused = run(BOTH[0])
    assert refused.exit_code == 1
    assert "no golden image has 3 answers" in refused.output


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("together.yaml", "PLAN.yaml=FOLDER"),
        ("=pilot-first", "PLAN.yaml=FOLDER"),
        ("together.yaml=nowhere", "no folder nowhere"),
        ("none.yaml=pilot-first", "no questions at none.yaml"),
        ("first.yaml=pilot-together", "no answer counts for this plan"),
        ("together.yaml=data", "it holds no *.jsonl"),
    ],
)
def test_what_is_wrong_is_named(workspace: Path, argument: str, said: str) -> None:
    pilots(workspace)
    result = run(argument)
    assert result.exit_code == 1
    assert said in result.output
