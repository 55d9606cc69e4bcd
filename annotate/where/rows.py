"""Scope rules: which images a command is about, as an expression over the catalogue's columns.

``country == 'FR' and width >= 600`` reads as in Python; missing values count as in SQL: comparing a
missing value is neither true nor false but unknown, ``not`` keeps it unknown, ``and`` and ``or``
decide where the other side does (Kleene's three-valued logic), and an image is in scope only where
the rule is true. ``is None`` and ``is not None`` are never unknown. The text is parsed and walked;
nothing of it is run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError
from annotate.where.columns import Operand, among, column_operand, literal_operand, matched
from annotate.where.text import Rule, parse_rule

Mask = npt.NDArray[np.bool_]

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_WORDS = {ast.BitAnd: "and", ast.BitOr: "or"}


def rows_where(images: pd.DataFrame, text: str) -> Mask:
    """Which images a rule is true for.

    Args:
        images: any table; its columns are the names that the rule may use.
        text: for instance ``"country == 'FR' and (stars is None or 3 <= stars <= 5)"``.

    Returns:
        bool (len(images),). False where the rule is false or unknown.

    Raises:
        InputError: the rule is not understood, names no column, or compares values of two kinds;
            the message shows the place.

    >>> images = pd.DataFrame({"stars": [3, 5, None], "country": ["FR", "IT", "FR"]})
    >>> rows_where(images, "country == 'FR' and not stars > 4").tolist()
    [True, False, False]
    """
    rule = parse_rule(text)
    return _Walk(images, rule, {}).truth(rule.tree).yes


@dataclass(frozen=True)
class _Truth:
    """Where a part of a rule is true and where it is false; elsewhere it is unknown."""

    yes: Mask
    no: Mask

    def __and__(self, other: _Truth) -> _Truth:
        return _Truth(self.yes & other.yes, self.no | other.no)

    def __or__(self, other: _Truth) -> _Truth:
        return _Truth(self.yes | other.yes, self.no & other.no)

    def __invert__(self) -> _Truth:
        return _Truth(self.no, self.yes)


@dataclass(frozen=True)
class _Walk:
    images: pd.DataFrame
    rule: Rule
    columns: dict[str, Operand]  # those that were met already

    def truth(self, node: ast.expr) -> _Truth:
        """Evaluate a part that is true or false."""
        if isinstance(node, ast.BoolOp):
            parts = [self.truth(value) for value in node.values]
            joined = reduce(
                _Truth.__and__ if isinstance(node.op, ast.And) else _Truth.__or__, parts
            )
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            joined = ~self.truth(node.operand)
        elif isinstance(node, ast.Compare):
            joined = self._compare(node)
        elif isinstance(node, ast.Call):
            joined = self._text_test(node)
        elif isinstance(node, ast.Name):
            joined = self._flag(node)
        else:
            raise self._not_allowed(node)
        return joined

    def _compare(self, node: ast.Compare) -> _Truth:
        sides = [node.left, *node.comparators]
        parts = [
            self._pair(left, operator, right)
            for left, operator, right in zip(sides, node.ops, sides[1:], strict=False)
        ]
        return reduce(_Truth.__and__, parts)

    def _pair(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> _Truth:
        if isinstance(operator, ast.Is | ast.IsNot):
            return self._is_none(left, operator, right)
        if isinstance(operator, ast.In | ast.NotIn):
            found = self._in(left, right)
            return ~found if isinstance(operator, ast.NotIn) else found
        return self._compared(self._operand(left), operator, self._operand(right), right)

    def _compared(
        self, left: Operand, operator: ast.cmpop, right: Operand, place: ast.expr
    ) -> _Truth:
        if left.literal and right.literal:
            raise self.rule.refused(place, "a comparison needs a column on one of its sides.")
        ordered = not isinstance(operator, ast.Eq | ast.NotEq)
        one, two = self._matched(left, right, place, ordered=ordered)
        yes = np.asarray(_COMPARISONS[type(operator)](one, two), dtype=bool)
        return self._known(yes, left.missing | right.missing)

    def _matched(
        self, left: Operand, right: Operand, place: ast.expr, *, ordered: bool
    ) -> tuple[Any, Any]:
        try:
            return matched(left, right, ordered=ordered)
        except InputError as error:
            raise self.rule.refused(place, str(error)) from None

    def _known(self, yes: Mask, missing: Mask) -> _Truth:
        yes = np.broadcast_to(yes, len(self.images))
        return _Truth(yes & ~missing, ~yes & ~missing)

    def _is_none(self, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> _Truth:
        if not (isinstance(right, ast.Constant) and right.value is None):
            raise self.rule.refused(
                right, "`is` asks only whether a value is missing: write `is None` or `==`."
            )
        if not isinstance(left, ast.Name):
            raise self.rule.refused(left, "only a column can be None.")
        missing = np.broadcast_to(self._column(left).missing, len(self.images))
        found = _Truth(missing.copy(), ~missing)
        return ~found if isinstance(operator, ast.IsNot) else found

    def _in(self, left: ast.expr, right: ast.expr) -> _Truth:
        operand = self._operand(left)
        if operand.literal:
            raise self.rule.refused(
                left, "before `in` stands a column; a part of a text is column.contains('part')."
            )
        if isinstance(right, ast.Name):
            raise self.rule.refused(right, "after `in` stands a list of values: ('a', 'b').")
        entries = right.elts if isinstance(right, ast.Tuple | ast.List | ast.Set) else [right]
        if not entries:
            raise self.rule.refused(right, "the list is empty.")
        values = [self._listed(operand, entry) for entry in entries]
        return self._known(among(operand, values), operand.missing)

    def _listed(self, operand: Operand, entry: ast.expr) -> Any:
        """An entry of a list, as what the column's values are compared with."""
        value = self._operand(entry)
        if not value.literal:
            raise self.rule.refused(entry, "a list holds values, not columns.")
        return self._matched(operand, value, entry, ordered=False)[1]

    def _text_test(self, node: ast.Call) -> _Truth:
        method, name = node.func, node.func
        if not (isinstance(method, ast.Attribute) and isinstance(name := method.value, ast.Name)):
            raise self._not_allowed(node)
        test = _TEXT_TESTS.get(method.attr)
        if test is None:
            raise self.rule.refused(
                node, f"a column has only .{'(), .'.join(_TEXT_TESTS)}() to ask."
            )
        column = self._column(name)
        if column.kind not in ("text", "nothing"):
            raise self.rule.refused(name, f"{column.name} holds {column.kind}, not text.")
        given = node.args[0] if len(node.args) == 1 and not node.keywords else node
        if not (isinstance(given, ast.Constant) and isinstance(given.value, str)):
            raise self.rule.refused(given, f".{method.attr}() takes one text in quotes.")
        part = given.value
        values = (test(value, part) for value in column.values)
        return self._known(np.fromiter(values, bool, len(self.images)), column.missing)

    def _flag(self, node: ast.Name) -> _Truth:
        """A column of truth values alone."""
        column = self._column(node)
        if column.kind not in ("true and false", "nothing"):
            raise self.rule.refused(
                node, f"{column.name} holds {column.kind}: compare it with something.", teach=True
            )
        return self._known(np.asarray(column.values == True, bool), column.missing)  # noqa: E712

    def _operand(self, node: ast.expr) -> Operand:
        if isinstance(node, ast.Name):
            return self._column(node)
        value, sign = node, 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value, sign = node.operand, -1 if isinstance(node.op, ast.USub) else 1
        if not isinstance(value, ast.Constant):
            raise self._not_allowed(node)
        if value.value is None:
            raise self.rule.refused(
                node, "nothing equals a missing value: write `is None` or `is not None`."
            )
        signed = value is not node
        if not isinstance(value.value, bool | int | float | str) or (
            signed and isinstance(value.value, bool | str)
        ):
            raise self._not_allowed(node)
        return literal_operand(sign * value.value if signed else value.value)

    def _column(self, node: ast.Name) -> Operand:
        name = self.rule.name(node)
        if name not in self.columns:
            try:
                self.columns[name] = column_operand(self.images, name)
            except InputError as error:
                raise self.rule.refused(node, str(error)) from None
        return self.columns[name]

    def _not_allowed(self, node: ast.expr) -> InputError:
        if isinstance(node, ast.BinOp) and (word := _WORDS.get(type(node.op))):
            return self.rule.refused(node, f"write `{word}` between conditions.")
        return self.rule.refused(node, "this cannot stand in a rule.", teach=True)
