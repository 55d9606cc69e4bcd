# ruff: noqa: RUF009 - sections are frozen, so one default can be shared
"""Every setting of ``mumic.toml``: its name, type, default and comment, in one place.

``mumic-annotate init`` renders these classes as the commented file, :func:`parse` reads the file
back, and an option on the command line replaces a value for one call. Nothing else holds a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from annotate.errors import InputError
from annotate.settings.dataset import (
    CatalogSettings,
    ConsolidateSettings,
    DatasetSettings,
    GoldenSettings,
    IndexSettings,
    JobSettings,
    MineSettings,
    ModelSettings,
    ProjectSettings,
    QuestionSettings,
    SearchSettings,
    ServeSettings,
    SimulateSettings,
    TaskSettings,
)
from annotate.settings.toml import read_sections, write_sections
from annotate.settings.training import (
    BaselineSettings,
    EvaluateSettings,
    PredictSettings,
    TrainSettings,
)

__all__ = [
    "BaselineSettings",
    "CatalogSettings",
    "ConsolidateSettings",
    "DatasetSettings",
    "EvaluateSettings",
    "GoldenSettings",
    "IndexSettings",
    "JobSettings",
    "MineSettings",
    "ModelSettings",
    "PredictSettings",
    "ProjectSettings",
    "QuestionSettings",
    "SearchSettings",
    "ServeSettings",
    "Settings",
    "SimulateSettings",
    "TaskSettings",
    "TrainSettings",
    "parse",
    "render",
]


@dataclass(frozen=True)
class Settings:
    """All sections of ``mumic.toml``."""

    project: ProjectSettings = ProjectSettings()
    model: ModelSettings = ModelSettings()
    catalog: CatalogSettings = CatalogSettings()
    index: IndexSettings = IndexSettings()
    search: SearchSettings = SearchSettings()
    mine: MineSettings = MineSettings()
    questions: QuestionSettings = QuestionSettings()
    tasks: TaskSettings = TaskSettings()
    serve: ServeSettings = ServeSettings()
    job: JobSettings = JobSettings()
    simulate: SimulateSettings = SimulateSettings()
    consolidate: ConsolidateSettings = ConsolidateSettings()
    golden: GoldenSettings = GoldenSettings()
    dataset: DatasetSettings = DatasetSettings()
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    baseline: BaselineSettings = BaselineSettings()
    predict: PredictSettings = PredictSettings()


def parse(raw: Mapping[str, Any], where: str = "mumic.toml") -> Settings:
    """Settings from parsed TOML, with every problem named at once.

    Raises:
        InputError: an unknown section or key (with the closest known one), a value of a wrong type,
            a negative seed.
    """
    settings = Settings(**read_sections(Settings, raw, where))
    if settings.project.seed < 0:
        raise InputError(f"{where}: [project] seed must be 0 or more.")
    return settings


def render(settings: Settings) -> str:
    """The commented ``mumic.toml`` of these settings; :func:`parse` gives them back."""
    return write_sections(settings)
