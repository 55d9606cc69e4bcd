"""``docs/experiments.md``, made from ``docs/figures/experiments.json``.

Beside it stands what came out where the processor has no bf16, ``experiments-fp32.json``.
"""

from __future__ import annotations

import math
from typing import Any

from docs.markdown import table
from mumic.demo.experiments import VARIED
from mumic.page_numbers import number, points
from mumic.series.ablations import ABLATIONS

HEAD = """# Experiments on the demo world

Made by `make docs` from one run of `make experiments`. Photos are drawn, annotators are simulated,
and the model is the project's small CLIP: the figures say how methods compare here, and nothing
about real photos. Everything stands as it came out. "MuMIC" is the recipe of `make demo`: the
paper's loss with a learned bias, which the paper does not have, and mirrored images.
"""


def experiments_page(figures: dict[str, Any], other: dict[str, Any]) -> str:
    """All results, as Markdown.

    Args:
        figures: of ``make experiments``.
        other: of another machine, with which the main results are compared.
    """
    found = figures["experiments"]
    world, images = found["world"], found["world"]["images"]
    parts = [
        HEAD.rstrip(),
        f"{images['train']:,} training, {images['validation']:,} validation and {images['test']:,} "
        f"test images, {world['classes']} classes: most photos test, so that methods can be told "
        f"apart. {_times(figures)} The main table is the mean of {figures['seeds']} seeds; all "
        f"trainings of the other tables have {figures['epochs']['short']} epochs and one seed.",
        *_main(found["main"], _about_epochs(figures)),
        *_unseen(found["unseen"]),
        *_elsewhere(found, other),
        *_temperatures(found["temperatures"], figures["scale_reach"]),
        *_prompts(found["prompts"]),
        *[part for name in VARIED for part in _ablation(name, found[name])],
    ]
    return "\n\n".join(parts) + "\n"


def _main(found: dict[str, Any], about_epochs: str) -> list[str]:
    rows = []
    for row in found["arms"]:
        ahead = found["differences"].get(row["arm"])
        cells = [row["arm"], *(number(row[key]) for key in ("macro_map", "weighted_map", "gap"))]
        cells += [_ahead(ahead, "macro_map"), _ahead(ahead, "gap")]
        rows.append(cells)
    head = ["method", "macro mAP", "weighted mAP", "GAP", "MuMIC ahead, macro mAP", "GAP"]
    return [
        "## MuMIC against what it is compared with",
        f"On {found['images']} test images of properties that training never saw; "
        f"{found['classes_left_out']} classes with fewer than {found['fewest_positives']} "
        "positives are left out of the means. Differences are in points, averaged over the seeds, "
        "with paired 95 % intervals over whole properties, and in how many seeds MuMIC is ahead. "
        "Temperature 1 and ASL as the loss have MuMIC's other settings, its bias included, which "
        "shifts all logits alike and so changes no ranking by itself. "
        f"{about_epochs} {_about_head(found['asl_head'])}",
        table(head, rows),
        _verdict(found),
    ]


def _times(figures: dict[str, Any]) -> str:
    trainings = figures["trainings"]
    heads = sum(head["seconds"] for head in figures["experiments"]["main"]["asl_head"]) / 60
    minutes = figures.get("minutes")  # None where it was broken off between
    several = ", the former side by side" if figures.get("side_by_side") else ""
    rest = (
        "Drawing, annotating and measuring come on top."
        if minutes is None
        else f"All of it took {minutes:.0f} minutes."
    )
    return (
        f"{trainings['count']} trainings took {trainings['minutes']:.0f} minutes and those of "
        f"ASL's heads {heads:.0f}{several}, on {figures['machine']}. {rest}"
    )


def _about_epochs(figures: dict[str, Any]) -> str:
    """How long the trainings of the main table went on, and whether that was long enough."""
    epochs, trained = figures["epochs"], figures["trained"]
    told = [
        f"{row['arm']} {', '.join(_saturation(seed) for seed in trained[row['arm']])}"
        for row in figures["experiments"]["main"]["arms"]
        if row["arm"] in trained
    ]
    return (
        f"Trainings have {epochs['main']} epochs, at the end of which the rate is 0, or end after "
        f"{epochs['patience']} without a better validation GAP. Best epoch of each seed, with a "
        f"plus where it was the last: {'; '.join(told)}."
    )


def _saturation(seed: dict[str, int]) -> str:
    return f"{seed['best']}{'+' if seed['best'] == seed['ended'] else ''}"


def _about_head(heads: list[dict[str, Any]]) -> str:
    """What ASL's heads were given, as it is not the same as what MuMIC has."""
    epochs = ", ".join(str(head["epochs_to_saturation"]) for head in heads)
    return (
        f"The rate of the tower below ASL's heads is the better of {heads[0]['trials']} on "
        "validation with the first seed, the middle one being MuMIC's, and the heads have the rate "
        "of `[baseline] head_lr`; they are trained until validation GAP stops growing (best after "
        f"{epochs} epochs), on images that are not mirrored and at rates that stay."
    )


def _ahead(found: dict[str, Any] | None, name: str) -> str:
    if found is None:
        return ""
    value = found[name]
    shown = points(value)
    return shown and f"{shown}, {value['ahead_in_seeds']} of {value['seeds']}"


def _verdict(found: dict[str, Any]) -> str:
    """Which comparisons came out clearly, and which did not."""
    clear: list[str] = []
    others: list[str] = []
    for name, value in found["differences"].items():
        sure = all((value[key]["low"] or 0) > 0 for key in ("macro_map", "gap"))
        (clear if sure else others).append(name)
    lines = [f"Clearly behind MuMIC in both measures: {', '.join(clear) or 'none'}."]
    if others:
        lines.append(f"Not clearly behind in both: {', '.join(others)}.")
    return " ".join(lines)


def _unseen(found: dict[str, Any]) -> list[str]:
    seeds, ahead = found["seeds"], found["ahead"]
    columns = ("start", "quarter", "half_way", "run")
    rows = [
        [
            name.replace("_", " "),
            str(seeds[0]["positives"].get(name, "")),
            *(number(sum(seed[each][name] for seed in seeds) / len(seeds)) for each in columns),
        ]
        for name in [*seeds[0]["positives"], "mean"]
    ]
    labelled = [
        [row["arm"], *(number(row[key]) for key in ("macro_map", "weighted_map", "gap"))]
        for row in found["labelled"]
    ]
    told = {name: _ahead(ahead, name) or "no clear number" for name in columns[1:]}
    return [
        "## Classes that nobody annotated",
        f"Average precision on {seeds[0]['images']:,} photos that were never annotated: before "
        "training (zero-shot CLIP), after it, and with weights between, a quarter of the way from "
        "the start and half way, as `mumic blend` makes them. On average over the concepts the "
        f"trained weights are ahead of zero-shot CLIP by {told['run']} seeds, those half way by "
        f"{told['half_way']}, those at a quarter by {told['quarter']}: points, with paired 95 % "
        "intervals over whole properties.",
        table(["concept", "photos that show it", "before", "0.25", "0.5", "after"], rows),
        "What the blend costs where there are labels, on the test images:",
        table(["weights", "macro mAP", "weighted mAP", "GAP"], labelled),
    ]


def _elsewhere(found: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The main differences in both datasets."""
    there = other["experiments"]
    rows = [
        [f"MuMIC, {name}", *_both(found["main"]["differences"][name], differences)]
        for name, differences in there["main"]["differences"].items()
    ]
    shares = {"quarter": "a quarter of the way", "half_way": "half way", "run": "trained weights"}
    rows += [
        [
            f"classes that nobody annotated: {said}, zero-shot CLIP",
            _ahead(found["unseen"]["ahead"], name),
            _ahead(there["unseen"]["ahead"], name),
            *("", ""),
        ]
        for name, said in shares.items()
    ]
    head = ["ahead, of", "macro mAP, here", "there", "GAP, here", "there"]
    return [
        "## The same in another dataset",
        "The seeds are those of trainings, and the intervals those of test images: neither says "
        "how much depends on which photos were annotated. A processor without bf16 rounds "
        "embeddings otherwise, so mining chooses others there: "
        f"{there['world']['images']['train']:,} training images, all else alike "
        f"({other['minutes']:.0f} minutes).",
        table(head, rows),
    ]


def _both(here: dict[str, Any], there: dict[str, Any]) -> list[str]:
    return [_ahead(found, name) for name in ("macro_map", "gap") for found in (here, there)]


def _temperatures(found: dict[str, Any], reach: float) -> list[str]:
    rows = [
        [
            row["arm"],
            f"{math.exp(float(row['arm'])):.1f}",
            f"{row['logit_scale']:.2f}",
            *(number(row[key]) for key in ("macro_map", "weighted_map", "gap", "gap_at_k")),
        ]
        for row in found["arms"]
    ]
    head = ["initial logit_scale", "1 / temperature", "at the end", "macro mAP", "weighted mAP"]
    return [
        "## The start of the temperature (table 3)",
        f"On {found['images']} validation images. A step of AdamW moves a parameter by about the "
        f"learning rate at most, {reach:.3f} in all of such a training: in this table and those "
        "below the temperature stays close to where it starts, and the start is what is compared.",
        table([*head, "GAP", "GAP@K"], rows),
    ]


def _prompts(found: dict[str, Any]) -> list[str]:
    rows = [
        [split, row["arm"], *(number(row[key]) for key in ("macro_map", "weighted_map", "gap"))]
        for split in ("validation", "test")
        for row in found[split]["arms"]
    ]
    chosen = found["chosen"]
    described = sum(text == "description" for text in chosen.values())
    lines = f"On validation {len(chosen)} classes have a clearly better text; for {described} of "
    lines += "them it is the description."
    held = found["confirmed"]
    if held["low"] is not None:
        low, value, high = (100 * held[key] for key in ("low", "value", "high"))
        lines += (
            f" On test the texts of {held['classes']} of {held['chosen']} classes are {value:+.1f} "
            f"points of average precision ahead of the others [{low:+.1f}, {high:+.1f}]: "
            + ("confirmed." if low > 0 else "not confirmed.")
        )
    elif chosen:
        lines += " None of them has positives enough in test: not confirmed."
    head = ["split", "text", "macro mAP", "weighted mAP", "GAP"]
    return ["## Names or descriptions (figure 6)", table(head, rows), lines]


def _ablation(name: str, found: dict[str, Any]) -> list[str]:
    others = {arm.name: f" ({arm.against})" for arm in ABLATIONS[name].arms if arm.against}
    rows = [
        [
            row["arm"],
            *(number(row[key]) for key in ("macro_map", "weighted_map", "gap")),
            f"{row['logit_scale']:.3f}",
            points(found["differences"].get(row["arm"], {}).get("macro_map"))
            + others.get(row["arm"], ""),
        ]
        for row in found["arms"]
    ]
    head = [
        "",
        "macro mAP",
        "weighted mAP",
        "GAP",
        "logit_scale at the end",
        "the first (or the one named) ahead, macro mAP" if others else "first ahead, macro mAP",
    ]
    about = found["about"]
    return [f"## `mumic ablate {name}`", f"{about[0].upper()}{about[1:]}.", table(head, rows)]
