"""What is searched: ranges and choices of settings of ``[train]``, as texts of a command line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_type_hints

from annotate.errors import InputError, closest
from annotate.settings import TrainSettings
from mumic.training.run_record import NOT_DECIDING

DEFAULT_SEARCH = ("logit_scale=0.7..5.8",)
_RANGE = re.compile(r"(?P<low>[^:,]+?)\.\.(?P<high>[^:,]+?)(?P<log>:log)?")
_NOT_SEARCHED = (*NOT_DECIDING, "max_logit_scale")


@dataclass(frozen=True)
class Dimension:
    """A setting and where it is searched: ``choices``, or from ``low`` to ``high``."""

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False

    def suggest(self, trial: Any) -> Any:
        """A value, drawn by an Optuna trial."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        if self.choices:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high

    def all_values(self) -> tuple[Any, ...]:
        """Every value, where they are finitely many; else none."""
        if self.whole:
            return tuple(range(int(self.low), int(self.high) + 1))
        return self.choices

    @property
    def edges(self) -> tuple[Any, ...]:
        """Values that are good where all are: the choices, or a range's ends and what is beside.

        Some settings may be 0, or 1 and more: both ends are good then, and not what lies between.
        """
        if self.choices:
            return self.choices
        if self.whole:
            return int(self.low), int(self.high)
        inside = math.nextafter(self.low, self.high), math.nextafter(self.high, self.low)
        return self.low, *inside, self.high


def parse_search(texts: Sequence[str]) -> tuple[Dimension, ...]:
    """Dimensions from texts such as ``lr=1e-6..1e-4:log`` and ``freeze=none,image``.

    Raises:
        InputError: no such setting, one that stands twice, or values that do not fit it.

    >>> parse_search(["epochs=2..5"])[0]
    Dimension(name='epochs', choices=(), low=2.0, high=5.0, log=False, whole=True)
    >>> parse_search(["flip=true,false"])[0].choices
    (True, False)
    >>> parse_search(["positive_weight=10; auto; pets=20, 10"])[0].choices
    (10.0, 'auto', 'pets=20, 10')
    """
    found = tuple(_dimension(text) for text in texts or DEFAULT_SEARCH)
    names = [entry.name for entry in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"--search names {twice} twice")
    return found


def _dimension(text: str) -> Dimension:
    name, _, values = (part.strip() for part in text.partition("="))
    kinds = get_type_hints(TrainSettings)
    known = [entry for entry in kinds if entry not in _NOT_SEARCHED]
    if name not in known:
        raise InputError(
            f"--search {text}: [train] has no setting {name!r} to search"
            f"{closest(name, known) or '. Write it as lr=1e-6..1e-4:log or freeze=none,image.'}"
        )
    kind = kinds[name]
    whole_range = _RANGE.fullmatch(values)
    if whole_range and (kind in (int, float) or isinstance(kind, UnionType)):
        return _range(text, name, whole_range, whole=kind is int)
    between = ";" if ";" in values else ","  # weights by class have commas
    choices = tuple(_value(text, kind, value.strip()) for value in values.split(between))
    if len(set(choices)) < 2:
        raise InputError(f"--search {text}: give a range (low..high) or two or more values")
    return Dimension(name, choices)


def _range(text: str, name: str, found: re.Match[str], *, whole: bool) -> Dimension:
    low, high = (_value(text, int if whole else float, found[end]) for end in ("low", "high"))
    log = found["log"] is not None
    if not low < high or (log and low <= 0):
        raise InputError(f"--search {text}: the range must go upward, and with :log from above 0")
    return Dimension(name, low=float(low), high=float(high), log=log, whole=whole)


def _value(text: str, kind: Any, value: str) -> Any:
    if isinstance(kind, UnionType):  # a number or a text
        return _number_or_text(value)
    if kind is bool:
        if value not in ("true", "false"):
            raise InputError(f"--search {text}: {value!r} is neither true nor false")
        return value == "true"
    try:
        converted = kind(value)
    except ValueError as error:
        raise InputError(f"--search {text}: {value!r} is no number") from error
    if kind is float and not abs(converted) < float("inf"):
        raise InputError(f"--search {text}: {value!r} is no finite number")
    return converted


def _number_or_text(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def changes_of(drawn: Mapping[str, Any], max_logit_scale: float) -> dict[str, Any]:
    """Settings of a trial: a start of the temperature above its clamp raises the clamp."""
    changes = dict(drawn)
    if "logit_scale" in changes:
        changes["max_logit_scale"] = max(max_logit_scale, changes["logit_scale"])
    return changes
