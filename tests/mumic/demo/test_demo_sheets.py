"""The demo's page finds the contact sheets of its rounds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from annotate.images.contact_sheet import Sheet, write_sheet
from annotate.mining.round_files import sheet_file
from annotate.settings import Settings
from annotate.tables import CANDIDATES, empty, write
from annotate.workspace import Workspace
from mumic.demo.page import contact_sheets


def test_the_first_sheet_is_whole_and_all_are_linked(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Settings())
    entries = pd.DataFrame({"image_id": ["a"], "uri": ["gone.jpg"], "group": ["Pets"]})
    for number in (1, 2, 3):
        write(CANDIDATES, empty(CANDIDATES), workspace.candidates / f"round-{number:04d}.parquet")
    for number in (1, 3):  # the second was mined with --no-sheet
        target = sheet_file(workspace.candidates, number)
        sheet = Sheet(f"Round {number}", [], entries)
        write_sheet(sheet, target, workspace)
    found = contact_sheets(workspace, tmp_path)
    assert [(tmp_path / sheet["link"]).name for sheet in found] == [
        "round-0001.html",
        "round-0003.html",
    ]
    assert all((tmp_path / sheet["link"]).is_file() for sheet in found)
    assert '<h1 dir="auto">Round 1</h1>' in found[0]["page"]
    assert found[1]["page"] == ""
    assert contact_sheets(Workspace(tmp_path / "new", Settings()), tmp_path) == []
