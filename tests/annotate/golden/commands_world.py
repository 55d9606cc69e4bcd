"""A workspace for the golden commands: answers of a simulated crowd, and what experts say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from click.testing import CliRunner
from PIL import Image

from annotate.answers.choices import NONE, UNSURE
from annotate.cli import main
from annotate.tables import CATALOG, GOLDEN_LABELS, write
from tests.annotate.golden.simulated import World, taxonomy_of

CLASSES = ("room", "bedroom", "snow", "dog")
YAML = """\
version: 1
name: test
categories: [{id: all, name: All}]
classes:
  - {id: room, name: Room, category: all}
  - {id: bedroom, name: Bedroom, category: all, parents: [room]}  # a room with a bed
  - {id: snow, name: Snow, category: all, difficulty: hard}
  - {id: dog, name: Dog, category: all}
"""
QUESTIONS = """\
taxonomy: none
strategy: grouped
questions:
  - {id: q01, title: Inside, classes: [room, bedroom]}
  - {id: q02, title: Other, classes: [snow, dog]}
"""
WORLD = World(
    300,
    taxonomy_of(4, parents={1: 0}),
    0,
    prevalence=0.25,
    sees=(0.9, 0.9, 0.5, 0.9),
    errs=(0.02,),
)


def make_workspace(folder: Path) -> None:
    """Three hundred images with the votes of five people each; nothing is consolidated yet."""
    (folder / "mumic.toml").write_text('[project]\ntaxonomy = "classes.yaml"\n')
    (folder / "classes.yaml").write_text(YAML)
    (folder / "questions.yaml").write_text(QUESTIONS)
    ids = WORLD.votes.image_ids
    Image.new("RGB", (16, 12)).save(folder / "photo.jpg")
    catalog = pd.DataFrame(
        {
            "image_id": ids,
            "uri": "photo.jpg",
            "bytes": 1,
            "width": 16,
            "height": 12,
            "orientation": 1,
            "content_hash": ids,
            "perceptual_hash": "0" * 16,
            "property_id": WORLD.properties.to_numpy(),
            "text": None,
            "present": [at != 3 for at in range(len(ids))],
        }
    )
    write(CATALOG, catalog, folder / "data/catalog/images.parquet")
    lines = [_line(image, at) for at, image in enumerate(ids)]
    (folder / "data/answers").mkdir(parents=True)
    (folder / "data/answers/people.jsonl").write_text("\n".join(lines) + "\n")


def _line(image: str, at: int) -> str:
    yes = WORLD.votes.yes[at]
    answers = [
        {"workerId": f"w{number}", "answerContent": _content(yes > number)} for number in range(5)
    ]
    return json.dumps({"image-id": image, "answers": answers})


def _content(ticks: np.typing.NDArray[np.bool_]) -> dict[str, dict[str, bool]]:
    said = dict(zip(CLASSES, map(bool, ticks), strict=True))
    groups = {"q01": CLASSES[:2], "q02": CLASSES[2:]}
    return {
        question: {name: said[name] for name in classes}
        | {NONE: not any(said[name] for name in classes), UNSURE: False}
        for question, classes in groups.items()
    }


def careless_answers(folder: Path) -> None:
    """Answers of two people who see what is there, and of three who often tick at random."""
    rng = np.random.default_rng(0)
    lines = []
    for at, image in enumerate(WORLD.votes.image_ids):
        seen = [WORLD.truth[at] ^ (rng.random(4) < (0.02, 0.4)[who > 1]) for who in range(5)]
        answers = [
            {"workerId": f"w{who}", "answerContent": _content(ticks)}
            for who, ticks in enumerate(seen)
        ]
        lines.append(json.dumps({"image-id": image, "answers": answers}))
    (folder / "data/answers/people.jsonl").write_text("\n".join(lines) + "\n")


def run(*arguments: str, expect: int = 0) -> Any:
    result = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return json.loads(result.stdout) if "--json" in arguments else result.output


def write_truth(folder: Path) -> None:
    """True labels of all images; every image has the same file, so the ids must do."""
    rows = [
        {"image_id": image, "class_id": name, "label": int(WORLD.truth[at, column])}
        for at, image in enumerate(WORLD.votes.image_ids)
        for column, name in enumerate(CLASSES)
    ]
    write(GOLDEN_LABELS, pd.DataFrame(rows), folder / "data/golden/labels.parquet")


def expert_answers(folder: Path) -> None:
    """One expert answers what the manifest asks, as the server writes it."""
    place = {image: at for at, image in enumerate(WORLD.votes.image_ids)}
    lines = []
    for raw in (folder / "data/golden/tasks/manifest.jsonl").read_text().splitlines():
        task = json.loads(raw)
        content = _content(WORLD.truth[place[task["image-id"]]])
        answer = {
            "workerId": "expert",
            "answerContent": {name: content[name] for name in task["questions"]},
        }
        lines.append(json.dumps({"image-id": task["image-id"], "answers": [answer]}))
    (folder / "data/golden/answers").mkdir(parents=True, exist_ok=True)
    (folder / "data/golden/answers/serve.jsonl").write_text("\n".join(lines) + "\n")
