"""Parts made apart are the index that one machine makes, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.errors import DamagedError, InputError, MissingError
from annotate.index.parts import merge_all, merge_parts, parse_part
from annotate.index.plan import deal, plan_shards
from annotate.index.shards import load_index
from annotate.locks import exclusive

DrawNoise = Callable[[Path, int], None]
IMAGES = 22  # five shards of four or five


@pytest.fixture(scope="module")
def catalogued(
    tmp_path_factory: pytest.TempPathFactory, tiny_clip_folder: Path, draw_noise: DrawNoise
) -> Path:
    """A workspace with a catalogue; one photo is gone since."""
    root = tmp_path_factory.mktemp("parts") / "workspace"
    for number in range(IMAGES):
        draw_noise(root / "photos" / f"{number}.png", number)
    settings = f'[model]\nname = "local-dir:{tiny_clip_folder}"\n'
    (root / "mumic.toml").write_text(settings + "[index]\nbatch_size = 2\nshard_size = 5\n")
    assert run(root, "catalog", "photos").exit_code == 0
    (root / "photos" / "5.png").unlink()
    return root


@pytest.fixture(scope="module")
def one_machine(catalogued: Path) -> dict[str, bytes]:
    root = catalogued.parent / "one"
    shutil.copytree(catalogued, root)
    assert run(root, "index").exit_code == 0
    return contents(model_folder(root))


@pytest.fixture(scope="module")
def two_parts(catalogued: Path) -> Path:
    """The workspace with both of two parts made."""
    root = catalogued.parent / "two"
    shutil.copytree(catalogued, root)
    for part in ("2/2", "1/2"):
        assert run(root, "index", "--shard", part).exit_code == 0
    return root


@pytest.fixture
def copied(two_parts: Path, tmp_path: Path) -> Path:
    shutil.copytree(two_parts, tmp_path / "copy")
    return tmp_path / "copy"


def run(root: Path, *arguments: str) -> Any:
    before = Path.cwd()
    os.chdir(root)
    try:
        return CliRunner().invoke(main, arguments)
    finally:
        os.chdir(before)


def model_folder(root: Path) -> Path:
    (folder,) = (root / "data" / "index").iterdir()
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def failing_after(limit: int) -> Callable[[Any, Any], None]:
    """``os.replace`` that breaks off at its call number ``limit``."""
    real, calls = os.replace, iter(range(1, limit))

    def replace(source: Any, target: Any) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        real(source, target)

    return replace


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_machines_of_their_own_make_the_same_index(
    catalogued: Path, one_machine: dict[str, bytes], tmp_path: Path, count: int
) -> None:
    gathered = tmp_path / "gathered"
    shutil.copytree(catalogued, gathered)
    embedded = 0
    for number in range(count, 0, -1):
        machine = tmp_path / f"machine-{number}"
        shutil.copytree(catalogued, machine)
        result = run(machine, "index", "--shard", f"{number}/{count}", "--json")
        embedded += json.loads(result.stdout)["embedded"]
        shutil.copytree(machine / "data/index", gathered / "data/index", dirs_exist_ok=True)
    assert embedded == IMAGES - 1
    result = run(gathered, "index", "--merge", "--json")
    (merged,) = json.loads(result.stdout)["models"].values()
    assert merged == {"parts": count, "shards": 5, "total": IMAGES - 1, "skipped": 1}
    folder = model_folder(gathered)
    assert contents(folder) == one_machine
    assert [entry.name for entry in folder.iterdir() if entry.is_dir()] == []


def test_parts_are_disjoint_whole_shards_and_need_no_word_of_each_other(tmp_path: Path) -> None:
    names = [f"{number:03d}" for number in range(97)]
    images = pd.DataFrame({"image_id": names, "content_hash": names, "uri": names})
    plan = plan_shards(images, tmp_path, 10)
    shuffled = plan_shards(images.sample(frac=1, random_state=1), tmp_path, 10)
    shares = [deal(shuffled, number, 4) for number in range(1, 5)]
    together = pd.concat(shares).sort_values("content_hash", ignore_index=True)
    pd.testing.assert_frame_equal(together, plan.reset_index(drop=True))
    for one in range(4):
        for other in range(one):
            assert not set(shares[one]["shard"]) & set(shares[other]["shard"])
    assert max(map(len, shares)) - min(map(len, shares)) <= 10


def test_again_is_nothing(copied: Path, one_machine: dict[str, bytes]) -> None:
    result = run(copied, "index", "--shard", "1/2", "--json")
    assert json.loads(result.stdout)["embedded"] == 0
    assert run(copied, "index", "--merge").exit_code == 0
    result = run(copied, "index", "--merge")
    assert (result.exit_code, "Nothing to merge" in result.stdout) == (0, True)
    assert contents(model_folder(copied)) == one_machine


def test_merge_killed_at_any_moment_goes_on(
    copied: Path, one_machine: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted = 0
    for limit in range(1, 30):
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", failing_after(limit))
            try:
                merge_all(copied / "data" / "index")
                break
            except KeyboardInterrupt:
                interrupted += 1
    assert interrupted > 3
    assert contents(model_folder(copied)) == one_machine
    assert load_index(model_folder(copied)).content_hashes.shape == (IMAGES - 1,)


def test_missing_and_unfinished_parts_are_named(copied: Path) -> None:
    folder = model_folder(copied)
    state = folder / "parts" / "2-of-2" / "part.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"finished": False}))
    with pytest.raises(MissingError, match=r"parts 2/2 are missing or not finished.*--shard 2/2"):
        merge_parts(folder)
    assert run(copied, "index", "--shard", "2/2").exit_code == 0
    shutil.rmtree(folder / "parts" / "1-of-2")
    with pytest.raises(MissingError, match="parts 1/2 are missing"):
        merge_parts(folder)
    with pytest.raises(MissingError, match="no part of an index"):
        merge_all(copied / "nowhere")


def test_what_does_not_fit_is_refused_and_left_alone(
    copied: Path, one_machine: dict[str, bytes]
) -> None:
    folder = model_folder(copied)
    result = run(copied, "index")
    assert (result.exit_code, "parts of this index are in the making" in result.stderr) == (1, True)
    result = run(copied, "index", "--shard", "1/2", "--batch-size", "3")
    assert (result.exit_code, "begun with another catalogue" in result.stderr) == (1, True)
    shard = next((folder / "parts" / "1-of-2").glob("*.npy"))
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-5])
    with pytest.raises(DamagedError, match=shard.name):
        merge_parts(folder)
    assert not list(folder.glob("shard-*"))
    shard.write_bytes(whole)
    state = folder / "parts" / "2-of-2" / "part.json"
    good = state.read_text()
    state.write_text(json.dumps(json.loads(good) | {"plan": "another"}))
    with pytest.raises(InputError, match="do not belong together"):
        merge_parts(folder)
    state.write_text(good)
    for name in ("shard-00000.npy", "shard-00000.parquet"):
        (folder / name).write_bytes(one_machine[name])
    with pytest.raises(InputError, match="has got shard 0 since"):
        merge_parts(folder)


def test_no_part_is_made_while_one_machine_fills_the_index(copied: Path) -> None:
    shutil.rmtree(model_folder(copied) / "parts")
    with exclusive(model_folder(copied) / ".lock"):
        refused = run(copied, "index", "--shard", "1/2")
    assert refused.exit_code == 1
    assert "another process is filling" in refused.stderr
    assert run(copied, "index", "--shard", "1/2").exit_code == 0


def test_one_process_a_part(copied: Path) -> None:
    with exclusive(model_folder(copied) / "parts" / "1-of-2" / ".lock"):
        result = run(copied, "index", "--shard", "1/2")
    assert (result.exit_code, "another process is making part 1/2" in result.stderr) == (1, True)


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/2/3"])
def test_no_part(text: str) -> None:
    with pytest.raises(InputError, match="--shard"):
        parse_part(text)


@pytest.mark.parametrize(
    "options", [("--merge", "--shard", "1/2"), ("--merge", "--engine", "ray"), ("--actors", "2")]
)
def test_options_that_do_not_go_together(catalogued: Path, options: tuple[str, ...]) -> None:
    assert run(catalogued, "index", *options).exit_code == 2
