"""What the file of a contact sheet holds."""

from __future__ import annotations

import base64
import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from annotate.errors import InputError
from annotate.images.contact_sheet import Sheet, original_link, strata_bars, write_sheet
from annotate.settings import ProjectSettings, Settings
from annotate.workspace import Workspace
from tests.annotate.images.sheets import HOSTILE, STRATA, entries, workspace


def write(frame: pd.DataFrame, root: Path, **values: Any) -> str:
    sheet = Sheet(values.pop("title", "Round 1"), values.pop("facts", []), frame, **values)
    write_sheet(sheet, root / "sheet.html", workspace(root))
    return (root / "sheet.html").read_text("utf-8")


def blocks(page: str, name: str) -> list[Any]:
    found = re.findall(rf'<script type="application/json" id="{name}"[^>]*>(.*?)</script>', page)
    return [json.loads(text) for text in found]


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
    frame, before = entries(300), entries(300)
    seen: list[int] = []
    sheet = Sheet("R", [], frame, STRATA)
    write_sheet(sheet, root / "p.html", workspace(root), seen.append)
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


def test_of_very_many_strata_the_largest_have_bars(root: Path) -> None:
    count = 60_000
    names = [f"property_id={at:05d}" for at in range(count)]
    strata = pd.DataFrame({"stratum": names, "population": 20, "drawn": 0})
    strata.loc[[7, 59_999], "population"] = [50, 100]
    strata.loc[[59_000], "drawn"] = 1
    bars = strata_bars(strata)
    assert [bar["name"][-5:] for bar in bars[:4]] == ["59999", "00007", "59000", "00000"]
    assert len(bars) == 50
    everything = 20 * (count - 2) + 150
    assert bars[0]["before"] == pytest.approx(100 * 100 / everything)  # of all, not of the shown
    page = write(entries(2), root, strata=strata)
    assert page.count('<th scope="row">') == 50
    rest = everything - 150 - 48 * 20
    assert f"and 59,950 others: {rest:,} images, 0 drawn" in page
    assert "others:" not in write(entries(2), root, strata=strata.head(50))


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
    settings = Settings(project=ProjectSettings(templates=str(own)))

    def render(template: str) -> str:
        (own / "contact-sheet.html.j2").write_text(template, "utf-8")
        sheet = Sheet("A <b>", [], entries(1))
        write_sheet(sheet, target, Workspace(root, settings))
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
