import re
import tomllib
from pathlib import Path

import pytest

from annotate import tables

ROOT = Path(__file__).parent.parent


def test_the_command_reference_is_up_to_date() -> None:
    namespace: dict[str, object] = {
        "__name__": "build",
        "__file__": str(ROOT / "docs" / "build.py"),
    }
    exec((ROOT / "docs" / "build.py").read_text("utf-8"), namespace)
    page = namespace["commands_page"]
    assert callable(page)
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == page(), "run `make docs`"


@pytest.mark.parametrize(
    "table", [value for value in vars(tables).values() if isinstance(value, tables.Table)]
)
def test_every_column_is_described(table: tables.Table) -> None:
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    assert [name for name in table.columns if not re.search(rf"\b{name}\b", text)] == []


def test_the_lock_names_no_package_index_and_pins_every_requirement() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0].lower())
        for line in lock.splitlines()
        if "==" in line
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {
        re.split(r"[<>=\[]", name)[0].lower().replace("_", "-").replace(".", "-") for name in wanted
    }
    assert names - pinned == set()
