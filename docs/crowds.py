"""Real crowds: what voting and Dawid-Skene reach. Writes ``docs/figures/crowds.json``.

    python -m docs.crowds FOLDER

``FOLDER`` holds a folder for each set of answers in ``SOURCES``, which are published and not part
of this project. ``bluebirds`` and ``rte`` have ``votes.csv`` (item, worker, answer: 1 or 0) and
``gold.csv`` (item, answer); ``keyframes_multichoice`` has ``answers.csv`` (item, worker, selected,
with a ``|`` between two choices) and ``options.txt``, an option a line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from annotate.answers.packed import from_frame
from annotate.labels.dawid_skene import dawid_skene
from annotate.labels.summary import agreement
from annotate.labels.votes import count_votes

FIGURES = Path(__file__).parent / "figures" / "crowds.json"
SOURCES = {
    "bluebirds": "P. Welinder, S. Branson, S. Belongie and P. Perona: The Multidimensional Wisdom "
    "of Crowds, NIPS 2010",
    "rte": "R. Snow, B. O'Connor, D. Jurafsky and A. Ng: Cheap and Fast - But is it Good? "
    "Evaluating Non-Expert Annotations for Natural Language Tasks, EMNLP 2008",
    "keyframes_multichoice": "the multiple choice task of CrowdTruth's tutorial, 2018 "
    "(`tutorial/data/person-video-multiple-choice.csv` of CrowdTruth/CrowdTruth-core)",
}
METHODS = (
    ("half of the votes", "half"),
    ("0.6 of the votes", "share"),
    ("Dawid-Skene", "own"),
    ("Dawid-Skene, pooled", "pooled"),
)


def accuracies(folder: Path) -> dict[str, Any]:
    """Share of right labels by method, of binary votes with gold."""
    votes = pd.read_csv(folder / "votes.csv", dtype={"item": str})
    gold = pd.read_csv(folder / "gold.csv", dtype={"item": str}).set_index("item")["answer"]
    ticked = [["yes"] if value else [] for value in votes["answer"]]
    found, beliefs = _estimate(votes["item"], votes["worker"], ticked, ("yes",))
    truth = gold.loc[list(found.image_ids)].to_numpy() == 1
    rate = (found.yes / (found.yes + found.no))[:, 0]
    said = {"half": rate >= 0.5, "share": rate >= 0.6}
    said |= {name: belief[:, 0] >= 0.5 for name, belief in beliefs.items()}
    return {
        "images": len(truth),
        "votes": len(votes),
        "annotators": int(votes["worker"].nunique()),
        "accuracy": {name: float((labels == truth).mean()) for name, labels in said.items()},
    }


def multi_label(folder: Path) -> dict[str, Any]:
    """Positives by method, and agreement, of answers with several choices and no gold."""
    answers = pd.read_csv(folder / "answers.csv", dtype=str).fillna("")
    options = tuple((folder / "options.txt").read_text("utf-8").split("\n"))
    options = tuple(name.strip() for name in options if name.strip())
    answers = answers.drop_duplicates(["item", "worker"], keep="last")
    ticked = [[name for name in text.split("|") if name in options] for text in answers["selected"]]
    found, beliefs = _estimate(answers["item"], answers["worker"], ticked, options)
    rate = found.yes / (found.yes + found.no)
    said = {"half": rate >= 0.5, "share": rate >= 0.6}
    said |= {name: belief >= 0.5 for name, belief in beliefs.items()}
    return {
        "images": len(found.image_ids),
        "classes": len(options),
        "annotators": int(answers["worker"].nunique()),
        "mean_alpha": agreement(found)["mean_alpha"],
        "positives": {name: int(labels.sum()) for name, labels in said.items()},
    }


def _estimate(images: Any, people: Any, ticked: list[list[str]], classes: tuple[str, ...]) -> Any:
    """Votes, and the probabilities by both models."""
    frame = pd.DataFrame(
        {
            "image_id": images,
            "question_id": "q",
            "annotator_id": people,
            "ticked": pd.Series(ticked, index=images.index),
            "unsure": False,
            "skipped": False,
        }
    )
    packed, asked = from_frame(frame), {"q": classes}
    votes = count_votes(packed, asked)
    beliefs = {
        name: dawid_skene(packed, asked, votes, pooled=name == "pooled").probability
        for name in ("own", "pooled")
    }
    return votes, beliefs


def crowd_block(figures: dict[str, Any]) -> str:
    """The block of ``docs/consolidation.md``."""
    names = list(figures["gold"])
    head = "| | " + " | ".join(
        f"{name} ({row['images']} items, {row['votes']:,} votes)"
        for name, row in figures["gold"].items()
    )
    lines = [head + " |", "|---" * (len(names) + 1) + "|"]
    for title, key in METHODS:
        cells = [f"{figures['gold'][name]['accuracy'][key]:.3f}" for name in names]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    shown = figures["multi_label"]
    counts = ", ".join(f"{shown['positives'][key]} by {title}" for title, key in METHODS)
    lines += [
        "",
        f"Of the multi-label answers on {shown['images']} key frames ({shown['classes']} classes, "
        f"{shown['annotators']} people, mean alpha {shown['mean_alpha']:.2f}, no gold) the methods "
        f"make these many positives: {counts}.",
        "",
        "Sources:",
        "",
        *(f"- {name}: {source}." for name, source in SOURCES.items()),
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    """Measure and write."""
    figures = {
        "gold": {name: accuracies(folder / name) for name in ("bluebirds", "rte")},
        "multi_label": multi_label(folder / "keyframes_multichoice"),
    }
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
