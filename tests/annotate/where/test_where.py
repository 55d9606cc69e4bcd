"""Scope rules against sqlite3, and what they refuse."""

from __future__ import annotations

import sqlite3
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.where.rows import rows_where

# A rule as we write it, and the same in SQL.
Both = tuple[str, str]
OPERATORS = {"==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
WORDS = ["and", "or", "not", "in", "is", "None", "stars", "country"]
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


@pytest.fixture
def images() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "country": ["FR", "IT", None],
            "stars": [3.0, np.nan, 5.0],
            "width": np.array([600, 640, 2**53 + 1]),
            "has pool": [True, False, None],
            "taken": pd.to_datetime(
                pd.Series(["2026-01-01T00:30+02:00", None, "2026-03-01T00:00Z"]), utc=True
            ),
            "day": [date(2026, 1, 1), None, date(2026, 3, 1)],
            "class": ["a", "b", "c"],
            "été": ["x", "y", "z"],
            "tags": [["a"], [], None],
            "empty": None,
            "caf\ufb01": [1, 2, 3],  # a ligature, which the parser would take apart
        }
    )


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


@pytest.mark.parametrize(
    ("rule", "place", "message"),
    [
        ("width > 5 and contry == 'FR'", "contry", "no column contry; did you mean country?"),
        ("country == FR", "FR", "A text stands in quotes. Columns: country, stars, width"),
        ("stars == null", "null", "A missing value is written None"),
        ("`has pol` == True", "`has pol`", "did you mean has pool?"),
        ("width >= '600'", "'600'", "width holds numbers and '600' is text"),
        ("été == 'a' and country < 5", "5", "country holds text and 5 is a number"),
        ("country == width", "width", "country holds text and column width holds numbers"),
        ("width in (1, 'b')", "'b'", "Leave out the quotes"),
        ("`has pool` == 1", "1", "has pool holds true and false and 1 is a number"),
        ("`has pool` < True", "True", "have no order"),
        ("taken > 'yesterday'", "'yesterday'", "taken holds dates: write one as '2026-01-31'"),
        ("tags == 'a'", "'a'", "only `is None`"),
        ("stars == None", "None", "write `is None`"),
        ("stars in (1, None)", "None", "write `is None`"),
        ("stars is 3", "3", "write `is None` or `==`"),
        ("stars in ()", "()", "the list is empty"),
        ("stars in width", "width", "a list of values"),
        ("stars in (1, width)", "width", "not columns"),
        ("'pool' in country", "'pool'", "contains('part')"),
        ("country = 'FR'", "=", "equality is written =="),
        ("country == 'FR' AND stars > 3", "AND", "small letters"),
        ("(country == 'FR') & (stars > 3)", "(country == 'FR') & (stars > 3)", "write `and`"),
        ("country LIKE 'F'", "LIKE", "contains('part')"),
        ("width", "width", "compare it with something"),
        ("1 < 2 < width", "2", "needs a column"),
        ("width + 1 > 2", "width + 1", "cannot stand in a rule"),
        ("width > 2 ** 2", "2 ** 2", "cannot stand in a rule"),
        ("width > -'a'", "-'a'", "cannot stand in a rule"),
        ("country == b'FR'", "b'FR'", "cannot stand in a rule"),
        ("country == f'{width}'", "f'{width}'", "cannot stand in a rule"),
        ("country.upper() == 'FR'", "country.upper()", "cannot stand in a rule"),
        ("country.replace('a')", "country.replace('a')", "only .contains(), .startswith(), "),
        ("width.contains('a')", "width", "width holds numbers, not text"),
        ("country.contains(été)", "été", "takes one text in quotes"),
        ("country.contains('a', 'b')", "country.contains('a', 'b')", "takes one text"),
        ("__import__('os').system('id')", "__import__('os').system('id')", "cannot stand"),
        ("(lambda: 1)()", "(lambda: 1)()", "cannot stand in a rule"),
        ("[x for x in country]", "[x for x in country]", "cannot stand in a rule"),
        ("country.__class__", "country.__class__", "cannot stand in a rule"),
        ("True", "True", "cannot stand in a rule"),
        ("width > 1; print(1)", ";", "invalid syntax"),
        ("(width > 1", "(", "never closed"),
        ("country == 'FR", "'", "is not closed"),
        ("`country == 'FR'", "`", "is not closed"),
        ("`` == 'FR'", "``", "no column's name"),
        ("country == '''FR'''", "'''", "one pair of quotes"),
        ("width > 1 # all", "#", "no comments"),
    ],
)
def test_what_is_wrong_is_shown_at_its_place(
    images: pd.DataFrame, rule: str, place: str, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        rows_where(images, rule)
    first, shown, carets = str(caught.value).split("\n")[:3]
    assert message in str(caught.value)
    assert first.startswith("--where: ")
    pointed = shown[carets.index("^") : carets.rindex("^") + 1]
    assert pointed == place or (place.startswith(pointed) and len(pointed) == 1)


@pytest.mark.parametrize(
    "rule",
    [
        "",
        " \n",
        "not " * 2000 + "width == 1",
        "-" * 5000 + "1 == width",
        "(" * 5000,
        "(" * 100 + "not (" * 60 + "width == 1" + ")" * 160,
        "width == " + "9" * 10_000,
        "width == 1 or " * 5000 + "width == 1",
        "country == '\udcff'",
        "country == 'FR'\x00",
        "country == 'FR' \x1b[31m",
        "\u201cFR\u201d == country",
        "width == 1\\\n",
    ],
)
def test_hostile_rules_are_refused_in_few_words(images: pd.DataFrame, rule: str) -> None:
    with pytest.raises(InputError) as caught:
        rows_where(images, rule)
    assert len(str(caught.value)) < 1000
    assert str(caught.value).replace("\n", "").isprintable()


def test_a_place_far_into_a_long_rule(images: pd.DataFrame) -> None:
    rule = "country in ('" + "', '".join(f"c{at}" for at in range(1500)) + "') and wide == 1"
    with pytest.raises(InputError, match="no column wide") as caught:
        rows_where(images, rule)
    _, shown, carets = str(caught.value).split("\n")
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "wide"
    assert len(shown) < 110
    assert rows_where(images, rule.replace("wide == 1", "width > 1")).sum() == 0


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.sampled_from([*"()[]{}'\"`=<>!,.-#&|\\\n;:@~", *WORDS])
        | st.sampled_from([" ", "1", "'a'", "==", "lambda", "if", "\u00e9t\u00e9", "*", "\0"])
    ).map("".join)
)
def test_any_text_is_a_rule_or_refused(rule: str) -> None:
    frame = pd.DataFrame({"stars": [1.0, None], "country": ["a", None]})
    try:
        found = rows_where(frame, rule)
    except InputError as error:
        assert "--where" in str(error)  # noqa: PT017
    else:
        assert found.shape == (2,)
        assert found.dtype == bool
