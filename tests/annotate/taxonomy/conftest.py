from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy

FOLDER = Path(__file__).parents[3] / "label_taxonomy"


@pytest.fixture(scope="session")
def travel_file() -> Path:
    return FOLDER / "travel.yaml"


@pytest.fixture(scope="session")
def schema_file() -> Path:
    return FOLDER / "taxonomy.schema.json"


@pytest.fixture(scope="session")
def travel(travel_file: Path) -> Taxonomy:
    return load_taxonomy(travel_file)


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str | bytes], Taxonomy]:
    """Loads a text or bytes as the file ``list.yaml``."""

    def from_text(content: str | bytes) -> Taxonomy:
        path = tmp_path / "list.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_taxonomy(path)

    return from_text
