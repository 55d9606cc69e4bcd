import io
from pathlib import Path

import pytest

from annotate.errors import InputError, MumicError
from mumic.demo.commands import Session
from mumic.demo.run import run_demo


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work", "utf-8")
    with pytest.raises(InputError, match="not empty"):
        run_demo(tmp_path, quick=True, output=io.StringIO())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_session_prints_what_it_runs_and_stops_at_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("w", encoding="utf-8") as output:
        session = Session(tmp_path, output)
        session.run("mumic-annotate init hotels")
        assert (tmp_path / "hotels" / "mumic.toml").is_file()
        with pytest.raises(MumicError, match="init hotels` stopped with exit code 1"):
            session.run("mumic-annotate init hotels")
    assert log.read_text("utf-8").count("$ mumic-annotate init hotels") == 2
    assert [step.line for step in session.steps] == ["mumic-annotate init hotels"]
    assert session.steps[0].peak_mb > 5
