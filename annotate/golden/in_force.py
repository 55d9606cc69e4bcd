"""The thresholds that labels were made with."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from annotate.files import read_json
from annotate.labels.consolidate import thresholds
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace


@dataclass(frozen=True)
class InForce:
    """Settings of consolidation, and the threshold of every class of the taxonomy."""

    settings: ConsolidateSettings
    limits: dict[str, float]


def read_in_force(workspace: Workspace, taxonomy: Taxonomy) -> InForce:
    """How ``consolidate`` decided last, options included; else as ``mumic.toml`` says."""
    settings = settings_in_force(workspace)
    limits = thresholds(taxonomy.ids, taxonomy, settings)
    return InForce(settings, dict(zip(taxonomy.ids, limits, strict=True)))


def settings_in_force(workspace: Workspace) -> ConsolidateSettings:
    """The settings alone; for these the label list may be another one than that of the labels."""
    settings = workspace.settings.consolidate
    file = workspace.labels / "summary.json"
    if file.is_file():
        settings = _stated(read_json(file, "mumic-annotate consolidate"), settings)
    return settings


def _stated(summary: Any, settings: ConsolidateSettings) -> ConsolidateSettings:
    found = summary.get("settings", {}).get("consolidate", {}) if isinstance(summary, dict) else {}
    known = {entry.name for entry in fields(settings)}
    return replace(settings, **{name: value for name, value in found.items() if name in known})
