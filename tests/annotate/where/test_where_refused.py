"""What scope rules refuse, and how they point at it."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import InputError
from annotate.where.rows import rows_where

WORDS = ["and", "or", "not", "in", "is", "None", "stars", "country"]


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
