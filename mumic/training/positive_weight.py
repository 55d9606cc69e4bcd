"""p of equation 1, one number per class (Wang et al., AAAI 2023, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError, closest
from mumic.metrics.measures import Cells

AUTO = "auto"
LOWEST, HIGHEST = 1.0, 100.0  # of auto: a class with a single positive would drown all others

Floats = npt.NDArray[np.float64]


def positive_weights(setting: float | str, class_ids: Sequence[str], cells: Cells) -> Floats:
    """The positive weight of each class, float64 (classes,).

    Args:
        setting: a number; ``auto``, a class's known negatives over its positives, from 1 to 100; or
            ``id=number`` for some classes, then a number for the others, joined by commas.
        class_ids: in the order of the columns.
        cells: labels of the training split.

    Raises:
        InputError: it is none of these, a weight is not above 0, or there is no such class.

    >>> none = Cells(np.zeros((0, 2), np.int8), np.zeros((0, 2), bool))
    >>> positive_weights("pets=20, 10", ["bed", "pets"], none).tolist()
    [10.0, 20.0]
    """
    if setting == AUTO:
        return _balanced(cells)
    parts = str(setting).split(",")
    named = dict(_pair(part, class_ids) for part in parts if "=" in part)
    others = [part for part in parts if "=" not in part]
    if len(others) > 1 or (not others and set(class_ids) - named.keys()):
        raise _wrong(setting, "it must have one number for all classes that are not named")
    default = _number(others[0]) if others else 1.0
    return np.array([named.get(class_id, default) for class_id in class_ids], np.float64)


def _balanced(cells: Cells) -> Floats:
    yes = ((cells.labels == 1) & cells.mask).sum(axis=0)
    no = cells.mask.sum(axis=0) - yes
    ratio: Floats = np.clip(no / np.maximum(yes, 1), LOWEST, HIGHEST)
    return ratio


def _pair(part: str, class_ids: Sequence[str]) -> tuple[str, float]:
    name, _, number = part.partition("=")
    if name.strip() not in class_ids:
        raise _wrong(part, f"no class {name.strip()!r}{closest(name.strip(), class_ids)}")
    return name.strip(), _number(number)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise _wrong(text.strip(), "a weight must be a number above 0")
    return value


def _wrong(what: object, why: str) -> InputError:
    return InputError(
        f'[train] positive_weight = {what!r}: {why}. Write 10, "auto" or "pets=20, 10".'
    )
