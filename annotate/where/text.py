"""The text of a scope rule as a syntax tree, and messages that point at a place in it.

Python's own parser reads the text; nothing of it is ever run. Column names that are no Python names
stand in backquotes, as in pandas; they become underscores of the same length before parsing, so
every place in the tree is a place in the text.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from annotate.errors import InputError

OPTION = "--where"
MAX_LENGTH = 20_000  # characters: room for a list of a thousand ids
MAX_DEPTH = 40  # of parentheses and not
SHOWN = 100  # characters of the text shown around a place
_HINTS = {
    "=": "equality is written ==",
    "AND": "write and, or, not in small letters",
    "OR": "write and, or, not in small letters",
    "NOT": "write and, or, not in small letters",
    "IN": "write in in small letters",
    "IS": "write is in small letters",
    "LIKE": "for a part of a text write column.contains('part')",
    "BETWEEN": "write low <= column <= high",
    "&&": "write and",
    "||": "write or",
    "<>": "write != for unequal",
    "!": "write not",
}
ALLOWED = (
    "Write comparisons of columns with values, such as country == 'FR', 3 <= stars <= 5, "
    "kind in ('hotel', 'flat'), text.contains('pool'), stars is not None, "
    "joined with and, or, not and parentheses; a name that is no plain word stands in backquotes."
)


@dataclass(frozen=True)
class Rule:
    """A parsed rule.

    Attributes:
        text: what the user wrote, line breaks as spaces.
        tree: its syntax tree, with places of the text.
        quoted: names in backquotes, by the place of the first backquote.
    """

    text: str
    tree: ast.expr
    quoted: dict[int, str]

    def span(self, node: ast.expr) -> tuple[int, int]:
        """First character of a node, and the one after its last."""
        line = self.source.encode()
        # The parser counts bytes of UTF-8, people count characters.
        start, end = node.col_offset, node.end_col_offset or node.col_offset + 1
        return len(line[:start].decode()), len(line[:end].decode())

    def name(self, node: ast.Name) -> str:
        """The column that a name means, spelled as in the text: the parser normalises letters."""
        start, end = self.span(node)
        return self.quoted.get(start, self.text[start:end])

    def refused(self, node: ast.expr, why: str, *, teach: bool = False) -> InputError:
        """An error that shows a node's place, and with ``teach`` what a rule may hold."""
        return refusal(self.text, self.span(node), why, teach=teach)

    @property
    def source(self) -> str:
        """What the parser reads: names in backquotes as underscores."""
        text = self.text
        for start, name in self.quoted.items():
            end = start + len(name) + 2
            text = text[:start] + "_" * (end - start) + text[end:]
        return text


def refusal(text: str, span: tuple[int, int], why: str, *, teach: bool = False) -> InputError:
    """An error with the rule's text and carets below the place that is wrong."""
    start, end = span
    first = max(0, start - SHOWN // 2)
    shown = "".join(
        letter if letter.isprintable() else "?" for letter in text[first : first + SHOWN]
    )
    width = max(1, min(end, first + SHOWN) - start)
    carets = " " * (start - first) + "^" * width
    lesson = f"\n{ALLOWED}" if teach else ""
    return InputError(f"{OPTION}: {why}\n  {shown}\n  {carets}{lesson}")


def parse_rule(text: str) -> Rule:
    """Read a rule's text.

    Raises:
        InputError: empty, too long, too deep, or no expression; the message shows the place.
    """
    if not text.strip():
        raise InputError(f"{OPTION}: the rule is empty. {ALLOWED}")
    if len(text) > MAX_LENGTH:
        raise InputError(
            f"{OPTION}: the rule has {len(text):,} characters; at most {MAX_LENGTH:,} are read. "
            "Put a long list into a column of the catalogue's table instead."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusal(text, (error.start, error.end), "a letter that is not Unicode.") from None
    text, quoted = _scan(text.strip())
    rule = Rule(text, ast.Constant(None), quoted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about strange escapes in texts
            tree = ast.parse(rule.source, mode="eval").body
    except SyntaxError as error:
        raise _misread(text, error) from None
    except (ValueError, RecursionError, MemoryError, OverflowError):
        raise InputError(f"{OPTION}: the rule is nested too deeply to be read.") from None
    _check_depth(tree)
    return Rule(text, tree, quoted)


def _misread(text: str, error: SyntaxError) -> InputError:
    # The parser names no place, or one after the last letter, where something is missing.
    start = min((error.offset or len(text) + 1) - 1, len(text))
    rest = text[start:]
    hint = next((_HINTS[mark] for mark in _HINTS if rest.startswith(mark)), "")
    what = error.msg.split(";")[0].split(" - ")[0].split(". ")[0].rstrip(".")
    why = f"{what[:1].lower()}{what[1:]}{': ' if hint else ''}{hint}."
    return refusal(text, (start, start + 1), why, teach=True)


def _scan(text: str) -> tuple[str, dict[int, str]]:
    """Names in backquotes by their place, and the text with its line breaks as spaces."""
    letters, quoted = list(text), {}
    at = 0
    while at < len(text):
        letter = text[at]
        if letter in "'\"`":
            end = _closing(text, at)
            if letter == "`":
                quoted[at] = _quoted_name(text, at, end)
            at = end
        elif letter.isspace():
            letters[at] = " "
        elif letter == "#":
            raise refusal(text, (at, at + 1), "a rule has no comments.")
        elif not letter.isprintable():
            raise refusal(text, (at, at + 1), "a letter that cannot be printed is in the rule.")
        at += 1
    return "".join(letters), quoted


def _quoted_name(text: str, start: int, end: int) -> str:
    if end == start + 1:
        raise refusal(text, (start, end + 1), "no column's name between the backquotes.")
    return text[start + 1 : end]


def _closing(text: str, start: int) -> int:
    """The place of the quote that closes the one at ``start``."""
    quote = text[start]
    if quote != "`" and text.startswith(quote * 3, start):
        raise refusal(text, (start, start + 3), "write a text in one pair of quotes, not three.")
    at = start + 1
    while at < len(text) and text[at] != quote and text[at] not in "\r\n":
        at += 2 if text[at] == "\\" and quote != "`" else 1
    if at >= len(text) or text[at] != quote:
        raise refusal(text, (start, start + 1), f"this {quote} is not closed on its line.")
    return at


def _check_depth(tree: ast.expr) -> None:
    """Refuse what would make a walk over the tree run out of stack."""
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return
    raise InputError(f"{OPTION}: the rule is nested more than {MAX_DEPTH} levels deep.")
