"""The values that a scope rule compares: columns and literals, and what kind of thing they hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError, closest

Mask = npt.NDArray[np.bool_]

SHOWN_VALUE = 30
_NONE_WORDS = ("null", "none", "nan", "na", "nil")
_TRUTH_WORDS = {"true": "True", "false": "False"}


@dataclass(frozen=True)
class Operand:
    """A side of a comparison.

    Attributes:
        name: the column, or the literal as it is written.
        kind: text, numbers, dates, true and false; "nothing" where all values are missing, and
            "other things" for lists and the like.
        values: (n,) for a column, with any value where one is missing; else a scalar.
        missing: bool (n,), or () for a literal.
        literal: a value of the rule.
    """

    name: str
    kind: str
    values: Any
    missing: Mask
    literal: bool = False


def literal_operand(value: bool | float | str) -> Operand:
    """A value that stands in the rule."""
    if isinstance(value, bool):
        kind = "true and false"
    else:
        kind = "text" if isinstance(value, str) else "numbers"
    spelled = repr(value)
    if len(spelled) > SHOWN_VALUE:
        spelled = spelled[:SHOWN_VALUE] + "..."
    return Operand(spelled, kind, value, np.zeros((), bool), literal=True)


def column_operand(images: pd.DataFrame, name: str) -> Operand:
    """A column's values.

    Raises:
        InputError: there is none of this name.
    """
    names = [str(column) for column in images.columns]
    if name not in names:
        raise InputError(_no_column(name, names))
    column = images.iloc[:, names.index(name)]
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.dtype.categories.dtype)
    missing = column.isna().to_numpy(bool)
    return Operand(name, *_values(column, missing), missing)


def _no_column(name: str, names: list[str]) -> str:
    shown = ascii(name)[1:-1] if not name.isprintable() else name
    message = f"there is no column {shown}{closest(name, names).rstrip('?')}"
    message += "? " if "; did you mean" in message else ". "
    lowered = name.lower()
    if lowered in _NONE_WORDS:
        message += "A missing value is written None. "
    elif lowered in _TRUTH_WORDS:
        message += f"Write {_TRUTH_WORDS[lowered]}. "
    else:
        message += "A text stands in quotes. "
    listed = ", ".join(name if name.isprintable() else ascii(name)[1:-1] for name in names)
    return f"{message}Columns: {listed}."


def _values(column: pd.Series, missing: Mask) -> tuple[str, npt.NDArray[Any]]:
    """What a column holds, and its values as a plain array with a filler where one is missing."""
    kinds = pd.api.types
    kind = kinds.infer_dtype(column, skipna=True) if column.dtype == object else ""
    if missing.all():
        return "nothing", np.full(len(column), "", object)
    if kinds.is_bool_dtype(column) or kind == "boolean":
        return "true and false", column.astype(object).where(~missing, False).to_numpy(bool)
    if kinds.is_datetime64_any_dtype(column) or kind in ("date", "datetime", "datetime64"):
        dates = pd.to_datetime(column, utc=True, errors="coerce").dt.tz_localize(None)
        return "dates", dates.to_numpy("datetime64[us]")
    if kinds.is_numeric_dtype(column) and not kinds.is_complex_dtype(column):
        return "numbers", _numbers(column, missing)
    if kind in ("integer", "floating", "mixed-integer-float"):
        return "numbers", column.where(~missing, 0).to_numpy(np.float64)
    if kind == "string" or isinstance(column.dtype, pd.StringDtype):
        return "text", column.astype(object).where(~missing, "").to_numpy(object)
    return "other things", np.full(len(column), "", object)


def _numbers(column: pd.Series, missing: Mask) -> npt.NDArray[Any]:
    """Whole numbers stay whole, since large ones are no floats."""
    if pd.api.types.is_integer_dtype(column):
        return column.fillna(0).to_numpy(
            np.uint64 if str(column.dtype).lower() == "uint64" else np.int64
        )
    return column.to_numpy(np.float64, na_value=0.0)


def matched(left: Operand, right: Operand, *, ordered: bool) -> tuple[Any, Any]:
    """Values of two sides that can be compared.

    Args:
        left: one side.
        right: the other.
        ordered: compared with < and the like.

    Raises:
        InputError: they are of different kinds, or of one that has no order.
    """
    if left.kind == "dates" and right.literal and right.kind == "text":
        right = _as_date(left, right)
    elif right.kind == "dates" and left.literal and left.kind == "text":
        left = _as_date(right, left)
    for side in (left, right):
        if side.kind == "other things":
            raise InputError(
                f"{side.name} holds neither text, numbers, dates nor truth values; only `is None` "
                "and `is not None` can be asked of it."
            )
    if "nothing" in (left.kind, right.kind):
        return "", ""  # unknown everywhere, whatever is compared
    if left.kind != right.kind:
        raise InputError(_mismatch(left, right))
    if ordered and left.kind == "true and false":
        raise InputError(f"{left.name} and {right.name} are true or false and have no order.")
    return _exact(left, right), _exact(right, left)


def among(column: Operand, values: list[Any]) -> Mask:
    """Which of a column's values stand in a list of values that :func:`matched` made."""
    kind = column.values.dtype
    if kind.kind == "O":
        return np.asarray(pd.Series(column.values, dtype=object).isin(values), bool)
    if kind.kind in "iu":  # no other number equals one of these
        limits = np.iinfo(kind)
        values = [v for v in values if isinstance(v, int) and limits.min <= v <= limits.max]
    return np.isin(column.values, np.array(values, kind))


def _as_date(column: Operand, literal: Operand) -> Operand:
    try:
        found = datetime.fromisoformat(literal.values)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError(
            f"{column.name} holds dates: write one as '2026-01-31' or '2026-01-31T12:00:00'."
        ) from None
    return replace(literal, kind="dates", values=np.datetime64(found.replace(tzinfo=None), "us"))


def _mismatch(left: Operand, right: Operand) -> str:
    message = f"{_holds(left)} and {_holds(right)}; they cannot be compared."
    column, value = (right, left) if left.literal else (left, right)
    if value.literal and (column.kind, value.kind) == ("text", "numbers"):
        return f"{message} Put the value into quotes."
    if value.literal and (column.kind, value.kind) == ("numbers", "text"):
        return f"{message} Leave out the quotes."
    return message


def _holds(side: Operand) -> str:
    if not side.literal:
        return f"column {side.name} holds {side.kind}"
    return f"{side.name} is {side.kind.replace('numbers', 'a number').replace(' and ', ' or ')}"


def _exact(side: Operand, other: Operand) -> Any:
    """A number of the rule as the column's own type, so that large whole numbers keep digits."""
    value = side.values
    if side.kind != "numbers" or not side.literal or other.literal:
        return value
    if other.values.dtype.kind in "iu":
        return int(value) if isinstance(value, float) and value.is_integer() else value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
