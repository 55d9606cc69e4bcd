"""Votes of other tools: exports of Label Studio and of CVAT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.annotate.labels.voted import labels, run


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_label_studio() -> None:
    def annotation(who: Any, *ticked: str, **more: Any) -> dict[str, Any]:
        ticks = {"from_name": "room", "type": "choices", "value": {"choices": list(ticked)}}
        return {"completed_by": who, "result": [ticks] if ticked else [], **more}

    tasks = [
        {
            "data": {"image": "/data/local-files/?d=photos/a.jpg"},
            "annotations": [
                annotation(1, "Pool"),
                annotation({"email": "b@x.org"}, "Pool", "Sea"),
                annotation(3),
                annotation(4, was_cancelled=True),
            ],
        },
        {"data": {"title": "x", "y": "z"}, "annotations": [annotation(1, "Pool")]},
    ]
    Path("ls.json").write_text(json.dumps(tasks))
    summary = run("--votes", "ls.json")
    assert labels() == {
        ("photos/a.jpg", "Pool"): (1, 2, 1, 0),
        ("photos/a.jpg", "Sea"): (0, 1, 2, 0),
    }
    assert summary["set_aside"] == 2


def test_label_studio_s_files_have_any_name_and_its_controls_may_share_choices() -> None:
    def annotation(who: int, **ticks: str) -> dict[str, Any]:
        return {
            "completed_by": who,
            "result": [
                {"from_name": control, "type": "choices", "value": {"choices": [choice]}}
                for control, choice in ticks.items()
            ],
        }

    said = [
        annotation(1, pool="Yes", sauna="No", kind="Room"),
        annotation(2, pool="Yes", sauna="No"),
        annotation(3, pool="No", sauna="Yes"),
    ]
    image = "/data/local-files/?d=photos/my%20caf%C3%A9%20%2B%201.jpg"  # as Label Studio quotes it
    Path("ls.json").write_text(json.dumps([{"data": {"image": image}, "annotations": said}]))
    summary = run("--votes", "ls.json")
    place = "photos/my café + 1.jpg"
    assert labels() == {
        (place, "pool:Yes"): (1, 2, 1, 0),
        (place, "pool:No"): (0, 1, 2, 0),
        (place, "sauna:Yes"): (0, 1, 2, 0),
        (place, "sauna:No"): (1, 2, 1, 0),
        (place, "Room"): (0, 1, 2, 0),
    }
    assert summary["set_aside"] == 0


def test_cvat_a_file_for_each_annotator() -> None:
    for who, tags in (("ann", ["Pool"]), ("bob", ["Pool", "Sea"]), ("cy", ["Sea"])):
        shown = "".join(f'<tag label="{name}" source="manual"></tag>' for name in tags)
        Path(f"{who}.xml").write_text(
            "<annotations><version>1.1</version><meta><job><labels><label><name>Pool</name></label>"
            "<label><name>Sea</name></label></labels>"
            f"<assignee><username>{who}</username></assignee></job></meta>"
            f'<image id="0" name="a.jpg">{shown}</image><image id="1" name="b.jpg"></image>'
            "</annotations>"
        )
    summary = run(*(word for who in ("ann", "bob", "cy") for word in ("--votes", f"{who}.xml")))
    assert labels() == {("a.jpg", "Pool"): (1, 2, 1, 0), ("a.jpg", "Sea"): (1, 2, 1, 0)}
    assert summary["set_aside"] == 3


def cvat_project(*, tasks: dict[str, str], images: str) -> str:
    """A project's export; its own assignee has tagged nothing."""
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("Pool", "Sea"))
    shown = "".join(
        f"<task><id>{number}</id>"
        + (f"<assignee><username>{who}</username></assignee>" if who else "<assignee/>")
        + "</task>"
        for number, who in tasks.items()
    )
    return (
        f"<annotations><meta><project><id>1</id><tasks>{shown}</tasks><labels>{labels}</labels>"
        f"<assignee><username>boss</username></assignee></project></meta>{images}</annotations>"
    )


def test_a_project_of_cvat_has_the_tags_of_each_task_s_assignee() -> None:
    tasks = {"3": "ann", "4": "bob", "5": "cy", "6": "", "7": ""}
    said = {"3": "Pool", "4": "Pool", "5": "Sea", "6": "Sea", "7": "Sea"}
    images = "".join(
        f'<image id="{at}" name="a.jpg" task_id="{task}"><tag label="{label}"/></image>'
        for at, (task, label) in enumerate(said.items())
    )
    Path("all.xml").write_text(cvat_project(tasks=tasks, images=images))
    summary = run("--votes", "all.xml", "--threshold", "0.5")
    assert labels() == {("a.jpg", "Pool"): (0, 2, 3, 0), ("a.jpg", "Sea"): (1, 3, 2, 0)}
    assert (summary["annotators"], summary["set_aside"]) == (5, 0)


def test_a_file_of_several_assignees_whose_images_name_no_task_is_refused() -> None:
    image = '<image id="0" name="a.jpg"><tag label="Pool"/></image>'
    Path("all.xml").write_text(cvat_project(tasks={"3": "ann", "4": "bob"}, images=image))
    said = run("--votes", "all.xml", code=1)
    assert "several assignees (ann, bob)" in said
    assert "Export each task" in said
    Path("all.xml").write_text(cvat_project(tasks={"3": "ann", "4": "ann"}, images=image * 3))
    assert run("--votes", "all.xml", "--min-votes", "1")["annotators"] == 1
