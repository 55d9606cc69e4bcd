"""`mumic compare` and `evaluate --compare` of two tiny runs, through their commands."""

from __future__ import annotations

import re
from typing import Any

import pytest

from annotate.errors import InputError, MissingError
from annotate.files import write_json
from annotate.workspace import Workspace
from mumic.cli.baseline import baseline
from mumic.cli.evaluate import compare, evaluate
from mumic.run import Run
from tests.mumic.close import assert_close
from tests.mumic.commands import call, call_json

METHODS = [
    "MuMIC",
    "zero-shot CLIP, two prompts",
    "zero-shot CLIP, cosine",
    "linear probe, same frozen tower",
]


def test_compare_is_the_difference_of_the_two_evaluations(two_runs: tuple[Workspace, Run]) -> None:
    workspace, _ = two_runs
    beside = call_json(
        workspace, evaluate, "--run", "main", "--against", "scratch", "--no-baselines"
    )
    found = call_json(workspace, compare, "main", "scratch")
    assert_close(found["differences"]["scratch"], beside["differences"]["run scratch"])
    reverse = call_json(workspace, compare, "scratch", "main")["differences"]["main"]
    assert reverse["gap"]["value"] == pytest.approx(
        -found["differences"]["scratch"]["gap"]["value"]
    )
    assert reverse["gap"]["low"] == pytest.approx(-found["differences"]["scratch"]["gap"]["high"])
    pair = call_json(workspace, evaluate, "--compare", "main", "scratch")
    assert pair["differences"] == found["differences"]
    assert "f1_per_image" in call(workspace, evaluate, "--compare", "main", "scratch").stdout
    fewer = call_json(workspace, evaluate, "--compare", "main", "scratch", "--bootstrap", "7")
    assert fewer["settings"]["bootstrap"] == 7


def test_printed_intervals_are_those_of_the_json(two_runs: tuple[Workspace, Run]) -> None:
    workspace, _ = two_runs
    for name in ("main", "scratch"):
        call_json(workspace, evaluate, "--run", name, "--no-baselines")
    found = call_json(workspace, evaluate, "--compare", "main", "scratch")
    shown = call(workspace, evaluate, "--compare", "main", "scratch").stdout
    lines = re.findall(r"^  (\S+) +(\S+) \(95 %: (\S+) to ([-+.\d]+)", shown, re.MULTILINE)
    printed = {name: [float(number) for number in numbers] for name, *numbers in lines}
    expected = found["differences"]["scratch"]
    assert len(printed) == len(expected) >= 10
    for name, values in printed.items():
        wanted = [expected[name][each] for each in ("value", "low", "high")]
        assert values == pytest.approx(wanted, abs=0.0005001), name
    assert found["notes"]
    for note in found["notes"]:
        assert note in shown


def test_what_the_images_of_a_split_were_to_a_run_is_printed(
    two_runs: tuple[Workspace, Run],
) -> None:
    workspace, _ = two_runs
    pair = ("main", "scratch")
    for split, words in (
        ("train", "trained on these very images"),
        ("validation", "they chose epochs and thresholds"),
        ("test", ""),
    ):
        printed = [
            call(workspace, evaluate, "--run", name, "--no-baselines", "--split", split).stdout
            for name in pair
        ]
        printed.append(call(workspace, evaluate, "--compare", *pair, "--split", split).stdout)
        printed.append(call(workspace, compare, *pair, "--split", split).stdout)
        for text in printed:
            assert words in text
            assert ("these very images" in text) == (split == "train")
            assert ("they chose" in text) == (split == "validation")
    for name in pair:  # other tests have none
        (workspace.runs / name / "scores-train.npz").unlink()


def _study(workspace: Workspace, run: Run, changes: dict[str, Any]) -> None:
    """The files of a study of 12 settings on the same dataset and start; one was drawn twice."""
    folder = workspace.runs / "tune-lr"
    write_json(folder / "trial-003" / "run.json", run.record)
    trials = [{"state": "complete", "changes": {"lr": rate}} for rate in [*range(12), 3]]
    trials.append({"state": "fail", "changes": {"lr": 12}})
    found = {"best": {"run": "trial-003", "changes": changes}, "trials": trials}
    write_json(folder / "summary.json", found)


def test_compare_prints_both_tables_with_the_baselines(two_runs: tuple[Workspace, Run]) -> None:
    workspace, run = two_runs
    call_json(workspace, evaluate, "--run", "main", "--no-baselines")
    made = call(workspace, baseline, "two-prompts", "linear-probe")
    assert made.exit_code == 0, made.output
    found = call_json(workspace, compare, "main", "two-prompts", "linear-probe")
    assert list(found["methods"]) == ["main", *(METHODS[at] for at in (1, 3))]
    beside = call_json(workspace, evaluate, "--run", "main")
    for name in (METHODS[1], METHODS[3]):
        assert_close(found["methods"][name], beside["methods"][name])
    assert found["costs"]["main"]["epochs_to_saturation"] == run.record["best_epoch"]
    assert found["costs"]["main"]["seconds_per_epoch"] >= 0
    assert found["costs"]["main"]["text_seconds"] > 0
    assert "`mumic tune --trials 12` gives a run as many" in found["notes"][0]
    _study(workspace, run, {"lr": run.record["settings"]["train"]["lr"]})
    searched = call_json(workspace, compare, "main", "two-prompts", "linear-probe")
    assert searched["costs"]["main"]["trials"] == 12
    assert not any("mumic tune" in note for note in searched["notes"])
    call_json(workspace, baseline, "linear-probe", "--trials", "3")
    fewer = call_json(workspace, compare, "main", "linear-probe")["notes"][0]
    assert f"unequally many settings: main of 12, {METHODS[3]} of 3." in fewer
    _study(workspace, run, {"lr": 0.5})  # what the study found is not what the run has
    assert call_json(workspace, compare, "main", "two-prompts")["costs"]["main"]["trials"] == 1
    shown = call(workspace, compare, "main", "two-prompts").stdout
    for text in ("Table 1", "Table 2", "epochs to saturation", METHODS[1], "most frequent"):
        assert text in shown
    with pytest.raises(MissingError, match="neither a run"):
        call_json(workspace, compare, "main", "two-prompt")
    with pytest.raises(InputError, match="named twice"):
        call_json(workspace, compare, "main", "main")
