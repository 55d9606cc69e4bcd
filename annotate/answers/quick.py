"""Reads lines of answers in a tenth of the time, where they are spelled as programs spell them.

Nearly all of a line is the content of its answers, and nearly all questions in it are spelled like
thousands before. So a block of lines is cut at closing braces, Arrow numbers the distinct texts,
and each of these is parsed once. What stands around the contents is parsed as JSON, each content
replaced by its number. Whatever looks in any way unusual is left to ``annotate.answers.checking``,
which reads the whole line slowly. A text only gets a number once the JSON parser and
``choices.read_choices`` have had it, so both ways agree.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from annotate.answers.checking import seconds_of, time_of, usable_id
from annotate.answers.choices import Choices, read_choices
from annotate.answers.packed import ranges

_CONTENT = b'"answerContent"'
_OPENING = re.compile(rb"\s*:\s*\{")
_COMMA = re.compile(rb"\s*,")
MOST_REMEMBERED = 200_000  # texts; questions with very many choices hardly ever repeat
Ints = npt.NDArray[np.int64]


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


class _Line(NamedTuple):
    """What stands around the contents of a line, and where these stand in its block.

    Attributes:
        place: of the line among those asked for.
        firsts: where each content begins, after its opening brace.
        lasts: where the brace of its last question stands.
    """

    place: int
    image: str
    annotators: list[str]
    submitted: list[str]
    seconds: list[float | None]
    firsts: list[int]
    lasts: list[int]


@dataclass(frozen=True)
class QuickLines:
    """Lines that could be read quickly, L of them with R responses and C choices.

    Attributes:
        places: (L,) of the lines among those asked for, ascending.
        images: (L,) ids.
        responses: (L,) how many each line has.
        annotators, submitted, seconds: (R,) of each response.
        choices: (C,) codes of :class:`ChoiceCodes`.
        choice_counts: (R,) how many each response has.
    """

    places: list[int]
    images: list[str]
    responses: list[int]
    annotators: list[str]
    submitted: list[str]
    seconds: list[float | None]
    choices: npt.NDArray[np.int32]
    choice_counts: Ints


class QuickReader:
    """Reads blocks of lines. Keep one for many: it remembers what it has parsed."""

    def __init__(self, questions: Mapping[str, frozenset[str]], codes: ChoiceCodes) -> None:
        self._questions = questions
        self._codes = codes
        self._memory: dict[bytes, tuple[int, bool]] = {}
        self._people: set[str] = set()

    def read(self, block: bytes, bounds: Sequence[tuple[int, int]]) -> QuickLines:
        """Read what can be read quickly.

        Args:
            block: UTF-8; of 2 GiB and more nothing is read, Arrow's offsets end there.
            bounds: where each line begins and ends in it.

        Returns:
            What was read; lines that are missing there must be read slowly.
        """
        bounds = bounds if len(block) < 2**31 else ()
        closing = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("}"))
        twins = closing[:-1][np.diff(closing) == 1].tolist()
        tried = [self._around(block, place, bounds[place], twins) for place in range(len(bounds))]
        lines = [line for line in tried if line is not None]
        choices, counts, usual = self._contents(block, closing, lines)
        if not usual.all():
            sizes = [len(line.firsts) for line in lines]
            owner = np.repeat(np.arange(len(lines)), sizes)
            kept = np.bincount(owner[~usual], minlength=len(lines)) == 0
            starts = np.cumsum(counts) - counts
            within = kept[owner]
            choices = choices[ranges(starts[within], counts[within])]
            counts = counts[within]
            lines = [lines[at] for at in np.flatnonzero(kept).tolist()]
        return QuickLines(
            [line.place for line in lines],
            [line.image for line in lines],
            [len(line.firsts) for line in lines],
            list(chain.from_iterable(line.annotators for line in lines)),
            list(chain.from_iterable(line.submitted for line in lines)),
            list(chain.from_iterable(line.seconds for line in lines)),
            choices,
            counts,
        )

    def _around(
        self, block: bytes, place: int, bounds: tuple[int, int], twins: list[int]
    ) -> _Line | None:
        """A line without its contents; None if it is unusual."""
        at, end = bounds
        around: list[bytes] = []
        firsts: list[int] = []
        lasts: list[int] = []
        while (key := block.find(_CONTENT, at, end)) >= 0:
            opening = _OPENING.match(block, key + len(_CONTENT), end)
            if opening is None:
                return None
            firsts.append(opening.end())
            turn = bisect_left(twins, firsts[-1])
            if turn == len(twins) or twins[turn] + 2 > end:
                return None
            around.append(b"%b:%d" % (block[at : key + len(_CONTENT)], len(lasts)))
            lasts.append(twins[turn])
            at = twins[turn] + 2
        around.append(block[at:end])
        try:
            entry = orjson.loads(b"".join(around))
        except orjson.JSONDecodeError:
            return None
        answers = entry.get("answers") if type(entry) is dict else None
        if type(answers) is not list or len(answers) != len(firsts) or not firsts:
            return None
        try:
            places = [answer["answerContent"] for answer in answers]
            people = [answer["workerId"] for answer in answers]
            times = [time_of(answer.get("submissionTime")) for answer in answers]
            known = self._people.issuperset(people)
        except (AttributeError, KeyError, TypeError):  # not an object, or not a text
            return None
        if not known:
            if not all(map(usable_id, people)):
                return None
            self._people.update(people)
        image = entry.get("image-id")
        if places != list(range(len(places))) or not usable_id(image):
            return None
        return _Line(place, image, people, times, list(map(seconds_of, answers)), firsts, lasts)

    def _contents(
        self, block: bytes, closing: Ints, lines: Sequence[_Line]
    ) -> tuple[npt.NDArray[np.int32], Ints, npt.NDArray[np.bool_]]:
        """Codes of the questions of all contents, how many each has, and whether it is usual."""
        firsts = np.array(list(chain.from_iterable(line.firsts for line in lines)), np.int64)
        lasts = np.array(list(chain.from_iterable(line.lasts for line in lines)), np.int64)
        if not len(firsts):
            return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, bool)
        begin = np.searchsorted(closing, firsts)
        counts = np.searchsorted(closing, lasts) - begin + 1
        heads = np.cumsum(counts + 1) - counts - 1  # in ``cuts``
        cuts = closing[ranges(begin - 1, counts + 1)] + 1
        cuts[heads] = firsts
        inside = np.ones(len(cuts), bool)
        inside[heads + counts] = False  # from the end of a content to the next one
        texts = pa.Array.from_buffers(
            pa.binary(),
            len(cuts) - 1,
            [None, pa.py_buffer(cuts.astype(np.int32)), pa.py_buffer(block)],
        ).dictionary_encode()
        numbers = texts.indices.to_numpy()[inside[:-1]]
        code, later = self._meanings(texts.dictionary, numbers)
        starts = np.cumsum(counts) - counts
        codes = code[numbers]
        expected = np.ones(len(codes), bool)
        expected[starts] = False
        wrong = (codes < 0) | (later[numbers] != expected)
        owner = np.repeat(np.arange(len(counts)), counts)
        usual = np.bincount(owner[wrong], minlength=len(counts)) == 0
        usual[self._repeated(codes, owner)] = False
        return codes, counts, usual

    def _meanings(
        self, texts: pa.Array, numbers: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
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

    def _repeated(self, codes: npt.NDArray[np.int32], owner: Ints) -> Ints:
        """Contents in which a question stands twice: JSON leaves open what that means."""
        names: dict[str, int] = {}
        question = [names.setdefault(name, len(names)) for name in self._codes.questions]
        keys = np.array([*question, len(names)])[codes]
        keys += owner * (len(names) + 1)
        keys.sort()
        return np.unique(keys[1:][keys[1:] == keys[:-1]] // (len(names) + 1))
