"""The table of a label list's keys, from the tables that the loader checks files against."""

from __future__ import annotations

from annotate.taxonomy.fields import CATEGORY_FIELDS, CLASS_FIELDS, ROOT_FIELDS, Field

PARTS = (("the file", ROOT_FIELDS), ("a category", CATEGORY_FIELDS), ("a class", CLASS_FIELDS))


def keys_block() -> str:
    """All keys, as Markdown; those that must be there in bold."""
    lines = ["| of | key | holds | meaning |", "|---|---|---|---|"]
    lines += [_row(part, field) for part, fields in PARTS for field in fields]
    return "\n".join(lines) + "\n"


def _row(part: str, field: Field) -> str:
    key = f"**`{field.key}`**" if field.required else f"`{field.key}`"
    holds = " or ".join(field.choices) if field.choices else field.kind.value
    return f"| {part} | {key} | {holds} | {field.about} |"
