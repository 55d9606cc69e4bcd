"""The server's pages in a real browser: what five people click is what comes out.

The pages, the task template and their Content-Security-Policy are the server's own; the store is a
small one in memory, whose answers the test compares with the clicks.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from annotate.questions.planning import Question, QuestionPlan
from annotate.server.pages import Page, Pages, TaskPages, bare_template
from annotate.settings import TaskSettings
from annotate.tasks.page import make_template
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

NOWHERE = Path("does-not-exist")
HOSTILE = "\"><img src=x onerror='window.hacked=1'><script>window.hacked=1</script>{{ 1 }} 🛏️ مرحبا"
NAMES = ["Bed", "Sofa", HOSTILE, "Pool", "Sea"]
GROUPS = {"q01": ("c0", "c1", "c2"), "q02": ("c3", "c4")}
IMAGES = ("i0", "i1")
Content = dict[str, dict[str, bool]]


class Fake:
    """One batch of two images for as many people as come; each is known by her cookie."""

    def __init__(self) -> None:
        classes = tuple(
            TaxonomyClass(f"c{at}", name, "x", description=f"about {name}")
            for at, name in enumerate(NAMES)
        )
        taxonomy = Taxonomy("test", "1", (Category("x", "X"),), classes)
        questions = tuple(Question(name, name, ids) for name, ids in GROUPS.items())
        plan = QuestionPlan(taxonomy.hash, "grouped", questions)
        template = make_template(plan, taxonomy, TaskSettings(), NOWHERE)
        self.pages = Pages(NOWHERE)
        self.tasks = TaskPages(template, bare_template(taxonomy, TaskSettings(), NOWHERE), ())
        self.answers: dict[tuple[str, str], Content] = {}
        self.drafts: dict[tuple[str, str], Content] = {}
        self.left: list[tuple[str, str, str, str]] = []
        self.states: dict[str, str] = {}
        self.report: dict[str, Any] = {}
        self.failures = 0

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/annotate", self.shell),
                Route("/owner", self.owner),
                Route("/links", self.links),
                Route("/static/{name}", self.static),
                Route("/task/{image}", self.task),
                Route("/image/{image}", self.image),
                Route("/guidelines", self.guidelines),
                Route("/api/next", self.next),
                Route("/api/pace", self.pace),
                Route("/api/recent", self.recent),
                Route("/api/owner", self.owner_report),
                Route("/api/owner/annotator", self.set_state, methods=["POST"]),
                Route("/api/owner/links", self.make_links, methods=["POST"]),
                Route("/api/{what}", self.change, methods=["POST"]),
            ]
        )

    def send(self, page: Page) -> Response:
        return HTMLResponse(page.html, headers={"Content-Security-Policy": page.policy})

    async def shell(self, request: Request) -> Response:
        link = "https://panel.example/done"
        return self.send(
            self.pages.render("serve-annotate.html.j2", csrf="C", title=HOSTILE, completion=link)
        )

    async def owner(self, request: Request) -> Response:
        return self.send(self.pages.render("serve-owner.html.j2", csrf="C", title=HOSTILE))

    async def links(self, request: Request) -> Response:
        links = [(HOSTILE, "http://localhost/a/one"), ("Ben", "http://localhost/a/two")]
        return self.send(self.pages.render("serve-links.html.j2", links=links))

    async def static(self, request: Request) -> Response:
        found = self.pages.static(request.path_params["name"])
        return Response(found[0], media_type=found[1]) if found else Response(status_code=404)

    async def task(self, request: Request) -> Response:
        return self.send(self.tasks.page(request.path_params["image"], GROUPS))

    async def image(self, request: Request) -> Response:
        file = io.BytesIO()
        Image.new("RGB", (64, 48), "teal").save(file, "PNG")
        return Response(file.getvalue(), media_type="image/png")

    async def guidelines(self, request: Request) -> Response:
        classes = [{"name": HOSTILE, "description": ""}]
        page = self.pages.render(
            "serve-guidelines.html.j2", title="T", description="D", classes=classes
        )
        policy = page.policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        return HTMLResponse(page.html, headers={"Content-Security-Policy": policy})

    def opened(self, who: str, image: str) -> Response:
        done = sum(name == who for name, _ in self.answers)
        key = (who, image)
        about = {"image_id": image, "lease": f"{who}-{image}", "page": f"/task/{image}"}
        about |= {"draft": self.drafts.get(key), "earlier": self.answers.get(key)}  # type: ignore[dict-item]
        return JSONResponse(about | {"done": done, "left": len(IMAGES) - done})

    async def next(self, request: Request) -> Response:
        who = request.cookies["who"]
        skipped = {image for _, name, image, _ in self.left if name == who}
        for image in IMAGES:
            if (who, image) not in self.answers and image not in skipped:
                return self.opened(who, image)
        return Response(status_code=204)

    async def pace(self, request: Request) -> Response:
        done = sum(name == request.cookies["who"] for name, _ in self.answers)
        left = len(IMAGES) - done
        return JSONResponse({"done": done, "today": done, "median_seconds": 1.5, "left": left})

    async def recent(self, request: Request) -> Response:
        mine = [image for name, image in self.answers if name == request.cookies["who"]]
        found = [{"image_id": image, "submitted": "2026-11-21T08:00:00Z"} for image in mine]
        return JSONResponse(found)

    async def change(self, request: Request) -> Response:
        body, who = await request.json(), request.cookies["who"]
        if request.headers["x-csrf"] != "C":
            return JSONResponse({"error": "no", "kind": "csrf"}, 403)
        key, what = (who, body["image_id"]), request.path_params["what"]
        if what == "again":
            return self.opened(who, body["image_id"])
        assert body["lease"] == f"{who}-{body['image_id']}"
        if self.failures:
            self.failures -= 1
            return Response(status_code=503)
        if what == "draft":
            self.drafts[key] = body["draft"]
        elif what == "submit":
            assert 0 <= body["seconds"] < 60
            self.answers[key] = body["content"]
        else:
            self.left.append((what, *key, body["reason"]))
        return JSONResponse({"stored": True})

    async def owner_report(self, request: Request) -> Response:
        return JSONResponse(self.report)

    async def set_state(self, request: Request) -> Response:
        body = await request.json()
        self.states[body["id"]] = body["state"]
        return JSONResponse({"reopened": 3})

    async def make_links(self, request: Request) -> Response:
        count = (await request.json())["count"]
        links = [
            {"id": str(at), "name": f"N{at}", "url": f"http://x/a/{at}"} for at in range(count)
        ]
        return JSONResponse({"links": links})


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def site(fake: Fake) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(fake.app(), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = ["--no-sandbox", "--disable-quic", "--no-first-run"]
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield started
        started.close()


@pytest.fixture
def people(browser: Any, site: str) -> Iterator[Any]:
    """Opens a page as somebody; a request elsewhere, an error or a stranger's script fails."""
    contexts: list[Any] = []
    tabs: list[Any] = []
    strange: list[str] = []

    def note(entry: Any) -> None:
        if entry.type == "error" and "503" not in entry.text:
            strange.append(entry.text)

    def come(who: str, path: str = "/annotate", **options: Any) -> Any:
        context = browser.new_context(**options)
        contexts.append(context)
        context.add_cookies([{"name": "who", "value": who, "url": site}])
        tab = context.new_page()
        tabs.append(tab)
        tab.set_default_timeout(8000)
        tab.on("pageerror", lambda error: strange.append(str(error)))
        tab.on("console", note)
        tab.on(
            "request",
            lambda request: (
                None if request.url.startswith((site, "data:")) else strange.append(request.url)
            ),
        )
        tab.goto(site + path)
        return tab

    yield come
    hacked = [tab.evaluate("window.hacked") for tab in tabs]
    for context in contexts:
        context.close()
    assert strange == []
    assert hacked == [None] * len(tabs)


def task_of(tab: Any, image: str) -> Any:
    tab.wait_for_function(
        "image => { const d = document.getElementById('task').contentDocument;"
        " return d.location.pathname === '/task/' + image && d.querySelector('.question.active') }",
        arg=image,
    )
    return tab.frame_locator("#task")


def box(frame: Any, question: str, value: str) -> Any:
    return frame.locator(f'crowd-checkbox[name="{question}"][value="{value}"]')


def eventually(condition: Any) -> None:
    until = time.monotonic() + 8
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def content(*ticked: str) -> Content:
    """An answer of the whole page by hand: what is not named is an explicit no."""
    return {
        question: {
            value: f"{question} {value}" in ticked for value in (*ids, "__none__", "__unsure__")
        }
        for question, ids in GROUPS.items()
    }


def test_five_people_finish_a_batch_and_the_answers_are_what_they_did(
    people: Any, fake: Fake
) -> None:
    clicks = {
        "m1": (("q01 c0", "q02 c3"), ("q01 __none__", "q02 __none__")),
        "m2": (("q01 c2", "q01 c1", "q02 __unsure__"), ("q01 c0", "q02 c4", "q02 c3")),
        "m3": (("q01 __unsure__", "q01 c1", "q02 __none__"), ("q01 c2", "q02 c4")),
    }
    keys = {"k1": ("1 3 ArrowDown 2", "0 u"), "k2": ("2 2 0 1", "1 2 3 ArrowDown 0")}
    typed = {
        "k1": (("q01 c0", "q01 c2", "q02 c4"), ("q01 __none__", "q02 __unsure__")),
        "k2": (("q01 __none__", "q02 c3"), ("q01 c0", "q01 c1", "q01 c2", "q02 __none__")),
    }
    tabs = {who: people(who) for who in (*clicks, *keys)}
    for at, image in enumerate(IMAGES):
        for who, done in clicks.items():
            frame = task_of(tabs[who], image)
            for entry in done[at]:
                box(frame, *entry.split()).click()
            frame.get_by_text("Submit", exact=True).click()
        for who, pressed in keys.items():
            task_of(tabs[who], image)
            for key in [*pressed[at].split(), "Enter"]:
                tabs[who].keyboard.press(key)
    for tab in tabs.values():
        tab.get_by_text("All done. Thank you!").wait_for()
        assert tab.locator("#completion").get_attribute("href") == "https://panel.example/done"
    wanted = {
        (who, image): content(*done[at])
        for who, done in (clicks | typed).items()
        for at, image in enumerate(IMAGES)
    }
    assert fake.answers == wanted


def test_skip_and_report_with_reasons_and_the_guidelines(people: Any, fake: Fake) -> None:
    tab = people("m1", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    task_of(tab, "i0")
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.keyboard.press("g")
    guide = tab.frame_locator("#guidelines-page")
    assert guide.locator("dl dt").inner_text() == HOSTILE
    tab.locator("#guide-close").tap()
    tab.keyboard.press("s")
    tab.get_by_label("I know this place").check()
    tab.locator("#leave-words").fill("bad <b>")
    tab.locator("#leave-yes").click()
    task_of(tab, "i1")
    tab.locator("#broken").tap()
    tab.locator("#leave-yes").tap()
    tab.get_by_text("All done. Thank you!").wait_for()
    assert fake.left == [
        ("skip", "m1", "i0", "I know this place: bad <b>"),
        ("broken", "m1", "i1", "It does not load"),
    ]
    assert fake.answers == {}


def test_the_owners_page(people: Any, fake: Fake) -> None:
    annotator = {"id": "a1", "name": HOSTILE, "state": "paused", "reason": "recall too low"}
    fake.report = {
        "progress": {"images": 8, "done": 2, "broken": 0, "short": 6, "annotators_short": 1}
        | {"answers": 11, "per_hour": 7, "rule": "5 votes"},
        "annotators": [
            {"annotator": annotator, "answers": 11, "median_seconds": 9.25, "golden_images": 4}
            | {"golden_positives": 20, "golden_ticks": 5, "golden_hits": 3}
            | {"recall": [0.05, 0.36], "precision": None, "skipped": 1, "broken": 2}
        ],
        "classes": [{"class_id": "c2", "votes": 10, "yes": 4, "agreement": 0.466, "alpha": -0.05}],
        "disagreements": [["i0", {"c2": [2, 3]}]],
        "broken_images": [],
        "agreement_images": 2,
        "class_names": {"c2": HOSTILE},
    }
    tab = people("o", "/owner")
    tab.get_by_text("2 of 8").wait_for()
    cells = tab.locator("#people td").all_inner_texts()
    assert cells[0] == HOSTILE
    assert cells[2:8] == ["11", "9.3", "4", "5–36 % (3/20)", "– (3/5)", "3"]
    assert tab.locator("#classes td").all_inner_texts() == [HOSTILE, "10", "4", "47 %", "-0.05"]
    assert tab.locator("#split b").inner_text() == "2 yes, 3 no"
    tab.get_by_role("button", name="Activate").click()
    tab.get_by_text("3 photos are open again.").wait_for()
    assert fake.states == {"a1": "active"}
    tab.locator("#count").fill("2")
    tab.get_by_text("Make links").click()
    tab.locator("#links li").nth(1).wait_for()
    urls = [entry.input_value() for entry in tab.locator("#links input").all()]
    assert urls == ["http://x/a/0", "http://x/a/1"]


def test_links_can_be_copied(people: Any) -> None:
    tab = people("o", "/links", permissions=["clipboard-read", "clipboard-write"])
    assert tab.locator("#links b").first.inner_text() == HOSTILE
    tab.get_by_text("Copy").nth(1).click()
    tab.get_by_text("Copied").wait_for()
    assert tab.evaluate("navigator.clipboard.readText()") == "http://localhost/a/two"
