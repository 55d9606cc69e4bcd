"""``mumic-annotate search``: the hits are those of a float64 sort, and errors say what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from annotate.cli import main
from annotate.clip.encoder import encode_texts
from annotate.clip.loading import load_clip
from annotate.index.shards import Index, load_index
from annotate.search.looking import best_images
from annotate.settings import ModelSettings

DrawNoise = Callable[[Path, int], None]
Run = Callable[..., Result]


@pytest.fixture
def run(
    tmp_path: Path, tiny_clip_folder: Path, draw_noise: DrawNoise, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs commands in a workspace of twelve embedded images, two of them with equal bytes."""
    for number in range(11):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
    (tmp_path / "photos" / "again.png").write_bytes((tmp_path / "photos/1.png").read_bytes())
    settings = f'[model]\nname = "local-dir:{tiny_clip_folder}"\n[index]\nshard_size = 5\n'
    (tmp_path / "mumic.toml").write_text(settings, "utf-8")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    assert invoke("catalog", "photos").exit_code == 0
    assert invoke("index").exit_code == 0
    return invoke


def only_folder(root: Path) -> Path:
    (folder,) = (root / "data" / "index").iterdir()
    return folder


def hits_of(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["hits"]
    return found


def test_texts_are_ranked_by_their_best_cosine(
    run: Run, tmp_path: Path, tiny_clip_folder: Path
) -> None:
    texts = ["a photo with a dog", "a beach"]
    hits = hits_of(run("search", *texts, "-k", "7", "--json"))
    clip = load_clip(ModelSettings(name=f"local-dir:{tiny_clip_folder}"), tmp_path)
    index = load_index(only_folder(tmp_path))
    rows = np.concatenate(index.embeddings).astype(np.float64)
    cosines = pd.DataFrame(rows @ encode_texts(clip, texts).T.astype(np.float64))
    images = pd.read_parquet(tmp_path / "data/catalog/images.parquet")
    at = pd.Series(range(len(rows)), index=index.content_hashes)[images["content_hash"]]
    expected = images.assign(
        score=cosines.max(axis=1).to_numpy()[at], query=cosines.idxmax(axis=1).to_numpy()[at]
    ).round({"score": 12})
    expected = expected.sort_values(["score", "image_id"], ascending=[False, True]).head(7)
    assert [hit["image_id"] for hit in hits] == expected["image_id"].tolist()
    assert [hit["rank"] for hit in hits] == list(range(1, 8))
    assert [hit["query"] for hit in hits] == [texts[number] for number in expected["query"]]
    np.testing.assert_allclose([hit["score"] for hit in hits], expected["score"], atol=1e-9)


def test_a_picture_finds_itself_and_its_copy(run: Run, tmp_path: Path) -> None:
    hits = hits_of(run("search", "--image", "photos/1.png", "-k", "3", "--json"))
    assert {hit["uri"] for hit in hits[:2]} == {"photos/1.png", "photos/again.png"}
    assert hits[0]["score"] == hits[1]["score"] == pytest.approx(1, abs=2e-3)
    assert hits[2]["score"] < hits[1]["score"]


def test_people_get_a_table_and_a_page(run: Run, tmp_path: Path) -> None:
    result = run("search", "a <b>dog</b>", "-k", "4")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["rank", "score", "image", "property"]
    assert [line.split()[0] for line in lines[1:5]] == ["1", "2", "3", "4"]
    page = tmp_path / "data" / "search.html"
    assert str(page) in result.stdout
    content = page.read_text("utf-8")
    assert "<b>dog</b>" not in content
    assert content.count("photos/") >= 4
    page.unlink()
    assert run("search", "dog", "--no-page").exit_code == 0
    assert not page.exists()


def test_scope(run: Run) -> None:
    hits = hits_of(run("search", "dog", "--where", "uri == 'photos/3.png'", "--json"))
    assert [hit["uri"] for hit in hits] == ["photos/3.png"]
    assert len(hits_of(run("search", "dog", "-k", "100", "--json"))) == 12


def test_what_is_wrong_is_said(run: Run, tmp_path: Path, draw_noise: DrawNoise) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    draw_noise(tmp_path / "more" / "new.png", 99)
    assert run("catalog", "more").exit_code == 0
    fails: list[tuple[list[str], str]] = [
        (["--image", "broken.jpg"], "--image broken.jpg"),
        (["--image", "absent.jpg"], "--image absent.jpg"),
        (["  "], "nothing to look for"),
        (["dog", "--where", "colour == 'red'"], "colour"),
        (["dog", "--where", "width > 100000"], "no image of the catalogue is in scope"),
        (["dog", "--where", "uri == 'more/new.png'"], "Run `mumic-annotate index`"),
    ]
    for arguments, message in fails:
        result = run("search", *arguments)
        assert result.exit_code == 1, arguments
        assert message in result.stderr
    assert run("search").exit_code == 2
    picture = run("search", "more/new.png")  # meant is the picture, not its name
    assert (picture.exit_code, "--image more/new.png" in picture.stderr) == (2, True)
    assert run("search", "dog " * 100, "--no-page").exit_code == 0, "no file has such a long name"
    assert "1 images are not embedded" in run("search", "dog", "--no-page").stderr
    shard = only_folder(tmp_path) / "shard-00000.npy"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-9])
    result = run("search", "dog")
    assert result.exit_code == 1
    assert "shard-00000.npy" in result.stderr
    assert not (tmp_path / "data" / "search.html").exists()


def test_an_index_of_another_model_is_named(run: Run, tmp_path: Path) -> None:
    folder = only_folder(tmp_path)
    folder.rename(folder.with_name("other-00000000"))
    result = run("search", "dog")
    assert result.exit_code == 1
    assert "other-00000000" in result.stderr
    assert "mumic-annotate index" in result.stderr


def test_equal_scores_stand_by_image_id_at_the_cut_too() -> None:
    """Of six rows in the order of their hashes the first three are equal; their ids fall."""
    rows = np.eye(6, dtype=np.float16)[[0, 0, 0, 1, 2, 3]]
    index = Index(np.array(list("abcdef"), object), [rows[:2], rows[2:]])
    images = pd.DataFrame(
        {"image_id": list("9876543"), "content_hash": list("abcdeff"), "uri": "u"}
    ).assign(property_id=None)
    query = np.eye(6, dtype=np.float32)[:1]
    for k in range(1, 8):
        assert best_images(images, index, query, k)["image_id"].tolist() == list("7893456")[:k]
