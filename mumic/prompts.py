"""The text that stands for each class (Wang et al., AAAI 2023, sections 3.2 and 5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from annotate.errors import InputError
from annotate.taxonomy.model import TaxonomyClass
from annotate.taxonomy.prompts import description_prompt, name_prompt, prompt_name, prompt_text

CHOICES = {"taxonomy": prompt_text, "name": name_prompt, "description": description_prompt}

NEUTRAL_PROMPT = "a photo"


def label_texts(classes: Sequence[TaxonomyClass], choice: str) -> list[str]:
    """One text per class.

    Args:
        classes: in the order of the logits.
        choice: ``taxonomy`` (each class's own), ``name`` or ``description``.

    Raises:
        InputError: another choice.

    >>> label_texts([TaxonomyClass("pets", "Pets", "Inside")], "name")
    ['a photo with pets']
    """
    if choice not in CHOICES:
        raise InputError(f"[train] prompts = {choice!r}: must be one of {', '.join(CHOICES)}")
    return [CHOICES[choice](entry) for entry in classes]


def zero_shot_texts(classes: Sequence[TaxonomyClass]) -> list[str]:
    """Zero-shot CLIP's prompt per class, "a photo of {name}": the counterpart of "a photo"."""
    return [f"a photo of {prompt_name(entry.name)}" for entry in classes]
