"""``questions`` in a workspace: likeness, parents first, cost, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from annotate.cli import main
from annotate.settings import ConsolidateSettings
from annotate.tables import CATALOG, empty, write
from annotate.workspace import Workspace

TAXONOMY = """\
version: "1"
name: pools
categories: [{id: things, name: Things}]
classes:
- {id: pool, name: Pool, category: things}
- {id: bed, name: Bed, category: things}
- {id: lamp, name: Lamp, category: things}
- {id: desk, name: Desk, category: things}
- {id: indoor, name: Indoor pool, category: things, parents: [pool]}
- {id: outdoor, name: Outdoor pool, category: things, parents: [pool]}
"""
IMAGES = [f"{number:020d}" for number in range(10)]
# The first four show an outdoor pool, the next two an indoor pool.
SHOWN = [{"pool", "outdoor"}] * 4 + [{"pool", "indoor"}] * 2 + [{"bed"}] * 4


@pytest.fixture
def workspace(tmp_path: Path, tiny_clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "taxonomy.yaml").write_text(TAXONOMY, "utf-8")
    (tmp_path / "mumic.toml").write_text(
        '[project]\ntaxonomy = "taxonomy.yaml"\n'
        f'[model]\nname = "local-dir:{tiny_clip_folder}"\n'
        "[tasks]\nfee_per_object = 0.1\npay_per_answer = 0.2\n",
        "utf-8",
    )
    rows = [
        {"image_id": image, "uri": f"photos/{number}.jpg", "present": True}
        for number, image in enumerate(IMAGES)
    ]
    frame = empty(CATALOG).astype(object)
    frame = pd.DataFrame(rows).reindex(columns=frame.columns)
    numbers = {"bytes": 1, "width": 1, "height": 1, "orientation": 1}
    frame = frame.assign(**numbers, content_hash=IMAGES, perceptual_hash="0" * 16)
    write(
        CATALOG,
        frame.astype({"property_id": object, "text": object}),
        tmp_path / "data/catalog/images.parquet",
    )
    lines = [f"photos/{at}.jpg,{name}" for at, shown in enumerate(SHOWN) for name in shown]
    (tmp_path / "golden.csv").write_text("path,class_id\n" + "\n".join(lines) + "\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, arguments)


def done(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    summary: dict[str, Any] = json.loads(result.stdout)
    return summary


def answer(
    folder: Path,
    sees: Callable[[int, int], set[str]],
    questions: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Five people answer the planned questions about every image."""
    planned = questions or done("questions", "show")["questions"]
    lines = []
    for at, image in enumerate(IMAGES):
        answers = []
        for person in range(5):
            ticked = sees(at, person)
            content = {}
            for question in planned:
                boxes = {name: name in ticked for name in question["classes"]}
                none = not any(boxes.values())
                content[question["id"]] = boxes | {"__none__": none, "__unsure__": False}
            answers.append({"workerId": f"p{person}", "answerContent": content})
        lines.append(json.dumps({"image-id": image, "answers": answers}))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answers.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def consolidate() -> None:
    from annotate.labels.stage import label_images

    label_images(Workspace.find(), ConsolidateSettings())


def test_parents_first_is_refused_where_parents_are_overlooked(workspace: Path) -> None:
    assert done("questions", "plan")["waiting"] == 0
    # Four of five people overlook that an indoor pool is a pool, but tick the indoor pool.
    answer(
        workspace / "data/answers",
        lambda at, person: SHOWN[at] - ({"pool"} if at in (4, 5) and person else set()),
    )
    consolidate()
    before = (workspace / "questions.yaml").read_bytes()
    refused = run("questions", "plan", "--skip", "--truth", "golden.csv")
    assert refused.exit_code == 1
    assert "would lose 33.3% of recall" in refused.stderr
    assert (workspace / "questions.yaml").read_bytes() == before, "nothing was written"

    toml = workspace / "mumic.toml"
    toml.write_text(
        toml.read_text("utf-8") + "[questions]\nskip = true\nskip_below = 0.2\n", "utf-8"
    )
    planned = done("questions", "plan", "--truth", "golden.csv")
    assert (planned["waiting"], planned["questions"], planned["loss"]["lost"]) == (1, 2, 0.0)
    assert planned["saving"] == {"basis": "votes", "images": 10, "asked": 1.6, "rounds": 1.6}
    shown = run("questions", "show").output
    assert shown.splitlines()[0].split() == ["question", "title", "n", "classes", "after"]
    assert shown.splitlines()[2].endswith("Pool")

    toml.write_text(
        toml.read_text("utf-8").replace("skip_below = 0.2", "skip_below = 0.6")
        + '[simulate]\ntruth = "golden.csv"\n',
        "utf-8",
    )
    linted = run("questions", "lint")
    assert linted.exit_code == 1
    assert "would lose 33.3%" in linted.stderr, "an edited plan is guarded too"


def test_cost_of_each_way_to_ask(workspace: Path) -> None:
    done("questions", "plan", "--strategy", "binary")
    answer(workspace / "pilot", lambda at, person: SHOWN[at] - {"pool"} if at < 2 else SHOWN[at])
    done("questions", "plan")
    # One person of five ticks a lamp that nobody else sees; three of five see no bed.
    answer(
        workspace / "data/answers",
        lambda at, person: (
            (SHOWN[at] | {"lamp"} if person == 0 else SHOWN[at])
            - ({"bed"} if person > 1 else set())
        ),
    )
    summary = done(
        "questions", "cost", "--skip", "--truth", "golden.csv", "--answers", "pilot",
        "--images", "100",
    )  # fmt: skip
    found = {entry["name"]: entry for entry in summary["forecasts"]}
    assert list(found) == ["grouped", "category", "binary", "grouped, parents first"]
    assert summary["planned"] == "grouped"
    # 16 true pairs, of which the beds of four images are missed; children bring back their pool.
    assert (found["grouped"]["precision"], found["grouped"]["recall"]) == (1.0, 12 / 16)
    assert (found["binary"]["precision"], found["binary"]["recall"]) == (1.0, 1.0)
    assert (found["category"]["precision"], found["category"]["recall"]) == (None, None)
    assert found["grouped, parents first"]["recall"] == 12 / 16
    assert found["binary"]["money"] == pytest.approx(100 * 0.1 + 500 * 0.2)
    assert found["binary"]["hours"] == pytest.approx(100 * 6 * 5 * 6 / 3600)
    # No labels yet, so the saving is that of the truth: six of ten images show a pool.
    first = found["grouped, parents first"]
    assert (first["objects"], first["saving"]["basis"]) == (160, "truth")
    text = run("questions", "cost", "--skip").output
    assert "grouped (planned)" in text
    assert "What it loses is not known" in text
    assert "No golden image was answered" in text, "without a truth there is no quality"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--truth", "none.csv"], "no truth at none.csv"),
        (["--answers", "nowhere"], "no folder nowhere"),
    ],
)
def test_cost_names_what_is_not_there(workspace: Path, arguments: list[str], said: str) -> None:
    done("questions", "plan")
    result = run("questions", "cost", *arguments)
    assert result.exit_code == 1
    assert said in result.stderr


def test_settings_of_skipping_are_checked(workspace: Path) -> None:
    with (workspace / "mumic.toml").open("a", encoding="utf-8") as file:
        file.write("[questions]\nskip_below = nan\n")
    result = run("questions", "plan", "--skip", "--truth", "golden.csv")
    assert result.exit_code == 1
    assert "skip_below = nan" in result.stderr


def test_texts_are_compared_where_the_model_has_an_index(workspace: Path) -> None:
    from annotate.clip.loading import load_clip
    from annotate.files import write_json
    from annotate.index.shards import model_folder, write_shard

    assert done("questions", "plan")["similarity"] == "", "no index, no comparison"
    forced = done("questions", "plan", "--similarity")["similarity"]
    opened = Workspace.find()
    clip = load_clip(opened.settings.model, opened.root)
    folder = model_folder(opened.index, clip)
    assert forced == folder.name
    folder.mkdir(parents=True)
    write_json(folder / "model.json", {"name": clip.name, "weights_hash": clip.weights_hash})
    write_shard(folder, 0, np.zeros((1, 16), np.float16), ["0" * 64], {})
    assert done("questions", "plan")["similarity"] == folder.name
    once = (workspace / "questions.yaml").read_bytes()
    assert done("questions", "plan")["written"] is False, "the same plan again"
    assert (workspace / "questions.yaml").read_bytes() == once
    assert done("questions", "plan", "--no-similarity")["similarity"] == ""
    assert done("questions", "plan", "--strategy", "binary")["similarity"] == ""


def test_a_model_that_cannot_be_loaded_is_no_reason_to_stop(workspace: Path) -> None:
    from annotate.files import write_json

    toml = workspace / "mumic.toml"
    toml.write_text(toml.read_text("utf-8").replace("local-dir:", "local-dir:/gone"), "utf-8")
    name = Workspace.find().settings.model.name
    write_json(workspace / "data/index/gone-00000000/model.json", {"name": name})
    planned = run("questions", "plan")
    assert planned.exit_code == 0
    assert "Texts of classes are not compared" in planned.stderr
    refused = run("questions", "plan", "--similarity")
    assert refused.exit_code == 1
    assert "/gone" in refused.stderr
