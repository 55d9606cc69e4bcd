"""Coefficients of agreement against published values and against the definition by pairs.

Where a table is a paper's, it was compared with copies of it in other projects, not with the paper.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from annotate.labels.agreement import (
    fleiss_kappa,
    gwet_ac1,
    nominal_alpha,
    percent_agreement,
)

# Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C: 4 observers and 12
# units, nominal, with gaps.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)


def _counts(observers: Any) -> list[list[int]]:
    units = zip(*observers, strict=True)
    return [[sum(value == given for given in unit) for value in range(1, 6)] for unit in units]


def _by_pairs(counts: Any) -> float:
    """The definition: disagreeing pairs within units over disagreeing pairs of all values."""
    units = [[v for v, n in enumerate(row) for _ in range(int(n))] for row in counts]
    units = [unit for unit in units if len(unit) >= 2]
    values = [value for unit in units for value in unit]
    n = len(values)
    observed = sum(
        sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units
    )
    expected = sum(a != b for a, b in permutations(values, 2))
    return 1 - (observed / n) / (expected / (n * (n - 1))) if expected else float("nan")


def test_published_example_with_missing_values() -> None:
    assert nominal_alpha(_counts(OBSERVERS)) == pytest.approx(0.743, abs=5e-4)


TABLE = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])  # irrCAC, cont3x3abstractors


def two_observers(table: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Counts of answers by unit, (units, categories), of a table of one's answers by another's."""
    rows = np.eye(len(table))
    return np.concatenate(
        [
            np.tile(rows[one] + rows[other], (int(repeats), 1))
            for (one, other), repeats in np.ndenumerate(table)
        ]
    )


def test_published_table_of_two_observers() -> None:
    assert nominal_alpha(two_observers(TABLE)) == pytest.approx(0.7972585, abs=5e-8)


@given(arrays(np.int64, (6, 3), elements=st.integers(0, 4)))
def test_equals_the_definition_by_pairs(counts: Any) -> None:
    np.testing.assert_allclose(nominal_alpha(counts), _by_pairs(counts), atol=1e-12)


def test_all_classes_at_once_equal_each_class_alone() -> None:
    counts = np.random.default_rng(0).integers(0, 5, (40, 7, 2))
    alone = [nominal_alpha(counts[:, at]) for at in range(7)]
    np.testing.assert_allclose(nominal_alpha(counts), alone, rtol=1e-12)
    np.testing.assert_allclose(
        percent_agreement(counts), [percent_agreement(counts[:, at]) for at in range(7)], rtol=1e-12
    )


def test_agreement_without_a_choice_is_undefined() -> None:
    assert np.isnan(nominal_alpha([[5, 0], [5, 0]]))
    assert np.isnan(percent_agreement([[1, 0], [0, 1]]))
    assert percent_agreement([[5, 0], [5, 0]]) == 1


def test_percent_agreement_by_hand() -> None:
    # 3 yes and 2 no: 10 pairs, 3 + 1 agree; the single answer has no pair.
    assert percent_agreement([[3, 2], [1, 0]]) == pytest.approx(0.4)


# The worked example of Wikipedia's "Fleiss' kappa": 10 subjects, 14 raters, 5 values. It is widely
# copied, often as Fleiss' (1971) own, which is the next one; where it first stood is not known.
TEN_SUBJECTS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)


# Fleiss (1971), "Measuring nominal scale agreement among many raters": how many of 6 psychiatrists
# saw depression, personality disorder, schizophrenia, neurosis and another in each of 30 patients.
THIRTY_PATIENTS = """
    00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
    10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
    00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""


def test_published_examples_of_fleiss_kappa() -> None:
    assert fleiss_kappa(TEN_SUBJECTS) == pytest.approx(0.210, abs=5e-4)
    patients = [[int(digit) for digit in row] for row in THIRTY_PATIENTS.split()]
    # To these places by R's package irr, kappam.fleiss(diagnoses).
    assert fleiss_kappa(patients) == pytest.approx(0.4302445, abs=5e-8)


def test_gwet_published_table() -> None:
    assert gwet_ac1(two_observers(TABLE)) == pytest.approx(0.8493305, abs=5e-8)


def test_kappa_and_ac1_at_a_low_prevalence() -> None:
    """Nearly everybody says no: kappa sees hardly any agreement, AC1 nearly all."""
    counts = [[0, 5]] * 96 + [[1, 4]] * 4
    assert fleiss_kappa(counts) < 0.05
    assert gwet_ac1(counts) > 0.95
    assert np.isnan(fleiss_kappa([[5, 0], [5, 0]]))
    assert gwet_ac1([[5, 0], [5, 0]]) == 1
