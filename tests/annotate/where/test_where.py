"""Scope rules against sqlite3 and by hand."""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.where.rows import rows_where

# A rule as we write it, and the same in SQL.
Both = tuple[str, str]
OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
LETTERS = "aàZ'\"`\\ %_\u65e5\U0001f600"

whole = st.sampled_from([1, 0, 2, -1, -2, 7])
real = st.sampled_from([-1.5, -1.0, 0.0, 0.5, 2.0, 2.5])
word = st.text(LETTERS, max_size=2)


def spelled(value: Any) -> Both:
    if isinstance(value, str):
        return repr(value), "'" + value.replace("'", "''") + "'"
    return repr(value), str(int(value)) if isinstance(value, bool) else repr(value)


number = st.one_of(
    st.one_of(whole, real).map(spelled), st.sampled_from([("n", "n"), ("`a real`", '"a real"')])
)
text = st.one_of(word.map(spelled), st.sampled_from([("word", "word"), ("other", "other")]))
flag = st.sampled_from(
    [("flag == True", "flag = 1"), ("False != flag", "0 <> flag"), ("flag",) * 2]
)


@st.composite
def comparisons(draw: st.DrawFn) -> Both:
    column, side = draw(st.sampled_from([("n", number), ("word", text)]))
    parts = [(column, column), draw(side)]
    if draw(st.booleans()):
        parts = [draw(side), (column, column), draw(side)]
    operators = [draw(st.sampled_from(["<=", ">", "==", "<", "!=", ">="])) for _ in parts[1:]]
    rule, pairs = parts[0][0], []
    for left, operator, right in zip(parts, operators, parts[1:], strict=False):
        rule += f" {operator} {right[0]}"
        pairs.append(f"{left[1]} {OPERATORS[operator]} {right[1]}")
    return rule, f"({' AND '.join(pairs)})"


@st.composite
def lists(draw: st.DrawFn) -> Both:
    column, value = draw(st.sampled_from([("n", st.one_of(whole, real)), ("word", word)]))
    entries = [spelled(entry) for entry in draw(st.lists(value, min_size=1, max_size=3))]
    negated = draw(st.sampled_from(["", "not "]))
    ours, theirs = (", ".join(column) for column in zip(*entries, strict=True))
    return f"{column} {negated}in [{ours}]", f"({column} {negated}in ({theirs}))"


@st.composite
def text_tests(draw: st.DrawFn) -> Both:
    value = draw(word)
    rule, sql = spelled(value)
    method, template = draw(
        st.sampled_from(
            [
                ("contains", "(instr(word, {0}) > 0)"),
                ("startswith", "(substr(word, 1, {1}) = {0})"),
                ("endswith", "(substr(word, max(1, length(word) - {1} + 1)) = {0})"),
            ]
        )
    )
    if method == "endswith" and not value:  # substr would then give the whole text
        return f"word.endswith({rule})", "(word = word)"
    return f"word.{method}({rule})", template.format(sql, len(value))


def is_none(column: str) -> st.SearchStrategy[Both]:
    return st.sampled_from(
        [
            (f"{column} is None", f"{column} is null"),
            (f"{column} is not None", f"{column} is not null"),
        ]
    )


def joined(parts: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    pair = st.tuples(parts, st.sampled_from(["and", "or"]), parts)
    return st.one_of(
        pair.map(lambda p: tuple(f"({p[0][at]} {p[1]} {p[2][at]})" for at in (0, 1))),
        parts.map(lambda p: (f"not ({p[0]})", f"not ({p[1]})")),
    )


rules = st.recursive(
    st.one_of(comparisons(), lists(), text_tests(), flag, is_none("n"), is_none("word")),
    joined,
    max_leaves=5,
)


NAMES = ["n", "a real", "word", "other", "flag"]
VALUES: list[list[Any]] = [
    [-2, -1, 0, 1, 2],
    [-1.5, -1.0, 0.0, 0.5, 2.0],
    ["", "a", "à", "aa", "aà", "Z", "'", "`%", "_\\", "\u65e5", "\U0001f600", "a "],
    ["", "a", "à", "aa", "Z", "b"],
    [True, False],
]


@cache
def tables() -> tuple[sqlite3.Connection, list[pd.DataFrame]]:
    """The same 150 rows in SQL and in two frames of other types, a quarter of them missing."""
    rng = np.random.default_rng(0)
    columns = [
        [None if rng.random() < 0.25 else values[rng.integers(len(values))] for _ in range(150)]
        for values in VALUES
    ]
    plain = pd.DataFrame(dict(zip(NAMES, columns, strict=True)), dtype=object)
    plain = plain.astype({"n": float, "a real": float})
    typed = plain.astype({"n": "Int32", "word": "string", "other": "category", "flag": "boolean"})
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.execute('create table images (id, n, "a real", word, other, flag)')
    rows = zip(range(150), *columns, strict=True)
    database.executemany("insert into images values (?, ?, ?, ?, ?, ?)", rows)
    return database, [plain, typed]


@settings(deadline=None, max_examples=250)
@given(rules)
def test_rules_mean_what_they_mean_in_sqlite(rule: Both) -> None:
    database, frames = tables()
    found = database.execute(f"select id from images where {rule[1]} order by id")
    truth = [at for (at,) in found]
    for frame in frames:
        assert np.flatnonzero(rows_where(frame, rule[0])).tolist() == truth


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("country == 'FR' and width >= 600", [1, 0, 0]),
        ("not country == 'FR'", [0, 1, 0]),
        ("3 <= stars <= 5", [1, 0, 1]),
        ("stars in (4, 5)", [0, 0, 1]),
        ("country in ('FR')", [1, 0, 0]),
        ("  (country == 'FR'\n or stars is None)  ", [1, 1, 0]),
        ("`has pool` and width == 600", [1, 0, 0]),
        ("not `has pool`", [0, 1, 0]),
        ("width == 9007199254740993", [0, 0, 1]),
        ("width in (1.5, 600.0, 99999999999999999999999)", [1, 0, 0]),
        ("width == 9007199254740992.0", [0, 0, 0]),
        ("width < 99999999999999999999999", [1, 1, 1]),
        (f"stars > -{'9' * 400}", [1, 0, 1]),
        ("taken < '2026-01-01'", [1, 0, 0]),
        ("taken == '2025-12-31T22:30:00'", [1, 0, 0]),
        ("'2026-01-01' < day", [0, 0, 1]),
        ("day not in ('2026-01-01', '2026-01-02')", [0, 0, 1]),
        ("taken > day", [0, 0, 0]),
        ("`class` == 'b'", [0, 1, 0]),
        ("été == 'z' or `été` == 'x'", [1, 0, 1]),
        ("caf\ufb01 == 2", [0, 1, 0]),
        ("tags is not None", [1, 1, 0]),
        ("empty == 5 or not empty == 'x' or empty", [0, 0, 0]),
        ("empty is None", [1, 1, 1]),
        ("country == '`été`' or country.contains('#')", [0, 0, 0]),
        ("stars > width", [0, 0, 0]),
    ],
)
def test_rules_by_hand(images: pd.DataFrame, rule: str, expected: list[int]) -> None:
    before = images.copy(deep=True)
    assert rows_where(images, rule).tolist() == [bool(value) for value in expected]
    pd.testing.assert_frame_equal(images, before)
    assert rows_where(images.iloc[:0], rule).shape == (0,)
