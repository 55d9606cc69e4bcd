"""The keys of a taxonomy file: what each holds and means.

The loader checks files against these tables, the JSON Schema is made from them, and a test keeps
them equal to the fields of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DIFFICULTIES = ("easy", "medium", "hard")
PROMPTS = ("name", "description")
ID_PATTERN = "^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
LONGEST_ID = 64
LONGEST_TEXT = 500
MOST_CLASSES = 2000


class Kind(Enum):
    """What stands under a key."""

    ID = "an id in snake_case"
    TEXT = "text"
    VERSION = "a number or text"
    SHARE = "a number"
    CHOICE = "one of a few words"
    IDS = "a list of ids"
    ID_OR_IDS = "an id or a list of ids"
    TEXTS = "a list of texts"
    RECORDS = "a list of entries with keys"


LISTS = (Kind.IDS, Kind.ID_OR_IDS, Kind.TEXTS)


@dataclass(frozen=True)
class Field:
    """One key of an entry."""

    key: str
    kind: Kind
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()


CATEGORY_FIELDS = (
    Field("id", Kind.ID, "Stable id in snake_case.", required=True),
    Field("name", Kind.TEXT, "The name that people see.", required=True),
    Field("description", Kind.TEXT, "What its classes have in common."),
)

CLASS_FIELDS = (
    Field("id", Kind.ID, "Stable id in snake_case; votes are stored under it.", required=True),
    Field("name", Kind.TEXT, "The name that people see. It may change.", required=True),
    Field("category", Kind.ID, "Id of the category.", required=True),
    Field("description", Kind.TEXT, 'Reads on after "a photo with "; annotators see it.'),
    Field("parents", Kind.IDS, "Ids of classes that every photo of this class shows too."),
    Field("queries", Kind.TEXTS, "Texts to which candidate images must be similar."),
    Field("prompt", Kind.CHOICE, "The text that a model is prompted with.", choices=PROMPTS),
    Field("vote_threshold", Kind.SHARE, "Share of yes votes that makes the label positive."),
    Field("difficulty", Kind.CHOICE, "How hard it is to judge.", choices=DIFFICULTIES),
    Field("exclusive_with", Kind.IDS, "Ids of classes that no photo shows together with this one."),
    Field("scenario", Kind.ID, "Situation in which it is judged; by default the category."),
    Field("aliases", Kind.TEXTS, "Other names by which it is found."),
    Field(
        "examples",
        Kind.TEXTS,
        'Paths or addresses of example images; "not " before one: it is mistaken for the class.',
    ),
    Field("since", Kind.VERSION, "Version of the taxonomy in which the class came in."),
    Field(
        "replaced_by",
        Kind.ID_OR_IDS,
        "Id of the class that has taken its place, or ids of those that share it. It is no longer "
        "asked for; `taxonomy migrate` carries its votes over.",
    ),
)

ROOT_FIELDS = (
    Field("version", Kind.VERSION, "Version of this taxonomy.", required=True),
    Field("name", Kind.TEXT, "Name of this taxonomy.", required=True),
    Field("categories", Kind.RECORDS, "Groups of classes.", required=True),
    Field("classes", Kind.RECORDS, "Classes, in the order of a model's outputs.", required=True),
)
