"""Files made to hurt end in one clear error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.taxonomy.load import LARGEST_FILE, parse_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.problems import Problems

Load = Callable[[str | bytes], Taxonomy]

LAUGHS = 'a: &a ["lol","lol"]\n' + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(20)
)

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "billion laughs": (LAUGHS, ":1: anchor &a: delete it and write values out"),
    "alias of nothing": ("version: *a\n", ":1: alias *a: write the value out instead"),
    "recursion": ("&a [*a]", ":1: anchor &a"),
    "python object": (
        "version: !!python/object/apply:os.system [ls]\n",
        ":1: tag tag:yaml.org,2002:py",
    ),
    "own tag": ("version: 1\nname: !mine x\n", ":2: tag !mine: delete it"),
    "binary": ("name: !!binary aGk=\n", ":1: tag tag:yaml.org,2002:binary"),
    "deep flow": ("[" * 100_000, ":1: nested more than 8 levels deep"),
    "deep block": ("- " * 50_000, ":1: nested more than 8 levels deep"),
    "deep keys": ("? " * 50_000, ":1: nested more than 8 levels deep"),
    "deep mappings": ("{a: " * 50_000, ":1: nested more than 8 levels deep"),
    "NUL": (b"version: 1\nname: a\x00b\n", ":2: character U+0000 is not allowed in YAML"),
    "escape": (b"version: \x1b[2J\n", ":1: character U+001B is not allowed"),
    "Latin-1": ("version: 1\nname: caf\xe9\n".encode("latin-1"), ":2: byte 0xe9 is not UTF-8"),
    "UTF-16": (
        "version: 1\n".encode("utf-16"),
        ":1: byte 0xff is not UTF-8; save the file as UTF-8",
    ),
    "huge": (b"#" * (LARGEST_FILE + 1), "larger than 1,048,576 bytes"),
    "beyond Unicode": ('name: "\\UFFFFFFFF"\n', ":1: not valid YAML"),
    "two documents": ("version: 1\n---\nversion: 1\n", ":2: a second YAML document|:3: a second"),
    "bad directive": ("%YAML 9.9\n---\na: b\n", "not valid YAML"),
    "long word": ("version: " + "x" * 900_000, "at most 500 are allowed"),
    "long number": ("version: " + "1" * 900_000, "at most 500 are allowed"),
    "duplicate keys": ("version: 1\nversion: 2\n", ":2: the taxonomy: version is given twice"),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_ends_in_a_clear_error(
    load: Load, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(content)
    assert any(part in str(caught.value) for part in message.split("|")), caught.value
    assert len(str(caught.value)) < 1500


def test_a_byte_order_mark_and_windows_line_ends_are_welcome(load: Load, travel: Taxonomy) -> None:
    text = travel.to_json().replace("\n", "\r\n")
    assert load(b"\xef\xbb\xbf" + text.encode()) == travel


def test_too_many_classes_are_refused(load: Load) -> None:
    entries = "".join(f"- {{id: a{i}, name: A{i}, category: c}}\n" for i in range(2001))
    with pytest.raises(InputError, match="classes: more than 2000 entries"):
        load(f"version: 1\nname: x\ncategories: [{{id: c, name: C}}]\nclasses:\n{entries}")


@given(
    text=st.text(
        alphabet=st.sampled_from("ab:-?[]{},&*!|>'\"%@`# \n\t\\x0~\u2028\x85é"), max_size=60
    )
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_brings_the_parser_down(text: str) -> None:
    problems = Problems("any.yaml")
    assert parse_taxonomy(text, problems) is None
