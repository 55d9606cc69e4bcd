import json
import shutil
import subprocess
from pathlib import Path

import pytest

from annotate.errors import DamagedError, InputError, MissingError
from annotate.init import init_workspace
from annotate.runs import finished_run
from annotate.settings import Settings
from annotate.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_workspace(tmp_path / "hotels", Settings())
    return tmp_path / "hotels"


def test_init_writes_what_the_user_edits(folder: Path) -> None:
    assert (folder / "mumic.toml").is_file()
    assert (folder / "label_taxonomy" / "travel.yaml").is_file()
    assert (folder / "templates").is_dir()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_keeps_what_nothing_else_knows_and_ignores_the_rest(folder: Path) -> None:
    kept = {
        ".gitignore",
        "mumic.toml",
        "label_taxonomy/travel.yaml",
        "data/dataset/lock.json",
        "data/dataset/splits.parquet",
        "data/migrations/0001/migration.json",
    }
    ignored = {
        "data/catalog/images.parquet",
        "data/annotation.sqlite3",
        "data/serve.secret",
        "data/answers/people.jsonl",
        "data/dataset/images.parquet",
        "data/dataset/stats.json",
        "data/.migrations.lock",
        "data/migrations/to-ask.csv",
        "runs/latest/run.json",
    }
    for name in kept | ignored:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    said = subprocess.run(
        ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--stdin"],
        cwd=folder,
        input="\n".join(sorted(kept | ignored)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(said.stdout.split()) == ignored


def test_it_is_found_from_any_folder_below(folder: Path) -> None:
    below = folder / "a" / "b"
    below.mkdir(parents=True)
    assert Workspace.find(below).root == folder.resolve()


def test_outside_a_workspace_the_message_names_init(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="mumic-annotate init"):
        Workspace.find(tmp_path)


def test_init_never_overwrites(folder: Path) -> None:
    before = (folder / "mumic.toml").read_bytes()
    with pytest.raises(InputError, match="already"):
        init_workspace(folder, Settings())
    assert (folder / "mumic.toml").read_bytes() == before


def test_init_keeps_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "label_taxonomy").mkdir()
    (tmp_path / "label_taxonomy" / "mine.yaml").write_text("mine", "utf-8")
    (tmp_path / ".gitignore").write_text("secret\n", "utf-8")
    init_workspace(tmp_path, Settings())
    assert (tmp_path / "label_taxonomy" / "mine.yaml").read_text("utf-8") == "mine"
    assert (tmp_path / ".gitignore").read_text("utf-8") == "secret\n"


@pytest.mark.parametrize("content", [b"[mine\n", b"\xff\xfe", b"n = \x00"])
def test_a_broken_settings_file_is_named(folder: Path, content: bytes) -> None:
    (folder / "mumic.toml").write_bytes(content)
    with pytest.raises(InputError, match=r"mumic\.toml: not readable"):
        Workspace.find(folder)


def test_the_latest_run_is_the_one_that_finished_last(folder: Path) -> None:
    workspace = Workspace.find(folder)
    with pytest.raises(MissingError, match="mumic train"):
        workspace.latest_run()
    for name, finished in [
        ("b", "2026-01-01T00:00:00Z"),
        ("a", "2026-01-02T00:00:00Z"),
        ("c", None),
    ]:
        (workspace.runs / name).mkdir(parents=True)
        (workspace.runs / name / "run.json").write_text(json.dumps({"finished": finished}), "utf-8")
    for name, text in [("cut", "{"), ("list", "[]"), ("bytes", "\xff")]:
        (workspace.runs / name).mkdir()
        (workspace.runs / name / "run.json").write_text(text, "latin-1")
    assert workspace.latest_run().name == "a"
    for name in ("cut", "list", "bytes"):
        with pytest.raises(DamagedError, match=name):
            finished_run(workspace.runs, name)
