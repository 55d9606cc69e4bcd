"""Commands beside the server that runs: links, status, export."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.resources import resource
from annotate.server.pages import differing_copies
from benchmarks.serve_people import Browser, serving
from benchmarks.serve_tasks import make_workspace


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(main, ["serve", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_they_go_by_the_port_and_the_rules_of_the_server_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(tmp_path / "work", 2, ["Bed", "Pool"], votes=2)
    monkeypatch.chdir(workspace.root)
    with serving(workspace.root, "--votes-max", "7") as served:
        (link,) = run("links", "--name", "Ada")["links"]
        ada = Browser(served.origin)
        assert link["url"].startswith(served.origin + "/a/")
        assert ada.open(link["url"]) == 200
        ada.close()
        assert run("status")["progress"]["rule"] == "2 votes, up to 7 where open"
        owner = Browser(served.origin)
        owner.open(served.owner)
        assert owner.get("/api/owner")[1]["progress"]["rule"] == "2 votes, up to 7 where open"
        owner.close()
    (link,) = run("links", "--name", "Eve")["links"]
    assert link["url"].startswith("http://127.0.0.1:0/a/"), "as the settings have it"
    assert run("status")["progress"]["rule"] == "2 votes, up to 7 where open"


def test_copies_of_another_version_are_named(tmp_path: Path) -> None:
    assert differing_copies(tmp_path / "none") == []
    shutil.copytree(resource("templates"), tmp_path / "templates")
    assert differing_copies(tmp_path / "templates") == []
    for name in ("crowd-shim.js", "serve-owner.js", "task.js"):
        (tmp_path / "templates" / name).write_text("// older")
    assert differing_copies(tmp_path / "templates") == ["crowd-shim.js", "serve-owner.js"]
