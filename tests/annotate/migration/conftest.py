"""The workspace of ``world.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.annotate.migration.world import make_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "workspace"
    make_workspace(root)
    monkeypatch.chdir(root)
    return root
