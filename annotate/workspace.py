"""The workspace: the folder with ``mumic.toml``, and where every file in it lies."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from annotate.errors import InputError, MissingError
from annotate.runs import finished_run
from annotate.settings import Settings, parse

SETTINGS_FILE = "mumic.toml"


@dataclass(frozen=True)
class Workspace:
    """A folder with its settings. Stages ask it for paths and never build them themselves.

    Attributes:
        root: the folder with ``mumic.toml``.
        settings: what it says.
        experts: whether tasks and answers are those of the golden set, see :meth:`for_experts`.
    """

    root: Path
    settings: Settings
    experts: bool = False

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """Open the workspace that holds ``start``, looking upward from it.

        Args:
            start: a folder; the current one by default.

        Raises:
            MissingError: no ``mumic.toml`` here or above.
            InputError: ``mumic.toml`` cannot be read; every problem is named.
        """
        folder = (start or Path.cwd()).resolve()
        for candidate in (folder, *folder.parents):
            if (candidate / SETTINGS_FILE).is_file():
                return cls(candidate, _read(candidate / SETTINGS_FILE))
        raise MissingError(
            f"no {SETTINGS_FILE} in {folder} or above it. "
            "Make a workspace with `mumic-annotate init DIR`, or change into one."
        )

    def for_experts(self) -> Workspace:
        """The same workspace as experts see it: their tasks, answers and database lie apart.

        Answers of experts are no votes, so they must never stand among the annotators'. Everybody
        answers everything: no page is a test, and none ends early. Experts answer after the
        annotators, so that none is late; one expert's word is enough, and of several most decide.
        """
        settings = self.settings
        tasks = replace(settings.tasks, annotators=settings.golden.experts)
        serve = replace(settings.serve, golden="", golden_rate=0.0, early_stop=False, votes_max=0)
        consolidate = replace(settings.consolidate, until="", min_votes=1, vote_threshold=0.5)
        changed = replace(settings, tasks=tasks, serve=serve, consolidate=consolidate)
        return replace(self, settings=changed, experts=True)

    def resolve(self, path: str) -> Path:
        """A path of ``mumic.toml``: relative ones start at the workspace."""
        return self.root / Path(path).expanduser()

    @property
    def data(self) -> Path:
        """Folder of everything that ``mumic-annotate`` writes."""
        return self.resolve(self.settings.project.data)

    @property
    def taxonomy(self) -> Path:
        """The label list."""
        return self.resolve(self.settings.project.taxonomy)

    @property
    def templates(self) -> Path:
        """Folder of the user's own templates."""
        return self.resolve(self.settings.project.templates)

    @property
    def catalog(self) -> Path:
        """``images.parquet`` and ``rejects.parquet``."""
        return self.data / "catalog"

    @property
    def index(self) -> Path:
        """One folder per model, each with its shards."""
        return self.data / "index"

    @property
    def candidates(self) -> Path:
        """Per round of mining: receipts, summary, pools and contact sheet."""
        return self.data / "candidates"

    @property
    def questions(self) -> Path:
        """The plan, which people edit."""
        return self.root / "questions.yaml"

    @property
    def golden(self) -> Path:
        """The golden set: sample, experts' tasks, answers and labels, and what they say."""
        return self.data / "golden"

    @property
    def desk(self) -> Path:
        """Folder of tasks, answers and the server's database: annotators' or experts'."""
        return self.golden if self.experts else self.data

    @property
    def tasks(self) -> Path:
        """Template, manifest, label categories and preview."""
        return self.desk / "tasks"

    @property
    def answers(self) -> Path:
        """``*.jsonl`` files with worker responses, one line an image."""
        return self.desk / "answers"

    @property
    def labels(self) -> Path:
        """Labels, answers and rejects as Parquet, what has changed, and ``summary.json``."""
        return self.data / "labels"

    @property
    def dataset(self) -> Path:
        """``images.parquet``, ``splits.parquet``, ``classes.json``, ``stats.json`` and the lock."""
        return self.data / "dataset"

    @property
    def predictions(self) -> Path:
        """``RUN.parquet`` per run, of the catalogue; in ``sources/`` likewise of named images."""
        return self.data / "predictions"

    @property
    def runs(self) -> Path:
        """One folder per training run."""
        return self.resolve(self.settings.project.runs)

    def latest_run(self) -> Path:
        """The newest finished run (by the time in its ``run.json``).

        Raises:
            MissingError: there is none yet.
        """
        return finished_run(self.runs)


def _read(path: Path) -> Settings:
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as TOML: {error}") from error
    return parse(raw, str(path))
