"""The contact sheet: what its file holds, and what a reader sees of it in a real browser."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageOps

from annotate.contact_sheet import Sheet, original_link, strata_bars, write_sheet
from annotate.errors import InputError
from annotate.settings import CatalogSettings
from annotate.thumbnails import thumbnail, thumbnails

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = (
    '"\'><img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script><!--'
    "{{ 1 }}{% if %}&lt;\u2028🛏️ مرحبا\u202e"
)
MANY = 5_000
LIMITS = CatalogSettings()
STRATA = pd.DataFrame(
    {
        "stratum": ["type=b", HOSTILE, "type=a"],
        "population": [100, 0, 300],
        "drawn": [30, 0, 10],
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with twelve small pictures and a broken one."""
    folder = tmp_path_factory.mktemp("sheet")
    for at in range(12):
        Image.new("RGB", (48, 32), (20 * at, 90, 200 - 15 * at)).save(folder / f"{at}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder


def entries(count: int, **columns: Any) -> pd.DataFrame:
    ids = [f"id{at:05d}" for at in range(count)]
    base = {"image_id": ids, "uri": [f"{at % 12}.jpg" for at in range(count)], "group": "Pets"}
    return pd.DataFrame(base | columns)


def many() -> pd.DataFrame:
    """Ten classes of two queries each; one class, a query and a stratum have a hostile name."""
    names = [HOSTILE, "Pets", *(f"Class {at}" for at in range(8))]
    order = np.arange(MANY)
    ranks = order // 10
    frame = entries(
        MANY,
        group=[names[at % 10] for at in order],
        query=[HOSTILE if rank % 2 else "a photo with a dog" for rank in ranks],
        rank=ranks + 1,
        score=0.4 - 0.0001 * ((ranks * 7) % 500),
        stratum=[HOSTILE if rank % 4 else "type=a" for rank in ranks],
        property_id=[HOSTILE] * MANY,
        chance=0.25,
    )
    frame.loc[1, "uri"] = "broken.jpg"
    frame.loc[11, "uri"] = "gone.jpg"
    return frame.sample(frac=1, random_state=0).sort_values("group", kind="stable")


def write(frame: pd.DataFrame, root: Path, **values: Any) -> str:
    sheet = Sheet(values.pop("title", "Round 1"), values.pop("facts", []), frame, **values)
    write_sheet(sheet, root / "sheet.html", root=root, limits=LIMITS)
    return (root / "sheet.html").read_text("utf-8")


def blocks(page: str, name: str) -> list[Any]:
    found = re.findall(rf'<script type="application/json" id="{name}"[^>]*>(.*?)</script>', page)
    return [json.loads(text) for text in found]


# ---- the file


def test_thumbnails_are_small_upright_and_without_metadata(tmp_path: Path) -> None:
    gradient = np.linspace(0, 255, 640 * 480 * 3).astype(np.uint8).reshape(480, 640, 3)
    picture, exif = Image.fromarray(gradient), Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret"
    picture.save(tmp_path / "a.jpg", exif=exif, quality=95, comment=b"a secret", icc_profile=b"x")
    made = thumbnail("a.jpg", root=tmp_path, limits=LIMITS)
    assert made.jpeg is not None
    assert b"secret" not in made.jpeg
    with Image.open(io.BytesIO(made.jpeg)) as small:
        assert small.size == (120, 160)
        assert not small.getexif()
        assert "icc_profile" not in small.info
        expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg")).resize((120, 160))
        assert np.abs(np.asarray(small, float) - np.asarray(expected, float)).mean() < 3


def test_a_wide_picture_and_a_small_one(tmp_path: Path) -> None:
    sizes = {"wide.png": ((3000, 100), (400, 13)), "small.png": ((8, 6), (8, 6))}
    for name, (size, _) in sizes.items():
        Image.new("RGBA", size, (10, 20, 30, 128)).save(tmp_path / name)
    made = list(thumbnails(list(sizes), root=tmp_path, limits=LIMITS))
    found = [Image.open(io.BytesIO(entry.jpeg or b"")).size for entry in made]
    assert found == [wanted for _, wanted in sizes.values()]


def test_an_unreadable_picture_has_a_reason(root: Path) -> None:
    frame = entries(4, uri=["0.jpg", "broken.jpg", "gone.jpg", "s3://bucket/a.jpg"])
    found = blocks(write(frame, root), r"t\d+")
    assert base64.b64decode(found[0]["jpeg"]).startswith(b"\xff\xd8")
    assert "not a picture" in found[1]["reason"]
    assert found[2]["reason"] == "no such file"
    assert found[3]["reason"]


def test_an_image_of_several_classes_is_in_the_file_once(root: Path) -> None:
    frame = pd.concat([entries(3), entries(3, group="Garden")])
    page = write(frame, root)
    [data] = blocks(page, "data")
    assert data["picture"] == [0, 1, 2, 0, 1, 2]
    assert data["group"] == ["Pets"] * 3 + ["Garden"] * 3
    assert len(blocks(page, r"t\d+")) == 3


def test_nulls_of_every_kind_are_null(root: Path) -> None:
    frame = entries(
        3,
        group=["Pets", None, "Pool"],
        rank=pd.array([1, None, 3], dtype="Int32"),
        score=[0.5, math.nan, np.float32(0.25)],
        query=pd.array(["a", None, "b"], dtype="string"),
        stratum=[None, None, None],
    )
    [data] = blocks(write(frame, root), "data")
    assert data["group"] == ["Pets", "(none)", "Pool"]
    assert data["rank"] == [1, None, 3]
    assert data["score"] == [0.5, None, 0.25]
    assert data["query"] == ["a", None, "b"]
    assert "stratum" not in data


def test_the_inputs_stay_as_they_were_and_progress_is_told(root: Path) -> None:
    frame, before = many().head(300), many().head(300)
    seen: list[int] = []
    sheet = Sheet("R", [], frame, STRATA)
    write_sheet(sheet, root / "p.html", root=root, limits=LIMITS, on_progress=seen.append)
    pd.testing.assert_frame_equal(frame, before)
    assert sum(seen) == 300


def test_strata_are_shares_on_one_scale() -> None:
    bars = strata_bars(STRATA)
    assert [bar["name"] for bar in bars] == ["type=a", "type=b", HOSTILE]
    assert [bar["before"] for bar in bars] == [75, 25, 0]
    assert [bar["after"] for bar in bars] == [25, 75, 0]
    assert [bar["before_width"] for bar in bars] == pytest.approx([100, 33.33, 0])
    nothing = strata_bars(STRATA.assign(population=0, drawn=math.nan))
    assert {bar["after_width"] for bar in nothing} == {0}
    assert strata_bars(STRATA.head(0)) == []


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("a.jpg", "../a.jpg"),
        ('a #?"<%.jpg', "../a%20%23%3F%22%3C%25.jpg"),
        ("/elsewhere/a.jpg", "../../elsewhere/a.jpg"),
        ("javascript:alert(1)", "../javascript%3Aalert%281%29"),
        ("https://host/a.jpg", "https://host/a.jpg"),
        ("javascript://%0aalert(1)", None),
        ("s3://bucket/a.jpg", None),
    ],
)
def test_links_to_the_originals(uri: str, link: str | None) -> None:
    assert original_link(uri, Path("/w"), Path("/w/out")) == link


def test_what_is_missing_is_named(root: Path) -> None:
    with pytest.raises(InputError, match="entries lack group"):
        write(entries(2).drop(columns="group"), root)
    with pytest.raises(InputError, match="strata lack drawn"):
        write(entries(2), root, strata=STRATA.drop(columns="drawn"))


def test_a_template_of_ones_own_wins_and_its_errors_are_named(root: Path, tmp_path: Path) -> None:
    own, target = tmp_path / "templates", tmp_path / "sheet.html"
    own.mkdir()

    def render(template: str) -> str:
        (own / "contact-sheet.html.j2").write_text(template, "utf-8")
        sheet = Sheet("A <b>", [], entries(1))
        write_sheet(sheet, target, root=root, limits=LIMITS, own_templates=own)
        return target.read_text("utf-8")

    assert render("mine: {{ title }}") == "mine: A &lt;b&gt;"
    with pytest.raises(InputError, match=r"contact-sheet\.html\.j2:2: "):
        render("x\n{% if %}")
    with pytest.raises(InputError, match="nothing"):
        render("{{ nothing }}")
    assert target.read_text("utf-8") == "mine: A &lt;b&gt;", "the old page is still there"


def test_a_name_that_is_not_unicode(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    Image.new("RGB", (9, 9)).save(root / "plain.jpg")
    os.rename(root / "plain.jpg", root / name)
    page = write(entries(1, uri=pd.Series([name], dtype=object)), root, title=name)
    [data] = blocks(page, "data")
    assert data["pictures"][0]["link"] == "caf%E9.jpg"
    assert "jpeg" in blocks(page, "t0")[0]


# ---- in a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    options = "--no-sandbox --disable-quic --no-first-run --disable-background-networking"
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=options.split())
        yield started
        started.close()


@pytest.fixture(scope="module")
def big(root: Path) -> Path:
    sheet = Sheet(HOSTILE, [(HOSTILE, HOSTILE), ("Seed", "0")], many(), STRATA)
    write_sheet(sheet, root / "data" / "big.html", root=root, limits=LIMITS)
    return root / "data" / "big.html"


@contextmanager
def opened(browser: Any, file: Path, **options: Any) -> Iterator[Any]:
    """The page from its file; any request, error or script of a stranger fails the test."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
    tab = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    context.on("request", lambda request: requests.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda entry: errors.append(entry.text))
    tab.goto(file.as_uri())
    yield tab
    assert [url for url in requests if not url.startswith("data:")] == [file.as_uri()]
    assert errors == []
    assert tab.evaluate("window.hacked") is None
    context.close()


@pytest.fixture
def page(browser: Any, big: Path) -> Iterator[Any]:
    with opened(browser, big) as tab:
        yield tab


def images(page: Any) -> int:
    return int(page.locator("#sheet img").count())


def numbers(page: Any) -> list[str]:
    """First lines of the filled cells' captions, in order."""
    return list(page.locator(".cell .numbers").all_inner_texts())


def choose(page: Any, box: str, name: str) -> None:
    """Choose the option of this name; its count and the marks around the name are left out."""
    texts = page.locator(f"#{box} option").all_text_contents()
    [at] = [at for at, text in enumerate(texts) if text.startswith(f"\u2068{name}\u2069 (")]
    page.select_option(f"#{box}", index=at)


def test_pictures_come_as_the_reader_scrolls(page: Any) -> None:
    assert page.locator("#sheet li").count() == MANY
    assert 10 < images(page) < 200
    first = page.locator("#sheet img").first
    assert first.evaluate("image => [image.complete, image.naturalWidth]") == [True, 48]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    middle = page.locator("#sheet li").nth(MANY // 2).locator("button")
    middle.wait_for()
    assert 20 < images(page) < 400


def test_filters_count_and_show_what_was_chosen(page: Any) -> None:
    assert page.locator("#group option").count() == 11
    assert page.locator("#shown").inner_text() == "5,000 of 5,000 candidates · 2 not readable"
    choose(page, "group", "Pets")
    assert page.locator("#sheet li").count() == 500
    assert page.locator("#sheet h2").all_inner_texts() == ["Pets 500"]
    choose(page, "stratum", HOSTILE)
    assert page.locator("#sheet li").count() == 375
    assert page.locator("#shown").inner_text().startswith("375 of 5,000")
    choose(page, "query", "a photo with a dog")
    assert page.locator("#sheet li").count() == 125
    choose(page, "group", "Class 3")
    assert page.locator("#sheet li").count() == 125, "what was chosen stays where the class has it"
    page.select_option("#group", index=0)
    page.select_option("#query", index=0)
    page.select_option("#stratum", index=0)
    assert page.locator("#sheet li").count() == MANY


def test_sorted_by_rank_then_by_score_and_by_query(page: Any) -> None:
    choose(page, "group", "Pets")
    assert page.locator("#sheet h3").count() == 2
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == ["#1", "#3", "#5"]
    page.locator("#apart").uncheck()
    assert page.locator("#sheet h3").count() == 0
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == ["#1", "#2", "#3"]
    page.select_option("#sort", "score")
    wanted = sorted(range(500), key=lambda rank: (rank * 7) % 500)[:3]
    assert [text.split(" ")[0] for text in numbers(page)[:3]] == [f"#{at + 1}" for at in wanted]
    scores = [float(text.split(" ")[-1]) for text in numbers(page)]
    assert scores == sorted(scores, reverse=True)


def test_unreadable_pictures_say_why(page: Any) -> None:
    choose(page, "group", "Pets")
    page.locator("#apart").uncheck()
    reasons = page.locator(".cell .broken").all_inner_texts()
    assert reasons[0].startswith("not a picture in a format that can be read")
    assert reasons[1] == "no such file"


def test_hostile_names_are_text(page: Any) -> None:
    assert page.title().startswith("\"'><img src=x")
    assert page.locator("h1").evaluate("e => e.textContent") == HOSTILE
    assert page.locator(".facts dd").first.evaluate("e => e.textContent") == HOSTILE
    groups = page.locator("#sheet h2 bdi").evaluate_all("all => all.map(e => e.textContent)")
    assert groups.count(HOSTILE) == 1
    rows = page.locator(".strata tbody bdi").evaluate_all("all => all.map(e => e.textContent)")
    assert rows == ["type=a", "type=b", HOSTILE]
    assert page.locator("img[onerror]").count() == 0


def test_a_click_enlarges_and_the_keyboard_goes_on(page: Any) -> None:
    choose(page, "group", "Pets")
    page.locator("#apart").uncheck()
    cell = page.locator(".cell").nth(2)
    assert cell.locator("img").get_attribute("alt") == "Pets, rank 3, score 0.399"
    cell.focus()
    page.keyboard.press("Enter")
    large = page.locator("#large")
    receipt = large.locator("dl").inner_text()
    assert "Chance of being drawn\n25.0 %" in receipt
    assert large.locator(".picture img").bounding_box()["width"] > 300
    assert "id00021" in receipt
    assert large.locator("a").get_attribute("href") == "../9.jpg"
    page.keyboard.press("ArrowRight")
    assert "id00031" in large.locator("dl").inner_text()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "id00011" in large.locator("dl").inner_text()
    page.keyboard.press("Escape")
    assert not large.is_visible()
    assert "\n#2 " in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").startswith("#3 ")


def test_bars_show_both_shares(page: Any) -> None:
    row = page.locator(".strata tbody tr").first
    assert row.locator("td.n").all_inner_texts() == ["300", "75.0\u00a0%", "10", "25.0\u00a0%"]
    before, after = (row.locator(f"rect.{kind}").bounding_box() for kind in ("before", "after"))
    assert before["width"] == pytest.approx(3 * after["width"], rel=0.02)
    assert before["width"] > 200


def test_printing_brings_every_picture_that_is_shown(page: Any) -> None:
    choose(page, "group", "Pets")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert images(page) == 498
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()


def test_the_policy_lets_nothing_else_run(browser: Any, big: Path) -> None:
    tab = browser.new_page()
    tab.goto(big.as_uri())
    found = tab.evaluate(
        """() => { const s = document.createElement("script");
                   s.textContent = "window.injected = 1"; document.body.append(s);
                   return typeof window.injected }"""
    )
    assert found == "undefined"
    policy = tab.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    tab.close()


def phone(browser: Any, big: Path, scheme: str) -> tuple[int, str]:
    size = {"width": 390, "height": 844}
    options = {"viewport": size, "is_mobile": True, "has_touch": True, "color_scheme": scheme}
    with opened(browser, big, **options) as tab:
        width = tab.evaluate("document.documentElement.scrollWidth")
        return width, tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_phone_in_the_light_and_in_the_dark(browser: Any, big: Path) -> None:
    assert phone(browser, big, "light") == (390, "rgb(255, 255, 255)")
    assert phone(browser, big, "dark") == (390, "rgb(20, 26, 33)")


def test_a_sheet_with_little_to_show(browser: Any, root: Path) -> None:
    write(entries(3), root)
    with opened(browser, root / "sheet.html") as tab:
        assert not tab.locator("#query").is_visible()
        assert not tab.locator("#stratum").is_visible()
        assert tab.locator(".strata").count() == 0
        assert tab.locator("#sort option").all_text_contents() == ["image id"]
        assert images(tab) == 3
    write(entries(0), root)
    with opened(browser, root / "sheet.html") as tab:
        assert tab.locator("#sheet").inner_text() == "No candidates."
