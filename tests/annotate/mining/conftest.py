"""A workspace to mine in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DrawNoise = Callable[[Path, int], None]
TAXONOMY = """\
version: "1"
name: two classes
categories: [{id: things, name: Things}]
classes:
- {id: pets, name: Pets, description: "pets, tame animals", category: things,
   queries: [a photo with dog, a photo with cat]}
- {id: pool, name: Swimming pool, description: a pool to swim in, category: things,
   queries: [a photo with pool, people who swim]}
"""


@pytest.fixture
def workspace(
    tmp_path: Path,
    tiny_clip_folder: Path,
    draw_noise: DrawNoise,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    rows = ["path,property_type,empty"]
    for number in range(40):
        draw_noise(tmp_path / "photos" / f"{number}.png", number)
        rows.append(f"photos/{number}.png,{['hotel', 'flat', ''][number % 3]},")
    (tmp_path / "photos.csv").write_text("\n".join(rows), "utf-8")
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY, "utf-8")
    (tmp_path / "mumic.toml").write_text(
        f'[project]\ntaxonomy = "taxonomy.yaml"\nclasses = ["pool"]\n'
        f'[model]\nname = "local-dir:{tiny_clip_folder}"\n'
        # Random weights put all pictures close together.
        "[mine]\nnear_cosine = 2.0\n",
        "utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path
