"""Thresholds of classes that are merged or split: what goes over, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from annotate.taxonomy.load import load_taxonomy
from tests.annotate.migration.world import AFTER, BEFORE, HEAD, labels, run

LAMP = "name: Lamp, category: all, vote_threshold: 0.8"
CAT, POOL, LIGHT = (f"name: {name}, category: all" for name in ("Cat", "Pool", "Light"))


def edited(root: Path, before: dict[str, str], after: dict[str, str], more: str = "") -> None:
    """Labels of one label list, then another list in its place."""
    taxonomy = root / "label_taxonomy" / "travel.yaml"
    taxonomy.write_text(HEAD.format(version=1) + changed(BEFORE, before), "utf-8")
    assert run("consolidate").exit_code == 0
    taxonomy.write_text(HEAD.format(version=2) + changed(AFTER, after) + more, "utf-8")


def changed(text: str, edits: dict[str, str]) -> str:
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    return text


def limit(value: float, entry: str) -> dict[str, str]:
    return {entry: f"{entry.partition(', vote_threshold')[0]}, vote_threshold: {value:g}"}


def forecast() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("taxonomy", "migrate", "--json").stdout)
    return found


def own_thresholds(root: Path) -> dict[str, float]:
    taxonomy = load_taxonomy(root / "label_taxonomy" / "travel.yaml")
    return {e.id: e.vote_threshold for e in taxonomy.classes if e.vote_threshold is not None}


def test_merged_classes_with_one_threshold_keep_it_and_the_forecast_knows(workspace: Path) -> None:
    below = "  - {id: lantern, name: Lantern, category: all, parents: [light]}\n"
    edited(workspace, limit(0.8, CAT), {}, below)
    found = forecast()
    assert found["thresholds_carried"] == {"hound": 0.4, "light": 0.8}
    assert found["thresholds_replaced"] == {}
    # Three of five saw a light on i1: none at 0.8, so that nobody need look for a lantern there.
    assert "lantern" not in found["ask"]
    assert run("taxonomy", "migrate", "--apply").exit_code == 0
    assert own_thresholds(workspace) == {"hound": 0.4, "light": 0.8}
    assert labels(workspace)["i1", "light"] == 0


@pytest.mark.parametrize(("new", "now"), [({}, 0.6), (limit(0.7, LIGHT), 0.7)])
def test_merged_classes_that_differ_keep_what_the_new_list_says_and_are_named(
    workspace: Path, new: dict[str, str], now: float
) -> None:
    edited(workspace, {}, new)
    expected = {"light": {"before": {"cat": 0.6, "lamp": 0.8}, "now": now}}
    line = f"vote_threshold of light is {now:g} now; it was 0.6 for cat, 0.8 for lamp"
    assert forecast()["thresholds_replaced"] == expected
    assert line in run("taxonomy", "migrate").output
    done = run("taxonomy", "migrate", "--apply")
    assert line in done.output
    assert own_thresholds(workspace).get("light", 0.6) == now


def test_the_default_is_that_of_the_labels(workspace: Path) -> None:
    taxonomy = workspace / "label_taxonomy" / "travel.yaml"
    taxonomy.write_text(HEAD.format(version=1) + BEFORE, "utf-8")
    assert run("consolidate", "--threshold", "0.8").exit_code == 0
    taxonomy.write_text(HEAD.format(version=2) + AFTER, "utf-8")
    assert forecast()["thresholds_replaced"] == {}  # the cat had the lamp's 0.8, and so has light


def test_parts_take_the_threshold_of_the_class_that_was_split(workspace: Path) -> None:
    indoor = limit(0.5, "name: Indoor pool, category: all")
    edited(workspace, limit(0.4, POOL) | limit(0.6, LAMP), indoor)
    done = run("taxonomy", "migrate", "--apply", "--json")
    made = json.loads(done.stdout)
    assert made["thresholds_carried"] == {"hound": 0.4, "outdoor": 0.4}
    # Cat and lamp both had 0.6, one by the default: nothing changes for light.
    assert made["thresholds_replaced"] == {"indoor": {"before": {"pool": 0.4}, "now": 0.5}}
    assert own_thresholds(workspace) == {"hound": 0.4, "indoor": 0.5, "outdoor": 0.4}
