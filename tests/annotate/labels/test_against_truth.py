"""Truth files, and scores against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from annotate.errors import InputError, MissingError
from annotate.labels.against_truth import score_against_truth, score_annotators
from annotate.labels.consolidate import consolidate
from annotate.labels.truth import Truth, read_truth
from annotate.labels.votes import Votes
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Category, Taxonomy, TaxonomyClass

TAXONOMY = Taxonomy(
    "test",
    "1",
    (Category("all", "All"),),
    (
        TaxonomyClass("pool", "Swimming pool", "all", aliases=("piscina",)),
        TaxonomyClass("indoor", "Indoor pool", "all", parents=("pool",)),
        TaxonomyClass("snow", "Snow", "all"),
    ),
)


def catalog_of(**uris: str) -> pd.DataFrame:
    return pd.DataFrame({"image_id": list(uris), "uri": list(uris.values())})


def test_truth_is_matched_by_path_and_closed_upward(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    outside = tmp_path.parent / "elsewhere.jpg"
    (folder / "truth.csv").write_text(
        "note,path,class_id\n"
        "x,photos/ä.jpg,indoor\n"
        "x,photos/ä.jpg,Snow\n"
        f"x,{outside},PISCINA\n"
        "x,photos/empty.jpg,\n"
        "x,../demo/photos/../photos/b.jpg,snow\n"
        "x,s3://bucket/c.jpg,snow\n"
        "x,photos/unknown.jpg,snow\n"
        "x,bad\0name.jpg,snow\n",
        encoding="utf-8-sig",
    )
    catalog = catalog_of(
        i1="demo/photos/ä.jpg",
        i2=outside.as_posix(),
        i3="demo/photos/empty.jpg",
        i4="demo/photos/b.jpg",
        i5="s3://bucket/c.jpg",
        i6="demo/photos/other.jpg",
    )
    truth = read_truth(folder / "truth.csv", catalog, TAXONOMY, tmp_path)
    assert truth.image_ids == ("i1", "i2", "i3", "i4", "i5")
    assert truth.positive.astype(int).tolist() == [
        [1, 1, 1],
        [1, 0, 0],
        [0, 0, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]
    assert truth.unmatched == 2
    assert truth.rows_of(["i6", "i2"]).astype(int).tolist() == [[0, 0, 0], [1, 0, 0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "1: the header"),
        (b"path,label\na.jpg,snow\n", "1: the header"),
        (b"path,class_id\na.jpg,snow\na.jpg,snwo\n", "truth.csv:3: unknown class 'snwo'.*Snow"),
        (b"path,class_id\na.jpg\n", "2: a row needs"),
        (b"path,class_id\n,snow\n", "2: a row needs"),
        (b"path,class_id\n\xff\xfe,snow\n", "not readable as a CSV"),
        (b"path,class_id\nz.jpg,snow\n", "none of its 1 paths"),
        (b"path,class_id\n", "none of its 0 paths"),
    ],
)
def test_a_truth_that_cannot_be_used(tmp_path: Path, text: bytes, message: str) -> None:
    file = tmp_path / "truth.csv"
    file.write_bytes(text)
    with pytest.raises(InputError, match=message):
        read_truth(file, catalog_of(i1="a.jpg"), TAXONOMY, tmp_path)


def test_no_truth(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no truth"):
        read_truth(tmp_path / "truth.csv", catalog_of(i1="a.jpg"), TAXONOMY, tmp_path)


def _random_case(seed: int, images: int = 60) -> tuple[Truth, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    ids = tuple(f"i{at:02d}" for at in range(images))
    truth = Truth(ids, TAXONOMY.ids, rng.random((images, 3)) < 0.3)
    yes = rng.integers(0, 6, (images, 3)).astype(np.int16)
    votes = Votes(ids, TAXONOMY.ids, yes, (5 - yes).astype(np.int16), np.zeros_like(yes))
    return truth, consolidate(votes, TAXONOMY, ConsolidateSettings())


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_scikit_learns(seed: int) -> None:
    truth, labels = _random_case(seed)
    said = labels.pivot(index="image_id", columns="class_id", values="label")[list(TAXONOMY.ids)]
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth.positive, said.to_numpy(int), average=None, zero_division=0
    )
    score = score_against_truth(labels, truth)
    np.testing.assert_allclose(score.classes["precision"], precision, rtol=1e-12)
    np.testing.assert_allclose(score.classes["recall"], recall, rtol=1e-12)
    np.testing.assert_allclose(score.classes["f1"], f1, rtol=1e-12)
    assert score.macro_f1 == pytest.approx(f1.mean())
    assert score.images == 60


def test_unknown_labels_images_without_truth_and_rare_classes_do_not_count() -> None:
    truth = Truth(
        ("i1", "i2", "i3"), TAXONOMY.ids, np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0]], bool)
    )
    yes = np.array([[5, 0, 0], [1, 0, 5], [0, 0, 0], [5, 5, 5]], np.int16)
    no = np.array([[0, 5, 5], [0, 5, 0], [5, 5, 5], [0, 0, 0]], np.int16)
    votes = Votes(("i1", "i2", "i3", "i9"), TAXONOMY.ids, yes, no, np.zeros_like(yes))
    score = score_against_truth(consolidate(votes, TAXONOMY, ConsolidateSettings()), truth)
    rows = score.classes.set_index("class_id")
    # pool: hit in i1, unknown in i2; indoor has no positives; snow: missed in i1, false in i2.
    assert list(rows.loc["pool", ["positives", "predicted", "hits"]]) == [1, 1, 1]
    assert rows.loc["indoor", "positives"] == 0
    assert list(rows.loc["snow", ["precision", "recall"]]) == [0, 0]
    assert (score.macro_precision, score.scored_classes, score.images) == (0.5, 2, 3)
    again = score_against_truth(
        consolidate(votes, TAXONOMY, ConsolidateSettings()), truth, min_positives=2
    )
    assert again.macro_f1 is None


def test_a_class_that_was_only_propagated_to_is_not_scored() -> None:
    truth = Truth(("i1",), TAXONOMY.ids, np.array([[1, 1, 0]], bool))
    counts = np.array([[5]], np.int16)
    votes = Votes(("i1",), ("indoor",), counts, counts * 0, counts * 0)
    score = score_against_truth(consolidate(votes, TAXONOMY, ConsolidateSettings()), truth)
    assert score.classes["class_id"].tolist() == ["indoor"]


def test_annotators_alone() -> None:
    truth = Truth(("i1", "i2"), TAXONOMY.ids, np.array([[1, 1, 0], [0, 0, 1]], bool))
    answers = pd.DataFrame(
        [
            ("i1", "q", "good", ["indoor"], False),
            ("i2", "q", "good", ["snow"], False),
            ("i1", "q", "half", [], False),
            ("i2", "q", "half", ["snow"], False),
            ("i1", "q", "unsure", [], True),
        ],
        columns=["image_id", "question_id", "annotator_id", "ticked", "unsure"],
    ).assign(skipped=False)
    scores = score_annotators(answers, {"q": TAXONOMY.ids}, TAXONOMY, truth)
    # "good" gets the pool from her indoor pool; "half" finds one class of three.
    assert scores == {"good": 1.0, "half": pytest.approx(1 / 3)}
