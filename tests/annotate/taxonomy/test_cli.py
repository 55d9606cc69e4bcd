from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotate.cli.console import Program
from annotate.cli.taxonomy import taxonomy
from annotate.tables import LABELS, write


def run(*args: str) -> Result:
    program = Program("mumic-annotate")
    program.add_command(taxonomy)
    return CliRunner().invoke(program, ["taxonomy", *args])


def test_the_bare_group_lints(travel_file: Path) -> None:
    done = run(str(travel_file))
    assert done.exit_code == 0
    assert "120 classes in 8 categories, no errors, 0 warnings" in done.output
    assert done.output == run("lint", str(travel_file)).output


def test_lint_in_a_workspace_needs_no_argument(
    tmp_path: Path, travel_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "label_taxonomy").mkdir()
    (tmp_path / "label_taxonomy" / "travel.yaml").write_bytes(travel_file.read_bytes())
    (tmp_path / "mumic.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert "no errors" in run().output
    assert json.loads(run("--json").stdout)["warnings"] == []


def test_the_workspace_s_own_file_gets_the_advice_of_votes_by_whatever_name(
    tmp_path: Path, travel_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "label_taxonomy" / "travel.yaml"
    own.parent.mkdir()
    own.write_bytes(travel_file.read_bytes())
    (tmp_path / "mumic.toml").write_text("")
    rows = pd.DataFrame({"image_id": [f"i{at:02}" for at in range(40)], "class_id": "pets"})
    rows = rows.assign(label=0, yes=0, no=5, unsure=0, rate=0.0, decided="voted", probability=None)
    write(LABELS, rows, tmp_path / "data/labels/labels.parquet")
    monkeypatch.chdir(tmp_path)
    advice = "class pets: nobody ever ticked it"
    for names in ((), (str(own),), ("label_taxonomy/../label_taxonomy/travel.yaml",)):
        assert advice in run("lint", *names).output
    assert advice not in run("lint", str(travel_file)).output  # the same text, another list
    (tmp_path / "mumic.toml").write_text("[nonsense")
    assert run("lint", str(travel_file)).exit_code == 0


def test_errors_and_advice_have_their_exit_codes(tmp_path: Path) -> None:
    file = tmp_path / "list.yaml"
    head = "version: 1\nname: t\ncategories: [{id: c, name: C}]\nclasses:\n"
    text = head + "- {id: a, name: A, category: c}\n"
    file.write_text(text)
    advised = run("lint", str(file), "--json")
    assert advised.exit_code == 0
    warnings = json.loads(advised.stdout)["warnings"]
    assert {(w["line"], w["class_id"], w["level"]) for w in warnings} == {(5, "a", "warning")}
    file.write_text(text.replace("category: c}", "category: d}"))
    failed = run("lint", str(file))
    assert failed.exit_code == 1
    assert f"{file}:5: class a: category: unknown category 'd'" in failed.output
    assert run("lint", "--nonsense").exit_code == 2


def test_show_lists_classes_or_shows_one(travel_file: Path) -> None:
    rows = run("show", str(travel_file)).output.splitlines()
    assert rows[0].split() == ["category", "class", "parents", "scenario", "difficulty"]
    assert len(rows) == 121
    one = run("show", str(travel_file), "--class", "KAYAK").output
    assert "a photo with people in a kayak" in one
    assert (
        json.loads(run("show", str(travel_file), "--class", "pets", "--json").stdout)["id"]
        == "pets"
    )
    assert json.loads(run("show", str(travel_file), "--json").stdout)["version"] == "1"
    assert "did you mean Kayak" in run("show", str(travel_file), "--class", "kayack").output


def test_graph_and_schema_print_what_can_be_piped(travel_file: Path, schema_file: Path) -> None:
    diagram = run("graph", str(travel_file)).output
    assert diagram.startswith("graph LR\n")
    assert json.loads(run("graph", str(travel_file), "--json").stdout)["mermaid"] + "\n" == diagram
    assert run("schema").output == schema_file.read_text("utf-8")
    assert json.loads(run("schema", "--json").stdout) == json.loads(run("schema").output)
