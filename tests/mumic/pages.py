"""What the tests read off a page: its tables, and every address that it would load or lead to."""

from __future__ import annotations

import re
from html.parser import HTMLParser

ADDRESSES = {"src", "href", "poster", "data", "background", "action", "formaction", "xlink:href"}
LISTS = {"srcset", "imagesrcset"}
IN_STYLES = re.compile(r"""url\(\s*["']?([^"')]*)|@import\s+["']([^"']*)""", re.IGNORECASE)


class Page(HTMLParser):
    """``addresses`` of everything, ``rows`` of cells as text, and the ``scopes`` of headings."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self.scopes: list[str | None] = []
        self._inside = ""
        self.feed(html)
        self.close()

    @property
    def outside(self) -> list[str]:
        """Addresses that the page does not hold itself."""
        return [found for found in self.addresses if not found.startswith(("data:", "#"))]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self._look_at(name, value or "")
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            if tag == "th":
                self.scopes.append(dict(attrs).get("scope"))
        if tag in ("td", "th", "style"):
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self._look_at("style", data)
        elif self._inside:
            self.rows[-1][-1] += data

    def _look_at(self, name: str, value: str) -> None:
        if name in ADDRESSES:
            self.addresses.append(value.strip())
        elif name in LISTS:
            self.addresses += [part.split()[0] for part in re.split(r",\s+", value) if part.strip()]
        elif name == "style":
            self.addresses += [url or sheet for url, sheet in IN_STYLES.findall(value)]
