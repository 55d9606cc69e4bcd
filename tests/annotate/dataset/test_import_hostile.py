"""Imports of files that are broken or mean harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotate.errors import InputError
from annotate.outside_xml import parse_xml
from tests.annotate.dataset.command import run
from tests.annotate.dataset.imported import coco, labels, take, voc


def test_paths_that_leave_the_folder_are_set_aside(root: Path) -> None:
    secret = root / "secret.jpg"
    secret.write_bytes((root / "source/photos/001.jpg").read_bytes())
    (root / "source/photos/link.jpg").symlink_to(secret)
    names = ["000.png", "../../secret.jpg", str(secret), "link.jpg", "gone.jpg", "a\0b.jpg"]
    images = [{"id": at, "file_name": name} for at, name in enumerate(names)]
    file = coco(root, images=images, annotations=[{"image_id": 0, "category_id": 7}])
    summary = take(file, "--images", str(root / "source/photos"))
    assert (summary["images"], summary["rejected"]) == (1, 5)
    rejects = (root / "w/data/imports/instances/rejects.csv").read_text()
    assert rejects.count("points outside") == 4
    assert rejects.count("no such file") == 1
    assert list(labels(root)) == ["000.png"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "instances.json:1"),
        ("[]", "not COCO"),
        ('{"images": []}', "no categories"),
        ("[" * 100_000, "not"),
        ('{"images": [], "categories": [], "annotations": []}', "no categories"),
        ('{"images": [], "categories": [{"id": 1, "name": "a"}]}', "no annotations"),
        (
            '{"images": [{"id": 1}], "categories": [{"id": 1, "name": "a"}], "annotations": []}',
            "no id and file_name",
        ),
    ],
)
def test_broken_coco(root: Path, text: str, said: str) -> None:
    file = root / "source/instances.json"
    file.write_text(text)
    assert said in run("dataset", "import", str(file), expect=1)


def test_strange_entries_of_coco_are_set_aside(root: Path) -> None:
    annotations = [
        {"image_id": 0, "category_id": 7},
        {"image_id": 0, "category_id": 99},
        {"image_id": 99, "category_id": 7},
        {"image_id": [], "category_id": {}},
        None,
    ]
    summary = take(coco(root, annotations=annotations), "--images", str(root / "source/photos"))
    assert summary["rejected"] == 4


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]>
<annotation><filename>&y;</filename></annotation>"""
STEAL = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


SHIFT_JIS = '<?xml version="1.0" encoding="shift_jis"?><a>海</a>'.encode("shift_jis")
NO_SUCH = b'<?xml version="1.0" encoding="no-such"?><a/>'


@pytest.mark.parametrize(
    "text",
    [BOMB, STEAL, BOMB.encode("utf-16"), "<a><b></a>", "", "\0", SHIFT_JIS, NO_SUCH],
)
def test_hostile_xml(text: str | bytes) -> None:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(InputError, match=r"document type|broken XML"):
        parse_xml(data)


def test_a_broken_file_of_voc_is_set_aside(root: Path) -> None:
    source = voc(root)
    (source / "Annotations/000.xml").write_text(BOMB)
    (source / "Annotations/001.xml").write_text("<annotation>")
    summary = take(source)
    assert (summary["images"], summary["rejected"]) == (10, 2)
    assert "document type" in (root / "w/data/imports/voc/rejects.csv").read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column with paths"),
        ("path,stars\n000.png,five\n", "no labels found"),
        ("path,labels\n", "no column with paths"),
        ('path,labels\n"000.png,x\n', "not readable as CSV"),
        ("path,labels\nnowhere.jpg,x\n", "no such file"),
    ],
)
def test_broken_csv(root: Path, text: str, said: str) -> None:
    source = root / "source/photos/labels.csv"
    source.write_text(text)
    assert said in run("dataset", "import", str(source), expect=1)


def test_sources_that_are_none(root: Path) -> None:
    assert "nothing at" in run("dataset", "import", str(root / "gone"), expect=1)
    (root / "x.bin").write_bytes(b"")
    assert "which format" in run("dataset", "import", str(root / "x.bin"), expect=1)
    (root / "empty").mkdir()
    assert "no metadata.jsonl" in run("dataset", "import", str(root / "empty"), expect=1)
