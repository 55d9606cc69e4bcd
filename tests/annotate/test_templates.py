"""A workspace's own templates, and what is said of one that is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotate.errors import InputError, MissingError
from annotate.resources import resource
from annotate.templates import Templates, own_or_packaged


def test_the_own_copy_wins_else_the_packaged_file_is_found(tmp_path: Path) -> None:
    packaged = resource("templates", "pages.css")
    assert own_or_packaged(tmp_path, "pages.css") == packaged
    (tmp_path / "pages.css").write_bytes("p { content: 'é' }\r\n".encode())
    assert own_or_packaged(tmp_path, "pages.css") == tmp_path / "pages.css"
    assert Templates(tmp_path).text("pages.css") == "p { content: 'é' }\n"
    with pytest.raises(MissingError, match=r"pages\.txt"):
        own_or_packaged(tmp_path, "pages.txt")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n{% if %}", "page.j2:2: "),
        ("one\ntwo\n{{ nothing }}", "page.j2:3: it does not render: 'nothing' is undefined"),
        ("{% macro m() %}\n{{ entry.gone }}\n{% endmacro %}\n\n{{ m() }}", "page.j2:2: "),
        ("{% include 'other.j2' %}", "page.j2:1: "),
    ],
)
def test_a_mistake_is_named_with_its_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "page.j2").write_text(text, "utf-8")
    with pytest.raises(InputError) as caught:
        Templates(tmp_path).render("page.j2", entry={"name": "x"})
    assert said in str(caught.value)


def test_a_template_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"page\.j2 is not UTF-8"):
        Templates(tmp_path).render("page.j2")
    (tmp_path / "page.j2").write_text("{% include 'page.css' %}", "utf-8")
    (tmp_path / "page.css").write_bytes(b"caf\xe9")
    with pytest.raises(InputError, match=r"page\.css is not UTF-8"):
        Templates(tmp_path).render("page.j2")


def test_a_template_is_checked_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_text("{{ later }}", "utf-8")
    Templates(tmp_path).check("page.j2")
    (tmp_path / "page.j2").write_text("{{ later }}\n{% if %}", "utf-8")
    with pytest.raises(InputError, match=r"page\.j2:2: "):
        Templates(tmp_path).check("page.j2")


def test_brackets_leave_braces_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_text("{{ liquid }} [[ text ]]", "utf-8")
    templates = Templates(tmp_path, brackets=True)
    assert templates.render("page.j2", text="<b>") == "{{ liquid }} &lt;b&gt;"
