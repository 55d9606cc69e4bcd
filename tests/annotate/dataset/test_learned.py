"""Which images a run is not judged by."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from annotate.dataset.learned import check_unlearned, learned_in_training, write_learned
from annotate.errors import InputError, MissingError


def images(*rows: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["content_hash", "split"])


FIRST = images(("a", "train"), ("b", "train"), ("c", "validation"), ("d", "test"))


@pytest.mark.parametrize(
    ("now", "refused"),
    [
        (FIRST, ""),
        (images(("a", "train"), ("d", "train"), ("new", "test")), ""),
        (images(("a", "test"), ("d", "test")), "1 of 2 test images"),
        (images(("c", "test"), ("b", "test")), "2 of 2 test images"),
        (images(("a", "validation"), ("c", "validation"), ("d", "test")), "1 of 2 validation"),
        # Its labels were not learned: thresholds tuned on it are tuned on what nobody has seen.
        (images(("d", "validation"), ("c", "train")), ""),
    ],
)
def test_images_that_were_trained_with_or_chosen_by_are_refused(
    tmp_path: Path, now: pd.DataFrame, refused: str
) -> None:
    write_learned(tmp_path, FIRST)
    if not refused:
        check_unlearned(tmp_path, now)
    else:
        with pytest.raises(InputError, match=refused):
            check_unlearned(tmp_path, now)


def test_a_picture_that_a_dataset_has_in_two_splits_is_not_refused_there(tmp_path: Path) -> None:
    twice = pd.concat([FIRST, images(("a", "test"), ("b", "validation"))])
    write_learned(tmp_path, twice)
    check_unlearned(tmp_path, twice)
    assert list(learned_in_training(tmp_path)) == []


def test_a_run_that_began_with_another_has_learned_that_ones_images(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    write_learned(first, FIRST)
    anew = images(("a", "test"), ("d", "train"), ("b", "train"))
    write_learned(second, anew, first)
    assert set(learned_in_training(second)) == {"a", "b", "d"}
    with pytest.raises(InputError, match="1 of 1 test images"):
        check_unlearned(second, anew)


def test_a_folder_without_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"learned\.parquet"):
        check_unlearned(tmp_path, FIRST)
    write_learned(tmp_path, FIRST, tmp_path / "no run")
    check_unlearned(tmp_path, FIRST)
