"""Reads lines of answers much faster, where they are spelled as programs spell them.

Nearly all of a line is the content of its answers, and nearly all questions in it are spelled like
thousands before. So a block of lines is cut at closing braces, the distinct texts are numbered, and
each of these is parsed once; ``annotate.answers.around`` reads what stands around contents.
Whatever looks in any way unusual is left to ``annotate.answers.checking``, which reads the whole
line slowly. A text only gets a number once the JSON parser and ``choices.read_choices`` have had
it, so both ways agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from annotate.answers.around import Around, AroundReader, Ints
from annotate.answers.blocks import Block
from annotate.answers.choices import Choices, read_choices
from annotate.answers.coded import Codes
from annotate.answers.packed import ranges

_COMMA = re.compile(rb"\s*,")
MOST_REMEMBERED = 200_000  # texts; questions with very many choices hardly ever repeat


class ChoiceCodes:
    """Numbers for what can be answered to a question.

    Attributes:
        table: by number, the question and what was chosen.
        questions: by number, the question alone.
    """

    def __init__(self, table: list[tuple[str, Choices]] | None = None) -> None:
        self.table: list[tuple[str, Choices]] = list(table or ())
        self.questions: list[str] = [question for question, _ in self.table]
        self._codes = {_key(*entry): code for code, entry in enumerate(self.table)}

    def code(self, question: str, choices: Choices) -> int:
        """The number of an answer; a new one if need be."""
        code = self._codes.setdefault(_key(question, choices), len(self.table))
        if code == len(self.table):
            self.table.append((question, choices))
            self.questions.append(question)
        return code


def _key(question: str, choices: Choices) -> tuple[Any, ...]:
    return question, tuple(choices.ticked), choices.none, choices.unsure


@dataclass(frozen=True)
class QuickLines:
    """Lines that could be read quickly, with R responses and C choices.

    Attributes:
        around: what stands around the contents of their responses.
        choices: (C,) codes of :class:`ChoiceCodes`.
        counts: (R,) how many each response has.
    """

    around: Around
    choices: Codes
    counts: Ints


class QuickReader:
    """Reads blocks of lines. Keep one for many: it remembers what it has parsed."""

    def __init__(self, questions: Mapping[str, frozenset[str]], codes: ChoiceCodes) -> None:
        self._questions = questions
        self._codes = codes
        self._around = AroundReader()
        self._memory: dict[bytes, tuple[int, bool]] = {}

    def read(self, block: Block, lines: Sequence[int]) -> QuickLines:
        """Read what can be read quickly.

        Args:
            block: UTF-8; of one that is too large for Arrow nothing is read.
            lines: which of its lines, ascending.

        Returns:
            What was read; lines that are missing there must be read slowly.
        """
        around = self._around.read(block, () if block.between is None else lines)
        choices, counts, usual = self._contents(block, around)
        if not usual.all():
            owner = np.repeat(np.arange(len(around.lines)), around.responses)
            kept = np.bincount(owner[~usual], minlength=len(around.lines)) == 0
            within = kept[owner]
            choices = choices[np.repeat(within, counts)]
            counts = counts[within]
            around = around.only(kept)
        return QuickLines(around, choices, counts)

    def _contents(self, block: Block, around: Around) -> tuple[Codes, Ints, npt.NDArray[np.bool_]]:
        """Codes of the questions of all contents, how many each has, and whether it is usual."""
        if block.between is None or not len(around.firsts):
            return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, bool)
        closing = block.closing
        begin = np.searchsorted(closing, around.firsts)
        counts = np.searchsorted(closing, around.lasts) - begin + 1
        ends = (closing[begin] + 1).tolist()
        text, known = block.text, self._memory.get
        bounds = zip(around.firsts.tolist(), ends, strict=True)
        texts = [text[start:end] for start, end in bounds]
        heads = [known(head) or self._meaning(head) for head in texts]
        numbers = block.between.indices.to_numpy()[ranges(begin, counts - 1)]
        code, later = self._meanings(block.between.dictionary, numbers)
        starts = np.cumsum(counts) - counts
        codes = np.empty(counts.sum(), np.int32)
        codes[starts] = [number if not comma else -1 for number, comma in heads]
        tail = np.ones(len(codes), bool)
        tail[starts] = False
        codes[tail] = np.where(later, code, np.int32(-1))[numbers]
        usual = np.ones(len(counts), bool)
        owner = np.repeat(np.arange(len(counts)), counts)
        usual[owner[codes < 0]] = False
        usual[self._repeated(codes, owner)] = False
        return codes, counts, usual

    def _meanings(self, texts: pa.Array, numbers: Codes) -> tuple[Codes, npt.NDArray[np.bool_]]:
        """Of each text in use: its code, -1 if unusual; and whether it begins with a comma."""
        used = np.flatnonzero(np.bincount(numbers, minlength=len(texts)))
        code, later = np.full(len(texts), -1, np.int32), np.zeros(len(texts), bool)
        meant = [self._meaning(text) for text in texts.take(pa.array(used)).to_pylist()]
        code[used] = [number for number, _ in meant]
        later[used] = [comma for _, comma in meant]
        return code, later

    def _meaning(self, text: bytes) -> tuple[int, bool]:
        known = self._memory.get(text)
        if known is None:
            comma = _COMMA.match(text)
            known = self._question(text[comma.end() :] if comma else text), comma is not None
            if len(self._memory) < MOST_REMEMBERED:
                self._memory[text] = known
        return known

    def _question(self, member: bytes) -> int:
        """The code of one question, ``"q01": {...}``; -1 if it is unusual."""
        try:
            content = json.loads((b"{" + member + b"}").decode())
        except (ValueError, RecursionError):
            return -1
        if type(content) is not dict or len(content) != 1:
            return -1
        [(question, boxes)] = content.items()
        shown = self._questions.get(question)
        if shown is None or type(boxes) is not dict:
            return -1
        choices = read_choices(boxes, shown)
        return self._codes.code(question, choices) if type(choices) is Choices else -1

    def _repeated(self, codes: Codes, owner: Ints) -> Ints:
        """Contents in which a question stands twice: JSON leaves open what that means."""
        names: dict[str, int] = {}
        question = [names.setdefault(name, len(names)) for name in self._codes.questions]
        keys = np.array([*question, len(names)])[codes]
        keys += owner * (len(names) + 1)
        if (keys[1:] > keys[:-1]).all():
            return np.empty(0, np.int64)
        keys.sort()
        return np.unique(keys[1:][keys[1:] == keys[:-1]] // (len(names) + 1))
