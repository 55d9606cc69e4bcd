import json
import re
import tomllib
from pathlib import Path

import pytest

from annotate import tables
from annotate.catalog.scan import STAMPS
from annotate.dataset.auditing import AUDIT
from annotate.dataset.build import DATASET_VOTES, STORED_SPLITS
from annotate.index.plan import PLAN
from annotate.index.shards import SHARD
from docs import build
from docs.experiment_page import experiments_page

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("file", "maker"),
    [
        ("docs/commands.md", "commands_page"),
        ("docs/benchmarks.md", "benchmarks"),
        ("docs/scale.md", "scale"),
        ("docs/consolidation.md", "consolidation"),
        ("docs/taxonomy.md", "taxonomy"),
        ("docs/experiments.md", "experiments"),
        ("README.md", "readme"),
    ],
)
def test_what_is_made_is_up_to_date(file: str, maker: str) -> None:
    made = getattr(build, maker)()
    assert (ROOT / file).read_text("utf-8") == made, "run `make docs`"


# Where docs/formats.md tells of a table: the beginning of its section, and its file.
PASSAGES = [
    (tables.CATALOG, "Catalog", "images.parquet"),
    (tables.IMAGE_REJECTS, "Catalog", "rejects.parquet"),
    (STAMPS, "Catalog", "stamps.parquet"),
    (PLAN, "Index", "plan.parquet"),
    (SHARD, "Index", "shard-NNNNN.parquet"),
    (tables.CANDIDATES, "Candidates", "round-NNNN.parquet"),
    (tables.POOLS, "Candidates", "pools-NNNN.parquet"),
    (tables.ANSWERS, "Labels", "answers.parquet"),
    (tables.ANSWER_REJECTS, "Labels", "rejects.parquet"),
    (tables.LABELS, "Labels", "labels.parquet"),
    (tables.LABEL_CHANGES, "Labels", "changes.parquet"),
    (tables.LACKING, "Labels", "lacking.parquet"),
    (tables.GOLDEN_SAMPLE, "Golden set", "sample.parquet"),
    (tables.GOLDEN_LABELS, "Golden set", "labels.parquet"),
    (tables.DATASET, "Dataset", "images.parquet"),
    (DATASET_VOTES, "Dataset", "votes.parquet"),
    (STORED_SPLITS, "Dataset", "splits.parquet"),
    (AUDIT, "Dataset", "audit.parquet"),
    (tables.LEARNED, "Run", "learned.parquet"),
    (tables.PREDICTIONS, "Predictions", "RUN.parquet"),
]


def _passage(heading: str, file: str) -> str:
    """From the first mention of a file in its section to that of the next table."""
    text = (ROOT / "docs" / "formats.md").read_text("utf-8")
    (section,) = re.findall(rf"^## {heading}:.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    _, begun = re.split(rf"[`/]{file}`", section, maxsplit=1)
    return re.split(r"[\w/-]+\.parquet`", begun)[0]


def _named_columns(passage: str) -> set[str]:
    """What stands between backticks, or in the first cell of a row: not any word of a sentence."""
    cells = ", ".join(re.findall(r"^\| ([\w, ]+) \|", passage, re.MULTILINE))
    return {*re.findall(r"`(\w+)`", passage), *cells.split(", ")}


def test_every_table_has_its_passage() -> None:
    known = {value.name for value in vars(tables).values() if isinstance(value, tables.Table)}
    assert known - {table.name for table, *_ in PASSAGES} == set()


@pytest.mark.parametrize(("table", "heading", "file"), PASSAGES)
def test_every_column_is_described_where_its_table_is(
    table: tables.Table, heading: str, file: str
) -> None:
    named = _named_columns(_passage(heading, file))
    assert [name for name in [*table.columns, *table.optional] if name not in named] == []


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


def test_a_difference_without_an_interval_is_left_empty() -> None:
    """Where all test images are of one property no method has one."""
    figures = json.loads(build.FIGURES.read_text("utf-8"))
    for measures in figures["differences"].values():
        for found in measures.values():
            found |= {"low": None, "high": None}
    name = next(iter(figures["differences"]))
    (line,) = [row for row in build.results(figures).splitlines() if row.startswith(f"| {name} ")]
    assert line.endswith(" |  |  |")


def test_what_test_confirms_is_said_with_the_classes_that_it_judges() -> None:
    files = (build.EXPERIMENT_FIGURES, build.EXPERIMENTS_ELSEWHERE)
    found, other = (json.loads(file.read_text("utf-8")) for file in files)
    texts = found["experiments"]["prompts"] | {"chosen": {"a": "name", "b": "name"}}
    held = {"value": 0.04, "low": 0.01, "high": 0.07}
    none = dict.fromkeys(held)
    for confirmed, said in (
        (held | {"classes": 1, "chosen": 2}, "On test the texts of 1 of 2 classes are +4.0 points"),
        (none | {"classes": 0, "chosen": 2}, "None of them has positives enough in test: not conf"),
    ):
        found["experiments"]["prompts"] = texts | {"confirmed": confirmed}
        assert said in experiments_page(found, other)
