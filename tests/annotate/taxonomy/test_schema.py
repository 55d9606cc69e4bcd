from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotate.errors import InputError
from annotate.taxonomy.schema import json_schema, schema_text


def test_the_committed_schema_is_the_generated_one(schema_file: Path) -> None:
    assert schema_file.read_text("utf-8") == schema_text(), (
        "run `mumic-annotate taxonomy schema > label_taxonomy/taxonomy.schema.json`"
    )


def test_travel_names_the_schema_for_editors(travel_file: Path, schema_file: Path) -> None:
    first = travel_file.read_text("utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={schema_file.name}"


@pytest.fixture
def validate() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft7Validator(json_schema())
    validator.check_schema(validator.schema)
    return validator


def test_travel_is_valid_by_the_schema(validate: Any, travel_file: Path) -> None:
    from ruamel.yaml import YAML

    assert list(validate.iter_errors(YAML(typ="safe").load(travel_file))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "Not an id"},
        {"name": ""},
        {"unknown": 1},
        {"difficulty": "very"},
        {"vote_threshold": 0},
        {"vote_threshold": 1.5},
        {"vote_threshold": "0.6"},
        {"queries": ["a", "a"]},
        {"parents": "a"},
        {"id": "x" * 65},
        {"id": None},
        {"name": "x" * 501},
        {"category": ""},
        {"description": True},
        {"prompt": "title"},
        {"exclusive_with": ["B"]},
        {"scenario": "Two words"},
        {"aliases": [""]},
        {"examples": {}},
        {"since": []},
        {"replaced_by": ["b", "b"]},
        {"replaced_by": "Not an id"},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(
    validate: Any, load: Any, change: dict[str, Any]
) -> None:
    entry = {"id": "a", "name": "A", "category": "c"}
    content = {
        "version": 1,
        "name": "t",
        "categories": [{"id": "c", "name": "C"}],
        "classes": [entry],
    }
    assert validate.is_valid(content)
    wrong = {**content, "classes": [{**entry, **change}]}
    assert not validate.is_valid(wrong)
    with pytest.raises(InputError, match=r"list\.yaml:\d+: "):
        load(json.dumps(wrong, indent=1))


@pytest.mark.parametrize("key", ["version", "name", "categories", "classes"])
def test_the_schema_misses_what_the_loader_misses(validate: Any, load: Any, key: str) -> None:
    content = {
        "version": 1,
        "name": "t",
        "categories": [{"id": "c", "name": "C"}],
        "classes": [{"id": "a", "name": "A", "category": "c"}],
    }
    del content[key]
    assert not validate.is_valid(content)
    with pytest.raises(InputError, match=f"{key} is missing"):
        load(json.dumps(content))


def test_init_writes_the_line_by_which_editors_find_the_schema(tmp_path: Path) -> None:
    from annotate.init import init_workspace
    from annotate.settings import Settings

    init_workspace(tmp_path / "new", Settings())
    folder = tmp_path / "new" / "label_taxonomy"
    first = (folder / "travel.yaml").read_text("utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((folder / named).read_text("utf-8")) == json_schema()
