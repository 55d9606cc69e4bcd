"""Siblings that are taken for each other, by hand; and what is said where there are none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annotate.taxonomy.model import TaxonomyClass
from mumic.metrics.ranking import Cells
from mumic.report.siblings import Confusion, Siblings, find_siblings

POOLS = [
    TaxonomyClass("in", "Indoor pool", "wellness", parents=("pool",)),
    TaxonomyClass("out", "Outdoor pool", "wellness", parents=("pool",)),
    TaxonomyClass("pool", "Pool", "wellness"),
]
#                  indoor            outdoor           both
LABELS = np.array([[1, 0, 1]] * 4 + [[0, 1, 1]] * 2 + [[1, 1, 1]], np.int8)
EACH = " Left out: 1 of 2 pairs (each counted in both directions), with fewer than 3 such images."


def _found(said: npt.NDArray[np.bool_], unknown: tuple[int, ...] = ()) -> Siblings:
    """``unknown``: images of which nobody knows whether they show an outdoor pool."""
    mask = np.ones(LABELS.shape, bool)
    mask[list(unknown), 1] = False
    return find_siblings(POOLS, said, Cells(LABELS, mask))


def test_siblings_are_counted_where_one_is_shown_and_the_other_surely_not() -> None:
    said = np.zeros(LABELS.shape, bool)
    said[[0, 1, 3, 6], 1] = True
    said[[4, 5], 0] = True
    found = _found(said, unknown=(3,))
    # Two images show an outdoor pool alone: too few for a share.
    assert found.largest == (Confusion("Indoor pool", "Outdoor pool", images=3, mistaken=2),)
    assert found.text.startswith("Of the images that show the first class and surely not its sib")
    assert found.text.endswith(EACH)


def test_a_pair_of_two_images_that_are_both_mistaken_is_not_said_to_be_right() -> None:
    said = np.zeros(LABELS.shape, bool)
    said[[4, 5], 0] = True
    found = _found(said)
    assert found.largest == ()
    assert found.text == (
        "No pair of siblings with 3 images or more that show the one and surely not the other is "
        "mistaken." + EACH
    )
    few = find_siblings(POOLS, said[2:], Cells(LABELS[2:], np.ones((5, 3), bool)))
    assert few.text.startswith("No pair of siblings has 3 images or more")


def test_without_siblings_nothing_is_said_of_them() -> None:
    alone = [POOLS[0], POOLS[2]]
    cells = Cells(LABELS[:, [0, 2]], np.ones((7, 2), bool))
    found = find_siblings(alone, np.ones((7, 2), bool), cells)
    assert found.text == "No two classes have a common parent."


def test_the_largest_shares_are_said_to_be_the_largest_only_where_some_are_cut() -> None:
    """Six siblings, three images each, all said to show all: 30 pairs; five make 20."""
    for count, cut in ((6, True), (5, False)):
        classes = [TaxonomyClass(str(at), str(at), "", parents=("x",)) for at in range(count)]
        labels = np.repeat(np.eye(count, dtype=np.int8), 3, axis=0)
        everything = np.ones(labels.shape, bool)
        found = find_siblings(classes, everything, Cells(labels, everything))
        assert len(found.largest) == 20
        assert ("These are the 20 largest of 30." in found.text) == cut
        assert "Left out" not in found.text
