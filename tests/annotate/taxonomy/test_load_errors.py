"""Each fault of a file is named with its line and a remedy, and all of them at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.errors import InputError, MissingError
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

Load = Callable[[str | bytes], Taxonomy]

HEAD = """\
version: 1
name: test
categories:
  - {id: things, name: Things}
classes:
"""
LONG = "a " * 73

# Classes from line 6 on, the line of the fault, and a part of its message.
CLASS_FAULTS = [
    # keys
    (
        "- {id: a, name: A, category: things, querys: [b]}",
        6,
        "unknown key 'querys'; did you mean que",
    ),
    (
        "- {id: a, name: A, category: things, zzz: 1}",
        6,
        "unknown key 'zzz'; known keys are id, name",
    ),
    ("- {id: a, name: A, category: things, <<: {x: y}}", 6, "unknown key '<<'"),
    ("- {id: a, name: A, category: things, [b]: c}", 6, "a key must be a word, not a list"),
    ("- {name: A, category: things}", 6, "id is missing; add `id:`"),
    ("- {id: a, category: things}", 6, "name is missing"),
    ("- {id: a, name: A}", 6, "category is missing"),
    ("- id: a\n  name: A\n  category: things\n  name: B", 9, "name is given twice; keep one"),
    # types
    ("- a", 6, "class must be an entry with keys, not a single value"),
    ("- {id: a, name: [A], category: things}", 6, "name must be a single value, not a list"),
    ("- {id: a, name: 5, category: things}", 6, "name: '5' is no text; put it in quotes"),
    ("- {id: a, name: true, category: things}", 6, "name: 'true' is no text"),
    ("- {id: a, name: .inf, category: things}", 6, "name: '.inf' is no text"),
    ("- {id: a, name: A, category: things, queries: b}", 6, "queries must be a list, not a single"),
    ("- {id: a, name: A, category: things, aliases: {b: c}}", 6, "aliases must be a list, not an"),
    ("- {id: a, name: A, category: things, queries: [[b]]}", 6, "queries must be a single value"),
    # values
    ("- {id: a, name: A, category: things, description: ''}", 6, "description: is empty"),
    ("- id: a\n  name: A\n  category: things\n  description:", 9, "description: is empty"),
    ("- {id: a, name: ~, category: things}", 6, "name: is empty; write something or delete"),
    ("- {id: a, name: A, category: things, queries: ['  ']}", 6, "queries: is empty"),
    (
        "- {id: Big Pool, name: A, category: things}",
        6,
        "id: 'Big Pool' is no id; use small letters",
    ),
    ("- {id: a__b, name: A, category: things}", 6, "id: 'a__b' is no id"),
    (f"- {{id: {'a' * 65}, name: A, category: things}}", 6, "is no id"),
    (
        "- {id: a, name: A, category: things, prompt: nam}",
        6,
        "not one of name, description; did you m",
    ),
    ("- {id: a, name: A, category: things, difficulty: hrad}", 6, "not one of easy, medium, hard"),
    ("- {id: a, name: A, category: things, vote_threshold: 0}", 6, "'0' is outside (0, 1]"),
    ("- {id: a, name: A, category: things, vote_threshold: 1.01}", 6, "'1.01' is outside (0, 1]"),
    ("- {id: a, name: A, category: things, vote_threshold: -.5}", 6, "'-.5' is outside (0, 1]"),
    ("- {id: a, name: A, category: things, vote_threshold: .nan}", 6, "'.nan' is outside (0, 1]"),
    (
        "- {id: a, name: A, category: things, vote_threshold: 1e-999}",
        6,
        "'1e-999' is outside (0, 1]",
    ),
    ("- {id: a, name: A, category: things, vote_threshold: '0.6'}", 6, "'0.6' is no number"),
    ("- {id: a, name: A, category: things, vote_threshold: high}", 6, "'high' is no number"),
    (f"- {{id: a, name: A, category: things, description: {'x' * 501}}}", 6, "has 501 characters"),
    ('- {id: a, name: "A\\x07", category: things}', 6, "holds the character U+0007; delete it"),
    ('- {id: a, name: "A\\ud800", category: things}', 6, "holds the character U+D800"),
    ("- {id: a, name: A, category: things, aliases: [b, b]}", 6, "aliases: 'b' is listed twice"),
    # texts
    (
        f"- id: a\n  name: A\n  category: things\n  description: {LONG}",
        9,
        "has 78 tokens with start and end",
    ),
    (
        f"- id: a\n  name: A\n  category: things\n  queries:\n  - b\n  - {LONG}{LONG}",
        11,
        "CLIP reads 77",
    ),
    ("- {id: a, name: A, category: things, prompt: description}", 6, "asks for the description"),
    # between classes
    ("- {id: a, name: A, category: thngs}", 6, "unknown category 'thngs'; did you mean things?"),
    (
        "- {id: a, name: A, category: things, parents: [b]}",
        6,
        "parents: unknown class 'b'; add it or",
    ),
    (
        "- {id: a, name: A, category: things, exclusive_with: [b]}",
        6,
        "exclusive_with: unknown class",
    ),
    ("- {id: a, name: A, category: things, replaced_by: b}", 6, "replaced_by: unknown class 'b'"),
    (
        "- {id: a, name: A, category: things, replaced_by: a}",
        6,
        "replaced_by: names the class itself",
    ),
    (
        "- {id: a, name: A, category: things, exclusive_with: [a]}",
        6,
        "exclusive_with: names the class",
    ),
    ("- {id: a, name: A, category: things, parents: [a]}", 6, "form a cycle: a -> a;"),
    (
        "- {id: a, name: A, category: things}\n- {id: a, name: B, category: things}",
        7,
        "class a: 'a' is taken by class a in line 6",
    ),
    (
        "- {id: a, name: Pool, category: things}\n- {id: b, name: POOL, category: things}",
        7,
        "class b: 'POOL' is taken by class a in line 6",
    ),
    (
        "- {id: a, name: A, category: things}\n- {id: b, name: B, category: things, aliases: [A]}",
        7,
        "class b: 'A' is taken by class a",
    ),
    (
        "- {id: a, name: A, category: things, parents: [b]}\n"
        "- {id: b, name: B, category: things, parents: [c]}\n"
        "- {id: c, name: C, category: things, parents: [a]}",
        6,
        "parents form a cycle: a -> b -> c -> a; remove one of them",
    ),
    (
        "- {id: a, name: A, category: things}\n"
        "- {id: b, name: B, category: things, parents: [a]}\n"
        "- {id: c, name: C, category: things, parents: [b], exclusive_with: [a]}",
        8,
        "class c: exclusive_with its own ancestor a",
    ),
    (
        "- {id: a, name: A, category: things, exclusive_with: [b]}\n"
        "- {id: b, name: B, category: things, parents: [a]}",
        6,
        "class b: exclusive_with its own ancestor a",
    ),
    (
        "- {id: a, name: A, category: things, exclusive_with: [b]}\n"
        "- {id: b, name: B, category: things}\n"
        "- {id: c, name: C, category: things, parents: [a, b]}",
        8,
        "class c: implies both a and b, which exclude each other by line 6",
    ),
]


@pytest.mark.parametrize(("classes", "line", "message"), CLASS_FAULTS)
def test_a_fault_of_a_class_is_named_with_its_line(
    load: Load, classes: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(HEAD + classes + "\n")
    expected = re.compile(rf"list\.yaml:{line}: .*{re.escape(message)}")
    assert expected.search(str(caught.value)), caught.value
    assert str(caught.value).count("\n") == 0, "one fault, one message"


FILE_FAULTS = [
    ("a: [1, 2", 1, "not valid YAML: expected ',' or ']'"),
    ("version: 1\nname: [\n", 3, "not valid YAML"),
    ("version: 1\n\tname: x\n", 2, "not valid YAML: found character '\\t'"),
    ("- a\n- b\n", 1, "the taxonomy must be an entry with keys, not a list"),
    ("hello", 1, "the taxonomy must be an entry with keys, not a single value"),
    ("", 1, "it is empty; write version, name, categories and classes"),
    ("# only a comment\n", 1, "it is empty"),
    ("version: 1\n", 1, "the taxonomy: classes is missing; add `classes:`"),
    ("version: 1\nclases: []\n", 2, "unknown key 'clases'; did you mean classes?"),
    ("version: 1\nname: x\ncategories: []\nclasses: []\n", 4, "classes is empty; add at least one"),
    ("version: 1\nname: x\ncategories: 5\nclasses: []\n", 3, "categories must be a list"),
    ("version: [1]\n", 1, "version must be a single value"),
    ("version: true\n", 1, "version: 'true' is no text"),
    (
        HEAD.replace("classes:", "  - {id: things, name: B}\nclasses:"),
        5,
        "category things: 'things' is",
    ),
    (
        HEAD.replace("classes:", "  - {id: other, name: THINGS}\nclasses:"),
        5,
        "'THINGS' is taken by",
    ),
]


@pytest.mark.parametrize(("text", "line", "message"), FILE_FAULTS)
def test_a_fault_of_the_file_is_named_with_its_line(
    load: Load, text: str, line: int, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    expected = re.compile(rf"list\.yaml:{line}: .*{re.escape(message)}")
    assert expected.search(str(caught.value)), caught.value


def test_all_faults_are_reported_at_once_in_the_order_of_their_lines(load: Load) -> None:
    text = HEAD + (
        "- {id: a, name: A, category: nowhere, vote_threshold: 2}\n"
        "- {id: b, name: a, category: things, parents: [b, q]}\n"
        "- {id: C, category: things, difficulty: x}\n"
    )
    with pytest.raises(InputError) as caught:
        load(text)
    lines = str(caught.value).splitlines()
    assert [int(line.split("list.yaml:")[1].split(":")[0]) for line in lines] == [
        6,
        6,
        7,
        7,
        7,
        8,
        8,
        8,
    ]


def test_very_many_faults_are_counted_not_listed(load: Load) -> None:
    with pytest.raises(InputError) as caught:
        load(HEAD + "".join(f"- {{id: a{i}, name: A{i}, category: c{i}}}\n" for i in range(300)))
    lines = str(caught.value).splitlines()
    assert len(lines) == 201
    assert lines[-1].endswith("and 100 more problems")


def test_two_cycles_are_named_apart(load: Load) -> None:
    pairs = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "a")]
    text = "".join(
        f"- {{id: {i}, name: {i}, category: things, parents: [{p}]}}\n" for i, p in pairs
    )
    with pytest.raises(InputError) as caught:
        load(HEAD + text)
    assert re.findall(r"cycle: (.*);", str(caught.value)) == ["a -> b -> a", "c -> d -> c"]


def test_a_missing_file_is_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="mumic-annotate init"):
        load_taxonomy(tmp_path / "none.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_taxonomy(tmp_path)
