"""Texts about a class: what a model is prompted with and what images are searched for."""

from __future__ import annotations

import re

from annotate.taxonomy.model import TaxonomyClass

TEMPLATE = "a photo with {}"
_WORD = re.compile(r"[^\W\d_]+")


def prompt_name(name: str) -> str:
    """A name as it stands in the middle of a sentence.

    The first letter becomes small, unless the first word has another capital and so is an acronym
    or a brand. Nothing else changes. (CLIP's tokenizer ignores case; people do not.)

    >>> [prompt_name(name) for name in ("Swimming pool", "TV/Multimedia", "Art (not BBQ)")]
    ['swimming pool', 'TV/Multimedia', 'art (not BBQ)']
    """
    first = _WORD.match(name)
    if first is None or first[0][1:] != first[0][1:].lower():
        return name
    return name[0].lower() + name[1:]


def name_prompt(entry: TaxonomyClass) -> str:
    """The template filled with the name: "a photo with {name}"."""
    return TEMPLATE.format(prompt_name(entry.name))


def description_prompt(entry: TaxonomyClass) -> str:
    """The template filled with the description, or with the name where there is none."""
    return TEMPLATE.format(entry.description) if entry.description else name_prompt(entry)


def prompt_text(entry: TaxonomyClass) -> str:
    """The text that a model is prompted with, by the class's own choice of ``prompt``."""
    return description_prompt(entry) if entry.prompt == "description" else name_prompt(entry)


def search_queries(entry: TaxonomyClass) -> tuple[str, ...]:
    """The class's queries; where it has none, its name's and its description's prompt."""
    return entry.queries or tuple(dict.fromkeys((name_prompt(entry), description_prompt(entry))))
