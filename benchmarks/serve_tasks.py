"""A workspace with tasks that somebody may answer, for the server's benchmark and tests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from annotate.questions.file import write_plan
from annotate.questions.planning import Question, QuestionPlan
from annotate.settings import ProjectSettings, ServeSettings, Settings, TaskSettings, render
from annotate.storage.store import canonical_uri
from annotate.tables import CANDIDATES, CATALOG, empty, write
from annotate.tasks.build import build_tasks, read_questions
from annotate.tasks.objects import write_tasks
from annotate.taxonomy.load import load_taxonomy
from annotate.workspace import Workspace

VOTES = 5
TAXONOMY = """\
name: test
version: "1"
categories:
  - id: room
    name: Room
classes:
"""


def make_workspace(root: Path, images: int, names: list[str], *, votes: int = VOTES) -> Workspace:
    """A workspace with tasks: drawn pictures, and classes of these names in questions of five."""
    ids = [f"c{number}" for number in range(len(names))]
    (root / "photos").mkdir(parents=True)
    lines = [
        f"  - id: {class_id}\n    name: {_text(name)}\n    category: room\n"
        f"    description: {_text('about ' + name)}\n    queries: [{_text('a ' + name)}]\n"
        for class_id, name in zip(ids, names, strict=True)
    ]
    (root / "taxonomy.yaml").write_text(TAXONOMY + "".join(lines), "utf-8")
    settings = replace(
        Settings(),
        project=ProjectSettings(taxonomy="taxonomy.yaml"),
        tasks=TaskSettings(annotators=votes),
        serve=ServeSettings(port=0),
    )
    (root / "mumic.toml").write_text(render(settings), "utf-8")
    workspace = Workspace.find(root)
    write(CATALOG, _catalog(root, images), workspace.catalog / "images.parquet")
    catalog = pd.read_parquet(workspace.catalog / "images.parquet")
    round_one = empty(CANDIDATES).reindex(range(images))
    round_one = round_one.assign(
        round=1, strategy="stratified", image_id=catalog["image_id"], seed=0
    )
    write(CANDIDATES, round_one, workspace.candidates / "round-0001.parquet")
    _plan_and_build(workspace, ids)
    return workspace


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _catalog(root: Path, images: int) -> pd.DataFrame:
    rows = []
    for number in range(images):
        file = root / "photos" / f"{number:05}.png"
        colours = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((64, 48), Image.Resampling.NEAREST).save(file)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        uri = canonical_uri(str(file), root, root)
        image_id = hashlib.sha256(f"{uri}\0{content}".encode()).hexdigest()[:20]
        rows.append((image_id, uri, file.stat().st_size, 64, 48, 1, content, "0" * 16))
    columns = list(CATALOG.columns)[:8]
    frame = pd.DataFrame(rows, columns=columns).sort_values("image_id", ignore_index=True)
    return frame.assign(property_id=None, text=None, present=True)


def _plan_and_build(workspace: Workspace, ids: list[str]) -> None:
    taxonomy = load_taxonomy(workspace.taxonomy)
    groups = [tuple(ids[at : at + 5]) for at in range(0, len(ids), 5)]
    questions = [
        Question(f"q{at:02}", f"Question {at}", group) for at, group in enumerate(groups, 1)
    ]
    plan = QuestionPlan(taxonomy.hash, "grouped", tuple(questions))
    write_plan(plan, workspace.questions)
    built = build_tasks(workspace, workspace.settings.tasks)
    if built.tasks is None:
        raise RuntimeError("nothing to ask")
    write_tasks(built.tasks, workspace.tasks)


def questions_of(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Classes of each question."""
    return {entry.id: entry.classes for entry in read_questions(workspace)[1].questions}
