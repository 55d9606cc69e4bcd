"""How many tokens CLIP's standard tokenizer makes of a text, without importing torch.

open_clip carries the vocabulary as a file; importing open_clip itself takes ten seconds. The count
equals ``len(open_clip.tokenizer.SimpleTokenizer().encode(text)) + 2``, which a test compares.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from annotate.errors import MissingError

CONTEXT_LENGTH = 77
_START_AND_END = 2
_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_MERGES = 49152 - 256 - 2
_SPECIAL = ("<start_of_text>", "<end_of_text>")
_SUFFIXES = r"'s|'t|'re|'ve|'m|'ll|'d"
_ASCII_WORD = re.compile("|".join(_SPECIAL) + rf"|{_SUFFIXES}|[a-z]+|[0-9]|[^\sa-z0-9]+")

Pair = tuple[str, str]

ONE_TOKEN = frozenset(("a", "and", "for", "in", "of", "or", "photo", "that", "the", "to", "with"))
"""Frequent words that are one token each (a test looks), by which the cheap bound gets closer."""


def fits(text: str) -> bool:
    """Whether a text has at most CLIP's 77 tokens, start and end included.

    The vocabulary is read only where a cheap bound leaves it open.
    """
    if _plain(text) and _bound(text) <= CONTEXT_LENGTH:
        return True
    return count_tokens(text) <= CONTEXT_LENGTH


def _bound(text: str) -> int:
    """At least as many tokens as a plain text has: each covers one letter or more of one word."""
    words = text.lower().split()
    return sum(1 if word in ONE_TOKEN else len(word) for word in words) + _START_AND_END


def count_tokens(text: str) -> int:
    """Tokens of a text, start and end included.

    Raises:
        MissingError: open_clip, which carries the vocabulary, is not installed.
    """
    return sum(_pieces(word) for word in _words(text)) + _START_AND_END


def _plain(text: str) -> bool:
    """Whether cleaning leaves the text as it is: printable ASCII without HTML entities."""
    return text.isascii() and text.isprintable() and "&" not in text


def _words(text: str) -> list[str]:
    """The parts of a cleaned text that are split into tokens one by one."""
    if _plain(text):
        return _ASCII_WORD.findall(text.lower())
    # Beyond ASCII only these two libraries, which open_clip itself uses, agree with it exactly.
    import html

    import ftfy
    import regex

    cleaned = html.unescape(html.unescape(ftfy.fix_text(text))).strip()
    pattern = "|".join(_SPECIAL) + rf"|{_SUFFIXES}|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+"
    words: list[str] = regex.findall(pattern, " ".join(cleaned.split()).lower(), regex.IGNORECASE)
    return words


@lru_cache(maxsize=4096)
def _pieces(word: str) -> int:
    """Tokens of one word: byte pairs are merged, the most frequent pair of the vocabulary first."""
    if word in _SPECIAL:
        return 1
    ranks, letters = _merges(), _byte_letters()
    parts = [letters[byte] for byte in word.encode("utf-8")]
    parts[-1] += "</w>"
    while len(parts) > 1:
        best = min(pairwise(parts), key=lambda pair: ranks.get(pair, _MERGES))
        if best not in ranks:
            break
        parts = _merge(parts, best)
    return len(parts)


def _merge(parts: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    at = 0
    while at < len(parts):
        if tuple(parts[at : at + 2]) == pair:
            merged.append("".join(pair))
            at += 2
        else:
            merged.append(parts[at])
            at += 1
    return merged


@lru_cache(maxsize=1)
def _merges() -> dict[Pair, int]:
    """Rank of each pair that the vocabulary merges."""
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise MissingError(
            "open_clip is not installed, and texts cannot be measured without its vocabulary. "
            "Install this package with its dependencies: `pip install mumic`."
        )
    text = gzip.decompress(Path(spec.origin).with_name(_VOCABULARY).read_bytes()).decode("utf-8")
    lines = text.split("\n")[1 : _MERGES + 1]
    ranks: dict[Pair, int] = {}
    for rank, line in enumerate(lines):
        first, second = line.split()
        ranks[first, second] = rank
    return ranks


@lru_cache(maxsize=1)
def _byte_letters() -> dict[int, str]:
    """The letter that stands for each byte: itself where it is printable, else one from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    return letters | {byte: chr(0x100 + at) for at, byte in enumerate(others)}
