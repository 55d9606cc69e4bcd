"""The reader of pages that other tests rest on: what is not in the page is found."""

from __future__ import annotations

import pytest

from tests.mumic.pages import Page


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<img src="loss.png">', "loss.png"),
        ("<img src=//host/a.png>", "//host/a.png"),
        ('<source srcset="data:image/png;base64,AA== 1x, big.png 2x">', "big.png"),
        ('<link rel="stylesheet" href="page.css">', "page.css"),
        ("<style>p { background: url( 'wash.png' ) }</style>", "wash.png"),
        ('<style>@import "more.css";</style>', "more.css"),
        ('<i style="background: URL(dot.png)"></i>', "dot.png"),
        ('<script src="page.js"></script>', "page.js"),
    ],
)
def test_what_lies_outside_a_page_is_found(html: str, found: str) -> None:
    assert Page(html).outside == [found]


def test_what_lies_inside_is_not() -> None:
    html = '<link href="data:,"><a href="#map">Map</a><p>as in src="a.png"</p>'
    assert (
        Page(html + '<img src="data:image/png;base64,AA=="><style>p { top: 0 }</style>').outside
        == []
    )


def test_tables_are_rows_of_text() -> None:
    page = Page('<table><tr><th scope="row">A &amp; <b>B</b></th><td>1</td></tr></table>')
    assert page.rows == [["A & B", "1"]]
    assert page.scopes == ["row"]
