"""The whole path on real photos, to a trained and evaluated run; no accuracy is asserted."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import annotate.cli
import mumic.cli
from annotate import tables
from annotate.workspace import Workspace
from mumic.demo.photos import COMMANDS, read_photos, write_workspace

PHOTOS = Path(__file__).parents[2] / "shared" / "data" / "photos"
PROGRAMS = {"mumic-annotate": annotate.cli.main, "mumic": mumic.cli.main}

pytestmark = pytest.mark.skipif(not PHOTOS.is_dir(), reason="the labelled photos are not here")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("photos")
    write_workspace(read_photos(PHOTOS), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in COMMANDS:
            program, *arguments = shlex.split(line)
            done = CliRunner().invoke(PROGRAMS[program], arguments, catch_exceptions=False)
            assert done.exit_code == 0, f"{line}\n{done.output}"
    return Workspace.find(folder)


def test_every_photo_is_in_the_catalogue_with_its_caption(workspace: Workspace) -> None:
    catalog = tables.read(tables.CATALOG, workspace.catalog / "images.parquet")
    photos = read_photos(PHOTOS)
    assert len(catalog) == len(photos) == 171
    assert set(catalog["uri"]) == {photo.path.as_posix() for photo in photos}
    captions = {photo.path.as_posix(): photo.caption for photo in photos}
    found = dict(zip(catalog["uri"], catalog["text"].fillna(""), strict=True))
    assert found == captions


def test_five_people_answered_and_their_labels_resemble_the_photos(workspace: Workspace) -> None:
    answers = tables.read(tables.ANSWERS, workspace.labels / "answers.parquet")
    assert (answers.groupby("image_id")["annotator_id"].nunique() == 5).all()
    labels = tables.read(tables.LABELS, workspace.labels / "labels.parquet")
    catalog = tables.read(tables.CATALOG, workspace.catalog / "images.parquet")
    uris = dict(zip(catalog["image_id"], catalog["uri"], strict=True))
    shown = {
        p.path.as_posix(): {n.replace(" ", "_") for n in p.labels} for p in read_photos(PHOTOS)
    }
    positive = labels[labels["label"] == 1]
    right = [
        class_id in shown[uris[image_id]]
        for image_id, class_id in zip(positive["image_id"], positive["class_id"], strict=True)
    ]
    assert np.mean(right) > 0.9


def test_the_run_is_trained_measured_and_used(workspace: Workspace) -> None:
    run = workspace.latest_run()
    measures = json.loads((run / "metrics.json").read_text("utf-8"))["test"]
    assert measures["demo_model"] is True
    assert 10 <= measures["methods"]["MuMIC"]["images"] <= 25
    predictions = tables.read(tables.PREDICTIONS, workspace.predictions / f"{run.name}.parquet")
    assert predictions["image_id"].nunique() == 171


def test_the_demo_model_is_never_a_silent_default(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.root)
    for line in COMMANDS:
        # Every photo is a candidate by now, so `mine` says that first.
        if line.endswith(" --allow-demo-model") and " mine " not in line:
            program, *arguments = shlex.split(line.removesuffix(" --allow-demo-model"))
            refused = CliRunner().invoke(PROGRAMS[program], arguments)
            assert refused.exit_code == 1, line
            assert "--allow-demo-model" in refused.output, line
