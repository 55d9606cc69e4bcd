"""How the labels of a lock are made again: the command, and what it needs besides."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from annotate.files import sha256
from annotate.labels.consolidate import thresholds
from annotate.settings import ConsolidateSettings
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace

_OPTIONS = {"--method": "method", "--min-votes": "min_votes", "--threshold": "vote_threshold"}
_ONLY_IN_FILE = ("probability_threshold", "iterations")  # settings without an option


def relabel_command(lock: Mapping[str, Any], workspace: Workspace) -> str:
    """The ``consolidate`` that makes the locked labels, with all that the lock records of it."""
    settings, votes = _settings(lock), lock.get("votes") or {}
    words = ["mumic-annotate", "consolidate"]
    for entry in votes.get("files", ()):
        words += ["--votes", str(workspace.root / entry["file"])]
    for ours, theirs in votes.get("columns", {}).items():
        words += ["--column", f"{ours}={theirs}"]
    if votes.get("images"):
        words += ["--images", str(workspace.root / votes["images"])]
    majority = settings.get("method", "majority") == "majority"
    for option, name in _OPTIONS.items():
        if name in settings and (majority or name != "vote_threshold"):
            words += [option, str(settings[name])]
    until = settings.get("until", "")
    if not votes and until != workspace.settings.consolidate.until:
        words += ["--until", until]
    return shlex.join(words)


def relabel_advice(lock: Mapping[str, Any], workspace: Workspace) -> str:
    """The command, and the settings that only ``mumic.toml`` can give it."""
    settings, here = _settings(lock), workspace.settings.consolidate
    other = [
        f"{name} = {settings[name]}"
        for name in _ONLY_IN_FILE
        if settings.get("method", "majority") != "majority"
        and settings.get(name, getattr(here, name)) != getattr(here, name)
    ]
    first = f"put {' and '.join(other)} into [consolidate] of mumic.toml and " if other else ""
    return f"{first}run `{relabel_command(lock, workspace)}`"


def other_thresholds(lock: Mapping[str, Any], taxonomy: Taxonomy) -> list[str]:
    """Classes whose threshold, by the label list of now, is not that of the locked labels."""
    locked = {k: v for k, v in lock.get("thresholds", {}).items() if k in taxonomy.by_id}
    default = _settings(lock).get("vote_threshold", ConsolidateSettings.vote_threshold)
    settings = ConsolidateSettings(vote_threshold=default)
    now = thresholds(list(locked), taxonomy, settings)
    return [
        f"threshold of {name}: {limit} by the label list, {locked[name]} by the lock"
        for name, limit in zip(locked, now, strict=True)
        if limit != locked[name]
    ]


def other_votes(lock: Mapping[str, Any], workspace: Workspace) -> list[str]:
    """Files of another tool's votes that are not those that the locked labels were made of."""
    found = []
    for entry in (lock.get("votes") or {}).get("files", ()):
        path = workspace.root / entry["file"]
        if not path.is_file():
            found.append(f"votes: {entry['file']} is gone")
        elif sha256(path) != entry["sha256"]:
            found.append(f"votes: {entry['file']} changed")
    return found


def _settings(lock: Mapping[str, Any]) -> dict[str, Any]:
    return lock.get("consolidation") or {}
