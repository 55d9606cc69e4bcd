"""The JSON Schema of taxonomy files, by which editors complete and check them while one types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from annotate.taxonomy.fields import (
    CATEGORY_FIELDS,
    CLASS_FIELDS,
    ID_PATTERN,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_CLASSES,
    ROOT_FIELDS,
    Field,
    Kind,
)

_ID = {"type": "string", "pattern": ID_PATTERN, "maxLength": LONGEST_ID}
_TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
_RECORDS = {"categories": CATEGORY_FIELDS, "classes": CLASS_FIELDS}


def json_schema() -> dict[str, Any]:
    """The schema, in the draft that the YAML language server reads (7)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Taxonomy",
        "description": "The label list of mumic-annotate.",
        **_record(ROOT_FIELDS),
    }


def schema_text() -> str:
    """The schema as the text of ``label_taxonomy/taxonomy.schema.json``."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _record(fields: Sequence[Field]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field.key for field in fields if field.required],
        "properties": {field.key: {"description": field.about} | _value(field) for field in fields},
    }


def _value(field: Field) -> dict[str, Any]:
    match field.kind:
        case Kind.ID:
            return _ID
        case Kind.TEXT:
            return _TEXT
        case Kind.VERSION:
            return {"type": ["string", "number"], "minLength": 1, "maxLength": LONGEST_TEXT}
        case Kind.SHARE:
            return {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
        case Kind.CHOICE:
            return {"enum": list(field.choices)}
        case Kind.IDS:
            return {"type": "array", "items": _ID, "uniqueItems": True}
        case Kind.ID_OR_IDS:
            several = {"type": "array", "items": _ID, "uniqueItems": True}
            return {"anyOf": [_ID, several]}
        case Kind.TEXTS:
            return {"type": "array", "items": _TEXT, "uniqueItems": True}
        case Kind.RECORDS:
            return {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_CLASSES,
                "items": _record(_RECORDS[field.key]),
            }
