"""The source of a task template, taken apart: its Liquid, its elements and where they stand.

Liquid stands anywhere in HTML, within attributes too. So each output becomes one stand-in character
and each tag becomes spaces, both padded to their length: what is left is HTML, every place in it is
the place in the source, and a stand-in in an attribute or a script is an output there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NamedTuple

_TOKEN = re.compile(r"{{.*?}}|{%.*?%}", re.DOTALL)
_TAG_NAME = re.compile(r"{%-?\s*(\w+)")
_LITERAL = {"raw": "endraw", "comment": "endcomment"}
_STAND_INS = 0xF0000  # a private plane: no text has these
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_PADDING = "\U000ffffd"
LOOPS = ("for", "tablerow")
BLOCKS = (*LOOPS, "if", "unless", "case")


@dataclass(frozen=True)
class Output:
    """A Liquid output: its expression without the braces."""

    text: str
    offset: int

    @property
    def filters(self) -> list[str]:
        """Names of its filters, in their order."""
        without_quotes = re.sub(r"\"[^\"]*\"|'[^']*'", "''", self.text)
        return [part.split(":")[0].strip() for part in without_quotes.split("|")[1:]]


class Block(NamedTuple):
    """A Liquid block: its tag, where it begins, and where its branch begins (``else``)."""

    name: str
    offset: int
    branch: int


@dataclass(frozen=True)
class Element:
    """A start tag.

    Attributes:
        name: in lower case.
        attributes: values in which an output is its stand-in.
        offset: in the source.
        inside: names of the open elements around it.
        blocks: the Liquid blocks around it.
        unquoted: names of attributes whose value is an output without quotes.
    """

    name: str
    attributes: dict[str, str]
    offset: int
    inside: tuple[str, ...]
    blocks: tuple[Block, ...]
    unquoted: tuple[str, ...]


@dataclass
class Source:
    """A template taken apart by :func:`take_apart`."""

    text: str
    outputs: list[Output] = field(default_factory=list)
    tags: list[tuple[str, int]] = field(default_factory=list)
    elements: list[Element] = field(default_factory=list)
    in_scripts: list[Output] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """Number of the line, from 1."""
        return self.text.count("\n", 0, offset) + 1

    def outputs_in(self, value: str) -> list[Output]:
        """The outputs whose stand-ins a text holds."""
        found = [ord(character) - _STAND_INS for character in value]
        return [self.outputs[at] for at in found if 0 <= at < len(self.outputs)]

    def readable(self, value: str) -> str:
        """A text with its outputs as they were written."""
        parts = (
            f"{{{{ {self.outputs_in(character)[0].text} }}}}"
            if self.outputs_in(character)
            else character
            for character in value
            if character != _PADDING
        )
        return "".join(parts)


def take_apart(text: str) -> Source:
    """A template's outputs, tags and elements; also of one that is not valid."""
    source = Source(text)
    page, blocks = _without_liquid(source)
    _Elements(page, source, blocks).read()
    return source


Blocks = list[tuple[int, tuple[Block, ...]]]


def _without_liquid(source: Source) -> tuple[str, Blocks]:
    """The HTML with stand-ins, and the open blocks from each offset on."""
    text, parts, at = source.text, [], 0
    blocks: Blocks = [(0, ())]
    while match := _TOKEN.search(text, at):
        token, end = match.group(), match.end()
        parts.append(_plain(text[at : match.start()]))
        if token.startswith("{{"):
            parts.append(_padded(token, chr(_STAND_INS + len(source.outputs)), _PADDING))
            source.outputs.append(Output(token[2:-2].strip("-").strip(), match.start()))
        else:
            parts.append(_padded(token, " ", " "))
            found = _TAG_NAME.match(token)
            name = found[1] if found else ""
            source.tags.append((name, match.start()))
            blocks.append((end, _after(blocks[-1][1], name, match.start())))
            if name in _LITERAL:
                closing = re.compile(r"{%-?\s*" + _LITERAL[name] + r"\s*-?%}").search(text, end)
                stop = closing.start() if closing else len(text)
                inside = text[end:stop]
                parts.append(_plain(inside) if name == "raw" else _padded(inside, " ", " "))
                end = stop
        at = end
    parts.append(_plain(text[at:]))
    return "".join(parts), blocks


def _after(around: tuple[Block, ...], name: str, offset: int) -> tuple[Block, ...]:
    """The open blocks after a tag."""
    if name in BLOCKS:
        return (*around, Block(name, offset, offset))
    if name in ("else", "elsif", "when") and around:
        return (*around[:-1], around[-1]._replace(branch=offset))
    if name.removeprefix("end") in BLOCKS:
        return around[:-1]
    return around


def _plain(text: str) -> str:
    return re.sub(r"[\U000f0000-\U000fffff]", "\ufffd", text)


def _padded(token: str, first: str, rest: str) -> str:
    body = "".join("\n" if character == "\n" else rest for character in token)
    return first + body[1:]


class _Elements(HTMLParser):
    """Collects start tags, and outputs within scripts."""

    VOID = frozenset(
        [
            "area",
            "base",
            "br",
            "col",
            "embed",
            "hr",
            "img",
            "input",
            "link",
            "meta",
            "source",
            "track",
            "wbr",
        ]
    )

    def __init__(self, page: str, source: Source, blocks: Blocks) -> None:
        super().__init__(convert_charrefs=True)
        self.page, self.source, self.blocks = page, source, blocks
        self.open: list[str] = []
        self.starts = [0, *(match.end() for match in re.finditer("\n", page))]

    def read(self) -> None:
        # A browser takes a marked section for a comment; the parser stumbles over a broken one.
        self.feed(self.page.replace("<![", "<? "))
        self.close()

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        offset = self._offset()
        around = [blocks for start, blocks in self.blocks if start <= offset][-1]
        bare = re.findall(r"([\w:-]+)=[\U000f0000-\U000ffffc]", self.get_starttag_text() or "")
        attributes = {name: value or "" for name, value in attrs}
        found = Element(tag, attributes, offset, tuple(self.open), around, tuple(bare))
        self.source.elements.append(found)
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML has no self-closing elements but the void ones.
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.source.in_scripts += self.source.outputs_in(data)

    def unknown_decl(self, data: str) -> None:
        """A marked section is no element."""
