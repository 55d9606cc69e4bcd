"""What the browser's tests do on an annotator's page."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
QUESTIONS = {"q01": ("c0", "c1", "c2", "c3", "c4"), "q02": ("c5", "c6")}
HOSTILE = '"><script>window.hacked = 1</script>{{ 7 | times: 6 }}'
DONE = "All done. Thank you!"
Come = Callable[..., Any]
Content = dict[str, dict[str, bool]]


def at_task(tab: Any, before: str = "") -> tuple[Any, str]:
    """The frame of the task once it is ready for keys, and its image; another one than before."""
    tab.wait_for_function(
        """before => {
            const frame = document.getElementById("task");  // the link's page has none yet
            const page = frame && frame.contentDocument;
            const path = page ? page.location.pathname : "";
            return path.startsWith("/task/") && path !== "/task/" + before
                && page.querySelector(".question.active") && page.hasFocus();
        }""",
        arg=before,
    )
    path = tab.evaluate("document.getElementById('task').contentDocument.location.pathname")
    return tab.frame_locator("#task"), path.removeprefix("/task/")


def box(frame: Any, question: str, value: str) -> Any:
    return frame.locator(f'crowd-checkbox[name="{question}"][value="{value}"]')


def content(*ticked: str) -> Content:
    """An answer of the whole page by hand: what is not named is an explicit no."""
    return {
        question: {
            value: f"{question} {value}" in ticked for value in (*ids, "__none__", "__unsure__")
        }
        for question, ids in QUESTIONS.items()
    }


def exported(server: Any) -> dict[str, list[dict[str, Any]]]:
    """The answers by image, as the owner gets them."""
    status, _, data = server.owner().request("GET", "/api/owner/export")
    assert status == 200
    lines = [json.loads(line) for line in data.decode().splitlines()]
    return {line["image-id"]: line["answers"] for line in lines}


def answers_of(server: Any) -> dict[tuple[str, str], Content]:
    """What each annotator said on each image."""
    names = {entry.id: entry.name for entry in server.site.desk.store.annotators()}
    return {
        (names[answer["workerId"]], image): answer["answerContent"]
        for image, answers in exported(server).items()
        for answer in answers
    }
