"""``mumic-annotate dataset`` as a test calls it, and the workspace in which it does."""

from __future__ import annotations

import hashlib
from pathlib import Path

from click.testing import CliRunner

from annotate.cli.console import Program
from annotate.cli.dataset import dataset as dataset_command
from annotate.tables import CATALOG, LABELS, write
from tests.annotate.dataset.made import YAML, many


def run(*arguments: str, expect: int = 0) -> str:
    program = Program("mumic-annotate")
    program.add_command(dataset_command)
    result = CliRunner().invoke(program, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return result.stdout if expect == 0 else result.output


def hashes(folder: Path) -> dict[str, str]:
    """Of what a build leaves; the lock that processes hold is empty."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and file.name != ".lock"]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def write_workspace(root: Path) -> None:
    """Two hundred images with labels, but for the summary of these."""
    labels, catalog = many(200)
    (root / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (root / "classes.yaml").write_text(YAML)
    write(CATALOG, catalog, root / "data/catalog/images.parquet")
    write(LABELS, labels, root / "data/labels/labels.parquet")
