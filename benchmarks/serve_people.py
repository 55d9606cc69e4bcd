"""People at the annotation server: the program in a process of its own, and simulated browsers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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


def start(root: Path, *options: str) -> Served:
    """Run ``mumic-annotate serve`` in a workspace."""
    process = subprocess.Popen(
        [sys.executable, "-m", "annotate", "serve", "--port", "0", "--json", *options],
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
def serving(root: Path, *options: str) -> Iterator[Served]:
    """A server for the length of a block, ended by SIGTERM; it must end in good order."""
    served = start(root, *options)
    with served.process as process:  # closes its pipes
        try:
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            if process.wait(60):
                raise RuntimeError(f"the server ended with {process.returncode}")


@dataclass(frozen=True)
class Person:
    """Somebody who answers; ``link`` is the path of her personal link."""

    number: int
    id: str
    link: str


def make_people(served: Served, count: int) -> list[Person]:
    """So many people with a personal link each."""
    owner = Browser(served.origin)
    owner.open(served.owner)
    made: list[dict[str, str]] = []
    for at in range(0, count, 50):
        _, found = owner.post("/api/owner/links", {"count": min(50, count - at)})
        made += found["links"]
    owner.close()
    return [
        Person(number, link["id"], link["url"].removeprefix(served.origin))
        for number, link in enumerate(made)
    ]


@dataclass
class Log:
    """What people saw: (id, image) of what was sent and of what was acknowledged, and seconds."""

    sent: dict[tuple[str, str], Any] = field(default_factory=dict)  # the answer's content
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
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
    person: Person,
    questions: dict[str, tuple[str, ...]],
    log: Log,
    thinking: float = 0.0,
) -> None:
    """Take pages and answer them until none is left or the server is gone.

    With ``thinking``, mean seconds, she asks for all that a browser asks for around a page, and
    does not come in the same moment as everybody else.
    """
    browser = Browser(origin)
    pauses = random.Random(person.number)
    time.sleep(pauses.uniform(0, thinking))
    with contextlib.suppress(OSError, http.client.HTTPException):
        browser.open(person.link)
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
            content = answer_for(person.number, task["image_id"], questions)
            body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 1.5}
            log.sent[person.id, task["image_id"]] = content
            started = time.perf_counter()
            status, _ = browser.post("/api/submit", body | {"content": content})
            log.submit_seconds.append(time.perf_counter() - started)
            if status == 200:
                log.acknowledged.append((person.id, task["image_id"]))
    browser.close()


def crowd(
    origin: str,
    people: list[Person],
    questions: dict[str, tuple[str, ...]],
    log: Log,
    thinking: float = 0.0,
) -> list[threading.Thread]:
    """Start a thread for each person."""
    threads = [
        threading.Thread(target=work, args=(origin, person, questions, log, thinking), daemon=True)
        for person in people
    ]
    for thread in threads:
        thread.start()
    return threads
