"""Names by which files of votes call a class, and which vote counts where they are several.

With a class ``dog`` that has the alias ``puppy``, a file can have a yes to ``puppy`` and a no to
``dog``, of one person about one image. That is no change of mind: she was asked twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.answers.coded import Coded, Mask
from annotate.answers.packed import Packed
from annotate.taxonomy.model import lookup_key

Rows = npt.NDArray[np.int64]
Rank = npt.NDArray[np.int8]
_SKIPPED, _NO, _UNSURE, _YES = range(1, 5)  # what counts more is higher


@dataclass(frozen=True)
class Spellings:
    """What a file calls the classes of its votes.

    Attributes:
        names: as label lists compare them, so that case and spaces make no other name.
        classes: what each means; "" where nothing.
        codes: (A,) which of the names each vote has, in as few bytes as that takes; None where no
            class has two.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    codes: npt.NDArray[np.unsignedinteger] | None

    @classmethod
    def of(cls, called: Coded, classes: Sequence[str], votes: Mask) -> Spellings:
        """From a file's column of classes.

        Args:
            called: the column.
            classes: what each of its texts means.
            votes: rows that are votes.

        >>> called = Coded.of(["puppy", "dog", "sea"])
        >>> Spellings.of(called, ["dog", "dog", "sea"], np.array([True, True, False])).codes
        array([1, 0], dtype=uint8)
        """
        keys = list(map(lookup_key, called.values))
        names = dict(zip(keys, classes, strict=True))
        meant = [name for name in names.values() if name]
        if len(set(meant)) == len(meant):
            return cls(tuple(names), tuple(names.values()), None)
        place = {name: at for at, name in enumerate(names)}
        recode = np.array([place[key] for key in keys], np.min_scalar_type(len(names)))
        return cls(tuple(names), tuple(names.values()), recode[called.codes[votes]])


def rank_by_name(packed: Packed, files: Sequence[Spellings], ends: Rows) -> Rank | None:
    """The order in which votes count that one person gave on one cell by several names of a class.

    Of each name the last vote counts; of these a yes before an unsure before a no.

    Args:
        packed: votes of several files, one after another.
        files: the names in each of them.
        ends: where each file's votes end.

    Returns:
        (A,) int8: a higher number counts before a lower one, 0 is not the last of its name; or None
        where no class has two names.
    """
    doubled = _doubled(files)
    if not doubled:
        return None
    of_doubled = np.array([name in doubled for name in packed.question.values], bool)
    rows = np.flatnonzero(of_doubled[packed.question.codes])
    votes = {"name": _names(packed, files, ends, rows)}
    for column in ("image", "question", "annotator"):
        votes[column] = getattr(packed, column).codes[rows]
    last = rows[~pd.DataFrame(votes).duplicated(keep="last").to_numpy()]
    rank = np.zeros(len(packed), np.int8)
    ways = [packed.skipped[last], packed.none[last], packed.unsure[last]]
    rank[last] = np.select(ways, [_SKIPPED, _NO, _UNSURE], _YES)
    return rank


def _doubled(files: Sequence[Spellings]) -> set[str]:
    """Classes that have several names, in one file or in all of them together."""
    names: dict[str, set[str]] = {}
    for one in files:
        for name, class_id in zip(one.names, one.classes, strict=True):
            names.setdefault(class_id, set()).add(name)
    return {class_id for class_id, known in names.items() if class_id and len(known) > 1}


def _names(packed: Packed, files: Sequence[Spellings], ends: Rows, rows: Rows) -> Rows:
    """A number for the name of each of some votes' classes, the same in all files."""
    numbers: dict[str, int] = {}
    found = np.zeros(len(rows), np.int64)
    file_of = np.searchsorted(ends, rows, side="right")
    for at, one in enumerate(files):
        own = np.array([numbers.setdefault(name, len(numbers)) for name in one.names], np.int64)
        here = np.flatnonzero(file_of == at)
        if one.codes is not None:
            first = ends[at] - len(one.codes)
            found[here] = own[one.codes[rows[here] - first]]
            continue
        by_class = dict(zip(one.classes, own.tolist(), strict=True))
        known = np.array([by_class.get(name, 0) for name in packed.question.values], np.int64)
        found[here] = known[packed.question.codes[rows[here]]]
    return found
