"""A small taxonomy with its questions, the form of a page, and a workspace with real photos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import TaskSettings
from annotate.tables import CANDIDATES, CATALOG, write
from annotate.tasks.liquid import render_liquid
from annotate.tasks.page import make_template
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass
from tests.annotate.clients import forget_client

NOWHERE = Path("does-not-exist")


class Page(HTMLParser):
    """The form of a rendered page: boxes, legends, and the text of each class."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.boxes: list[tuple[str, str]] = []
        self.names: list[str] = []
        self.legends: list[str] = []
        self.described: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str | None] = []
        self._into: list[str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if "src" in found:
            self.sources.append(found["src"])
        if tag == "crowd-checkbox":
            self.boxes.append((found["name"] or "", found["value"] or ""))
        into = {"name": self.names, "description": self.described}.get(found.get("class") or "")
        if tag == "legend":
            into = self.legends
        if into is not None:
            into.append("")
        self._into = into

    def handle_data(self, data: str) -> None:
        if self._into:
            self._into[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._into = None


def _taxonomy_of(names: list[str]) -> Taxonomy:
    classes = [
        TaxonomyClass(f"c{at}", name, "x", description=f"about {name}")
        for at, name in enumerate(names)
    ]
    return Taxonomy("test", "1", (Category("x", "X"),), tuple(classes))


def _plan_of(taxonomy: Taxonomy) -> QuestionPlan:
    ids = taxonomy.ids
    groups = [ids[at : at + 5] for at in range(0, len(ids), 5)]
    questions = [
        Question(f"q{at:02}", taxonomy.by_id[group[0]].name, group)
        for at, group in enumerate(groups, 1)
    ]
    return QuestionPlan(taxonomy.hash, "grouped", tuple(questions))


def _rendered(names: list[str], questions: list[str] | None = None) -> Page:
    taxonomy = _taxonomy_of(names)
    plan = _plan_of(taxonomy)
    template = make_template(plan, taxonomy, TaskSettings(), NOWHERE)
    asked = [question.id for question in plan.questions] if questions is None else questions
    task = {"source-ref": "s3://b/a.jpg", "image-id": "1", "questions": asked}
    return Page(render_liquid(template, task, grant=lambda uri: f"https://signed/{uri}?a=1&b=2"))


@pytest.fixture(scope="session")
def read_page() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def taxonomy_of() -> Callable[[list[str]], Taxonomy]:
    return _taxonomy_of


@pytest.fixture(scope="session")
def plan_of() -> Callable[[Taxonomy], QuestionPlan]:
    return _plan_of


@pytest.fixture(scope="session")
def rendered() -> Callable[..., Page]:
    return _rendered


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    # One photo lies in a bucket, and no test may leave this machine for it.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("annotate.storage.remote.PAUSE", 0.01)
    forget_client()
    names = ["Bed", "Pool", "Sofa", "Bath", "Desk", "Lamp", "Oven"]
    (tmp_path / "mumic.toml").write_text('[project]\ntaxonomy = "labels.yaml"\n', "utf-8")
    (tmp_path / "labels.yaml").write_text(_taxonomy_of(names).to_json(), "utf-8")
    (tmp_path / "photos").mkdir()
    ids = [f"{at:020x}" for at in range(6)]
    for at in range(5):
        Image.new("RGB", (60, 40), (40 * at, 90, 120)).save(tmp_path / "photos" / f"{at}.jpg")
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": [f"photos/{at}.jpg" for at in range(5)] + ["s3://bucket/5.jpg"],
            "bytes": 1,
            "width": 60,
            "height": 40,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": "0" * 16,
            "property_id": None,
            "text": None,
            "present": True,
        }
    )
    write(CATALOG, catalog, tmp_path / "data/catalog/images.parquet")
    for number, images in enumerate([ids[:4], ids[3:]], 1):
        write(
            CANDIDATES,
            _candidates(number, images),
            tmp_path / f"data/candidates/round-{number:04}.parquet",
        )
    return tmp_path


def _candidates(number: int, images: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "round": number,
            "image_id": images,
            "class_id": "c0",
            "strategy": "similarity",
            "query": "q",
            "rank": 1,
            "score": 0.2,
            "stratum": None,
            "draw_probability": 1.0,
            "inclusion_probability": 1.0,
            "seed": 0,
        }
    )


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Callable[..., Iterator[Any]]:
    """Opens a page from a file; any request, error or script of a stranger fails the test."""

    def open_page(html: str, **options: Any) -> Iterator[Any]:
        (tmp_path / "page.html").write_text(html, "utf-8")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        tab = context.new_page()
        requests: list[str] = []
        errors: list[str] = []

        def heard(entry: Any) -> None:
            if entry.type == "error":
                errors.append(entry.text)

        tab.on("request", lambda request: requests.append(request.url))
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("console", heard)
        tab.goto((tmp_path / "page.html").as_uri())
        yield tab
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert errors == []
        assert tab.evaluate("window.hacked") is None
        context.close()

    return open_page
