"""What stands around the contents of the answers in a block of lines: who answered when, on what.

A content is far longer than what stands around it, so each is cut out and a number put in its place
before a line is parsed. The numbers begin at one that nobody could know who wrote the file: where
it comes back as the ``answerContent`` of its answer, the JSON parser has taken the cut text for
that answer's content, however keys were spelled, and whatever else the line holds.
"""

from __future__ import annotations

import re
import secrets
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from annotate.answers.blocks import Block
from annotate.answers.checking import seconds_of, times_of, usable_id

_OPENING = re.compile(rb'"answerContent"[ \t]*:[ \t]*\{')
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Around:
    """What stands around the contents of L lines with R responses.

    Attributes:
        lines: (L,) which lines of the block, ascending.
        images: (L,) ids.
        responses: (L,) how many each line has.
        annotators, submitted, seconds: (R,) of each response; seconds may be null.
        firsts: (R,) where each content begins in the block, after its opening brace.
        lasts: (R,) where the brace of its last question stands.
    """

    lines: Ints
    images: list[str]
    responses: Ints
    annotators: list[str]
    submitted: pa.Array
    seconds: pa.Array
    firsts: Ints
    lasts: Ints

    def only(self, kept: npt.NDArray[np.bool_]) -> Around:
        """Some of the lines."""
        own = np.repeat(kept, self.responses)
        mask = pa.array(own)
        return Around(
            self.lines[kept],
            list(compress(self.images, kept)),
            self.responses[kept],
            list(compress(self.annotators, own)),
            self.submitted.filter(mask),
            self.seconds.filter(mask),
            self.firsts[own],
            self.lasts[own],
        )


@dataclass(frozen=True)
class _Cut:
    """Lines whose contents were cut out: objects with a list of objects as answers."""

    lines: list[int]
    images: list[Any]
    answers: list[list[dict[str, Any]]]
    firsts: list[int]
    lasts: list[int]


class AroundReader:
    """Reads what stands around contents. Keep one for many blocks: it remembers people."""

    def __init__(self) -> None:
        self._first_number = secrets.randbits(62)
        self._numbers: list[bytes] = []
        self._people: set[str] = set()

    def read(self, block: Block, lines: Sequence[int]) -> Around:
        """Read the lines that can be read so.

        Args:
            block: UTF-8.
            lines: which of its lines, ascending.

        Returns:
            What was read; lines that are missing there must be read otherwise.
        """
        cut = self._cut(block, lines)
        responses = np.array(list(map(len, cut.answers)), np.int64)
        answers = list(chain.from_iterable(cut.answers))
        numbers = [answer.get("answerContent") for answer in answers]
        people: list[Any] = [answer.get("workerId") for answer in answers]
        found = Around(
            np.array(cut.lines, np.int64),
            cut.images,
            responses,
            people,
            times_of([answer.get("submissionTime") for answer in answers]),
            _seconds(answers),
            np.array(cut.firsts, np.int64),
            np.array(cut.lasts, np.int64),
        )
        expected = list(range(self._first_number, self._first_number + len(answers)))
        usual = np.array(list(map(usable_id, cut.images)), bool)
        own = self._are_usable(people)
        if numbers != expected:
            own &= [one == other for one, other in zip(numbers, expected, strict=True)]
        if not own.all():
            owner = np.repeat(np.arange(len(usual)), responses)
            usual[owner[~own]] = False
        return found if usual.all() else found.only(usual)

    def _cut(self, block: Block, lines: Sequence[int]) -> _Cut:
        """Cut contents out of lines, and parse the lines."""
        usual = _OPENING.search(block.text)
        if usual is None:
            return _Cut([], [], [], [], [])
        opening = usual.group()
        twins = block.closing[:-1][np.diff(block.closing) == 1]
        missing = range(len(self._numbers), len(twins) + 1)
        self._numbers += [b"%d" % (self._first_number + at) for at in missing]
        whole = self._cut_whole(block, opening, twins) if len(lines) == len(block.lines) else None
        return whole or self._cut_lines(block, lines, opening, twins)

    def _cut_whole(self, block: Block, opening: bytes, twins: Ints) -> _Cut | None:
        """All lines in one go, where each has contents and nothing is unusual; else None."""
        found = _contents(block, opening, twins)
        if found is None:
            return None
        text, (firsts, lasts, counts) = block.text, found
        around = [b""] * (2 * len(firsts) + 1)
        cuts = zip([0, *(lasts + 2).tolist()], [*(firsts - 1).tolist(), len(text)], strict=True)
        around[::2] = [text[start:end] for start, end in cuts]
        around[1::2] = self._numbers[: len(firsts)]
        entries = _objects(b"".join(around), len(counts), self._first_number - 1)
        answers: list[Any] = [entry.get("answers") for entry in entries]
        if set(map(type, answers)) != {list} or list(map(len, answers)) != counts.tolist():
            return None
        if set(map(type, chain.from_iterable(answers))) != {dict}:
            return None
        images = [entry.get("image-id") for entry in entries]
        return _Cut(list(range(len(counts))), images, answers, firsts.tolist(), lasts.tolist())

    def _cut_lines(self, block: Block, lines: Sequence[int], opening: bytes, twins: Ints) -> _Cut:
        """Line by line, without those that are unusual."""
        cut = _Cut([], [], [], [], [])
        text, ends, numbers = block.text, [*twins.tolist(), len(block.text)], self._numbers
        turn = done = 0
        for line in lines:
            at, end = block.lines[line]
            around: list[bytes] = []
            firsts: list[int] = []
            lasts: list[int] = []
            number = done
            while (key := text.find(opening, at, end)) >= 0:
                first = key + len(opening)
                turn = bisect_left(ends, first, turn)
                last = ends[turn]
                around += text[at : first - 1], numbers[number]
                firsts.append(first)
                lasts.append(last)
                number += 1
                at = last + 2
                if at > end:
                    at = end
            around.append(text[at:end])
            answers = _answers(b"".join(around), len(firsts))
            if answers is not None:
                cut.lines.append(line)
                cut.images.append(answers[0])
                cut.answers.append(answers[1])
                cut.firsts.extend(firsts)
                cut.lasts.extend(lasts)
                done = number
        return cut

    def _are_usable(self, people: Sequence[Any]) -> npt.NDArray[np.bool_]:
        """Whether each is a text that can be an id."""
        texts = [one if type(one) is str else "" for one in people]
        new = set(texts) - self._people
        self._people.update(filter(usable_id, new))
        unusable = new - self._people
        if not unusable:
            return np.ones(len(texts), bool)
        return np.array([one not in unusable for one in texts], bool)


def _contents(block: Block, opening: bytes, twins: Ints) -> tuple[Ints, Ints, Ints] | None:
    """Where contents begin and end, and how many each line has; None if that is not plain."""
    text, ends = block.text, np.array(block.lines)[:, 1]
    lasts = twins[np.diff(twins, prepend=-2) > 1]  # braces in a row begin with a content's end
    # The next opening after each: contents, nearly all of the text, are not searched.
    found = [text.find(opening, start) for start in (0, *(lasts + 2).tolist())]
    firsts = np.array(found[:-1], np.int64) + len(opening)
    if found[-1] >= 0 or min(found[:-1], default=-1) < 0:
        return None
    if (firsts > lasts).any():
        return None
    owner = np.searchsorted(ends, firsts)
    counts = np.bincount(owner, minlength=len(ends))
    return (firsts, lasts, counts) if (lasts + 2 <= ends[owner]).all() and counts.all() else None


def _objects(lines: bytes, count: int, secret: int) -> list[dict[str, Any]]:
    """The JSON objects of so many lines, parsed together; none where they are anything else.

    Between lines a secret number is put, so that none can go on in the next.
    """
    joined = lines.removesuffix(b"\n").replace(b"\n", b",%d," % secret)
    try:
        parsed = orjson.loads(b"[" + joined + b"]")
    except orjson.JSONDecodeError:
        return []
    entries = parsed[::2]
    whole = len(entries) == count and all(between == secret for between in parsed[1::2])
    return entries if whole and set(map(type, entries)) == {dict} else []


def _answers(line: bytes, contents: int) -> tuple[Any, list[dict[str, Any]]] | None:
    """Image and answers of a line without contents; None if these are not as many objects."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    answers = entry.get("answers") if type(entry) is dict else None
    if type(answers) is not list or len(answers) != contents or set(map(type, answers)) != {dict}:
        return None
    return entry.get("image-id"), answers


def _seconds(answers: Sequence[dict[str, Any]]) -> pa.Array:
    """Seconds of each answer, null where it does not say so sensibly."""
    values = [answer.get("timeSpentInSeconds") for answer in answers]
    if set(map(type, values)) <= {float}:
        found = np.array(values, np.float64)
        if ((found >= 0) & (found < 1e9)).all():
            return pa.array(found.astype(np.float32))
    return pa.array(list(map(seconds_of, answers)), pa.float32())
