"""``questions`` in a workspace: the files that it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from annotate.answers.choices import NONE, UNSURE
from annotate.answers.files import RawAnswers, find_answers
from annotate.answers.packing import check_answers
from annotate.errors import InputError, MissingError
from annotate.files import read_json
from annotate.labels.consolidate import check_settings
from annotate.labels.counts import read_counts
from annotate.labels.truth import Truth, read_truth
from annotate.labels.votes import Votes, count_votes
from annotate.questions.comparison import Evidence, plan_name
from annotate.questions.likeness import Likeness, make_likeness
from annotate.questions.planning import QuestionPlan, asked_classes
from annotate.tables import CATALOG, read
from annotate.tasks.manifest import read_manifest
from annotate.taxonomy.load import load_taxonomy
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.prompts import prompt_text
from annotate.workspace import Workspace


def read_likeness(
    workspace: Workspace,
    taxonomy: Taxonomy,
    *,
    wanted: bool | None = None,
    allow_demo_model: bool = False,
) -> Likeness | None:
    """How alike the model of ``mumic.toml`` finds the texts of the classes.

    It is computed on the CPU in float32, whatever the machine has, so that the plan is the same.

    Args:
        workspace: names the model.
        taxonomy: the classes; the text is the one that a model is prompted with.
        wanted: False: never; True: load the model in any case; None: only if it has an index.
        allow_demo_model: take the small CLIP for a catalogue that is not the demo's.

    Returns:
        None where texts are to play no part.

    Raises:
        MissingError: wanted, and the model cannot be had.
        InputError: wanted, and it is the small CLIP.
    """
    if wanted is False or (wanted is None and not _may_have_index(workspace)):
        return None
    from annotate.catalog.scan import is_demo_catalog
    from annotate.clip.encoder import encode_texts
    from annotate.clip.loading import load_clip, require_real_model
    from annotate.index.folders import shard_files
    from annotate.index.shards import model_folder

    clip = load_clip(workspace.settings.model, workspace.root)
    folder = model_folder(workspace.index, clip)
    if not wanted and not shard_files(folder):
        return None
    if wanted and not shard_files(folder):
        demo = (workspace.catalog / "summary.json").is_file() and is_demo_catalog(workspace.catalog)
        require_real_model(clip, demo, allow_demo_model)
    classes = asked_classes(taxonomy)
    vectors = encode_texts(clip, [prompt_text(entry) for entry in classes])
    return make_likeness(folder.name, [entry.id for entry in classes], vectors)


def _may_have_index(workspace: Workspace) -> bool:
    """Whether some index is of a model of this name: to find out more, it must be loaded."""
    name = workspace.settings.model.name
    files = sorted(workspace.index.glob("*/model.json"))
    return any(_entry(file, "name", "mumic-annotate index") == name for file in files)


def read_evidence(
    workspace: Workspace,
    taxonomy: Taxonomy,
    plans: Sequence[QuestionPlan],
    *,
    truth_file: Path | None = None,
    pilots: Sequence[Path] = (),
) -> Evidence:
    """What is known about a workspace's images.

    Args:
        workspace: with or without catalogue, answers and labels.
        taxonomy: the classes that it works on; votes for others are left out.
        plans: whose own answers are looked for.
        truth_file: CSV of true labels; by default the one that ``golden`` used last, else that of
            ``[simulate]``, where it is there.
        pilots: further folders with answers of golden images, each asked in one of these ways.

    Raises:
        MissingError: ``truth_file`` or a pilot's folder is not there.
        InputError: the truth or a setting of consolidation is wrong.
        DamagedError: a table is not readable.
    """
    check_settings(workspace.settings.consolidate)
    missing = [str(folder) for folder in pilots if not folder.is_dir()]
    if missing:
        raise MissingError(f"no folder {', '.join(missing)}. Name folders with answers.")
    if not (workspace.catalog / "images.parquet").is_file():
        return Evidence(None, None, {})
    votes = _label_votes(workspace, taxonomy)
    truth = _truth(workspace, load_taxonomy(workspace.taxonomy), truth_file)
    own = {} if truth is None else _own_votes(workspace, plans, truth, pilots)
    return Evidence(votes, truth, own)


def _truth(workspace: Workspace, taxonomy: Taxonomy, given: Path | None) -> Truth | None:
    catalog = read(CATALOG, workspace.catalog / "images.parquet", ["image_id", "uri"])
    if given is not None:
        return read_truth(given, catalog, taxonomy, workspace.root)
    golden = workspace.golden / "score.json"
    named = _entry(golden, "truth", "mumic-annotate golden") if golden.is_file() else ""
    for name in (named, workspace.settings.simulate.truth):
        if name and workspace.resolve(name).is_file():
            return read_truth(workspace.resolve(name), catalog, taxonomy, workspace.root)
    return None


def _entry(file: Path, key: str, made_by: str) -> str:
    """A text of a JSON file that a command wrote; empty where it is not there."""
    found = read_json(file, made_by)
    value = found.get(key) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _label_votes(workspace: Workspace, taxonomy: Taxonomy) -> Votes | None:
    """The votes of ``labels.parquet``, whatever the questions were."""
    file = workspace.labels / "labels.parquet"
    if not file.is_file():
        return None
    return read_counts(file, taxonomy.ids)


def _own_votes(
    workspace: Workspace, plans: Sequence[QuestionPlan], truth: Truth, pilots: Sequence[Path]
) -> dict[str, Votes]:
    """Votes of golden images that were asked a plan's questions, by the plan's name.

    A page sends every choice of a question, so an answer says how it was asked: one whose choices
    are not just the plan's does not count for it.
    """
    manifest = workspace.tasks / "manifest.jsonl"
    order = [task.image_id for task in read_manifest(manifest)] if manifest.is_file() else []
    golden = set(truth.image_ids)
    raw: list[RawAnswers] = []
    for folder in (workspace.answers, *pilots):
        found = find_answers(folder, order if folder == workspace.answers else ())
        raw += [entry for entry in found if entry.image_id in golden]
    own = {}
    for plan in plans:
        questions = {question.id: question.classes for question in plan.questions}
        asked_so = (_asked_so(entry, questions) for entry in raw)
        answers = check_answers(asked_so, questions, golden).answers
        if not answers.empty:
            own[plan_name(plan)] = count_votes(answers, questions)
    return own


def _asked_so(raw: RawAnswers, questions: Mapping[str, Sequence[str]]) -> RawAnswers:
    """The answers of an image to just these questions; what is no worker response goes."""
    kept = []
    for response in raw.answers if isinstance(raw.answers, list) else ():
        content = response.get("answerContent") if isinstance(response, dict) else None
        if isinstance(content, dict):
            same = {
                name: boxes
                for name, boxes in content.items()
                if isinstance(boxes, dict)
                and boxes.keys() - {NONE, UNSURE} == set(questions.get(name, ()))
            }
            kept.append({**response, "answerContent": same})
    return replace(raw, answers=kept)


def check_truth_given(evidence: Evidence, truth_file: Path | None) -> None:
    """Make sure that a truth that was named can be used.

    Raises:
        InputError: there is no catalogue whose images it could name.
    """
    if truth_file is not None and evidence.truth is None:
        raise InputError(
            f"{truth_file}: there is no catalogue yet whose images it could name. Make one with "
            "`mumic-annotate catalog`."
        )
