"""Screenshots of the annotator's and the owner's pages, for ``docs/annotating.md``.

In a demo workspace that has tasks (``mumic-annotate init --demo``, then ``catalog``, ``mine``,
``questions`` and ``tasks``), from the project's folder: ``python -m docs.screenshots WORKSPACE``.
Simulated people answer first, so that the owner's page has something to show.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import sync_playwright

from annotate.answers.simulate import SimulationSettings, simulate
from annotate.cli import main as annotate
from annotate.labels.truth import read_truth
from annotate.tasks.build import read_catalog, read_questions
from annotate.tasks.manifest import read_manifest
from annotate.workspace import Workspace
from benchmarks.serve_people import Browser, serving

FOLDER = Path(__file__).parent / "annotating"
PEOPLE = ("Ada", "Grace", "Edith", "Hedy", "Mary")
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
READY = """() => {
    const page = document.getElementById("task").contentDocument;
    return page && page.querySelector(".question.active") && page.getElementById("photo").complete;
}"""


def answers(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """What a simulated crowd says on each image of the tasks."""
    taxonomy, plan = read_questions(workspace)
    questions = {question.id: question.classes for question in plan.questions}
    tasks = read_manifest(workspace.tasks / "manifest.jsonl")
    file = workspace.resolve(workspace.settings.simulate.truth)
    truth = read_truth(file, read_catalog(workspace), taxonomy, workspace.root)
    crowd = SimulationSettings(len(PEOPLE), 0, len(PEOPLE), 4.0, 0)
    lines = simulate(tasks, questions, taxonomy, truth, crowd)
    return {
        line["image-id"]: [answer["answerContent"] for answer in line["answers"]] for line in lines
    }


def work(origin: str, link: str, said: dict[str, list[dict[str, Any]]], person: int) -> None:
    """Answer most of the tasks as one of the crowd."""
    browser = Browser(origin)
    browser.open(link)
    for _ in range(24 - 3 * person):
        status, task = browser.get("/api/next")
        if status != 200:
            break
        body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 0}
        content = said[task["image_id"]][person]
        browser.post("/api/submit", body | {"content": content})
    browser.close()


def shoot(play: Any, links: list[str], owner: str, page_of_links: Path) -> None:
    """Take the pictures."""
    browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
    for name, link, size, scheme in (
        ("task", links[0], DESKTOP, "light"),
        ("task-phone", links[1], PHONE, "dark"),
        ("owner", owner, {"width": 1280, "height": 900}, "light"),
        ("links", page_of_links.as_uri(), {"width": 1280, "height": 520}, "light"),
    ):
        tab = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        tab.goto(link)
        if name.startswith("task"):
            tab.wait_for_function(READY)
            for key in ("1", "3", "ArrowDown", "0", "?"):
                tab.keyboard.press(key)
            tab.get_by_text("Saved").wait_for(state="attached")
        elif name == "owner":
            tab.locator("#people tr").nth(len(PEOPLE) - 1).wait_for()
        data = io.BytesIO(tab.screenshot())
        Image.open(data).quantize(256).save(FOLDER / f"{name}.png", optimize=True)
        tab.close()
    browser.close()


def main() -> None:
    """Answer, then take the pictures."""
    workspace = Workspace.find(Path(sys.argv[1]))
    said = answers(workspace)
    page_of_links = workspace.root / "links.html"
    FOLDER.mkdir(exist_ok=True)
    with serving(workspace.root) as served:
        names = [part for name in PEOPLE for part in ("--name", name)]
        arguments = ["serve", "links", "--json", *names, "--output", str(page_of_links)]
        with contextlib.chdir(workspace.root):
            made = CliRunner().invoke(annotate, arguments)
        if made.exit_code:
            sys.exit(made.output)
        tokens = [link["url"].rpartition("/")[2] for link in json.loads(made.stdout)["links"]]
        links = [f"{served.origin}/a/{token}" for token in tokens]
        for person, link in enumerate(links):
            work(served.origin, link, said, person)
        with sync_playwright() as play:
            shoot(play, links, served.owner, page_of_links)


if __name__ == "__main__":
    main()
