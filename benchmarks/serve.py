"""The annotation server under load: 50 simulated annotators over HTTP, and its death among them.

Every annotator is a thread with one connection. First each asks for everything that a browser asks
for, and thinks two seconds about a page: ten times the pace of people. Then all of them take pages
and answer them without a pause until none is left, so that their requests queue and times follow
from the number of people; afterwards the export is compared with what the server acknowledged. Then
that with half of the pages, the server killed with SIGKILL in the middle and started again.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from annotate.questions.file import write_plan
from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import ProjectSettings, ServeSettings, Settings, TaskSettings, render
from annotate.storage.store import canonical_uri
from annotate.tables import CANDIDATES, CATALOG, empty, write
from annotate.tasks.build import build_tasks
from annotate.tasks.objects import write_tasks
from annotate.workspace import Workspace
from benchmarks.report import QUICK, write_report

ANNOTATORS, IMAGES, VOTES = (50, 60, 5) if QUICK else (50, 1000, 5)
THINKING = 2.0  # mean seconds that somebody looks at a page, exponentially distributed
TAXONOMY = """\
name: test
version: "1"
categories:
  - id: room
    name: Room
classes:
"""


def make_workspace(root: Path, images: int, names: list[str], *, votes: int = VOTES) -> Workspace:
    """A workspace with tasks: drawn pictures, and classes of these names in questions of five."""
    ids = [f"c{number}" for number in range(len(names))]
    (root / "photos").mkdir(parents=True)
    lines = [
        f"  - id: {class_id}\n    name: {_text(name)}\n    category: room\n"
        f"    description: {_text('about ' + name)}\n    queries: [{_text('a ' + name)}]\n"
        for class_id, name in zip(ids, names, strict=True)
    ]
    (root / "taxonomy.yaml").write_text(TAXONOMY + "".join(lines), "utf-8")
    settings = replace(
        Settings(),
        project=ProjectSettings(taxonomy="taxonomy.yaml"),
        tasks=TaskSettings(annotators=votes),
        serve=ServeSettings(port=0),
    )
    (root / "mumic.toml").write_text(render(settings), "utf-8")
    workspace = Workspace.find(root)
    write(CATALOG, _catalog(root, images), workspace.catalog / "images.parquet")
    catalog = pd.read_parquet(workspace.catalog / "images.parquet")
    round_one = empty(CANDIDATES).reindex(range(images))
    round_one = round_one.assign(
        round=1, strategy="stratified", image_id=catalog["image_id"], seed=0
    )
    write(CANDIDATES, round_one, workspace.candidates / "round-0001.parquet")
    _plan_and_build(workspace, ids)
    return workspace


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _catalog(root: Path, images: int) -> pd.DataFrame:
    import hashlib

    rows = []
    for number in range(images):
        file = root / "photos" / f"{number:05}.png"
        colours = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((64, 48), Image.Resampling.NEAREST).save(file)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        uri = canonical_uri(str(file), root, root)
        image_id = hashlib.sha256(f"{uri}\0{content}".encode()).hexdigest()[:20]
        rows.append((image_id, uri, file.stat().st_size, 64, 48, 1, content, "0" * 16))
    columns = list(CATALOG.columns)[:8]
    frame = pd.DataFrame(rows, columns=columns).sort_values("image_id", ignore_index=True)
    return frame.assign(property_id=None, text=None, present=True)


def _plan_and_build(workspace: Workspace, ids: list[str]) -> None:
    from annotate.taxonomy.load import load_taxonomy

    taxonomy = load_taxonomy(workspace.taxonomy)
    groups = [tuple(ids[at : at + 5]) for at in range(0, len(ids), 5)]
    questions = [
        Question(f"q{at:02}", f"Question {at}", group) for at, group in enumerate(groups, 1)
    ]
    plan = QuestionPlan(taxonomy.hash, "grouped", tuple(questions))
    write_plan(plan, workspace.questions)
    built = build_tasks(workspace, workspace.settings.tasks)
    if built.tasks is None:
        raise RuntimeError("nothing to ask")
    write_tasks(built.tasks, workspace.tasks)


class Browser:
    """One person's browser as far as the server sees it: a connection, cookies, no script."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self._connection = http.client.HTTPConnection(origin.removeprefix("http://"), timeout=30)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request as a page of the server does; status, headers and body."""
        sent = {"Cookie": "; ".join(f"{name}={text}" for name, text in self.cookies.items())}
        data = None
        if method == "POST":
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent |= {"Content-Type": "application/json", "Origin": self.origin, "X-CSRF": self.csrf}
        self._connection.request(method, path, data, sent | (headers or {}))
        response = self._connection.getresponse()
        content = response.read()
        found = {name.lower(): text for name, text in response.getheaders()}
        if "set-cookie" in found:
            name, _, rest = found["set-cookie"].partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return response.status, found, content

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON (None for anything else)."""
        status, headers, content = self.request("GET", path)
        return status, _json(headers, content)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON."""
        status, headers, content = self.request("POST", path, body)
        return status, _json(headers, content)

    def open(self, link: str) -> int:
        """Open a personal link or the owner's and read the page's CSRF token."""
        status, _, content = self.request("GET", link.removeprefix(self.origin))
        if status != 200:
            return status
        page = content.decode().partition("url=")[2].partition('"')[0]
        status, _, content = self.request("GET", page)
        self.csrf = content.decode().partition('name="csrf" content="')[2].partition('"')[0]
        return status

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def _json(headers: dict[str, str], content: bytes) -> Any:
    return json.loads(content) if headers.get("content-type") == "application/json" else None


@dataclass
class Served:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    origin: str
    owner: str


def start(root: Path) -> Served:
    """Run ``mumic-annotate serve`` in a workspace."""
    process = subprocess.Popen(
        [sys.executable, "-m", "annotate", "serve", "--port", "0", "--json"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        stdout=subprocess.PIPE,
        text=True,
    )
    text = ""
    assert process.stdout is not None
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    about = json.loads(text)
    return Served(process, about["url"], about["owner"])


@contextlib.contextmanager
def serving(root: Path) -> Iterator[Served]:
    """A server for the length of a block, ended by SIGTERM; it must end in good order."""
    served = start(root)
    with served.process as process:  # closes its pipes
        try:
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(60):
                raise RuntimeError(f"the server ended with {process.returncode}")


def make_people(served: Served, count: int) -> list[str]:
    """Paths of personal links for so many people."""
    owner = Browser(served.origin)
    owner.open(served.owner)
    made = []
    for at in range(0, count, 50):
        _, found = owner.post("/api/owner/links", {"count": min(50, count - at)})
        made += [link["url"].removeprefix(served.origin) for link in found["links"]]
    owner.close()
    return made


@dataclass
class Log:
    """What annotators saw: (person, image) acknowledged and merely sent, and seconds."""

    acknowledged: list[tuple[int, str]] = field(default_factory=list)
    sent: list[tuple[int, str]] = field(default_factory=list)
    next_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)


def answer_for(person: int, image_id: str, questions: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """What a person says: her own pattern of ticks for each image."""
    number = int(image_id, 16) // (person + 2)
    content = {}
    for at, (question, classes) in enumerate(questions.items()):
        ticks = {name: bool(number >> (5 * at + i) & 1) for i, name in enumerate(classes)}
        content[question] = ticks | {"__none__": not any(ticks.values()), "__unsure__": False}
    return content


def work(
    origin: str,
    link: str,
    person: int,
    questions: dict[str, tuple[str, ...]],
    log: Log,
    thinking: float = 0.0,
) -> None:
    """Take pages and answer them until none is left or the server is gone.

    With ``thinking``, mean seconds, she asks for all that a browser asks for around a page.
    """
    browser = Browser(origin)
    pauses = random.Random(person)
    with contextlib.suppress(OSError, http.client.HTTPException):
        browser.open(link)
        while True:
            started = time.perf_counter()
            status, task = browser.get("/api/next")
            log.next_seconds.append(time.perf_counter() - started)
            if status != 200:
                break
            if thinking:
                image = f"/image/{task['image_id']}"
                for path in (task["page"], image, "/api/pace", "/api/ahead"):
                    browser.request("GET", path)
                time.sleep(pauses.expovariate(1 / thinking))
            content = answer_for(person, task["image_id"], questions)
            body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 1.5}
            log.sent.append((person, task["image_id"]))
            started = time.perf_counter()
            status, _ = browser.post("/api/submit", body | {"content": content})
            log.submit_seconds.append(time.perf_counter() - started)
            if status == 200:
                log.acknowledged.append((person, task["image_id"]))
    browser.close()


def crowd(
    origin: str,
    links: list[str],
    questions: dict[str, tuple[str, ...]],
    log: Log,
    thinking: float = 0.0,
) -> list[threading.Thread]:
    """Start a thread for each person."""
    threads = [
        threading.Thread(
            target=work, args=(origin, link, person, questions, log, thinking), daemon=True
        )
        for person, link in enumerate(links)
    ]
    for thread in threads:
        thread.start()
    return threads


def exported(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """The answers of each image as the server exported them."""
    lines = (workspace.answers / "serve.jsonl").read_text("utf-8").splitlines()
    return {entry["image-id"]: entry["answers"] for entry in map(json.loads, lines)}


def check(workspace: Workspace, log: Log, *, votes: int, whole: bool) -> dict[str, int]:
    """Compare the export with what was acknowledged: lost, duplicate and superfluous answers."""
    found = exported(workspace)
    people = {image: [entry["workerId"] for entry in found[image]] for image in found}
    stored = sum(map(len, people.values()))
    wanted = Counter(image for _, image in log.acknowledged)
    return {
        "acknowledged": len(log.acknowledged),
        "stored": stored,
        "lost": sum(max(0, count - len(people.get(image, ()))) for image, count in wanted.items()),
        "duplicates": stored - sum(len(set(names)) for names in people.values()),
        "beyond_votes": sum(len(names) > votes for names in people.values()),
        "short": sum(len(names) < votes for names in people.values()) if whole else 0,
    }


def questions_of(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Classes of each question."""
    from annotate.tasks.build import read_questions

    return {entry.id: entry.classes for entry in read_questions(workspace)[1].questions}


def steady(
    workspace: Workspace, people: int, votes: int, thinking: float = 0.0
) -> tuple[dict[str, int], Log]:
    """Answer everything."""
    log = Log()
    with serving(workspace.root) as served:
        links = make_people(served, people)
        for thread in crowd(served.origin, links, questions_of(workspace), log, thinking):
            thread.join(600)
    return check(workspace, log, votes=votes, whole=True), log


def killed(workspace: Workspace, people: int, votes: int, after: int) -> dict[str, int]:
    """Kill the server after so many answers, start it again, answer the rest."""
    log, questions = Log(), questions_of(workspace)
    served = start(workspace.root)
    links = make_people(served, people)
    threads = crowd(served.origin, links, questions, log)
    until = time.monotonic() + 300
    while len(log.acknowledged) < after and time.monotonic() < until:
        time.sleep(0.002)
    with served.process as process:  # waits, and closes its pipes
        process.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join(60)
    before = len(log.acknowledged)
    with serving(workspace.root) as served:
        for thread in crowd(served.origin, links, questions, log):
            thread.join(600)
    return check(workspace, log, votes=votes, whole=True) | {"before_the_kill": before}


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Milliseconds."""
    p50, p99 = np.percentile(seconds, [50, 99]) * 1000
    return {"p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2), "count": len(seconds)}


def main() -> None:
    names = [f"Class {number}" for number in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        few = IMAGES // 5
        paced, at_pace = steady(
            make_workspace(Path(folder) / "p", few, names), ANNOTATORS, VOTES, THINKING
        )
        whole = make_workspace(Path(folder) / "a", IMAGES, names)
        started = time.perf_counter()
        counts, log = steady(whole, ANNOTATORS, VOTES)
        seconds = time.perf_counter() - started
        images = max(IMAGES // 2, 20)
        after = images * VOTES // 3
        again = killed(make_workspace(Path(folder) / "b", images, names), ANNOTATORS, VOTES, after)
    figures = {
        "at_ten_times_the_pace_of_people": paced
        | {
            "next": percentiles(at_pace.next_seconds),
            "submit": percentiles(at_pace.submit_seconds),
        },
        "without_a_pause": counts
        | {"next": percentiles(log.next_seconds), "submit": percentiles(log.submit_seconds)},
        "answers_per_second": round(counts["stored"] / seconds, 1),
        "killed": again,
    }
    print(json.dumps(figures, indent=1))
    size = f"{ANNOTATORS} annotators, {IMAGES} images of 4 questions, {VOTES} votes"
    write_report("serve", size, figures)
    wrong = [
        name
        for run in (paced, counts, again)
        for name in ("lost", "duplicates", "beyond_votes", "short")
        if run[name]
    ]
    if wrong:
        sys.exit(f"wrong: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
