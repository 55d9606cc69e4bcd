from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(validate: Any, change: dict[str, Any]) -> None:
    entry = {"id": "a", "name": "A", "category": "c"}
    content = {
        "version": 1,
        "name": "t",
        "categories": [{"id": "c", "name": "C"}],
        "classes": [entry],
    }
    assert validate.is_valid(content)
    assert not validate.is_valid({**content, "classes": [{**entry, **change}]})
