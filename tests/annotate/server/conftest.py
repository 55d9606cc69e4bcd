"""A workspace with tasks and its server in a thread."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from annotate.server.links import make_links
from annotate.server.requests import Site
from annotate.server.run import bind, make_server, make_site
from annotate.settings import ServeSettings
from annotate.workspace import Workspace
from benchmarks.serve_people import Browser, answer_for
from benchmarks.serve_tasks import make_workspace, questions_of
from tests.annotate.server.tabs import HOSTILE, Come

NAMES = ["Bed", HOSTILE, "Sofa 🛋️", "كرسي", "Lamp", "Desk", "Sink"]


@dataclass(frozen=True)
class Running:
    """A server that runs in a thread."""

    workspace: Workspace
    site: Site
    origin: str
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        """A browser that is closed in the end."""
        self.browsers.append(Browser(self.origin))
        return self.browsers[-1]

    def person(self, name: str) -> Browser:
        """The browser of a new annotator, who opened her link."""
        browser = self.browser()
        assert browser.open(self.link(name)) == 200
        return browser

    def link(self, name: str) -> str:
        """The personal link of a new annotator."""
        return make_links(self.site.desk.store, self.origin, 1, [name])[0].url

    def submit(self, browser: Browser, task: dict[str, Any], person: int = 0) -> tuple[int, Any]:
        """Answer a task as the person of that number does; status and JSON."""
        content = answer_for(person, task["image_id"], questions_of(self.workspace))
        body = {"image_id": task["image_id"], "lease": task["lease"], "seconds": 2.0}
        return browser.post("/api/submit", body | {"content": content})

    def owner(self) -> Browser:
        """The owner's browser."""
        browser = self.browser()
        assert browser.open(f"/owner/{self.site.keys.owner_token}") == 200
        return browser


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers and stops them in the end: ``start(images=3, votes=5, port=0, ...)``.

    ``page`` is a ``task.html.j2`` of the workspace's own.
    """
    stops: list[Callable[[], None]] = []
    opened: list[Running] = []

    def run(*, images: int = 3, votes: int = 5, page: str = "", **settings: object) -> Running:
        if page:
            (tmp_path / "work" / "templates").mkdir(parents=True)
            (tmp_path / "work" / "templates" / "task.html.j2").write_text(page, "utf-8")
        workspace = make_workspace(tmp_path / "work", images, NAMES, votes=votes)
        site, _ = make_site(workspace, replace(ServeSettings(port=0), **settings))  # type: ignore[arg-type]
        port = bind("127.0.0.1", 0)
        server = make_server(site)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [port]}, daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(30)
            port.close()
            site.desk.store.close()

        stops.append(stop)
        while not server.started:
            time.sleep(0.005)
        running = Running(workspace, site, f"http://127.0.0.1:{port.getsockname()[1]}")
        opened.append(running)
        return running

    yield run
    for running in opened:
        for browser in running.browsers:
            browser.close()
    for stop in stops:
        stop()


@pytest.fixture
def come(browser: Any) -> Iterator[Come]:
    """Opens a link; a request elsewhere, an error or a stranger's script fails the test."""
    tabs: list[Any] = []
    strange: list[str] = []

    def open_link(server: Any, link: str, **options: Any) -> Any:
        context = browser.new_context(reduced_motion="reduce", **options)
        tab = context.new_page()
        tabs.append(tab)
        tab.on("pageerror", lambda error: strange.append(str(error)))
        tab.on("console", lambda entry: heard(entry))
        tab.on("request", lambda request: asked(request.url, server.origin))
        tab.goto(link)
        return tab

    def heard(entry: Any) -> None:
        # The browser's own words where a test takes the connection or the leave to work.
        if entry.type == "error" and not re.search("ERR_|status of 403", entry.text):
            strange.append(entry.text)

    def asked(url: str, origin: str) -> None:
        if not url.startswith((origin, "data:", "about:", "blob:")):
            strange.append(url)

    yield open_link
    hacked = [frame.evaluate("window.hacked") for tab in tabs for frame in tab.frames]
    for tab in tabs:
        tab.context.close()
    assert strange == []
    assert set(hacked) <= {None}
